/* EXIF 2.32, 4.6: a TIFF header ("II" or "MM" for the byte order, 42, where the first directory is), and a
 * directory: a count, and entries of 12 bytes (tag, type, count, value). One tag of the first directory is
 * all that is read here, so no library is asked for it. */
#include "io/orientation.h"

#include <string.h>

#define TAG_ORIENTATION 0x0112
#define ENTRY_BYTES     12

enum { TYPE_SHORT = 3, TYPE_LONG = 4 };

struct exif {
    const uint8_t *bytes;
    size_t length;
    bool big_endian;
};

/* The integer of size bytes at a place; 0 where that is not inside. */
static uint32_t integer_at(const struct exif *exif, size_t at, size_t size) {
    uint32_t value = 0;
    if (at > exif->length || size > exif->length - at)
        return 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | exif->bytes[at + (exif->big_endian ? i : size - 1 - i)];
    return value;
}

int exif_orientation(const uint8_t *bytes, size_t length) {
    struct exif exif = {bytes, length, length >= 2 && memcmp(bytes, "MM", 2) == 0};
    if (length < 8 || (!exif.big_endian && memcmp(bytes, "II", 2) != 0) || integer_at(&exif, 2, 2) != 42)
        return 1;
    size_t directory = integer_at(&exif, 4, 4);
    uint32_t count = integer_at(&exif, directory, 2); /* at most 65535 */
    for (uint32_t i = 0; i < count; i++) {
        size_t at = directory + 2 + (size_t)i * ENTRY_BYTES;
        if (integer_at(&exif, at, 2) != TAG_ORIENTATION)
            continue;
        uint32_t type = integer_at(&exif, at + 2, 2);
        uint32_t value = integer_at(&exif, at + 8, type == TYPE_LONG ? 4 : 2);
        bool sound = (type == TYPE_SHORT || type == TYPE_LONG) && integer_at(&exif, at + 4, 4) == 1;
        return sound && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* What makes a stored picture upright: mirror its rows top to bottom, mirror its columns left to right, and
 * then, where it lies on its side, make rows of its columns. */
static const struct turn {
    bool rows, columns, transpose;
} turns[] = {
    [1] = {false, false, false}, [2] = {false, true, false}, [3] = {true, true, false},
    [4] = {true, false, false},  [5] = {false, false, true}, [6] = {true, false, true},
    [7] = {true, true, true},    [8] = {false, true, true},
};

convoy_status image_turn_upright(struct image *image, convoy_error *error) {
    const struct turn *turn = &turns[image->orientation];
    const int64_t height = image->height, width = image->width;
    if (image->orientation == 1)
        return CONVOY_OK;
    struct image made;
    convoy_status status = image_create(&made, turn->transpose ? width : height,
                                        turn->transpose ? height : width, image->channels, error);
    if (status != CONVOY_OK)
        return status;
    made.maximum = image->maximum;
    uint16_t *to = made.pixels;
    for (int64_t y = 0; y < made.height; y++)
        for (int64_t x = 0; x < made.width; x++, to += image->channels) {
            int64_t row = turn->transpose ? x : y, column = turn->transpose ? y : x;
            row = turn->rows ? height - 1 - row : row;
            column = turn->columns ? width - 1 - column : column;
            memcpy(to, image->pixels + (row * width + column) * image->channels,
                   (size_t)image->channels * sizeof *to);
        }
    image_release(image);
    *image = made;
    return CONVOY_OK;
}
