/* Kinds that go along one axis, by examples computed by hand, on every backend. */
#include "layer_sample.h"

#define VALUES(...)  ((const double[]){__VA_ARGS__})
#define VECTOR(n)    shape_of(1, n, 0, 0, 0)
#define MATRIX(m, n) shape_of(2, m, n, 0, 0)

#define NOT_A_NUMBER ((double)NAN)

static const convoy_dtype numbers[] = {CONVOY_F32, CONVOY_U8,  CONVOY_I8,  CONVOY_U16,
                                       CONVOY_I16, CONVOY_I32, CONVOY_I64, CONVOY_F64,
                                       CONVOY_U32, CONVOY_U64, CONVOY_F16, CONVOY_BF16};
enum { TYPES = sizeof numbers / sizeof numbers[0] };

static void expect_arg(convoy_dtype dtype, bool least, bool last, convoy_shape shape, uint32_t axis,
                       const double *values, const double *expected) {
    struct sample s;
    convoy_shape output = shape;
    output.dims[axis] = 1;
    sample_begin(&s, LAYER_ARG, CONVOY_I64, output);
    s.desc.arg.outer = shape_product(&shape, 0, axis);
    s.desc.arg.axis = (size_t)shape.dims[axis];
    s.desc.arg.inner = shape_product(&shape, axis + 1, shape.rank);
    s.desc.arg.least = least;
    s.desc.arg.last = last;
    sample_input(&s, tensor_values(dtype, shape, values));
    sample_expect(&s, expected, NULL);
}

static void extremes(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) { /* positive halves are ordered as their bits are */
        const double *values = VALUES(1, 7, 7, 2, 3, 2);
        expect_arg(numbers[t], false, false, MATRIX(2, 3), 1, values, VALUES(1, 1));
        expect_arg(numbers[t], false, true, MATRIX(2, 3), 1, values, VALUES(2, 1));
        expect_arg(numbers[t], true, false, MATRIX(2, 3), 1, values, VALUES(0, 0));
        expect_arg(numbers[t], true, true, MATRIX(2, 3), 1, values, VALUES(0, 2));
        expect_arg(numbers[t], false, false, MATRIX(2, 3), 0, values, VALUES(1, 0, 0));
        expect_arg(numbers[t], true, false, MATRIX(2, 3), 0, values, VALUES(0, 1, 1));
    }
    expect_arg(CONVOY_I64, false, false, VECTOR(2), 0, VALUES(-0x1p63, 0), VALUES(1));
    expect_arg(CONVOY_U64, false, false, VECTOR(2), 0, VALUES(0x1p63, 0), VALUES(0));
    expect_arg(CONVOY_F32, false, false, VECTOR(2), 0, VALUES(-(double)INFINITY, -(double)INFINITY),
               VALUES(0));
}

/* The first NaN is the extreme of both kinds, as numpy.argmax and argmin have it; the last one, if the last
 * of equal ones is asked for. */
static void extremes_with_nan(void **state) {
    (void)state;
    const double *values = VALUES(1, NOT_A_NUMBER, (double)INFINITY, NOT_A_NUMBER, -(double)INFINITY);
    for (int least = 0; least < 2; least++)
        for (int f = 0; f < 2; f++) {
            expect_arg(f ? CONVOY_F64 : CONVOY_F32, least, false, VECTOR(5), 0, values, VALUES(1));
            expect_arg(f ? CONVOY_F64 : CONVOY_F32, least, true, VECTOR(5), 0, values, VALUES(3));
        }
}

static void expect_top(convoy_dtype dtype, bool least, convoy_shape shape, uint32_t axis, size_t k,
                       const double *values, const double *tops, const double *positions) {
    for (uint32_t outputs = 1; outputs <= 2; outputs++) {
        struct sample s;
        convoy_shape output = shape;
        output.dims[axis] = (int64_t)k;
        sample_begin(&s, LAYER_TOP_K, dtype, output);
        s.desc.output_count = outputs;
        s.desc.outputs[1] = (struct value_desc){CONVOY_I64, output, 0};
        s.desc.top_k.outer = shape_product(&shape, 0, axis);
        s.desc.top_k.axis = (size_t)shape.dims[axis];
        s.desc.top_k.inner = shape_product(&shape, axis + 1, shape.rank);
        s.desc.top_k.k = k;
        s.desc.top_k.least = least;
        sample_input(&s, tensor_values(dtype, shape, values));
        sample_expect(&s, tops, positions);
    }
}

