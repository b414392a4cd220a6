/* What the examples draw: boxes, words and masks on a picture, which becomes a PNG file. */
#ifndef DRAWING_H
#define DRAWING_H

#include "vision.h"

/* Rows of red, green and blue. */
struct picture {
    int64_t height, width;
    uint8_t *pixels;
};

/* Makes the folder, if it is not there, and sees that no two inputs of the vision would be drawn into the
 * same file. A folder of NULL is none, and fine. CONVOY_E_USAGE, CONVOY_E_IO. */
convoy_status drawing_prepare(const char *folder, const struct vision *vision, convoy_error *error);

/* Reads a picture as the model sees it: scaled to the model's size, and cut as the preset says. Release it
 * with picture_release. CONVOY_E_INPUT if the file is none, and what convoy_input_load says. */
convoy_status picture_load(struct picture *picture, const struct vision *vision, const char *path,
                           convoy_error *error);

/* Writes folder/STEM-WHAT.png, where STEM is the input's name without folder and ending. CONVOY_E_IO. */
convoy_status picture_save(const struct picture *picture, const char *folder, const char *input,
                           const char *what, convoy_error *error);

void picture_release(struct picture *picture);

/* Reads a PNG file of grey values, which must have this size. *values is the caller's, to be freed.
 * CONVOY_E_IO, CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status grey_load(uint8_t **values, int64_t height, int64_t width, const char *path,
                        convoy_error *error);

/* The frame of a box in the colour of a class, corners in pixels, with words above it. What is outside of the
 * picture is not drawn. */
void picture_frame(struct picture *picture, const double corners[4], size_t kind, const char *words);

/* Makes one pixel grey and mixes the colour of a class into it, two parts in three. */
void picture_tint(struct picture *picture, int64_t x, int64_t y, size_t kind);

#endif
