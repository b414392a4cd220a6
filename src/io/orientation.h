/* Pictures whose EXIF data says how to turn them upright. */
#ifndef IO_ORIENTATION_H
#define IO_ORIENTATION_H

#include "io/image.h"

/* The orientation, 1 to 8, that EXIF data gives: the bytes from its TIFF header on, as PNG's eXIf and JPEG's
 * APP1 hold them. 1, upright, where there is none or the data is damaged, as other programs take it. */
int exif_orientation(const uint8_t *bytes, size_t length);

/* Turns and mirrors the picture as image->orientation says, which then is 1. CONVOY_E_MEMORY. */
convoy_status image_turn_upright(struct image *image, convoy_error *error);

#endif
