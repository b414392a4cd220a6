/* Writes PNG and JPEG pictures for tests, of kinds that no painting program offers. */
#ifndef TESTS_PICTURE_WRITER_H
#define TESTS_PICTURE_WRITER_H

#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

/* A file in memory; the caller frees the bytes. */
struct picture_file {
    uint8_t *bytes;
    size_t length;
};

struct png_kind {
    int depth, colour, interlace;
    const uint8_t *transparent; /* [16] alphas of a palette, or NULL */
    bool turned;                /* with picture_exif */
};

#define PICTURE_EXIF_BYTES 26

/* EXIF data as an eXIf chunk holds them, little-endian, of one entry: orientation 6. */
extern const uint8_t picture_exif[PICTURE_EXIF_BYTES];

/* A PNG of height x width; rows are packed as the kind asks, stride bytes apart. Entry i of a palette is the
 * colour 16 i, 255 - i, 3 i. */
struct picture_file png_make(const struct png_kind *kind, const uint8_t *rows, size_t stride, int height,
                             int width);

/* A JPEG of quality 95 of rows [side,side,channels]; space JCS_YCCK takes rows of CMYK. */
struct picture_file jpeg_make(const uint8_t *rows, int side, int channels, J_COLOR_SPACE space,
                              bool progressive);

#endif
