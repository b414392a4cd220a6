/* Pictures: PNG, JPEG, and PGM/PPM (P2, P5, P6), decoded to 8 bits. */
#ifndef IO_IMAGE_H
#define IO_IMAGE_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger pictures are refused before memory is taken. */
#define IMAGE_MAX_SIDE   32768
#define IMAGE_MAX_PIXELS ((int64_t)1 << 27)

/* pixels [height,width,channels], owned. 1 channel: grey; 2: grey, alpha; 3: red, green, blue; 4: with alpha.
 */
struct image {
    uint8_t *pixels;
    int64_t height, width;
    int channels;
};

/* Whether the bytes begin as a picture of one of the formats does. */
bool image_recognise(const uint8_t *bytes, size_t length);

/* Decodes a whole picture to 1 (grey) or 3 channels (RGB), whichever is wanted. Colours become grey by the
 * luma of ITU-R 601, (19595 R + 38470 G + 7471 B) / 65536, rounded; transparent pixels are laid over black;
 * 16-bit samples are rounded to 8; colour profiles, gamma and orientation marks are not applied. A file that
 * is cut off or damaged is an error: a picture is whole or not at all. CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED
 * (a kind of JPEG or PNM that is not read), CONVOY_E_MEMORY. */
convoy_status image_decode(struct image *image, const uint8_t *bytes, size_t length, int channels,
                           convoy_error *error);

/* Frees the pixels. Takes NULL and empty pictures. */
void image_release(struct image *image);

/* --- For the decoders -------------------------------------------------------------------------------------
 */

/* Memory for a picture of this size, not initialised; checks the limits. CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status image_create(struct image *image, int64_t height, int64_t width, int channels,
                           convoy_error *error);

/* The formats, as they are stored: 1 to 4 channels of 8 bits. */
convoy_status png_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);
convoy_status jpeg_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);
convoy_status pnm_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);

#endif
