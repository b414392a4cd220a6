/* The error of a coded layer is that of the arithmetic times ν, with every family. */
#include "study/coded_error.h"

#include "study/equal_work.h"
#include "study/network_shapes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 3 };

static const convoy_dtype frames[] = {CONVOY_F64, CONVOY_F32, CONVOY_F16, CONVOY_BF16};

/* Rounding of a value of the frames. */
static double rounding(convoy_dtype dtype) {
    return dtype == CONVOY_F64   ? 0x1p-53
           : dtype == CONVOY_F32 ? 0x1p-24
           : dtype == CONVOY_F16 ? 0x1p-11
                                 : 0x1p-8;
}

/* Channels enough for 4 x 4 parts of every family, twice as many for rotation's. */
static struct conv_geometry small_layer(void) {
    struct conv_geometry g = {.layout = CONV_CHANNELS_FIRST,
                              .spatial = 2,
                              .batch = 1,
                              .groups = 1,
                              .in_channels = 8,
                              .out_channels = 24,
                              .in = {24, 11},
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .pad_begin = {1, 1},
                              .pad_end = {1, 1}};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    return g;
}

static struct code code_of(const struct code_family *family, uint32_t n, uint32_t threshold) {
    struct code code;
    uint32_t a, b;
    const struct placement placement = placement_plain(n);
    assert_true(equal_work_parts(family, NULL, n, threshold, &a, &b));
    assert_int_equal(code_create(&code, family, a, b, &placement, 1, NULL), CONVOY_OK);
    assert_int_equal(code.threshold, threshold);
    return code;
}

struct scene {
    struct study_operands operands;
    struct backend *backend;
};

static void open_scene(struct scene *scene, bool unlike) {
    const struct conv_geometry g = small_layer();
    print_message("seed %d\n", SEED);
    assert_int_equal(study_operands_create(&scene->operands, &g, unlike, SEED, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&scene->backend, "onednn", 1, NULL), CONVOY_OK);
}

static void close_scene(struct scene *scene) {
    study_operands_destroy(&scene->operands);
    scene->backend->ops->destroy(&scene->backend);
}

static struct coded_sample coded(const struct scene *scene, const struct code *code, convoy_dtype dtype,
                                 bool scaled) {
    const struct coded_setup setup = {.code = code,
                                      .operands = &scene->operands,
                                      .frames = dtype,
                                      .scaled = scaled,
                                      .backend = dtype == CONVOY_F64 ? NULL : scene->backend};
    struct coded_sample layer;
    assert_int_equal(coded_sample_create(&layer, &setup, NULL), CONVOY_OK);
    return layer;
}

static struct decoded_error decode_for(const struct coded_sample *layer, const uint32_t *workers,
                                       const struct answer_noise *noise) {
    struct decoded_error found;
    assert_int_equal(coded_sample_decode(layer, workers, noise, &found, NULL), CONVOY_OK);
    return found;
}

/* Outputs have unit variance, and what is said to be the same is. */
static void test_operands(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, false);
    const struct study_operands *o = &scene.operands;
    double square = 0;
    for (size_t i = 0; i < o->outputs; i++)
        square += o->y[i] * o->y[i] / (double)o->outputs;
    assert_true(square > 0.7 && square < 1.3);
    for (size_t i = 0; i < o->filters; i++)
        assert_true(o->k[i] == (double)o->narrow_k[i]);
    close_scene(&scene);
}

/* No worker lost: rounding. A code whose parts come plain errs by nothing in float64. */
static void test_rounding(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, false);
    uint32_t workers[16], families = 0;
    for (uint32_t i = 0; i < 16; i++)
        workers[i] = i;
    const struct code_family *family;
    for (size_t f = 0; (family = code_family_at(f)); f++) {
        if (!equal_work_any_threshold(family))
            continue;
        struct code code = code_of(family, 8, 8);
        for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
            struct coded_sample layer = coded(&scene, &code, frames[i], true);
            const struct decoded_error found = decode_for(&layer, workers, NULL);
            print_message("%s %s: kappa %.3g, nu %.3g, error %.3g\n", family->name,
                          convoy_dtype_text(frames[i]), found.condition, found.noise_gain, found.relative);
            assert_true(found.decoded);
            assert_true(found.relative <= 20 * rounding(frames[i]) * found.noise_gain);
            assert_true(found.relative > 0.001 * rounding(frames[i]) || frames[i] == CONVOY_F64);
            assert_true(fabs(found.mean_squared - found.relative * found.relative) <=
                        0.1 * found.mean_squared);
            assert_true(found.channel >= found.relative);
            coded_sample_destroy(&layer);
        }
        code_destroy(&code);
        families++;
    }
    assert_true(families >= 5);
    close_scene(&scene);
}

