/* Files that become tensors, and tensors that become files. */
#ifndef CONVOY_INPUT_H
#define CONVOY_INPUT_H

#include <convoy/tensor.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the pixels of an image become a tensor [1,C,H,W]. */
typedef enum convoy_preset {
    CONVOY_PRESET_AUTO,     /* imagenet for 3 channels, unit for 1 */
    CONVOY_PRESET_IMAGENET, /* shorter side to 256*size/224, antialiased bilinear, centre crop, 0..1, the
                               usual mean and deviation */
    CONVOY_PRESET_UNIT,     /* resized to the model's size, 0..1 */
    CONVOY_PRESET_RAW /* resized to the model's size, 0..255; 16-bit samples keep their digits, v*255/65535 */
} convoy_preset;

/* Everything about an image's preprocessing. Zero-initialised means: all defaults. */
typedef struct convoy_image_options {
    convoy_preset preset;
    bool bgr;     /* order of the channels: blue first */
    int64_t size; /* side of the square that the model takes, where the model leaves it open; 0: from the
                     model, or 224 */
    bool has_mean, has_deviation, has_scale;
    float mean[3],
        deviation[3]; /* per channel, in the order of the tensor, after scale: (v*scale - mean)/deviation */
    float scale;      /* multiplies 0..255 */
    bool has_background;
    uint8_t background[3]; /* red, green, blue, on which transparent pixels are laid; white without it */
} convoy_image_options;

/* Reads a .npy array, an ONNX TensorProto (.pb), or an image (.png, .jpg/.jpeg, .pgm, .ppm), told by content
 * and name, as a tensor for an input of the given shape (-1: open axis) and dtype. A tensor file keeps its
 * own shape, a batch axis in front included (the caller checks it against the model). Its elements, floats of
 * 16 to 64 bits, integers of 8 to 64 bits and bool in either byte order, become dtype: floats are rounded to
 * a floating-point dtype, and a finite one that is beyond its range is refused; everything else must be
 * exactly the same number in dtype. An image becomes [1,C,H,W]. options may be NULL: all
 * defaults. *tensor is the caller's. CONVOY_E_IO,
 * CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_input_load(convoy_tensor *tensor, const char *path, convoy_dtype dtype,
                                           const convoy_shape *shape, const convoy_image_options *options,
                                           convoy_error *error);

/* Writes a tensor as .npy (format 1.0, C order). CONVOY_E_IO. */
CONVOY_API convoy_status convoy_output_save(const char *path, const convoy_tensor *tensor,
                                            convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
