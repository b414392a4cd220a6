/* Pictures: PNG, JPEG, and PGM/PPM (P2, P3, P5, P6), decoded to 8 or 16 bits. */
#ifndef IO_IMAGE_H
#define IO_IMAGE_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger pictures are refused before memory is taken. */
#define IMAGE_MAX_SIDE   32768
#define IMAGE_MAX_PIXELS ((int64_t)1 << 27)

/* pixels [height,width,channels], owned, from 0 to maximum. 1 channel: grey; 2: grey, alpha; 3: red, green,
 * blue; 4: with alpha. */
struct image {
    uint16_t *pixels;
    int64_t height, width;
    int channels;
    unsigned maximum; /* 255, or 65535 for a picture that is stored with more than 8 bits */
    int orientation;  /* EXIF's, 1 to 8: how the pixels are to be turned; 1, upright, once it is decoded */
};

/* What the caller takes. */
struct image_wish {
    int channels;          /* 1 (grey) or 3 (RGB) */
    uint8_t background[3]; /* red, green, blue, on which transparent pixels are laid */
};

/* Whether the bytes begin as a picture of one of the formats does. */
bool image_recognise(const uint8_t *bytes, size_t length);

/* Decodes a whole picture, turned upright as its EXIF data says, to the channels that are wanted. Colours
 * become grey by the luma of ITU-R 601, (19595 R + 38470 G + 7471 B) / 65536, rounded; transparent pixels are
 * laid on the background; the inks of CMYK and YCCK take away from white, R = (1 - C)(1 - K); colour
 * profiles and gamma are not applied. A file that is cut off or damaged is an error: a picture is whole or
 * not at all. CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED (a kind of JPEG or PNM that is not read),
 * CONVOY_E_MEMORY. */
convoy_status image_decode(struct image *image, const uint8_t *bytes, size_t length,
                           const struct image_wish *wish, convoy_error *error);

/* Frees the pixels. Takes NULL and empty pictures. */
void image_release(struct image *image);

/* --- For the decoders -------------------------------------------------------------------------------------
 */

/* Memory for an upright picture of this size and of maximum 255, not initialised; checks the limits.
 * CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status image_create(struct image *image, int64_t height, int64_t width, int channels,
                           convoy_error *error);

/* The formats, not yet turned: 1 to 4 channels. */
convoy_status png_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);
convoy_status jpeg_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);
convoy_status pnm_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);

#endif