static void top_k(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        const double *values = VALUES(5, 9, 5, 1, 2, 3, 4, 4);
        expect_top(numbers[t], false, MATRIX(2, 4), 1, 3, values, VALUES(9, 5, 5, 4, 4, 3),
                   VALUES(1, 0, 2, 2, 3, 1));
        expect_top(numbers[t], true, MATRIX(2, 4), 1, 2, values, VALUES(1, 5, 2, 3), VALUES(3, 0, 0, 1));
        expect_top(numbers[t], false, MATRIX(2, 4), 0, 1, values, VALUES(5, 9, 5, 4), VALUES(0, 0, 0, 1));
        expect_top(numbers[t], false, MATRIX(2, 4), 1, 0, values, NULL, NULL);
    }
    expect_top(CONVOY_U64, false, VECTOR(3), 0, 3, VALUES(1, 0x1p63, 2), VALUES(0x1p63, 2, 1),
               VALUES(1, 2, 0));
    /* NaN is larger than any number: the first of the largest, the last of the least. */
    const double infinity = (double)INFINITY, *values = VALUES(1, NOT_A_NUMBER, infinity, NOT_A_NUMBER);
    expect_top(CONVOY_F32, false, VECTOR(4), 0, 4, values, VALUES(NOT_A_NUMBER, NOT_A_NUMBER, infinity, 1),
               VALUES(1, 3, 2, 0));
    expect_top(CONVOY_F64, true, VECTOR(4), 0, 4, values, VALUES(1, infinity, NOT_A_NUMBER, NOT_A_NUMBER),
               VALUES(0, 2, 1, 3));
}

static void expect_sums(convoy_dtype dtype, bool exclusive, bool backward, convoy_shape shape, uint32_t axis,
                        const double *values, const double *expected) {
    struct sample s;
    sample_begin(&s, LAYER_CUMULATIVE_SUM, dtype, shape);
    s.desc.cumulative.outer = shape_product(&shape, 0, axis);
    s.desc.cumulative.axis = (size_t)shape.dims[axis];
    s.desc.cumulative.inner = shape_product(&shape, axis + 1, shape.rank);
    s.desc.cumulative.exclusive = exclusive;
    s.desc.cumulative.backward = backward;
    sample_input(&s, tensor_values(dtype, shape, values));
    sample_expect(&s, expected, NULL);
}

static void cumulative_sum(void **state) {
    (void)state;
    for (int t = 0; t < TYPES - 2; t++) { /* but halves */
        const double *values = VALUES(1, 2, 3, 4, 5, 6);
        expect_sums(numbers[t], false, false, MATRIX(2, 3), 1, values, VALUES(1, 3, 6, 4, 9, 15));
        expect_sums(numbers[t], true, false, MATRIX(2, 3), 1, values, VALUES(0, 1, 3, 0, 4, 9));
        expect_sums(numbers[t], false, true, MATRIX(2, 3), 1, values, VALUES(6, 5, 3, 15, 11, 6));
        expect_sums(numbers[t], true, true, MATRIX(2, 3), 1, values, VALUES(5, 3, 0, 11, 6, 0));
        expect_sums(numbers[t], false, false, MATRIX(2, 3), 0, values, VALUES(1, 2, 3, 5, 7, 9));
    }
    expect_sums(CONVOY_U8, false, false, VECTOR(2), 0, VALUES(200, 100), VALUES(200, 44));
    expect_sums(CONVOY_I64, false, false, VECTOR(2), 0, VALUES(-0x1p63, -0x1p63), VALUES(-0x1p63, 0));
    expect_sums(CONVOY_F32, true, false, VECTOR(3), 0, VALUES(1, (double)INFINITY, 1),
                VALUES(0, 1, (double)INFINITY));
}

