#include "drawing.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096

/* Colours of the classes; the next ones begin again. */
static const uint8_t colours[][3] = {{255, 64, 64}, {64, 224, 64},  {80, 128, 255}, {255, 224, 0},
                                     {255, 0, 255}, {0, 224, 255},  {255, 144, 0},  {160, 80, 255},
                                     {0, 160, 120}, {255, 160, 200}};

static const uint8_t *colour_of(size_t kind) {
    return colours[kind % (sizeof colours / sizeof *colours)];
}

/* Letters of 3x5 pixels: an octal digit is a row, its bits are the pixels. */
#define LETTER_WIDTH  3
#define LETTER_HEIGHT 5
static const uint16_t digits[10] = {075557, 026227, 071747, 071717, 055711,
                                    074717, 074757, 071122, 075757, 075717};
static const uint16_t letters[26] = {025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227,
                                     011152, 055655, 044447, 057755, 065555, 025552, 065644, 025573, 065655,
                                     034216, 072222, 055557, 055552, 055775, 055255, 055222, 071247};

static unsigned letter_of(char c) {
    const int lower = tolower((unsigned char)c);
    return c >= '0' && c <= '9' ? digits[c - '0'] : lower >= 'a' && lower <= 'z' ? letters[lower - 'a'] : 0;
}

/* Length of an input's name without folder and ending. */
static size_t stem_length(const char *input) {
    const char *name = base_name(input), *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

convoy_status drawing_prepare(const char *folder, const struct vision *vision, convoy_error *error) {
    if (!folder)
        return CONVOY_OK;
    for (size_t i = 0; i < vision->input_count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *one = vision->inputs[i], *other = vision->inputs[j];
            const size_t length = stem_length(one);
            if (length == stem_length(other) && memcmp(base_name(one), base_name(other), length) == 0)
                return fail(error, CONVOY_E_USAGE, "-o: %s and %s would be drawn into the same file", other,
                            one);
        }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return fail(error, CONVOY_E_IO, "%s: cannot be made: %s", folder, strerror(errno));
    return CONVOY_OK;
}

convoy_status picture_load(struct picture *picture, const struct vision *vision, const char *path,
                           convoy_error *error) {
    convoy_tensor tensor = {0};
    int64_t height, width;
    vision_sides(vision, &height, &width);
    const convoy_shape shape = {.rank = 4, .dims = {1, height, width, 3}};
    convoy_image_options image = vision->image;
    image.layout = CONVOY_LAYOUT_NHWC;
    image.has_scale = image.has_mean = image.has_deviation = true; /* the pixels as they are */
    image.scale = 1;
    for (int c = 0; c < 3; c++) {
        image.mean[c] = 0;
        image.deviation[c] = 1;
    }
    convoy_status status = convoy_input_load(&tensor, path, CONVOY_F32, &shape, &image, error);
    if (status != CONVOY_OK)
        return status;
    const size_t count = (size_t)height * (size_t)width * 3;
    *picture = (struct picture){height, width, NULL};
    if (tensor.shape.rank != 4 || tensor.shape.dims[3] != 3 || convoy_tensor_elements(&tensor) != count)
        status = fail(error, CONVOY_E_INPUT, "%s: is no picture that could be drawn on", path);
    else if (!(picture->pixels = malloc(count)))
        status = fail(error, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < count && status == CONVOY_OK; i++)
        picture->pixels[i] = (uint8_t)fmax(0, fmin(255, rint(convoy_tensor_element(&tensor, i))));
    convoy_tensor_release(&tensor);
    return status;
}

convoy_status picture_save(const struct picture *picture, const char *folder, const char *input,
                           const char *what, convoy_error *error) {
    char path[PATH_SIZE];
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)picture->width,
                       .height = (png_uint_32)picture->height,
                       .format = PNG_FORMAT_RGB};
    const int length = snprintf(path, sizeof path, "%s/%.*s-%s.png", folder, (int)stem_length(input),
                                base_name(input), what);
    if (length < 0 || (size_t)length >= sizeof path)
        return fail(error, CONVOY_E_IO, "%.100s...: the name is too long", folder);
    if (!png_image_write_to_file(&image, path, 0, picture->pixels, 0, NULL))
        return fail(error, CONVOY_E_IO, "%s: cannot be written: %s", path, image.message);
    return CONVOY_OK;
}

