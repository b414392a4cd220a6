#include "io/image.h"

#include "base/error.h"
#include "io/orientation.h"

#include <stdlib.h>
#include <string.h>

static const struct format {
    const char *magic;
    size_t length;
    convoy_status (*decode)(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error);
} formats[] = {{"\x89PNG\r\n\x1a\n", 8, png_decode},
               {"\xff\xd8\xff", 3, jpeg_decode},
               {"P2", 2, pnm_decode},
               {"P3", 2, pnm_decode},
               {"P5", 2, pnm_decode},
               {"P6", 2, pnm_decode}};

static const struct format *format_find(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (length >= formats[i].length && memcmp(bytes, formats[i].magic, formats[i].length) == 0)
            return &formats[i];
    return NULL;
}

bool image_recognise(const uint8_t *bytes, size_t length) {
    return format_find(bytes, length) != NULL;
}

convoy_status image_create(struct image *image, int64_t height, int64_t width, int channels,
                           convoy_error *error) {
    if (height < 1 || width < 1 || height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE ||
        height * width > IMAGE_MAX_PIXELS)
        return error_set(error, CONVOY_E_INPUT,
                         "has %lld x %lld pixels; 1 to %d a side and %lld in all are accepted",
                         (long long)width, (long long)height, IMAGE_MAX_SIDE, (long long)IMAGE_MAX_PIXELS);
    uint16_t *pixels = malloc((size_t)(height * width * channels) * sizeof *pixels);
    if (!pixels)
        return error_memory(error);
    *image = (struct image){pixels, height, width, channels, 255, 1};
    return CONVOY_OK;
}

void image_release(struct image *image) {
    if (!image)
        return;
    free(image->pixels);
    *image = (struct image){0};
}

/* One pixel as red, green, blue, on a background of the picture's depth where it is transparent. */
static void pixel_read(const uint16_t *pixel, const struct image *image, const uint16_t *background,
                       uint16_t *rgb) {
    int colours = image->channels < 3 ? 1 : 3;
    uint64_t full = image->maximum, alpha = image->channels == colours ? full : pixel[colours];
    for (int i = 0; i < 3; i++)
        rgb[i] =
            (uint16_t)((pixel[colours == 1 ? 0 : i] * alpha + background[i] * (full - alpha) + full / 2) /
                       full);
}

static uint16_t pixel_luma(const uint16_t *rgb) {
    return (uint16_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* Replaces the picture by one of 1 or 3 channels. */
static convoy_status image_convert(struct image *image, const struct image_wish *wish, convoy_error *error) {
    struct image made;
    convoy_status status = image_create(&made, image->height, image->width, wish->channels, error);
    if (status != CONVOY_OK)
        return status;
    made.maximum = image->maximum;
    made.orientation = image->orientation;
    uint16_t background[3];
    for (int i = 0; i < 3; i++)
        background[i] = (uint16_t)(wish->background[i] * (image->maximum / 255));
    int64_t count = image->height * image->width;
    for (int64_t i = 0; i < count; i++) {
        uint16_t rgb[3];
        pixel_read(image->pixels + i * image->channels, image, background, rgb);
        if (wish->channels == 3)
            memcpy(made.pixels + i * 3, rgb, sizeof rgb);
        else
            made.pixels[i] = pixel_luma(rgb);
    }
    image_release(image);
    *image = made;
    return CONVOY_OK;
}

convoy_status image_decode(struct image *image, const uint8_t *bytes, size_t length,
                           const struct image_wish *wish, convoy_error *error) {
    const struct format *format = format_find(bytes, length);
    if (!format)
        return error_set(error, CONVOY_E_INPUT, "is no PNG, JPEG, PGM or PPM picture");
    struct image found = {0};
    convoy_status status = format->decode(&found, bytes, length, error);
    if (status == CONVOY_OK && found.channels != wish->channels)
        status = image_convert(&found, wish, error);
    if (status == CONVOY_OK)
        status = image_turn_upright(&found, error);
    if (status != CONVOY_OK)
        image_release(&found);
    else
        *image = found;
    return status;
}
