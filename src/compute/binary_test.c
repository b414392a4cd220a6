/* Functions of two numbers, reductions, selection and normalisation against numbers counted by hand. */
#include "layer_sample.h"

#include <cmocka.h>

#define VECTOR(length) shape_of(1, length, 0, 0, 0)

static void expect_one(struct sample *s, double expected, const char *what) {
    for (int b = 0; b < BACKENDS; b++) {
        convoy_tensor out;
        convoy_error error = {0};
        if (sample_run(s, backends[b].name, backends[b].threads, &out, &error) != CONVOY_OK)
            fail_msg("%s: %s", what, error.message);
        double got = tensor_get(&out, 0);
        if (!(fabs(got - expected) <= 1e-6 * fabs(expected)))
            fail_msg("%s, %s: %g instead of %g", what, backends[b].name, got, expected);
        convoy_tensor_release(&out);
    }
    sample_end(s);
}

static void functions_of_two(void **state) {
    (void)state;
    static const struct {
        enum binary_op op;
        convoy_dtype dtype;
        double a, b, expected;
    } cases[] = {
        {BINARY_MOD, CONVOY_I32, -7, 3, 2},
        {BINARY_MOD, CONVOY_I32, 7, -3, -2},
        {BINARY_REMAINDER, CONVOY_I32, -7, 3, -1},
        {BINARY_REMAINDER, CONVOY_F32, -7.5, 2, -1.5},
        {BINARY_MOD, CONVOY_F32, -7.5, 2, 0.5},
        {BINARY_PRELU, CONVOY_F32, -4, 0.25, -1},
        {BINARY_PRELU, CONVOY_F32, 4, 0.25, 4},
        {BINARY_AND, CONVOY_BOOL, 1, 0, 0},
        {BINARY_OR, CONVOY_BOOL, 1, 0, 1},
        {BINARY_XOR, CONVOY_U8, 12, 10, 6},
        {BINARY_SHIFT_LEFT, CONVOY_U8, 129, 1, 2},
        {BINARY_SHIFT_LEFT, CONVOY_U64, 1, 64, 0},
        {BINARY_SHIFT_RIGHT, CONVOY_U16, 40000, 3, 5000},
        {BINARY_ADD, CONVOY_U8, 250, 10, 4},
        {BINARY_MUL, CONVOY_I8, 100, 2, -56},
        {BINARY_DIV, CONVOY_I8, -7, 2, -3},
        {BINARY_POW, CONVOY_I16, -3, 3, -27},
        {BINARY_POW, CONVOY_I32, 2, -1, 0},
        {BINARY_MAX, CONVOY_U64, 0x1p63, 3, 0x1p63},
        {BINARY_MIN, CONVOY_U64, 0x1p63, 3, 3},
        {BINARY_DIV, CONVOY_U64, 0x1p63, 2, 0x1p62},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample s;
        sample_begin(&s, LAYER_BINARY, cases[i].dtype, VECTOR(1));
        s.desc.binary = cases[i].op;
        sample_input(&s, tensor_values(cases[i].dtype, VECTOR(1), &cases[i].a));
        sample_input(&s, tensor_values(cases[i].dtype, VECTOR(1), &cases[i].b));
        char what[32];
        snprintf(what, sizeof what, "case %zu", i);
        expect_one(&s, cases[i].expected, what);
    }
}

