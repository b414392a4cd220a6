#include "io/elements.h"

#include "base/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static convoy_status convert(convoy_tensor *tensor, int64_t from, const void *data, int64_t count,
                             convoy_dtype to, convoy_error *error) {
    struct elements elements = {.type = dtype_find(from), .shape = {1, {count}}, .data = data};
    return elements_to_tensor(tensor, &elements, to, error);
}

/* One element becomes the bits wanted. */
static void expect(int64_t from, const void *data, convoy_dtype to, uint64_t wanted) {
    convoy_tensor tensor;
    convoy_error error;
    uint64_t got = 0;
    if (convert(&tensor, from, data, 1, to, &error) != CONVOY_OK)
        fail_msg("%lld to %d: %s", (long long)from, to, error.message);
    memcpy(&got, tensor.data, convoy_dtype_bytes(to));
    if (got != wanted)
        fail_msg("%lld to %d: %llx, not %llx", (long long)from, to, (unsigned long long)got,
                 (unsigned long long)wanted);
    convoy_tensor_release(&tensor);
}

static void expect_refused(int64_t from, const void *data, convoy_dtype to, const char *says) {
    convoy_tensor tensor = {0};
    convoy_error error = {0};
    convoy_status status = convert(&tensor, from, data, 1, to, &error);
    if (status != CONVOY_E_INPUT || !strstr(error.message, says) || !strstr(error.message, "element 0"))
        fail_msg("%lld to %d: status %d: %s", (long long)from, to, status, error.message);
    assert_null(tensor.data);
}

