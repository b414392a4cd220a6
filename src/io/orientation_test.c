#include "io/orientation.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The picture of 2 rows and 3 columns
 *     1 2 3
 *     4 5 6
 * as ImageOps.exif_transpose of Pillow 9.4 turns it. */
static void test_all_eight(void **state) {
    (void)state;
    static const struct {
        int height;
        uint16_t pixels[6];
    } wanted[] = {{2, {1, 2, 3, 4, 5, 6}}, {2, {3, 2, 1, 6, 5, 4}}, {2, {6, 5, 4, 3, 2, 1}},
                  {2, {4, 5, 6, 1, 2, 3}}, {3, {1, 4, 2, 5, 3, 6}}, {3, {4, 1, 5, 2, 6, 3}},
                  {3, {6, 3, 5, 2, 4, 1}}, {3, {3, 6, 2, 5, 1, 4}}};
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int channels = 1; channels <= 3; channels += 2) {
            struct image image;
            assert_int_equal(image_create(&image, 2, 3, channels, NULL), CONVOY_OK);
            for (int i = 0; i < 6 * channels; i++)
                image.pixels[i] = (uint16_t)(i / channels + 1 + i % channels * 100);
            image.maximum = 65535;
            image.orientation = orientation;
            assert_int_equal(image_turn_upright(&image, NULL), CONVOY_OK);
            assert_int_equal(image.orientation, 1);
            assert_int_equal(image.maximum, 65535);
            assert_int_equal(image.height, wanted[orientation - 1].height);
            assert_int_equal(image.width, 6 / image.height);
            for (int i = 0; i < 6 * channels; i++)
                assert_int_equal(image.pixels[i],
                                 wanted[orientation - 1].pixels[i / channels] + i % channels * 100);
            image_release(&image);
        }
}

#define EXIF_BYTES (8 + 2 + 2 * 12)

static void put(uint8_t *at, uint32_t value, size_t size, bool big_endian) {
    for (size_t i = 0; i < size; i++)
        at[big_endian ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* A directory of two entries; the second is the orientation. In memory of its own length, so that the address
 * sanitizer sees every byte beyond. */
static uint8_t *exif_make(bool big_endian, uint32_t type, uint32_t count, uint32_t value) {
    uint8_t *exif = calloc(EXIF_BYTES, 1), *entry = exif + 10;
    memcpy(exif, big_endian ? "MM" : "II", 2);
    put(exif + 2, 42, 2, big_endian);
    put(exif + 4, 8, 4, big_endian);
    put(exif + 8, 2, 2, big_endian);
    put(entry, 0x010f, 2, big_endian);
    put(entry + 12, 0x0112, 2, big_endian);
    put(entry + 14, type, 2, big_endian);
    put(entry + 16, count, 4, big_endian);
    put(entry + 20, value, type == 4 ? 4 : 2, big_endian);
    return exif;
}

static void test_the_tag(void **state) {
    (void)state;
    static const struct {
        uint32_t type, count, value;
        int wanted;
    } cases[] = {{3, 1, 1, 1}, {3, 1, 6, 6}, {3, 1, 8, 8},     {4, 1, 5, 5}, {3, 1, 0, 1},
                 {3, 1, 9, 1}, {3, 2, 6, 1}, {4, 1, 65542, 1}, {2, 1, 6, 1}, {3, 0, 6, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int big_endian = 0; big_endian < 2; big_endian++) {
            uint8_t *exif = exif_make(big_endian, cases[i].type, cases[i].count, cases[i].value);
            assert_int_equal(exif_orientation(exif, EXIF_BYTES), cases[i].wanted);
            free(exif);
        }
}

/* Nothing that is cut or damaged is anything but a number from 1 to 8. */
static void test_cut_and_damaged_data(void **state) {
    (void)state;
    uint8_t *exif = exif_make(true, 3, 1, 6);
    for (size_t length = 0; length < EXIF_BYTES - 2; length++) {
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, exif, length);
        assert_int_equal(exif_orientation(cut, length), 1);
        free(cut);
    }
    put(exif + 4, UINT32_MAX, 4, true); /* the directory is far behind the end */
    assert_int_equal(exif_orientation(exif, EXIF_BYTES), 1);
    put(exif + 4, 8, 4, true);
    put(exif + 8, 65535, 2, true); /* and longer than the data */
    put(exif + 22, 0x0111, 2, true);
    assert_int_equal(exif_orientation(exif, EXIF_BYTES), 1);
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 20000; round++) {
        exif[random_below(&random, EXIF_BYTES)] = (uint8_t)random_u64(&random);
        assert_in_range(exif_orientation(exif, EXIF_BYTES), 1, 8);
    }
    free(exif);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_eight),
        cmocka_unit_test(test_the_tag),
        cmocka_unit_test(test_cut_and_damaged_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
