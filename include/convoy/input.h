/* Files that become tensors, and tensors that become files. */
#ifndef CONVOY_INPUT_H
#define CONVOY_INPUT_H

#include <convoy/tensor.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the pixels of an image become numbers. tf and caffe make the numbers of the modes of these names of
 * Keras's imagenet_utils.preprocess_input. Of the picture they take what imagenet takes, the middle 224/256,
 * as the evaluations of TF-Slim (which squeezes that to a square) and of Caffe's VGG models do; Keras's
 * load_img(target_size) squeezes the whole picture, as unit and raw do. */
typedef enum convoy_preset {
    CONVOY_PRESET_AUTO,     /* of floating-point numbers imagenet for 3 channels, unit for 1; of uint8 raw */
    CONVOY_PRESET_IMAGENET, /* shorter side to 256*size/224, antialiased bilinear, centre crop, 0..1, the
                               usual mean and deviation */
    CONVOY_PRESET_UNIT,     /* resized to the model's size, 0..1 */
    CONVOY_PRESET_RAW,      /* resized to the model's size, 0..255; 16-bit samples keep their digits,
                               v*255/65535 */
    CONVOY_PRESET_TF,       /* cut as imagenet, -1..1: v/127.5 - 1 */
    CONVOY_PRESET_CAFFE     /* cut as imagenet, 0..255 less the means 103.939, 116.779, 123.68, blue first */
} convoy_preset;

/* Where the channels of an image stand. */
typedef enum convoy_layout {
    CONVOY_LAYOUT_AUTO, /* as of convoy_layout_find */
    CONVOY_LAYOUT_NCHW, /* [1,C,H,W] */
    CONVOY_LAYOUT_NHWC  /* [1,H,W,C] */
} convoy_layout;

/* How an input of this shape holds images: in NCHW if the model says that there are 1 or 3 channels on axis
 * 1, in NHWC if it says so of axis 3, else, if axis 1 is open, in NCHW. CONVOY_LAYOUT_AUTO: it takes no
 * images. */
CONVOY_API convoy_layout convoy_layout_find(const convoy_shape *shape);

/* Everything about an image's preprocessing. Zero-initialised means: all defaults. */
typedef struct convoy_image_options {
    convoy_preset preset;
    bool bgr;     /* order of the channels: blue first; that of the preset caffe in any case */
    int64_t size; /* side of the square that the model takes, where the model leaves it open; 0: from the
                     model, or 224 */
    bool has_mean, has_deviation, has_scale;
    float mean[3],
        deviation[3]; /* per channel, in the order of the tensor, after scale: (v*scale - mean)/deviation */
    float scale;      /* multiplies 0..255 */
    bool has_background;
    uint8_t background[3]; /* red, green, blue, on which transparent pixels are laid; white without it */
    convoy_layout layout;
} convoy_image_options;

/* Reads a .npy array, an ONNX TensorProto (.pb), or an image (.png, .jpg/.jpeg, .pgm, .ppm), told by content
 * and name, as a tensor for an input of the given shape (-1: open axis) and dtype. A tensor file keeps its
 * own shape, a batch axis in front included (the caller checks it against the model). Its elements, floats of
 * 16 to 64 bits, integers of 8 to 64 bits and bool in either byte order, become dtype: floats are rounded to
 * a floating-point dtype, and a finite one that is beyond its range is refused; everything else must be
 * exactly the same number in dtype. An image becomes [1,C,H,W] or [1,H,W,C] of a floating-point dtype, or of
 * uint8, rounded and cut to 0..255 after mean and deviation; all presets but raw are for floating-point
 * dtypes. options may be NULL: all defaults. *tensor is the caller's. CONVOY_E_IO, CONVOY_E_INPUT,
 * CONVOY_E_UNSUPPORTED, CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_input_load(convoy_tensor *tensor, const char *path, convoy_dtype dtype,
                                           const convoy_shape *shape, const convoy_image_options *options,
                                           convoy_error *error);

/* The same of a file that is in memory, bytes[0..size), which are only read, and not after the call. name is
 * what a sentence calls it. Errors as of convoy_input_load, but for CONVOY_E_IO. Thread-safe. */
CONVOY_API convoy_status convoy_input_parse(convoy_tensor *tensor, const void *bytes, size_t size,
                                            const char *name, convoy_dtype dtype, const convoy_shape *shape,
                                            const convoy_image_options *options, convoy_error *error);

/* Writes a tensor as .npy (format 1.0, C order). CONVOY_E_IO. */
CONVOY_API convoy_status convoy_output_save(const char *path, const convoy_tensor *tensor,
                                            convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