static void test_floats_are_rounded(void **state) {
    (void)state;
    static const struct {
        double value;
        convoy_dtype to;
        uint64_t bits;
    } cases[] = {
        {0.1, CONVOY_F32, 0x3dcccccd},
        {-0.0, CONVOY_F32, 0x80000000},
        {0x1.ffffffp0, CONVOY_F32, 0x40000000},          /* a tie, to even */
        {0x1.fffffefffffffp127, CONVOY_F32, 0x7f7fffff}, /* the largest that is rounded down */
        {(double)INFINITY, CONVOY_F32, 0x7f800000},
        {0x1p-150, CONVOY_F32, 0},
        {65519.999, CONVOY_F16, 0x7bff},
        {-(double)INFINITY, CONVOY_F16, 0xfc00},
        /* Halfway between two float16 but for a bit that float32 does not hold: rounding twice would lose it.
         */
        {1 + 0x1p-11 + 0x1p-40, CONVOY_F16, 0x3c01},
        {1 + 0x1p-11 - 0x1p-40, CONVOY_F16, 0x3c00},
        {1 + 0x1p-11, CONVOY_F16, 0x3c00},
        {0x1p-25 + 0x1p-60, CONVOY_F16, 1},
        {-0x1p-25, CONVOY_F16, 0x8000},
        {0x1p-200, CONVOY_F16, 0},
        {1 + 0x1p-8 + 0x1p-40, CONVOY_BF16, 0x3f81},
        {1 + 0x1p-8, CONVOY_BF16, 0x3f80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(CONVOY_F64, &cases[i].value, cases[i].to, cases[i].bits);
    uint16_t half = 0x0001;
    expect(CONVOY_F16, &half, CONVOY_F32, float_bits(0x1p-24f));
    half = 0xbfc0;
    expect(CONVOY_BF16, &half, CONVOY_F64, UINT64_C(0xbff8) << 48);
    convoy_tensor tensor;
    double nan = (double)NAN;
    assert_int_equal(convert(&tensor, CONVOY_F64, &nan, 1, CONVOY_F16, NULL), CONVOY_OK);
    assert_true(isnan(f16_value(*(uint16_t *)tensor.data)));
    convoy_tensor_release(&tensor);
}

static void test_floats_out_of_range(void **state) {
    (void)state;
    expect_refused(CONVOY_F64, &(double){1e300}, CONVOY_F32,
                   "the float64 1.0000000000000001e+300, is beyond the range of float32");
    expect_refused(CONVOY_F64, &(double){0x1.ffffffp127}, CONVOY_F32, "float32");
    expect_refused(CONVOY_F64, &(double){-1e300}, CONVOY_F16, "float16");
    expect_refused(CONVOY_F32, &(float){65520}, CONVOY_F16,
                   "the float32 65520, is beyond the range of float16");
}

/* Every pair of an integer at the edge of some type and a type: it converts where it is the same number. */
static void test_integers_are_exact(void **state) {
    (void)state;
    static const int64_t integers[] = {CONVOY_I8,  CONVOY_I16, CONVOY_I32, CONVOY_I64, CONVOY_U8,
                                       CONVOY_U16, CONVOY_U32, CONVOY_U64, CONVOY_BOOL};
    static const convoy_dtype targets[] = {CONVOY_I8, CONVOY_I32, CONVOY_I64, CONVOY_U8, CONVOY_BOOL};
    for (size_t f = 0; f < sizeof integers / sizeof *integers; f++)
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
            const struct dtype *from = dtype_find(integers[f]), *to = dtype_find(targets[t]);
            const uint64_t edges[] = {0, 1, from->above, to->above, to->above + 1};
            for (size_t e = 0; e < sizeof edges / sizeof *edges; e++) {
                if (edges[e] > from->above)
                    continue;
                if (edges[e] <= to->above)
                    expect(integers[f], &edges[e], targets[t], edges[e]);
                else
                    expect_refused(integers[f], &edges[e], targets[t], to->name);
            }
            const uint64_t below[] = {1, from->below, to->below, to->below + 1};
            for (size_t e = 0; e < sizeof below / sizeof *below; e++) {
                uint64_t bits = 0 - below[e], wanted = 0;
                if (below[e] > from->below || !below[e])
                    continue;
                memcpy(&wanted, &bits, to->bytes);
                if (below[e] <= to->below)
                    expect(integers[f], &bits, targets[t], wanted);
                else
                    expect_refused(integers[f], &bits, targets[t], "-");
            }
        }
}

static void test_integers_in_floats(void **state) {
    (void)state;
    expect(CONVOY_I32, &(int32_t){-16777216}, CONVOY_F32, float_bits(-0x1p24f));
    expect_refused(CONVOY_I32, &(int32_t){-16777217}, CONVOY_F32, "the int32 -16777217, is no float32");
    expect(CONVOY_U64, &(uint64_t){0xffffff0000000000}, CONVOY_F32, float_bits(0x1.fffffep63f));
    expect_refused(CONVOY_U64, &(uint64_t){UINT64_MAX}, CONVOY_F32, "18446744073709551615");
    expect_refused(CONVOY_U64, &(uint64_t){UINT64_MAX}, CONVOY_F64, "18446744073709551615");
    expect_refused(CONVOY_I64, &(int64_t){(1L << 53) + 1}, CONVOY_F64, "9007199254740993");
    expect(CONVOY_I64, &(int64_t){INT64_MIN}, CONVOY_F64, UINT64_C(0xc3e0) << 48);
    expect(CONVOY_U16, &(uint16_t){2048}, CONVOY_F16, 0x6800);
    expect_refused(CONVOY_U16, &(uint16_t){2049}, CONVOY_F16, "2049");
    expect_refused(CONVOY_U16, &(uint16_t){65535}, CONVOY_F16, "65535");
}

static void test_floats_in_integers(void **state) {
    (void)state;
    expect(CONVOY_F64, &(double){-128}, CONVOY_I8, 0x80);
    expect(CONVOY_F32, &(float){-0.0f}, CONVOY_U8, 0);
    expect(CONVOY_F32, &(float){1}, CONVOY_BOOL, 1);
    expect(CONVOY_F64, &(double){-0x1p63}, CONVOY_I64, UINT64_C(1) << 63);
    expect_refused(CONVOY_F64, &(double){0x1p63}, CONVOY_I64, "int64");
    expect_refused(CONVOY_F64, &(double){0x1p64}, CONVOY_I64, "int64");
    expect_refused(CONVOY_F32, &(float){2.5f}, CONVOY_I64, "the float32 2.5, is no int64");
    expect_refused(CONVOY_F32, &(float){-1}, CONVOY_U8, "uint8");
    expect_refused(CONVOY_F32, &(float){2}, CONVOY_BOOL, "bool");
    expect_refused(CONVOY_F32, &(float){NAN}, CONVOY_I32, "int32");
    expect_refused(CONVOY_F32, &(float){-INFINITY}, CONVOY_I32, "-inf");
}

/* [3,2] in column-major order and big-endian; the place that an error names is the row-major one. */
static void test_orders(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0, 3, 0, 5, 0, 2, 0, 4, 1, 6};
    struct elements e = {.type = dtype_find(CONVOY_I16),
                         .shape = {2, {3, 2}},
                         .big_endian = true,
                         .column_major = true,
                         .data = bytes};
    convoy_tensor tensor;
    convoy_error error;
    assert_int_equal(elements_to_tensor(&tensor, &e, CONVOY_F32, NULL), CONVOY_OK);
    static const float wanted[] = {1, 2, 3, 4, 5, 262};
    assert_memory_equal(tensor.data, wanted, sizeof wanted);
    convoy_tensor_release(&tensor);
    assert_int_equal(elements_to_tensor(&tensor, &e, CONVOY_U8, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "element 5, the int16 262,"));
    e.shape = (convoy_shape){2, {0, 2}};
    assert_int_equal(elements_to_tensor(&tensor, &e, CONVOY_U8, NULL), CONVOY_OK);
    convoy_tensor_release(&tensor);
    e.shape = (convoy_shape){0};
    assert_int_equal(elements_to_tensor(&tensor, &e, CONVOY_U8, NULL), CONVOY_OK);
    assert_int_equal(*(uint8_t *)tensor.data, 1);
    convoy_tensor_release(&tensor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_are_rounded), cmocka_unit_test(test_floats_out_of_range),
        cmocka_unit_test(test_integers_are_exact), cmocka_unit_test(test_integers_in_floats),
        cmocka_unit_test(test_floats_in_integers), cmocka_unit_test(test_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
