#include "io/image.h"

#include "base/random.h"
#include "picture_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIDE 23

static void fill_random(uint8_t *bytes, size_t length, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)random_u64(&random);
}

static struct image_wish wish_of(int channels) {
    return (struct image_wish){channels, {255, 255, 255}};
}

static struct image decode_on(struct picture_file file, const struct image_wish *wish) {
    struct image image;
    convoy_error error;
    if (image_decode(&image, file.bytes, file.length, wish, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(image.channels, wish->channels);
    assert_int_equal(image.orientation, 1);
    return image;
}

static struct image decode(struct picture_file file, int channels) {
    struct image_wish wish = wish_of(channels);
    return decode_on(file, &wish);
}

static void expect_pixels_on(struct picture_file file, const struct image_wish *wish,
                             const uint8_t *expected) {
    struct image image = decode_on(file, wish);
    assert_int_equal(image.height, SIDE);
    assert_int_equal(image.width, SIDE);
    assert_int_equal(image.maximum, 255);
    for (int i = 0; i < SIDE * SIDE * wish->channels; i++)
        assert_int_equal(image.pixels[i], expected[i]);
    image_release(&image);
    assert_null(image.pixels);
}

static void expect_pixels(struct picture_file file, int channels, const uint8_t *expected) {
    struct image_wish wish = wish_of(channels);
    expect_pixels_on(file, &wish, expected);
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
        struct picture_file file = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_RGB, interlace, NULL, false},
                                            rgb, SIDE * 3, SIDE, SIDE);
        assert_true(image_recognise(file.bytes, file.length));
        expect_pixels(file, 3, rgb);
        expect_pixels(file, 1, grey_of_rgb);
        free(file.bytes);
        file = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, interlace, NULL, false}, grey, SIDE, SIDE,
                        SIDE);
        expect_pixels(file, 1, grey);
        expect_pixels(file, 3, rgb_of_grey);
        free(file.bytes);
    }
}

/* A colour, or grey, of this alpha on a background. */
static uint8_t laid_on(int value, int alpha, int background) {
    return (uint8_t)lrint((value * alpha + background * (255 - alpha)) / 255.0);
}

static void test_png_alpha(void **state) {
    (void)state;
    static const struct image_wish wishes[] = {
        {3, {255, 255, 255}}, {3, {0, 0, 0}}, {3, {255, 128, 3}}, {1, {255, 255, 255}}, {1, {10, 200, 30}}};
    uint8_t rgba[SIDE * SIDE * 4], ga[SIDE * SIDE * 2], of_rgba[SIDE * SIDE * 3], of_ga[SIDE * SIDE * 3];
    fill_random(rgba, sizeof rgba, 3);
    fill_random(ga, sizeof ga, 4);
    struct picture_file colour =
        png_make(&(struct png_kind){8, PNG_COLOR_TYPE_RGBA, 0, NULL, false}, rgba, SIDE * 4, SIDE, SIDE);
    struct picture_file grey =
        png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, NULL, false}, ga, SIDE * 2, SIDE, SIDE);
    for (size_t w = 0; w < sizeof wishes / sizeof *wishes; w++) {
        int channels = wishes[w].channels;
        for (int i = 0; i < SIDE * SIDE; i++) {
            uint8_t a[3], b[3];
            for (int c = 0; c < 3; c++) {
                a[c] = laid_on(rgba[i * 4 + c], rgba[i * 4 + 3], wishes[w].background[c]);
                b[c] = laid_on(ga[i * 2], ga[i * 2 + 1], wishes[w].background[c]);
            }
            for (int c = 0; c < channels; c++) {
                of_rgba[i * channels + c] = channels == 1 ? luma(a) : a[c];
                of_ga[i * channels + c] = channels == 1 ? luma(b) : b[c];
            }
        }
        expect_pixels_on(colour, &wishes[w], of_rgba);
        expect_pixels_on(grey, &wishes[w], of_ga);
    }
    free(colour.bytes);
    free(grey.bytes);
}

