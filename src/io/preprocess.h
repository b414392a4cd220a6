/* How the pixels of a picture become a tensor. */
#ifndef IO_PREPROCESS_H
#define IO_PREPROCESS_H

#include "io/image.h"

#include <convoy/input.h>

/* The options and the shape of a model's input, put together. */
struct preprocess {
    convoy_dtype dtype;    /* of the tensor */
    convoy_layout layout;  /* NCHW or NHWC */
    int channels;          /* 1 or 3 */
    int64_t height, width; /* of the tensor */
    int64_t short_side; /* the picture's shorter side is resized to this, then its centre is cut out; 0: the
                           whole picture is resized */
    bool bgr;
    float scale, mean[3], deviation[3]; /* in the order of the tensor's channels */
};

/* Decides what happens to pictures for an input of this shape (-1: open axis) and type. Open height and width
 * become options->size, or 224; open channels 3. A preset's mean and deviation of colours are turned round
 * with bgr; for grey they are averaged. CONVOY_E_USAGE (options that make no sense, or not for this input),
 * CONVOY_E_INPUT (a shape that takes no pictures), CONVOY_E_UNSUPPORTED (a type that takes none). */
convoy_status preprocess_plan(struct preprocess *plan, convoy_dtype dtype, const convoy_shape *shape,
                              const convoy_image_options *options, convoy_error *error);

/* Makes the tensor of a picture with plan->channels channels. CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status preprocess_image(convoy_tensor *tensor, const struct preprocess *plan,
                               const struct image *image, convoy_error *error);

#endif