static void comparisons(void **state) {
    (void)state;
    static const struct {
        convoy_dtype dtype;
        double a, b;
        int expected[5]; /* EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL */
    } cases[] = {
        {CONVOY_F32, 1, 2, {0, 1, 1, 0, 0}},      {CONVOY_F32, 2, 2, {1, 0, 1, 0, 1}},
        {CONVOY_F32, NAN, 2, {0, 0, 0, 0, 0}},    {CONVOY_F64, -INFINITY, 0, {0, 1, 1, 0, 0}},
        {CONVOY_I64, -1, 1, {0, 1, 1, 0, 0}},     {CONVOY_U64, 0x1p63, 1, {0, 0, 0, 1, 1}},
        {CONVOY_I8, -128, -128, {1, 0, 1, 0, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int op = 0; op < 5; op++) {
            struct sample s;
            sample_begin(&s, LAYER_BINARY, CONVOY_BOOL, VECTOR(1));
            s.desc.binary = (enum binary_op)(BINARY_EQUAL + op);
            sample_input(&s, tensor_values(cases[i].dtype, VECTOR(1), &cases[i].a));
            sample_input(&s, tensor_values(cases[i].dtype, VECTOR(1), &cases[i].b));
            expect_one(&s, cases[i].expected[op], "a comparison");
        }
}

static void reductions(void **state) {
    (void)state;
    static const struct {
        enum reduce_op op;
        convoy_dtype dtype;
        double a, b, expected;
    } cases[] = {
        {REDUCE_MEAN, CONVOY_F32, 3, -4, -0.5},
        {REDUCE_PROD, CONVOY_F32, 3, -4, -12},
        {REDUCE_L1, CONVOY_F32, 3, -4, 7},
        {REDUCE_L2, CONVOY_F32, 3, -4, 5},
        {REDUCE_SUM_SQUARE, CONVOY_F32, 3, -4, 25},
        {REDUCE_LOG_SUM, CONVOY_F32, 3, 4, 1.9459101},
        {REDUCE_LOG_SUM_EXP, CONVOY_F32, 1000, 1000, 1000.6931},
        {REDUCE_L1, CONVOY_I32, 3, -4, 7},
        {REDUCE_MAX, CONVOY_U64, 0x1p63, 1, 0x1p63},
        {REDUCE_MIN, CONVOY_I8, 3, -128, -128},
        {REDUCE_MAX, CONVOY_BOOL, 0, 1, 1},
        {REDUCE_PROD, CONVOY_I64, -3, 5, -15},
        {REDUCE_LOG_SUM_EXP, CONVOY_F32, -INFINITY, -INFINITY, -INFINITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample s;
        sample_begin(&s, LAYER_REDUCE, cases[i].dtype, VECTOR(1));
        s.desc.reduce.op = cases[i].op;
        s.desc.reduce.axes = 1;
        sample_input(&s, tensor_values(cases[i].dtype, VECTOR(2), (const double[]){cases[i].a, cases[i].b}));
        if (isinf(cases[i].expected)) { /* no difference of infinities is small */
            convoy_tensor out;
            assert_int_equal(sample_run(&s, "reference", 1, &out, NULL), CONVOY_OK);
            assert_true(tensor_get(&out, 0) == cases[i].expected);
            convoy_tensor_release(&out);
            sample_end(&s);
            continue;
        }
        char what[32];
        snprintf(what, sizeof what, "reduction %zu", i);
        expect_one(&s, cases[i].expected, what);
    }
}

static void selection_and_normalisation(void **state) {
    (void)state;
    for (int holds = 0; holds < 2; holds++) {
        struct sample s;
        sample_begin(&s, LAYER_WHERE, CONVOY_I64, VECTOR(1));
        sample_input(&s, tensor_values(CONVOY_BOOL, shape_of(0, 0, 0, 0, 0), (const double[]){holds}));
        sample_input(&s, tensor_values(CONVOY_I64, VECTOR(1), (const double[]){0x1p60}));
        sample_input(&s, tensor_values(CONVOY_I64, VECTOR(1), (const double[]){-5}));
        expect_one(&s, holds ? 0x1p60 : -5, "where");
    }
    for (int centered = 0; centered < 2; centered++) {
        struct sample s;
        sample_begin(&s, LAYER_NORMALIZE, CONVOY_F32,
                     VECTOR(4)); /* 1, 3, 5, 7: variance 5, mean of squares 21 */
        s.desc.normalize.outer = 1, s.desc.normalize.inner = 4, s.desc.normalize.epsilon = 4;
        s.desc.normalize.centered = centered;
        sample_input(&s, tensor_values(CONVOY_F32, VECTOR(4), (const double[]){1, 3, 5, 7}));
        expect_one(&s, centered ? -1 : 0.2, "normalisation");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_two),
        cmocka_unit_test(comparisons),
        cmocka_unit_test(reductions),
        cmocka_unit_test(selection_and_normalisation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