static void test_png_16_bits(void **state) {
    (void)state;
    uint8_t wide[SIDE * SIDE * 8];
    fill_random(wide, sizeof wide, 5);
    for (int channels = 3; channels <= 4; channels++) {
        struct picture_file file = png_make(
            &(struct png_kind){16, channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGBA, 0, NULL, false},
            wide, (size_t)(SIDE * channels * 2), SIDE, SIDE);
        struct image image = decode_on(file, &(struct image_wish){3, {255, 0, 1}});
        assert_int_equal(image.maximum, 65535);
        for (int i = 0; i < SIDE * SIDE; i++)
            for (int c = 0; c < 3; c++) {
                const uint8_t *sample = wide + (i * channels + c) * 2, *alpha = wide + (i * channels + 3) * 2;
                double a = channels == 3 ? 65535 : alpha[0] << 8 | alpha[1];
                double value = sample[0] << 8 | sample[1], ground = c == 0 ? 65535 : c == 1 ? 0 : 257;
                assert_int_equal(image.pixels[i * 3 + c], lrint((value * a + ground * (65535 - a)) / 65535));
            }
        image_release(&image);
        free(file.bytes);
    }
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
                faded[at * 3 + c] = laid_on(colours[c], alphas[v], 255);
            }
            grey[at] = (uint8_t)(v * 17);
        }
    struct picture_file file =
        png_make(&(struct png_kind){4, PNG_COLOR_TYPE_PALETTE, 1, NULL, false}, packed, 12, SIDE, SIDE);
    expect_pixels(file, 3, rgb);
    free(file.bytes);
    file = png_make(&(struct png_kind){4, PNG_COLOR_TYPE_PALETTE, 0, alphas, false}, packed, 12, SIDE, SIDE);
    expect_pixels(file, 3, faded);
    free(file.bytes);
    file = png_make(&(struct png_kind){4, PNG_COLOR_TYPE_GRAY, 0, NULL, false}, packed, 12, SIDE, SIDE);
    expect_pixels(file, 1, grey);
    free(file.bytes);
}

/* Orientation 6 lies on its left side: what is the stored picture's first column is the top row, from its
 * right to its left. */
static void expect_turned(struct picture_file turned, struct picture_file plain) {
    struct image image = decode(turned, 1), stored = decode(plain, 1);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            assert_int_equal(image.pixels[y * SIDE + x], stored.pixels[(SIDE - 1 - x) * SIDE + y]);
    image_release(&image);
    image_release(&stored);
}

/* In a PNG in front of the pixels and behind them, and in a JPEG, behind a marker of the same kind that holds
 * something else. */
static void test_orientation(void **state) {
    (void)state;
    uint8_t grey[SIDE * SIDE];
    fill_random(grey, sizeof grey, 14);
    struct picture_file plain = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, 0, NULL, false}, grey,
                                         SIDE, SIDE, SIDE),
                        turned = png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, 0, NULL, true}, grey,
                                          SIDE, SIDE, SIDE);
    expect_turned(turned, plain);
    uint8_t *chunk = (uint8_t *)memmem(turned.bytes, turned.length, "eXIf", 4) - 4,
            kept[sizeof picture_exif + 12];
    size_t end = (size_t)(turned.bytes + turned.length - 12 - chunk - (ptrdiff_t)sizeof kept);
    memcpy(kept, chunk, sizeof kept);
    memmove(chunk, chunk + sizeof kept, end);
    memcpy(chunk + end, kept, sizeof kept); /* now before IEND */
    expect_turned(turned, plain);
    free(turned.bytes);
    free(plain.bytes);
    plain = jpeg_make(grey, SIDE, 1, JCS_GRAYSCALE, false);
    static const uint8_t other[] = {0xff, 0xe1, 0, 9, 'h', 't', 't', 'p', ':', 0, 0};
    const uint8_t marker[] = {0xff, 0xe1, 0, sizeof picture_exif + 8, 'E', 'x', 'i', 'f', 0, 0};
    turned = (struct picture_file){malloc(plain.length + 64), 0};
    const struct {
        const void *bytes;
        size_t length;
    } parts[] = {{plain.bytes, 2},
                 {other, sizeof other},
                 {marker, sizeof marker},
                 {picture_exif, sizeof picture_exif},
                 {plain.bytes + 2, plain.length - 2}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        memcpy(turned.bytes + turned.length, parts[i].bytes, parts[i].length);
        turned.length += parts[i].length;
    }
    expect_turned(turned, plain);
    free(turned.bytes);
    free(plain.bytes);
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
        struct picture_file colour = jpeg_make(rgb, SIDE, 3, JCS_RGB, progressive),
                            plain = jpeg_make(grey, SIDE, 1, JCS_GRAYSCALE, progressive);
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

/* Smooth inks, plain or through YCCK. libjpeg gives both Adobe's mark, so what is stored is inverted; without
 * the mark inks are as they are. */