static void expect_reversal(convoy_dtype dtype, bool time_first, const double *lengths,
                            const double *expected) {
    struct sample s;
    sample_begin(&s, LAYER_REVERSE_SEQUENCE, dtype, shape_of(3, 3, 2, 1, 0));
    s.desc.reverse.batch_axis = time_first;
    s.desc.reverse.time_axis = !time_first;
    sample_input(&s, tensor_values(dtype, s.desc.outputs[0].shape, VALUES(1, 2, 3, 4, 5, 6)));
    sample_input(&s, tensor_values(CONVOY_I64, VECTOR(time_first ? 2 : 3), lengths));
    sample_expect(&s, expected, NULL);
}

static void reverse_sequence(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        expect_reversal(numbers[t], true, VALUES(3, 2), VALUES(5, 4, 3, 2, 1, 6));
        expect_reversal(numbers[t], true, VALUES(0, 1), VALUES(1, 2, 3, 4, 5, 6));
        expect_reversal(numbers[t], false, VALUES(2, 1, 2), VALUES(2, 1, 3, 4, 6, 5));
    }
    for (int wrong = 0; wrong < 2; wrong++) {
        struct sample s;
        sample_begin(&s, LAYER_REVERSE_SEQUENCE, CONVOY_F32, MATRIX(3, 1));
        s.desc.reverse.batch_axis = 1;
        sample_input(&s, tensor_of(CONVOY_F32, MATRIX(3, 1)));
        sample_input(&s, tensor_values(CONVOY_I64, VECTOR(1), wrong ? VALUES(4) : VALUES(-1)));
        sample_expect_failure(&s, CONVOY_E_INPUT, wrong ? "length 4" : "length -1");
        sample_end(&s);
    }
}

/* A kernel must not be led outside its tensors by any description. */
static void descriptions_are_checked(void **state) {
    (void)state;
    struct sample s;
    sample_begin(&s, LAYER_ARG, CONVOY_I64, VECTOR(1));
    sample_input(&s, tensor_of(CONVOY_F32, VECTOR(0)));
    s.desc.arg.outer = s.desc.arg.inner = 1;
    sample_expect_failure(&s, CONVOY_E_INPUT, "no extreme");
    s.desc.arg.axis = 1;
    sample_expect_failure(&s, CONVOY_E_INPUT, "without the axis");
    s.desc.arg.axis = 0;
    s.desc.outputs[0].dtype = CONVOY_I8;
    sample_expect_failure(&s, CONVOY_E_INPUT, "not int64");
    sample_end(&s);

    sample_begin(&s, LAYER_TOP_K, CONVOY_F32, VECTOR(3));
    sample_input(&s, tensor_of(CONVOY_F32, VECTOR(2)));
    s.desc.top_k.outer = s.desc.top_k.inner = 1;
    s.desc.top_k.axis = 2;
    s.desc.top_k.k = 3;
    sample_expect_failure(&s, CONVOY_E_INPUT, "first k");
    s.desc.outputs[0].shape = VECTOR(2);
    s.desc.top_k.k = 2;
    s.desc.output_count = 2;
    s.desc.outputs[1] = (struct value_desc){CONVOY_I64, VECTOR(1), 0};
    sample_expect_failure(&s, CONVOY_E_INPUT, "first k");
    s.desc.outputs[1] = (struct value_desc){CONVOY_I32, VECTOR(2), 0};
    sample_expect_failure(&s, CONVOY_E_INPUT, "first k");
    sample_end(&s);

    sample_begin(&s, LAYER_REVERSE_SEQUENCE, CONVOY_F32, MATRIX(2, 2));
    sample_input(&s, tensor_of(CONVOY_F32, MATRIX(2, 2)));
    sample_input(&s, tensor_of(CONVOY_I64, VECTOR(1)));
    sample_expect_failure(&s, CONVOY_E_INPUT, "first two axes"); /* batch and time are one */
    s.desc.reverse.time_axis = 1;
    sample_expect_failure(&s, CONVOY_E_INPUT, "as many lengths");
    sample_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes),
        cmocka_unit_test(extremes_with_nan),
        cmocka_unit_test(top_k),
        cmocka_unit_test(cumulative_sum),
        cmocka_unit_test(reverse_sequence),
        cmocka_unit_test(descriptions_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
