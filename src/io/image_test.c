#include "io/image.h"

#include "base/random.h"

#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#define SIDE 23

/* A file in memory. */
struct file {
    uint8_t *bytes;
    size_t length;
};

static void file_append(png_structp png, png_bytep bytes, size_t length) {
    struct file *file = png_get_io_ptr(png);
    file->bytes = realloc(file->bytes, file->length + length);
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
}

struct png_kind {
    int depth, colour, interlace;
    const uint8_t *transparent; /* [16] alphas of a palette, or NULL */
};

/* A PNG of height x width; rows are packed as the kind asks, stride bytes apart. */
static struct file png_make(const struct png_kind *kind, const uint8_t *rows, size_t stride, int height,
                            int width) {
    struct file file = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, file_append, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, kind->depth, kind->colour,
                 kind->interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[16];
    for (int i = 0; i < 16; i++)
        palette[i] = (png_color){(png_byte)(i * 16), (png_byte)(255 - i), (png_byte)(i * 3)};
    if (kind->colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 16);
    if (kind->transparent)
        png_set_tRNS(png, info, kind->transparent, 16, NULL);
    png_write_info(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (int y = 0; y < height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return file;
}

static struct file jpeg_make(const uint8_t *rows, int channels, J_COLOR_SPACE space, bool progressive) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long length = 0;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &length);
    jpeg.image_width = jpeg.image_height = SIDE;
    jpeg.input_components = channels;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < SIDE) {
        JSAMPROW row = (JSAMPROW)rows + (size_t)jpeg.next_scanline * SIDE * (size_t)channels;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (struct file){bytes, length};
}

static void fill_random(uint8_t *bytes, size_t length, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)random_u64(&random);
}

static struct image decode(struct file file, int channels) {
    struct image image;
    convoy_error error;
    if (image_decode(&image, file.bytes, file.length, channels, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(image.channels, channels);
    return image;
}

static void expect_pixels(struct file file, int channels, const uint8_t *expected) {
    struct image image = decode(file, channels);
    assert_int_equal(image.height, SIDE);
    assert_int_equal(image.width, SIDE);
    assert_memory_equal(image.pixels, expected, (size_t)(SIDE * SIDE * channels));
    image_release(&image);
    assert_null(image.pixels);
}

static uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 32768) / 65536);
}

static void test_png_rgb_and_grey(void **state) {
    (void)state;
    uint8_t rgb[SIDE * SIDE * 3], grey[SIDE * SIDE], grey_of_rgb[SIDE * SIDE], rgb_of_grey[SIDE * SIDE * 3];
    fill_random(rgb, sizeof rgb, 1);
    fill_random(grey, sizeof grey, 2);
    for (int i = 0; i < SIDE * SIDE; i++) {
        grey_of_rgb[i] = luma(rgb + i * 3);
        memset(rgb_of_grey + i * 3, grey[i], 3);
    }
    for (int interlace = 0; interlace < 2; interlace++) {
        struct file file =
            png_make(&(struct png_kind){8, PNG_COLOR_TYPE_RGB, interlace, NULL}, rgb, SIDE * 3, SIDE, SIDE);
        assert_true(image_recognise(file.bytes, file.length));
        expect_pixels(file, 3, rgb);
        expect_pixels(file, 1, grey_of_rgb);
        free(file.bytes);
        file = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, interlace, NULL}, grey, SIDE, SIDE, SIDE);
        expect_pixels(file, 1, grey);
        expect_pixels(file, 3, rgb_of_grey);
        free(file.bytes);
    }
}

static void test_png_alpha(void **state) {
    (void)state;
    uint8_t rgba[SIDE * SIDE * 4], flat[SIDE * SIDE * 3], ga[SIDE * SIDE * 2], grey[SIDE * SIDE];
    fill_random(rgba, sizeof rgba, 3);
    fill_random(ga, sizeof ga, 4);
    for (int i = 0; i < SIDE * SIDE; i++) {
        for (int c = 0; c < 3; c++)
            flat[i * 3 + c] = (uint8_t)((rgba[i * 4 + c] * rgba[i * 4 + 3] + 127) / 255);
        grey[i] = (uint8_t)((ga[i * 2] * ga[i * 2 + 1] + 127) / 255);
    }
    struct file file =
        png_make(&(struct png_kind){8, PNG_COLOR_TYPE_RGBA, 0, NULL}, rgba, SIDE * 4, SIDE, SIDE);
    expect_pixels(file, 3, flat);
    free(file.bytes);
    file = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, NULL}, ga, SIDE * 2, SIDE, SIDE);
    expect_pixels(file, 1, grey);
    free(file.bytes);
}