static void test_jpeg_of_inks(void **state) {
    (void)state;
    uint8_t cmyk[SIDE * SIDE * 4];
    for (int i = 0; i < SIDE * SIDE; i++) {
        int x = i % SIDE, y = i / SIDE;
        cmyk[i * 4] = (uint8_t)(40 + 4 * x);
        cmyk[i * 4 + 1] = (uint8_t)(60 + 3 * y);
        cmyk[i * 4 + 2] = (uint8_t)(200 - 3 * x - 2 * y);
        cmyk[i * 4 + 3] = (uint8_t)(250 - x - 4 * y);
    }
    for (int mark = 0; mark < 2; mark++)
        for (int ycck = 0; ycck <= mark; ycck++) {
            struct picture_file file = jpeg_make(cmyk, SIDE, 4, ycck ? JCS_YCCK : JCS_CMYK, false);
            uint8_t *adobe = memmem(file.bytes, file.length, "Adobe", 5);
            assert_non_null(adobe);
            if (!mark)
                adobe[0] = 'a';
            struct image image = decode(file, 3);
            for (int i = 0; i < SIDE * SIDE * 3; i++) {
                int ink = cmyk[i / 3 * 4 + i % 3], black = cmyk[i / 3 * 4 + 3];
                int wanted = mark ? ink * black / 255 : (255 - ink) * (255 - black) / 255;
                assert_in_range(image.pixels[i] + 6 - wanted, 0, 12);
            }
            image_release(&image);
            free(file.bytes);
        }
}

static void expect_text(const char *text, size_t length, int channels, unsigned maximum,
                        const uint16_t *expected, int64_t count) {
    struct picture_file file = {malloc(length), length};
    memcpy(file.bytes, text, length);
    assert_true(image_recognise(file.bytes, length));
    struct image image = decode(file, channels);
    assert_int_equal(image.height * image.width * channels, count);
    assert_int_equal(image.maximum, maximum);
    assert_memory_equal(image.pixels, expected, (size_t)count * sizeof *expected);
    image_release(&image);
    free(file.bytes);
}

#define EXPECT(text, channels, maximum, ...)                                                                 \
    expect_text(text, sizeof(text) - 1, channels, maximum, (const uint16_t[]){__VA_ARGS__},                  \
                sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static void test_pnm(void **state) {
    (void)state;
    EXPECT("P5\n3 2\n255\nabcdef", 1, 255, 'a', 'b', 'c', 'd', 'e', 'f');
    EXPECT("P5 # a comment\n# another 9 9\n 3\t2 #\n255\nabcdef and more", 1, 255, 'a', 'b', 'c', 'd', 'e',
           'f');
    EXPECT("P5\n1 2\n255\nab", 3, 255, 'a', 'a', 'a', 'b', 'b', 'b');
    EXPECT("P6\n1 2\n255\nabcdef", 3, 255, 'a', 'b', 'c', 'd', 'e', 'f');
    EXPECT("P5\n3 1\n3\n\1\2\3", 1, 255, 85, 170, 255);
    EXPECT("P5\n2 1\n65535\n\xff\xff\x80\x01", 1, 65535, 65535, 0x8001);
    EXPECT("P5\n2 1\n256\n\x01\x00\x00\x80", 1, 65535, 65535, 32768);
    EXPECT("P2\n2 2\n10\n0 5\n10 1", 1, 255, 0, 128, 255, 26);
    EXPECT("P2 1 1 255 # last\n7\n", 1, 255, 7);
    EXPECT("P2 2 1 1023 1023 1", 1, 65535, 65535, 64);
    EXPECT("P3 # colours\n2 1 255\n1 2 3 # one\n4\t5\r\n6\n", 3, 255, 1, 2, 3, 4, 5, 6);
    EXPECT("P3\n1 1\n65535\n65535 256 0", 3, 65535, 65535, 256, 0);
    EXPECT("P3 1 1 5 5 5 5", 1, 255, 255);
}

static void test_wrong_pictures(void **state) {
    (void)state;
    const struct image_wish colours = wish_of(3);
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"hello", "no PNG"},
        {"P5", "P2, P3, P5 and P6"},
        {"P55 3 2 255 abcdef", "P2, P3, P5 and P6"},
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
        {"P3 1 2 9 1 2 3 4 5", "11 bytes, it has 9"},
        {"P3 1 2 9 1 2 3 4 5      ", "damaged, at pixel 1"},
        {"P3 1 1 9 1 2 300", "damaged, at pixel 0"},
        {"P4 1 1 0", "no PNG"},
        {"\xff\xd8\xff", "JPEG"},
        {"\x89PNG\r\n\x1a\n", "cut off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image image = {0};
        convoy_error error = {0};
        convoy_status status =
            image_decode(&image, (const uint8_t *)cases[i].text, strlen(cases[i].text), &colours, &error);
        if (status == CONVOY_OK || !strstr(error.message, cases[i].says))
            fail_msg("case %zu: %s", i, error.message);
        assert_null(image.pixels);
    }
}