/* Neighbours lost of a plain rotation code: the more, the larger κ and the error. */
static void test_grows_with_condition(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, false);
    const struct code_family *rotation = code_family_at(0);
    double condition = 0, relative = 0;
    uint32_t workers[8];
    for (uint32_t i = 0; i < 8; i++)
        workers[i] = i;
    for (uint32_t n = 8; n <= 20; n += 4) {
        struct code code = code_of(rotation, n, 8);
        struct coded_sample layer = coded(&scene, &code, CONVOY_F32, true);
        const struct decoded_error found = decode_for(&layer, workers, NULL);
        assert_true(found.condition > 5 * condition && found.relative > 3 * relative);
        condition = found.condition;
        relative = found.relative;
        coded_sample_destroy(&layer);
        code_destroy(&code);
    }
    close_scene(&scene);
}

/* Noise 80 dB below the answers is 1e-4 of them, and ν times that in the output. */
static void test_noise(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, false);
    const uint32_t workers[] = {0, 2, 3, 4, 6, 7, 8, 9};
    const struct code_family *family;
    for (size_t f = 0; (family = code_family_at(f)); f++) {
        if (!equal_work_any_threshold(family))
            continue;
        struct code code = code_of(family, 10, 8);
        struct coded_sample layer = coded(&scene, &code, CONVOY_F64, true);
        const struct decoded_error quiet = decode_for(&layer, workers, NULL);
        const struct decoded_error noisy =
            decode_for(&layer, workers, &(struct answer_noise){.any = true, .decibels = 80, .seed = SEED});
        const double ratio = noisy.relative / (1e-4 * noisy.noise_gain);
        print_message("%s: nu %.3g, error/(1e-4 nu) %.3g\n", family->name, noisy.noise_gain, ratio);
        assert_true(quiet.relative < 1e-9);
        assert_true(ratio > 0.5 && ratio < 2);
        coded_sample_destroy(&layer);
        code_destroy(&code);
    }
    close_scene(&scene);
}

/* Channels of unlike size: without factors the smallest loses its digits, with them none does. */
static void test_unlike_channels(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, true);
    struct code code = code_of(code_family_at(0), 10, 8);
    const uint32_t workers[] = {0, 2, 3, 4, 6, 7, 8, 9};
    struct coded_sample with = coded(&scene, &code, CONVOY_F32, true),
                        without = coded(&scene, &code, CONVOY_F32, false);
    const struct decoded_error scaled = decode_for(&with, workers, NULL),
                               plain = decode_for(&without, workers, NULL);
    assert_true(scaled.channel < 1e-5 && plain.channel > 100 * scaled.channel);
    assert_true(plain.relative < 1e-5);
    coded_sample_destroy(&with);
    coded_sample_destroy(&without);
    code_destroy(&code);
    close_scene(&scene);
}

/* A system that is singular in double is told so, and is no failure. */
static void test_singular(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene, false);
    const struct code_family *family;
    assert_int_equal(code_family_find("vandermonde", &family, NULL), CONVOY_OK);
    struct code code;
    const struct placement placement = placement_plain(200);
    assert_int_equal(code_create(&code, family, 8, 6, &placement, 1, NULL), CONVOY_OK);
    struct coded_sample layer = coded(&scene, &code, CONVOY_F64, true);
    uint32_t workers[48];
    for (uint32_t i = 0; i < 48; i++)
        workers[i] = i;
    assert_false(decode_for(&layer, workers, NULL).decoded);
    coded_sample_destroy(&layer);
    code_destroy(&code);
    close_scene(&scene);
}

/* The parts that the studies' tables tell; a layer that cannot be cut so gets others. */
static void test_parts(void **state) {
    (void)state;
    static const struct {
        const char *family;
        uint32_t threshold, a, b, layer_a, layer_b; /* of the layer below; 0: none */
    } cases[] = {{"rotation", 4, 4, 4, 4, 4},      {"rotation", 16, 8, 8, 16, 4},
                 {"rotation", 28, 8, 14, 28, 4},   {"rotation", 32, 8, 16, 0, 0},
                 {"systematic", 16, 1, 16, 16, 1}, {"vandermonde", 28, 4, 7, 7, 4},
                 {"chebyshev", 32, 4, 8, 8, 4}};
    struct study_layer *layers = NULL; /* LeNet-5's first one has 28 rows and 6 channels */
    size_t count;
    assert_int_equal(study_layers_create(&layers, &count, "lenet5", NULL), CONVOY_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct code_family *family;
        uint32_t a = 0, b = 0;
        assert_int_equal(code_family_find(cases[i].family, &family, NULL), CONVOY_OK);
        assert_true(equal_work_parts(family, NULL, 60, cases[i].threshold, &a, &b));
        assert_int_equal(a, cases[i].a);
        assert_int_equal(b, cases[i].b);
        a = b = 0;
        assert_int_equal(equal_work_parts(family, &layers[0].geometry, 60, cases[i].threshold, &a, &b),
                         cases[i].layer_a > 0);
        assert_int_equal(a, cases[i].layer_a);
        assert_int_equal(b, cases[i].layer_b);
    }
    free(layers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_grows_with_condition),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_unlike_channels),
        cmocka_unit_test(test_singular),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