static void test_png_16_bits(void **state) {
    (void)state;
    uint8_t wide[SIDE * SIDE * 6], rgb[SIDE * SIDE * 3];
    fill_random(wide, sizeof wide, 5);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        rgb[i] = (uint8_t)(((wide[i * 2] << 8 | wide[i * 2 + 1]) * 255 + 32767) / 65535);
    struct file file =
        png_make(&(struct png_kind){16, PNG_COLOR_TYPE_RGB, 0, NULL}, wide, SIDE * 6, SIDE, SIDE);
    expect_pixels(file, 3, rgb);
    free(file.bytes);
}

static void test_png_palette_and_few_bits(void **state) {
    (void)state;
    uint8_t packed[SIDE * 12], rgb[SIDE * SIDE * 3], faded[SIDE * SIDE * 3], grey[SIDE * SIDE], alphas[16];
    fill_random(packed, sizeof packed, 6);
    for (int i = 0; i < 16; i++)
        alphas[i] = (uint8_t)(i * 17);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int v = packed[y * 12 + x / 2] >> (x % 2 ? 0 : 4) & 15, at = y * SIDE + x;
            const int colours[3] = {v * 16, 255 - v, v * 3};
            for (int c = 0; c < 3; c++) {
                rgb[at * 3 + c] = (uint8_t)colours[c];
                faded[at * 3 + c] = (uint8_t)((colours[c] * alphas[v] + 127) / 255);
            }
            grey[at] = (uint8_t)(v * 17);
        }
    struct file file =
        png_make(&(struct png_kind){4, PNG_COLOR_TYPE_PALETTE, 1, NULL}, packed, 12, SIDE, SIDE);
    expect_pixels(file, 3, rgb);
    free(file.bytes);
    file = png_make(&(struct png_kind){4, PNG_COLOR_TYPE_PALETTE, 0, alphas}, packed, 12, SIDE, SIDE);
    expect_pixels(file, 3, faded);
    free(file.bytes);
    file = png_make(&(struct png_kind){4, PNG_COLOR_TYPE_GRAY, 0, NULL}, packed, 12, SIDE, SIDE);
    expect_pixels(file, 1, grey);
    free(file.bytes);
}

/* A smooth picture comes back nearly as it was. */
static void test_jpeg(void **state) {
    (void)state;
    uint8_t rgb[SIDE * SIDE * 3], grey[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) {
        int x = i % SIDE, y = i / SIDE;
        rgb[i * 3] = rgb[i * 3 + 1] = (uint8_t)(40 + 4 * x + 3 * y);
        rgb[i * 3 + 2] = (uint8_t)(60 + 4 * x + 3 * y);
        grey[i] = (uint8_t)(250 - 5 * x - 4 * y);
    }
    for (int progressive = 0; progressive < 2; progressive++) {
        struct file colour = jpeg_make(rgb, 3, JCS_RGB, progressive),
                    plain = jpeg_make(grey, 1, JCS_GRAYSCALE, progressive);
        assert_true(image_recognise(colour.bytes, colour.length));
        struct image image = decode(colour, 3), other = decode(plain, 1), both = decode(plain, 3);
        for (int i = 0; i < SIDE * SIDE * 3; i++)
            assert_in_range(image.pixels[i] + 6 - rgb[i], 0, 12);
        for (int i = 0; i < SIDE * SIDE; i++) {
            assert_in_range(other.pixels[i] + 3 - grey[i], 0, 6);
            assert_int_equal(both.pixels[i * 3 + 2], other.pixels[i]);
        }
        image_release(&image);
        image_release(&other);
        image_release(&both);
        free(colour.bytes);
        free(plain.bytes);
    }
}

static void test_jpeg_of_four_colours(void **state) {
    (void)state;
    uint8_t cmyk[SIDE * SIDE * 4];
    fill_random(cmyk, sizeof cmyk, 9);
    struct file file = jpeg_make(cmyk, 4, JCS_CMYK, false);
    struct image image = {0};
    convoy_error error;
    assert_int_equal(image_decode(&image, file.bytes, file.length, 3, &error), CONVOY_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "CMYK"));
    assert_null(image.pixels);
    free(file.bytes);
}