/* Sizes are refused on the strength of the header. */
static void test_huge_pictures(void **state) {
    (void)state;
    const struct image_wish grey = wish_of(1);
    uint8_t row[4] = {0};
    struct picture_file file =
        png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, 0, NULL, false}, row, 1, 1, 1);
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
        assert_int_equal(image_decode(&image, file.bytes, file.length, &grey, &error), CONVOY_E_INPUT);
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

#define SAMPLES 12

/* One file of each kind, of random pixels. */
static size_t samples_make(struct picture_file *files) {
    static uint8_t noise[SIDE * SIDE * 8];
    fill_random(noise, sizeof noise, 8);
    size_t n = 0;
    files[n++] =
        png_make(&(struct png_kind){8, PNG_COLOR_TYPE_RGB, 0, NULL, false}, noise, SIDE * 3, SIDE, SIDE);
    files[n++] =
        png_make(&(struct png_kind){8, PNG_COLOR_TYPE_GRAY, 1, NULL, false}, noise, SIDE, SIDE, SIDE);
    files[n++] =
        png_make(&(struct png_kind){16, PNG_COLOR_TYPE_RGB, 0, NULL, false}, noise, SIDE * 6, SIDE, SIDE);
    files[n++] =
        png_make(&(struct png_kind){4, PNG_COLOR_TYPE_PALETTE, 0, NULL, false}, noise, 12, SIDE, SIDE);
    files[n++] = jpeg_make(noise, SIDE, 3, JCS_RGB, false);
    files[n++] = jpeg_make(noise, SIDE, 3, JCS_RGB, true);
    files[n++] = jpeg_make(noise, SIDE, 1, JCS_GRAYSCALE, false);
    struct picture_file pgm = {malloc(13 + SIDE * SIDE), 13 + SIDE * SIDE};
    memcpy(pgm.bytes, "P5 23 23 255 ", 13);
    memcpy(pgm.bytes + 13, noise, SIDE * SIDE);
    files[n++] = pgm;
    files[n++] =
        png_make(&(struct png_kind){16, PNG_COLOR_TYPE_RGBA, 1, NULL, false}, noise, SIDE * 8, SIDE, SIDE);
    files[n++] = jpeg_make(noise, SIDE, 4, JCS_CMYK, false);
    files[n++] = jpeg_make(noise, SIDE, 4, JCS_YCCK, true);
    static const char text[] = "P3 2 2 65535 1 22 333 4444 55555 6 7 8 9 10 11 12";
    files[n] = (struct picture_file){malloc(sizeof text - 2),
                                     sizeof text - 2}; /* a digit less is a whole picture too */
    memcpy(files[n++].bytes, text, sizeof text - 2);
    return n;
}

static void test_cut_pictures(void **state) {
    (void)state;
    const struct image_wish colours = wish_of(3);
    struct picture_file files[SAMPLES];
    size_t count = samples_make(files);
    for (size_t f = 0; f < count; f++) {
        for (size_t length = 0; length < files[f].length; length++) {
            uint8_t *cut =
                malloc(length ? length : 1); /* so that the address sanitizer sees every byte beyond */
            memcpy(cut, files[f].bytes, length);
            struct image image = {0};
            convoy_error error = {0};
            if (image_decode(&image, cut, length, &colours, &error) == CONVOY_OK)
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
    const struct image_wish grey = wish_of(1);
    struct picture_file files[SAMPLES];
    size_t count = samples_make(files);
    struct random random;
    random_seed(&random, 12);
    for (size_t f = 0; f < count; f++) {
        uint8_t *damaged = malloc(files[f].length);
        for (int round = 0; round < 400; round++) {
            memcpy(damaged, files[f].bytes, files[f].length);
            for (uint64_t flips = 1 + random_below(&random, 4); flips > 0; flips--)
                damaged[random_below(&random, round % 2 && files[f].length > 64 ? 64 : files[f].length)] =
                    (uint8_t)random_u64(&random);
            struct image image = {0};
            if (image_decode(&image, damaged, files[f].length, &grey, NULL) == CONVOY_OK)
                assert_true(image.height > 0 && image.width > 0 && image.channels == 1);
            image_release(&image);
        }
        free(damaged);
        free(files[f].bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_rgb_and_grey), cmocka_unit_test(test_png_alpha),
        cmocka_unit_test(test_png_16_bits),      cmocka_unit_test(test_png_palette_and_few_bits),
        cmocka_unit_test(test_orientation),      cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_of_inks),     cmocka_unit_test(test_pnm),
        cmocka_unit_test(test_wrong_pictures),   cmocka_unit_test(test_huge_pictures),
        cmocka_unit_test(test_cut_pictures),     cmocka_unit_test(test_damaged_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
