#include "base/activation.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_activations(void **state) {
    (void)state;
    static const struct {
        struct activation activation;
        float value, expected;
    } cases[] = {
        {{ACTIVATION_NONE, 9, 9}, -3, -3},
        {{ACTIVATION_RELU, 0, 0}, -3, 0},
        {{ACTIVATION_RELU, 0, 0}, 3, 3},
        {{ACTIVATION_CLIP, 0, 6}, -1, 0},
        {{ACTIVATION_CLIP, 0, 6}, 5, 5},
        {{ACTIVATION_CLIP, 0, 6}, 7, 6},
        {{ACTIVATION_CLIP, 2, 1}, 0, 1}, /* low > high: high, as ONNX has it */
        {{ACTIVATION_CLIP, 2, 1}, 3, 1},
        {{ACTIVATION_LEAKY_RELU, 0.5f, 0}, -4, -2},
        {{ACTIVATION_LEAKY_RELU, 0.5f, 0}, 4, 4},
        {{ACTIVATION_SIGMOID, 0, 0}, 0, 0.5f},
        {{ACTIVATION_SIGMOID, 0, 0}, -200, 0},
        {{ACTIVATION_SIGMOID, 0, 0}, 200, 1},
        {{ACTIVATION_TANH, 0, 0}, 1, 0.76159416f},
        {{ACTIVATION_ELU, 2, 0}, -1, -1.2642411f},
        {{ACTIVATION_ELU, 2, 0}, 3, 3},
        {{ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f}, 1, 0.7f},
        {{ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f}, -9, 0},
        {{ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f}, 9, 1},
        {{ACTIVATION_EXP, 0, 0}, 1, 2.7182818f},
        {{ACTIVATION_LOG, 0, 0}, 2, 0.69314718f},
        {{ACTIVATION_SQRT, 0, 0}, 9, 3},
        {{ACTIVATION_ABS, 0, 0}, -3, 3},
        {{ACTIVATION_NEG, 0, 0}, -3, 3},
        {{ACTIVATION_SOFTPLUS, 0, 0}, 0, 0.69314718f},
        {{ACTIVATION_SOFTPLUS, 0, 0}, 200, 200},
        {{ACTIVATION_THRESHOLDED_RELU, 2, 0}, 2, 0},
        {{ACTIVATION_THRESHOLDED_RELU, 2, 0}, 2.5f, 2.5f},
        {{ACTIVATION_SELU, 1.5f, 2}, 3, 6},
        {{ACTIVATION_SELU, 1.5f, 2}, -1, -1.8963617f},
        {{ACTIVATION_CELU, 2, 0}, -2, -1.2642411f},
        {{ACTIVATION_HARD_SWISH, 0, 0}, 1, 0.6666667f},
        {{ACTIVATION_HARD_SWISH, 0, 0}, -3, 0},
        {{ACTIVATION_SWISH, 1, 0}, 1, 0.7310586f},
        {{ACTIVATION_MISH, 0, 0}, 1, 0.8650984f},
        {{ACTIVATION_GELU, 0, 0}, 1, 0.8413447f},
        {{ACTIVATION_GELU_TANH, 0, 0}, 1, 0.8411920f},
        {{ACTIVATION_SOFTSIGN, 0, 0}, -3, -0.75f},
        {{ACTIVATION_SHRINK, 1.5f, 0.5f}, -2, -1.5f},
        {{ACTIVATION_SHRINK, 1.5f, 0.5f}, 1.5f, 0},
        {{ACTIVATION_SHRINK, 1.5f, 0.5f}, 2, 1.5f},
        {{ACTIVATION_RECIPROCAL, 0, 0}, -4, -0.25f},
        {{ACTIVATION_SIGN, 0, 0}, -4, -1},
        {{ACTIVATION_ROUND, 0, 0}, 2.5f, 2}, /* ties to even */
        {{ACTIVATION_ROUND, 0, 0}, -1.5f, -2},
        {{ACTIVATION_FLOOR, 0, 0}, -1.5f, -2},
        {{ACTIVATION_CEIL, 0, 0}, -1.5f, -1},
        {{ACTIVATION_ERF, 0, 0}, 0.5f, 0.5204999f},
        {{ACTIVATION_ATANH, 0, 0}, 0.5f, 0.5493061f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float got = activation_apply(&cases[i].activation, cases[i].value);
        if (!(fabsf(got - cases[i].expected) <= 2e-7f * fabsf(cases[i].expected)))
            fail_msg("case %zu: %.9g, not %.9g", i, (double)got, (double)cases[i].expected);
    }
}