static void expect_text(const char *text, size_t length, int channels, const char *expected, size_t count) {
    struct file file = {malloc(length), length};
    memcpy(file.bytes, text, length);
    assert_true(image_recognise(file.bytes, length));
    struct image image = decode(file, channels);
    assert_int_equal(image.height * image.width * channels, count);
    assert_memory_equal(image.pixels, expected, count);
    image_release(&image);
    free(file.bytes);
}

#define EXPECT(text, channels, expected)                                                                     \
    expect_text(text, sizeof(text) - 1, channels, expected, sizeof(expected) - 1)

static void test_pnm(void **state) {
    (void)state;
    EXPECT("P5\n3 2\n255\nabcdef", 1, "abcdef");
    EXPECT("P5 # a comment\n# another 9 9\n 3\t2 #\n255\nabcdef and more", 1, "abcdef");
    EXPECT("P5\n1 2\n255\nab", 3, "aaabbb");
    EXPECT("P6\n1 2\n255\nabcdef", 3, "abcdef");
    EXPECT("P5\n3 1\n3\n\1\2\3", 1, "\x55\xaa\xff");
    EXPECT("P5\n2 1\n65535\n\xff\xff\x80\x00", 1, "\xff\x80");
    EXPECT("P5\n2 1\n256\n\x01\x00\x00\x80", 1, "\xff\x80");
    EXPECT("P2\n2 2\n10\n0 5\n10 1", 1, "\x00\x80\xff\x1a");
    EXPECT("P2 1 1 255 # last\n7\n", 1, "\x07");
}

static void test_wrong_pictures(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"hello", "no PNG"},
        {"P5", "P2, P5 and P6"},
        {"P55 3 2 255 abcdef", "P2, P5 and P6"},
        {"P5 3 2 255", "header"},
        {"P5 3 2", "header"},
        {"P5 3 -2 255 abcdef", "header"},
        {"P5 3 2 0 abcdef", "header"},
        {"P5 3 2 65536 abcdef", "header"},
        {"P5 99999999999999999999 2 255 abcdef", "header"},
        {"P5 3 2 255 abcde", "6 bytes, it has 5"},
        {"P6 3 2 255 abcdefabcdefabcde", "18 bytes, it has 17"},
        {"P5 3 2 256 abcdefabcde", "12 bytes, it has 11"},
        {"P5 3 0 255 abc", "3 x 0 pixels"},
        {"P5 16777216 16777216 255 abc", "bytes, it has 3"},
        {"P5 2 1 9 \t\n", "above its maximum 9"},
        {"P2 2 1 9 10 1", "damaged, at pixel 0"},
        {"P2 2 2 9 1 2 3      ", "damaged, at pixel 3"},
        {"P2 2 1 9 1x2", "damaged, at pixel 1"},
        {"\xff\xd8\xff", "JPEG"},
        {"\x89PNG\r\n\x1a\n", "cut off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image image = {0};
        convoy_error error = {0};
        convoy_status status =
            image_decode(&image, (const uint8_t *)cases[i].text, strlen(cases[i].text), 3, &error);
        if (status == CONVOY_OK || !strstr(error.message, cases[i].says))
            fail_msg("case %zu: %s", i, error.message);
        assert_null(image.pixels);
    }
}

/* Sizes are refused on the strength of the header. */
static void test_huge_pictures(void **state) {
    (void)state;
    uint8_t row[4] = {0};
    struct file file = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, 0, NULL}, row, 1, 1, 1);
    static const struct {
        uint32_t width, height;
    } sizes[] = {{32769, 1}, {1, 32769}, {0x7fffffff, 0x7fffffff}, {32768, 32768}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int k = 0; k < 4; k++) {
            file.bytes[16 + k] = (uint8_t)(sizes[i].width >> (24 - 8 * k));
            file.bytes[20 + k] = (uint8_t)(sizes[i].height >> (24 - 8 * k));
        }
        uint32_t sum = 0xffffffff; /* CRC-32 of type and content */
        for (int k = 12; k < 29; k++) {
            sum ^= file.bytes[k];
            for (int bit = 0; bit < 8; bit++)
                sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
        }
        for (int k = 0; k < 4; k++)
            file.bytes[29 + k] = (uint8_t)(~sum >> (24 - 8 * k));
        struct image image = {0};
        convoy_error error = {0};
        assert_int_equal(image_decode(&image, file.bytes, file.length, 1, &error), CONVOY_E_INPUT);
        if (!strstr(error.message, "pixels") && !strstr(error.message, "exceeds user limit") &&
            !strstr(error.message, "Invalid IHDR"))
            fail_msg("%s", error.message);
        assert_null(image.pixels);
    }
    free(file.bytes);
    struct image image = {0};
    assert_int_equal(image_create(&image, 0, 1, 1, NULL), CONVOY_E_INPUT);
    assert_int_equal(image_create(&image, -1, -1, 1, NULL), CONVOY_E_INPUT);
    assert_int_equal(image_create(&image, INT64_MAX, INT64_MAX, 3, NULL), CONVOY_E_INPUT);
    image_release(NULL);
}

