/* The expected bytes are Pillow 9.4's. pic(h, w, c) below is, in Python:
 *     np.array([[[(x*37 + y*91 + k*53 + x*y*11) % 256 for k in range(c)] for x in range(w)] for y in
 * range(h)], np.uint8) and a resized picture np.asarray(Image.fromarray(pic(h, w, c)).resize((W, H),
 * Image.BILINEAR)). */
#include "io/preprocess.h"

#include "io/resample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct image pic(int64_t height, int64_t width, int channels) {
    struct image image;
    assert_int_equal(image_create(&image, height, width, channels, NULL), CONVOY_OK);
    uint16_t *at = image.pixels;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int k = 0; k < channels; k++)
                *at++ = (uint16_t)((x * 37 + y * 91 + k * 53 + x * y * 11) % 256);
    return image;
}

static void expect_resampled(struct image in, const struct window *window, const uint8_t *expected,
                             size_t count) {
    struct image out;
    assert_int_equal(image_resample(&out, &in, window, NULL), CONVOY_OK);
    assert_int_equal(out.height * out.width * out.channels, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(out.pixels[i], expected[i]);
    image_release(&in);
    image_release(&out);
}

static void test_resampling_as_pillow(void **state) {
    (void)state;
    static const uint8_t down[] = {66,  114, 160, 124, 150, 142, 125, 131, 177, 143, 140, 116,
                                   134, 130, 115, 128, 129, 105, 113, 166, 133, 106, 132, 116,
                                   132, 133, 110, 103, 156, 141, 154, 108, 158, 137, 143, 113};
    static const uint8_t up[] = {0,   15,  37,  59,  74, 46,  63,  88,  114, 131, 106, 126, 156, 160, 163,
                                 167, 190, 224, 131, 68, 100, 126, 164, 126, 101, 17,  45,  87,  129, 157};
    static const uint8_t small[] = {130, 126, 124, 123, 125, 110};
    expect_resampled(pic(7, 5, 3), &(struct window){4, 3, 0, 0, 4, 3}, down, sizeof down);
    expect_resampled(pic(4, 3, 1), &(struct window){6, 5, 0, 0, 6, 5}, up, sizeof up);
    expect_resampled(pic(30, 20, 1), &(struct window){2, 3, 0, 0, 2, 3}, small, sizeof small);
    struct image same = pic(6, 6, 3), copy;
    assert_int_equal(image_resample(&copy, &same, &(struct window){6, 6, 0, 0, 6, 6}, NULL), CONVOY_OK);
    assert_memory_equal(copy.pixels, same.pixels, 6 * 6 * 3 * sizeof *same.pixels);
    image_release(&same);
    image_release(&copy);
}

/* The same picture 257 times as bright in 16 bits: what is resized of it is 257 times
 * as bright as what is resized of 8 bits, but for their rounding. */
static void test_resampling_of_16_bits(void **state) {
    (void)state;
    struct image deep = pic(30, 20, 3), flat = pic(30, 20, 3), made, wanted;
    for (int i = 0; i < 30 * 20 * 3; i++)
        deep.pixels[i] = (uint16_t)(deep.pixels[i] * 257);
    deep.maximum = 65535;
    const struct window window = {7, 45, 0, 0, 7, 45};
    int between = 0;
    assert_int_equal(image_resample(&made, &deep, &window, NULL), CONVOY_OK);
    assert_int_equal(image_resample(&wanted, &flat, &window, NULL), CONVOY_OK);
    assert_int_equal(made.maximum, 65535);
    for (int i = 0; i < 7 * 45 * 3; i++) {
        assert_in_range(made.pixels[i] + 258 - 257 * wanted.pixels[i], 0, 2 * 258);
        between += made.pixels[i] % 257 != 0;
    }
    assert_true(between > 7 * 45 * 2); /* the digits that 8 bits do not have */
    image_release(&deep);
    image_release(&flat);
    image_release(&made);
    image_release(&wanted);
}

/* Every window of a resized picture is that part of the whole one. */
static void test_windows(void **state) {
    (void)state;
    struct image in = pic(13, 10, 3), whole, part;
    assert_int_equal(image_resample(&whole, &in, &(struct window){9, 12, 0, 0, 9, 12}, NULL), CONVOY_OK);
    for (int64_t top = 0; top < 9; top++)
        for (int64_t left = 0; left < 12; left++)
            for (int64_t size = 1; top + size <= 9 && left + size <= 12; size++) {
                struct window window = {9, 12, top, left, size, size};
                assert_int_equal(image_resample(&part, &in, &window, NULL), CONVOY_OK);
                for (int64_t y = 0; y < size; y++)
                    assert_memory_equal(part.pixels + y * size * 3,
                                        whole.pixels + ((top + y) * 12 + left) * 3,
                                        (size_t)size * 3 * sizeof *part.pixels);
                image_release(&part);
            }
    image_release(&in);
    image_release(&whole);
}

static void test_long_strips_cost_only_their_window(void **state) {
    (void)state;
    struct image in = pic(1, IMAGE_MAX_SIDE, 1), out;
    struct window window = {256, 256ll * IMAGE_MAX_SIDE, 16, 4000000, 224,
                            224}; /* the whole would be 2 GiB */
    assert_int_equal(image_resample(&out, &in, &window, NULL), CONVOY_OK);
    image_release(&out);
    image_release(&in);
}

static struct preprocess plan_for(convoy_dtype dtype, convoy_shape shape,
                                  const convoy_image_options *options) {
    struct preprocess plan;
    convoy_error error;
    if (preprocess_plan(&plan, dtype, &shape, options, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return plan;
}

static struct preprocess plan_of(convoy_shape shape, const convoy_image_options *options) {
    return plan_for(CONVOY_F32, shape, options);
}

static convoy_tensor tensor_of(const struct preprocess *plan, struct image image) {
    convoy_tensor tensor;
    assert_int_equal(preprocess_image(&tensor, plan, &image, NULL), CONVOY_OK);
    image_release(&image);
    assert_int_equal(tensor.dtype, CONVOY_F32);
    assert_int_equal(tensor.shape.rank, 4);
    assert_int_equal(tensor.shape.dims[0], 1);
    assert_int_equal(tensor.shape.dims[1], plan->channels);
    assert_int_equal(tensor.shape.dims[2], plan->height);
    assert_int_equal(tensor.shape.dims[3], plan->width);
    return tensor;
}

static void assert_near(float got, double expected) {
    if (!(fabs(got - expected) <= 1e-6 * fmax(1, fabs(expected))))
        fail_msg("%.9g is not %.9g", (double)got, expected);
}

/* resize((8, 12)), crop((0, 2, 7, 9)): int(7*256/224) = 8, int(8*20/13) = 12, round(2.5) = 2, round(0.5) = 0.
 * The red channel. */
static void test_imagenet(void **state) {
    (void)state;
    static const uint8_t red[49] = {105, 110, 127, 92,  169, 134, 144, 112, 140, 133, 122, 159, 119,
                                    105, 149, 161, 139, 118, 124, 104, 152, 127, 135, 143, 142, 145,
                                    152, 128, 134, 111, 147, 142, 107, 137, 112, 148, 120, 148, 141,
                                    149, 130, 147, 167, 106, 148, 132, 126, 172, 123};
    struct preprocess plan = plan_of((convoy_shape){4, {-1, 3, 7, 7}}, NULL);
    convoy_tensor tensor = tensor_of(&plan, pic(20, 13, 3));
    const float *rgb = tensor.data;
    for (int i = 0; i < 49; i++)
        assert_near(rgb[i], (red[i] / 255.0 - 0.485) / 0.229);
    convoy_image_options options = {.bgr = true};
    plan = plan_of((convoy_shape){4, {-1, 3, 7, 7}}, &options);
    convoy_tensor turned = tensor_of(&plan, pic(20, 13, 3));
    const float *bgr = turned.data;
    for (int c = 0; c < 3; c++) /* each colour keeps its own mean and deviation */
        assert_memory_equal(bgr + (2 - c) * 49, rgb + c * 49, 49 * sizeof *rgb);
    convoy_tensor_release(&tensor);
    convoy_tensor_release(&turned);
}

static void test_imagenet_of_grey(void **state) {
    (void)state;
    /* resize((9, 4)), crop((2, 0, 6, 4)): round(2.5) = 2 */
    static const uint8_t wide[16] = {127, 106, 100, 167, 124, 142, 108, 147,
                                     130, 130, 125, 132, 124, 119, 144, 128};
    /* resize((7, 4)), crop((2, 0, 6, 4)): round(1.5) = 2 */
    static const uint8_t less[16] = {129, 112, 87,  158, 119, 146, 119, 120,
                                     122, 141, 117, 129, 124, 118, 136, 143};
    convoy_image_options options = {.preset = CONVOY_PRESET_IMAGENET};
    struct preprocess plan = plan_of((convoy_shape){4, {1, 1, 4, 4}}, &options);
    convoy_tensor tensor = tensor_of(&plan, pic(9, 22, 1)), other = tensor_of(&plan, pic(9, 16, 1));
    for (int i = 0; i < 16; i++) {
        assert_near(((float *)tensor.data)[i], (wide[i] / 255.0 - 1.347 / 3) / (0.678 / 3));
        assert_near(((float *)other.data)[i], (less[i] / 255.0 - 1.347 / 3) / (0.678 / 3));
    }
    convoy_tensor_release(&tensor);
    convoy_tensor_release(&other);
}

static void test_unit_and_raw(void **state) {
    (void)state;
    static const uint8_t up[30] = {0,   15,  37,  59,  74, 46,  63,  88,  114, 131, 106, 126, 156, 160, 163,
                                   167, 190, 224, 131, 68, 100, 126, 164, 126, 101, 17,  45,  87,  129, 157};
    convoy_image_options raw = {.preset = CONVOY_PRESET_RAW};
    struct preprocess plan = plan_of((convoy_shape){4, {1, 1, 6, 5}}, NULL); /* unit, for one channel */
    struct preprocess raw_plan = plan_of((convoy_shape){4, {1, 1, 6, 5}}, &raw);
    convoy_tensor unit = tensor_of(&plan, pic(4, 3, 1)), plain = tensor_of(&raw_plan, pic(4, 3, 1));
    for (int i = 0; i < 30; i++) {
        assert_near(((float *)unit.data)[i], up[i] / 255.0);
        assert_true(((float *)plain.data)[i] == up[i]);
    }
    convoy_tensor_release(&unit);
    convoy_tensor_release(&plain);
}

/* The pixels that imagenet takes, in other numbers: Keras's x/127.5 - 1, and x[..., ::-1] less the means. */
static void test_tf_and_caffe(void **state) {
    (void)state;
    static const double caffe_mean[3] = {103.939, 116.779, 123.68};
    const convoy_shape shape = {4, {-1, 3, 7, 7}};
    const convoy_image_options raw = {.preset = CONVOY_PRESET_IMAGENET,
                                      .has_scale = true,
                                      .scale = 1,
                                      .has_mean = true,
                                      .has_deviation = true,
                                      .deviation = {1, 1, 1}};
    const convoy_image_options tf = {.preset = CONVOY_PRESET_TF}, caffe = {.preset = CONVOY_PRESET_CAFFE},
                               turned = {.preset = CONVOY_PRESET_CAFFE, .bgr = true};
    struct preprocess plans[] = {plan_of(shape, &raw), plan_of(shape, &tf), plan_of(shape, &caffe),
                                 plan_of(shape, &turned)};
    convoy_tensor tensors[4];
    const float *numbers[4];
    for (int i = 0; i < 4; i++) {
        tensors[i] = tensor_of(&plans[i], pic(20, 13, 3));
        numbers[i] = tensors[i].data;
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 49; i++) {
            assert_near(numbers[1][c * 49 + i], (double)numbers[0][c * 49 + i] / 127.5 - 1);
            assert_float_equal(numbers[2][c * 49 + i], (double)numbers[0][(2 - c) * 49 + i] - caffe_mean[c],
                               255 * 1e-6); /* the difference may be small */
            assert_near(numbers[3][c * 49 + i], (double)numbers[2][c * 49 + i]);
        }
    for (int i = 0; i < 4; i++)
        convoy_tensor_release(&tensors[i]);
    struct preprocess grey = plan_of((convoy_shape){4, {1, 1, 7, 7}}, &caffe);
    assert_near(grey.mean[0], (103.939 + 116.779 + 123.68) / 3);
}

/* A sample v of 16 bits is the number v * 255 / 65535, in float32. */
static void test_16_bits(void **state) {
    (void)state;
    static const uint16_t samples[4] = {0, 1, 40000, 65535};
    const convoy_image_options raw = {.preset = CONVOY_PRESET_RAW};
    struct preprocess plan = plan_of((convoy_shape){4, {1, 1, 2, 2}}, &raw);
    struct image image = pic(2, 2, 1);
    memcpy(image.pixels, samples, sizeof samples);
    image.maximum = 65535;
    convoy_tensor tensor = tensor_of(&plan, image);
    for (int i = 0; i < 4; i++)
        assert_true(((float *)tensor.data)[i] == (float)(samples[i] * 255.0 / 65535.0));
    assert_true(((float *)tensor.data)[3] == 255);
    convoy_tensor_release(&tensor);
}

static void test_own_numbers(void **state) {
    (void)state;
    convoy_image_options options = {.preset = CONVOY_PRESET_RAW,
                                    .bgr = true,
                                    .has_scale = true,
                                    .scale = 2,
                                    .has_mean = true,
                                    .mean = {104, 117, 123},
                                    .has_deviation = true,
                                    .deviation = {2, 4, -8}};
    struct preprocess plan = plan_of((convoy_shape){4, {1, 3, 2, 2}}, &options);
    struct image image = pic(2, 2, 3);
    convoy_tensor tensor = tensor_of(&plan, pic(2, 2, 3));
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 4; i++)
            assert_near(((float *)tensor.data)[c * 4 + i],
                        (image.pixels[i * 3 + 2 - c] * 2.0 - (double)options.mean[c]) /
                            (double)options.deviation[c]);
    image_release(&image);
    convoy_tensor_release(&tensor);
}

static void test_open_axes(void **state) {
    (void)state;
    convoy_image_options options = {.size = 96};
    struct preprocess plan = plan_of((convoy_shape){4, {-1, -1, -1, -1}}, NULL);
    assert_int_equal(plan.channels, 3);
    assert_int_equal(plan.height, 224);
    assert_int_equal(plan.width, 224);
    assert_int_equal(plan.short_side, 256);
    plan = plan_of((convoy_shape){4, {-1, 1, -1, -1}}, &options);
    assert_int_equal(plan.height, 96);
    assert_int_equal(plan.width, 96);
    plan = plan_of((convoy_shape){4, {-1, 3, -1, 96}}, &options);
    assert_int_equal(plan.height, 96);
    plan = plan_of((convoy_shape){4, {-1, 3, 100, 300}}, NULL);
    assert_int_equal(plan.short_side, 256 * 300 / 224); /* so that the window is always inside */
}

/* A window is inside of the resized picture, whatever the two shapes. */
static void test_windows_of_odd_pictures(void **state) {
    (void)state;
    static const int64_t sides[] = {1, 2, 3, 17, 300};
    for (int h = 0; h < 5; h++)
        for (int w = 0; w < 5; w++)
            for (int mh = 0; mh < 4; mh++)
                for (int mw = 0; mw < 4; mw++) {
                    struct preprocess plan = plan_of((convoy_shape){4, {1, 3, sides[mh], sides[mw]}}, NULL);
                    convoy_tensor tensor = tensor_of(&plan, pic(sides[h], sides[w], 3));
                    convoy_tensor_release(&tensor);
                }
}

/* --- Other layouts and types ---------------------------------------------------------------------------- */

static void test_layouts_are_found(void **state) {
    (void)state;
    static const struct {
        convoy_shape shape;
        convoy_layout layout;
    } cases[] = {
        {{4, {1, 3, 8, 8}}, CONVOY_LAYOUT_NCHW},     {{4, {1, 8, 8, 3}}, CONVOY_LAYOUT_NHWC},
        {{4, {-1, 1, -1, -1}}, CONVOY_LAYOUT_NCHW},  {{4, {-1, -1, -1, 3}}, CONVOY_LAYOUT_NHWC},
        {{4, {-1, -1, -1, -1}}, CONVOY_LAYOUT_NCHW}, {{4, {1, 3, 8, 3}}, CONVOY_LAYOUT_NCHW},
        {{4, {1, -1, 8, 1}}, CONVOY_LAYOUT_NHWC},    {{4, {1, 8, 8, -1}}, CONVOY_LAYOUT_AUTO},
        {{4, {1, 4, 8, 4}}, CONVOY_LAYOUT_AUTO},     {{3, {8, 8, 3}}, CONVOY_LAYOUT_AUTO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(convoy_layout_find(&cases[i].shape), cases[i].layout);
}

/* Channels last hold what channels first hold, grey and in colours, with every order of these. */
static void test_channels_last(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int channels = i % 2 ? 3 : 1;
        const convoy_image_options options = {.bgr = i >= 2};
        struct preprocess first = plan_of((convoy_shape){4, {1, channels, 5, 6}}, &options);
        struct preprocess last = plan_of((convoy_shape){4, {-1, 5, 6, channels}}, &options);
        convoy_tensor a = tensor_of(&first, pic(9, 7, channels)), b;
        struct image image = pic(9, 7, channels);
        assert_int_equal(preprocess_image(&b, &last, &image, NULL), CONVOY_OK);
        image_release(&image);
        assert_int_equal(b.shape.dims[1], 5);
        assert_int_equal(b.shape.dims[2], 6);
        assert_int_equal(b.shape.dims[3], channels);
        for (int c = 0; c < channels; c++)
            for (int p = 0; p < 30; p++)
                assert_float_equal(((float *)b.data)[p * channels + c], ((float *)a.data)[c * 30 + p], 0);
        convoy_tensor_release(&a);
        convoy_tensor_release(&b);
    }
}

/* A shape that fits both layouts, and what a layout asks of a shape. */
static void test_layouts_are_forced(void **state) {
    (void)state;
    convoy_image_options options = {.layout = CONVOY_LAYOUT_NHWC};
    struct preprocess plan = plan_of((convoy_shape){4, {1, 3, 224, 3}}, &options);
    assert_int_equal(plan.layout, CONVOY_LAYOUT_NHWC);
    assert_int_equal(plan.height, 3);
    assert_int_equal(plan.width, 224);
    plan = plan_of((convoy_shape){4, {-1, -1, -1, -1}}, &options);
    assert_int_equal(plan.channels, 3);
    options.layout = CONVOY_LAYOUT_NCHW;
    plan = plan_of((convoy_shape){4, {1, -1, 8, 3}}, &options);
    assert_int_equal(plan.layout, CONVOY_LAYOUT_NCHW);
    assert_int_equal(plan.width, 3);
}

/* uint8 has the pixels as they are; after other numbers it is rounded and cut to 0..255. */
static void test_uint8(void **state) {
    (void)state;
    struct image image = pic(4, 5, 3);
    convoy_tensor tensor;
    struct preprocess plan = plan_for(CONVOY_U8, (convoy_shape){4, {1, 4, 5, 3}}, NULL);
    assert_int_equal(preprocess_image(&tensor, &plan, &image, NULL), CONVOY_OK);
    assert_int_equal(tensor.dtype, CONVOY_U8);
    for (int i = 0; i < 60; i++)
        assert_int_equal(((uint8_t *)tensor.data)[i], image.pixels[i]);
    convoy_tensor_release(&tensor);

    const convoy_image_options options = {
        .has_scale = true, .scale = 1.5f, .has_mean = true, .mean = {20, 20, 20}};
    plan = plan_for(CONVOY_U8, (convoy_shape){4, {1, 4, 5, 3}}, &options);
    assert_int_equal(preprocess_image(&tensor, &plan, &image, NULL), CONVOY_OK);
    for (int i = 0; i < 60; i++) {
        double value = rint(image.pixels[i] * 1.5 - 20);
        assert_int_equal(((uint8_t *)tensor.data)[i], value < 0 ? 0 : value > 255 ? 255 : value);
    }
    convoy_tensor_release(&tensor);
    image_release(&image);
}

static void test_other_floats(void **state) {
    (void)state;
    static const convoy_dtype dtypes[] = {CONVOY_F64, CONVOY_F16, CONVOY_BF16};
    for (int i = 0; i < 3; i++) {
        struct preprocess single = plan_of((convoy_shape){4, {1, 3, 4, 5}}, NULL);
        struct preprocess plan = plan_for(dtypes[i], (convoy_shape){4, {1, 3, 4, 5}}, NULL);
        convoy_tensor expected = tensor_of(&single, pic(4, 5, 3)), tensor;
        struct image image = pic(4, 5, 3);
        assert_int_equal(preprocess_image(&tensor, &plan, &image, NULL), CONVOY_OK);
        image_release(&image);
        assert_int_equal(tensor.dtype, dtypes[i]);
        for (size_t k = 0; k < 60; k++) /* bfloat16 has 8 digits */
            assert_float_equal(convoy_tensor_element(&tensor, k), ((float *)expected.data)[k], 3.0 / 256);
        convoy_tensor_release(&tensor);
        convoy_tensor_release(&expected);
    }
}

static void expect_refusal(convoy_dtype dtype, convoy_shape shape, convoy_image_options options,
                           convoy_status status, const char *words) {
    struct preprocess plan;
    convoy_error error = {0};
    if (preprocess_plan(&plan, dtype, &shape, &options, &error) != status || !strstr(error.message, words))
        fail_msg("%s", error.message);
}

static void test_wrong_types_and_layouts(void **state) {
    (void)state;
    const convoy_shape shape = {4, {1, 3, 8, 8}};
    expect_refusal(CONVOY_I8, shape, (convoy_image_options){0}, CONVOY_E_UNSUPPORTED,
                   "floating-point numbers or uint8, but the model takes int8");
    expect_refusal(CONVOY_U8, shape, (convoy_image_options){.preset = CONVOY_PRESET_IMAGENET}, CONVOY_E_USAGE,
                   "raw is accepted");
    expect_refusal(CONVOY_U8, shape, (convoy_image_options){.preset = CONVOY_PRESET_UNIT}, CONVOY_E_USAGE,
                   "raw is accepted");
    expect_refusal(CONVOY_U8, shape, (convoy_image_options){.preset = CONVOY_PRESET_CAFFE}, CONVOY_E_USAGE,
                   "raw is accepted");
    expect_refusal(CONVOY_F32, shape, (convoy_image_options){.layout = CONVOY_LAYOUT_NHWC}, CONVOY_E_INPUT,
                   "pictures go into [N,H,W,C] with 1 or 3 channels");
    expect_refusal(CONVOY_F32, shape, (convoy_image_options){.layout = (convoy_layout)7}, CONVOY_E_USAGE,
                   "7 is no layout");
}

static void test_wrong_plans(void **state) {
    (void)state;
    static const struct {
        convoy_status status;
        convoy_shape shape;
        convoy_image_options options;
        const char *says;
    } cases[] = {
        {CONVOY_E_INPUT, {2, {1, 10}}, {.size = 0}, "1x10"},
        {CONVOY_E_INPUT, {3, {3, 8, 8}}, {.size = 0}, "[N,C,H,W] or [N,H,W,C]"},
        {CONVOY_E_INPUT, {0}, {.size = 0}, "scalar"},
        {CONVOY_E_INPUT, {4, {1, 4, 8, 8}}, {.size = 0}, "1 or 3 channels"},
        {CONVOY_E_INPUT, {4, {1, 3, 0, 8}}, {.size = 0}, "1x3x0x8"},
        {CONVOY_E_INPUT, {4, {1, 3, 8, 40000}}, {.size = 0}, "32768"},
        {CONVOY_E_USAGE, {4, {1, 3, 8, 8}}, {.size = -1}, "-1 pixels"},
        {CONVOY_E_USAGE, {4, {1, 3, -1, -1}}, {.size = 32769}, "32769 pixels"},
        {CONVOY_E_USAGE, {4, {1, 3, 8, 8}}, {.size = 9}, "1x3x8x8"},
        {CONVOY_E_USAGE, {4, {1, 3, -1, 8}}, {.size = 9}, "1x3x?x8"},
        {CONVOY_E_USAGE, {4, {1, 3, 8, 8}}, {.preset = (convoy_preset)9}, "no preset"},
        {CONVOY_E_USAGE, {4, {1, 3, 8, 8}}, {.has_deviation = true, .deviation = {1, 1, 0}}, "channel 2"},
        {CONVOY_E_USAGE, {4, {1, 3, 8, 8}}, {.has_mean = true, .mean = {0, NAN, 0}}, "channel 1"},
        {CONVOY_E_USAGE, {4, {1, 1, 8, 8}}, {.has_scale = true, .scale = INFINITY}, "scale inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct preprocess plan;
        convoy_error error = {0};
        if (preprocess_plan(&plan, CONVOY_F32, &cases[i].shape, &cases[i].options, &error) !=
                cases[i].status ||
            !strstr(error.message, cases[i].says))
            fail_msg("case %zu: %s", i, error.message);
    }
    convoy_image_options grey = {.has_deviation = true, .deviation = {1, 0, 0}};
    plan_of((convoy_shape){4, {1, 1, 8, 8}}, &grey); /* the other channels are nobody's */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resampling_as_pillow),
        cmocka_unit_test(test_resampling_of_16_bits),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_long_strips_cost_only_their_window),
        cmocka_unit_test(test_imagenet),
        cmocka_unit_test(test_imagenet_of_grey),
        cmocka_unit_test(test_unit_and_raw),
        cmocka_unit_test(test_tf_and_caffe),
        cmocka_unit_test(test_16_bits),
        cmocka_unit_test(test_own_numbers),
        cmocka_unit_test(test_open_axes),
        cmocka_unit_test(test_windows_of_odd_pictures),
        cmocka_unit_test(test_layouts_are_found),
        cmocka_unit_test(test_channels_last),
        cmocka_unit_test(test_layouts_are_forced),
        cmocka_unit_test(test_uint8),
        cmocka_unit_test(test_other_floats),
        cmocka_unit_test(test_wrong_types_and_layouts),
        cmocka_unit_test(test_wrong_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