void picture_release(struct picture *picture) {
    free(picture->pixels);
    picture->pixels = NULL;
}

convoy_status grey_load(uint8_t **values, int64_t height, int64_t width, const char *path,
                        convoy_error *error) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    convoy_status status = CONVOY_OK;
    uint8_t *pixels = NULL;
    if (!png_image_begin_read_from_file(&image, path))
        return fail(error, CONVOY_E_IO, "%s: cannot be read: %s", path, image.message);
    if (image.format != PNG_FORMAT_GRAY || image.height != height || image.width != width)
        status = fail(error, CONVOY_E_INPUT, "%s: is no picture of 8-bit grey with %lld rows of %lld", path,
                      (long long)height, (long long)width);
    else if (!(pixels = malloc(PNG_IMAGE_SIZE(image))))
        status = fail(error, CONVOY_E_MEMORY, "out of memory");
    else if (!png_image_finish_read(&image, NULL, pixels, 0, NULL))
        status = fail(error, CONVOY_E_IO, "%s: cannot be read: %s", path, image.message);
    png_image_free(&image);
    if (status != CONVOY_OK) {
        free(pixels);
        return status;
    }
    *values = pixels;
    return CONVOY_OK;
}

static void set_pixel(struct picture *picture, int64_t x, int64_t y, const uint8_t *colour) {
    if (x >= 0 && y >= 0 && x < picture->width && y < picture->height)
        memcpy(&picture->pixels[3 * (y * picture->width + x)], colour, 3);
}

static void fill(struct picture *picture, int64_t x1, int64_t y1, int64_t x2, int64_t y2,
                 const uint8_t *colour) {
    for (int64_t y = y1; y < y2; y++)
        for (int64_t x = x1; x < x2; x++)
            set_pixel(picture, x, y, colour);
}

/* Black letters on the colour, from the upper left corner (x,y). */
static void write_words(struct picture *picture, int64_t x, int64_t y, const char *words,
                        const uint8_t *colour) {
    static const uint8_t black[3] = {0, 0, 0};
    for (; *words && x < picture->width; words++, x += LETTER_WIDTH + 1) {
        const unsigned letter = letter_of(*words);
        fill(picture, x, y, x + LETTER_WIDTH + 2, y + LETTER_HEIGHT + 2, colour);
        for (int bit = 0; bit < LETTER_WIDTH * LETTER_HEIGHT; bit++)
            if (letter >> (LETTER_WIDTH * LETTER_HEIGHT - 1 - bit) & 1)
                set_pixel(picture, x + 1 + bit % LETTER_WIDTH, y + 1 + bit / LETTER_WIDTH, black);
    }
}

/* The pixel in which a number lies, at most one outside of the picture. */
static int64_t pixel(double number, int64_t extent) {
    return (int64_t)fmax(-1, fmin((double)extent, floor(number)));
}

void picture_frame(struct picture *picture, const double corners[4], size_t kind, const char *words) {
    const uint8_t *colour = colour_of(kind);
    const int64_t x1 = pixel(corners[0], picture->width), y1 = pixel(corners[1], picture->height);
    const int64_t x2 = pixel(corners[2], picture->width), y2 = pixel(corners[3], picture->height);
    fill(picture, x1, y1, x2 + 1, y1 + 1, colour);
    fill(picture, x1, y2, x2 + 1, y2 + 1, colour);
    fill(picture, x1, y1, x1 + 1, y2 + 1, colour);
    fill(picture, x2, y1, x2 + 1, y2 + 1, colour);
    const int64_t above = y1 - LETTER_HEIGHT - 1;
    const int64_t last = picture->width - (int64_t)strlen(words) * (LETTER_WIDTH + 1) - 1;
    const int64_t left = x1 < last ? x1 : last; /* words that would leave the picture begin earlier */
    write_words(picture, left > 0 ? left : 0, above > 0 ? above : 0, words, colour);
}

void picture_tint(struct picture *picture, int64_t x, int64_t y, size_t kind) {
    uint8_t *at = &picture->pixels[3 * (y * picture->width + x)];
    const int grey = (at[0] + at[1] + at[2]) / 3;
    for (int c = 0; c < 3; c++)
        at[c] = (uint8_t)((grey + 2 * colour_of(kind)[c]) / 3);
}