/* One file of each kind, of random pixels. */
static size_t samples_make(struct file *files) {
    static uint8_t noise[SIDE * SIDE * 6];
    fill_random(noise, sizeof noise, 8);
    size_t n = 0;
    files[n++] = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_RGB, 0, NULL}, noise, SIDE * 3, SIDE, SIDE);
    files[n++] = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, 1, NULL}, noise, SIDE, SIDE, SIDE);
    files[n++] = png_make(&(struct png_kind){16, PNG_COLOR_TYPE_RGB, 0, NULL}, noise, SIDE * 6, SIDE, SIDE);
    files[n++] = png_make(&(struct png_kind){4, PNG_COLOR_TYPE_PALETTE, 0, NULL}, noise, 12, SIDE, SIDE);
    files[n++] = jpeg_make(noise, 3, JCS_RGB, false);
    files[n++] = jpeg_make(noise, 3, JCS_RGB, true);
    files[n++] = jpeg_make(noise, 1, JCS_GRAYSCALE, false);
    struct file pgm = {malloc(13 + SIDE * SIDE), 13 + SIDE * SIDE};
    memcpy(pgm.bytes, "P5 23 23 255 ", 13);
    memcpy(pgm.bytes + 13, noise, SIDE * SIDE);
    files[n++] = pgm;
    return n;
}

static void test_cut_pictures(void **state) {
    (void)state;
    struct file files[8];
    size_t count = samples_make(files);
    for (size_t f = 0; f < count; f++) {
        for (size_t length = 0; length < files[f].length; length++) {
            uint8_t *cut =
                malloc(length ? length : 1); /* so that the address sanitizer sees every byte beyond */
            memcpy(cut, files[f].bytes, length);
            struct image image = {0};
            convoy_error error = {0};
            if (image_decode(&image, cut, length, 3, &error) == CONVOY_OK)
                fail_msg("file %zu, %zu of %zu bytes were taken for a whole picture", f, length,
                         files[f].length);
            assert_null(image.pixels);
            assert_true(error.message[0]);
            free(cut);
        }
        free(files[f].bytes);
    }
}

static void test_damaged_pictures(void **state) {
    (void)state;
    struct file files[8];
    size_t count = samples_make(files);
    struct random random;
    random_seed(&random, 12);
    for (size_t f = 0; f < count; f++) {
        uint8_t *damaged = malloc(files[f].length);
        for (int round = 0; round < 400; round++) {
            memcpy(damaged, files[f].bytes, files[f].length);
            for (uint64_t flips = 1 + random_below(&random, 4); flips > 0; flips--)
                damaged[random_below(&random, round % 2 ? 64 : files[f].length)] =
                    (uint8_t)random_u64(&random);
            struct image image = {0};
            if (image_decode(&image, damaged, files[f].length, 1, NULL) == CONVOY_OK)
                assert_true(image.height > 0 && image.width > 0 && image.channels == 1);
            image_release(&image);
        }
        free(damaged);
        free(files[f].bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_rgb_and_grey),
        cmocka_unit_test(test_png_alpha),
        cmocka_unit_test(test_png_16_bits),
        cmocka_unit_test(test_png_palette_and_few_bits),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_of_four_colours),
        cmocka_unit_test(test_pnm),
        cmocka_unit_test(test_wrong_pictures),
        cmocka_unit_test(test_huge_pictures),
        cmocka_unit_test(test_cut_pictures),
        cmocka_unit_test(test_damaged_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