/* A NaN is a defect somewhere; no activation may hide it. */
static void test_activations_keep_nan(void **state) {
    (void)state;
    for (int kind = ACTIVATION_NONE; kind < ACTIVATIONS; kind++) {
        if (!activation_admits((enum activation_kind)kind, CONVOY_F32))
            continue; /* of integers and bool alone */
        struct activation activation = {(enum activation_kind)kind, 0.25f, 0.5f};
        if (!isnan(activation_apply(&activation, NAN)))
            fail_msg("kind %d", kind);
    }
}

/* Every function of arrays, of an odd length, is that of one number, but for roundings of float32: of x / 6 +
 * 1/2, times x, in HardSwish. */
static void test_arrays(void **state) {
    (void)state;
    for (int kind = ACTIVATION_NONE; kind < ACTIVATIONS; kind++) {
        struct activation activation = {(enum activation_kind)kind, 0.25f, 0.5f};
        float x[37], y[37];
        if (!activation_admits(activation.kind, CONVOY_F32))
            continue;
        for (int i = 0; i < 37; i++)
            x[i] = i == 5 ? NAN : (float)(i - 18) / 3;
        activation_apply_all(&activation, x, y, 37);
        activation_apply_all(&activation, x, x, 36); /* in place */
        for (int i = 0; i < 37; i++) {
            float of = i == 5 ? NAN : (float)(i - 18) / 3, expected = activation_apply(&activation, of);
            if (isnan(y[i]) != isnan(expected) ||
                fabsf(y[i] - expected) > 1e-7f * (fabsf(expected) + fabsf(of)))
                fail_msg("kind %d, element %d: %.9g, not %.9g", kind, i, (double)y[i], (double)expected);
            if (i < 36 && !isnan(expected))
                assert_true(x[i] == y[i]);
        }
    }
}

/* Ties, what is an integer already, and what is not finite, as an array: bit for bit what rint gives. */
static void test_round(void **state) {
    (void)state;
    static const float x[] = {0,         -0.0f,      0.3f,        -0.3f,        0.5f,        -0.5f,
                              1.5f,      -2.5f,      8388606.5f,  8388607.5f,   -8388607.5f, 0x1p23f,
                              16777215,  -16777216,  3e9f,        FLT_MAX,      INFINITY,    -INFINITY,
                              0x1p-149f, -0x1p-149f, 4194303.25f, -4194303.75f, NAN};
    enum { COUNT = sizeof x / sizeof *x };
    const struct activation activation = {ACTIVATION_ROUND, 0, 0};
    float y[COUNT];
    activation_apply_all(&activation, x, y, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const float expected = rintf(x[i]);
        if (isnan(expected) ? !isnan(y[i]) : memcmp(&y[i], &expected, sizeof expected) != 0)
            fail_msg("%.9g becomes %.9g, not %.9g", (double)x[i], (double)y[i], (double)expected);
    }
}

static void test_integers(void **state) {
    (void)state;
    static const struct {
        enum activation_kind kind;
        convoy_dtype dtype;
        int64_t value, expected;
    } cases[] = {
        {ACTIVATION_RELU, CONVOY_I64, -3, 0},
        {ACTIVATION_RELU, CONVOY_U64, -3, -3},
        {ACTIVATION_ABS, CONVOY_I8, -128, 128},
        {ACTIVATION_ABS, CONVOY_U64, -1, -1},
        {ACTIVATION_NEG, CONVOY_I64, INT64_MIN, INT64_MIN},
        {ACTIVATION_SIGN, CONVOY_I32, -7, -1},
        {ACTIVATION_SIGN, CONVOY_U64, -7, 1},
        {ACTIVATION_NOT, CONVOY_BOOL, 1, 0},
        {ACTIVATION_BITWISE_NOT, CONVOY_U8, 1, -2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct activation activation = {.kind = cases[i].kind};
        assert_true(activation_admits(cases[i].kind, cases[i].dtype));
        assert_int_equal(activation_apply_integer(&activation, cases[i].dtype, cases[i].value),
                         cases[i].expected);
    }
    assert_false(activation_admits(ACTIVATION_EXP, CONVOY_I32));
    assert_false(activation_admits(ACTIVATION_NOT, CONVOY_F32));
    assert_false(activation_admits(ACTIVATION_NEG, CONVOY_U8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations), cmocka_unit_test(test_activations_keep_nan),
        cmocka_unit_test(test_arrays),      cmocka_unit_test(test_round),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
