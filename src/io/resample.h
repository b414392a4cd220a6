/* Resizing of pictures. */
#ifndef IO_RESAMPLE_H
#define IO_RESAMPLE_H

#include "io/image.h"

/* A window of a picture that is resized to height x width pixels. */
struct window {
    int64_t full_height, full_width;
    int64_t top, left, height, width; /* inside of the resized picture */
};

/* Makes the window [height,width,channels] of in resized to [full_height,full_width,channels] by antialiased
 * bilinear interpolation, for 8 bits the same that Pillow's Image.resize(..., BILINEAR) gives. Only what the
 * window needs is computed. CONVOY_E_INPUT (a window larger than a picture may be), CONVOY_E_MEMORY. */
convoy_status image_resample(struct image *out, const struct image *in, const struct window *window,
                             convoy_error *error);

#endif
