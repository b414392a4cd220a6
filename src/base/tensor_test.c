#include "base/tensor.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_create_zeroes_and_aligns(void **state) {
    (void)state;
    convoy_tensor tensor;
    convoy_shape shape = {.rank = 3, .dims = {2, 3, 5}};
    assert_int_equal(convoy_tensor_create(&tensor, CONVOY_F32, &shape, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_elements(&tensor), 30);
    assert_int_equal((uintptr_t)tensor.data % MEMORY_ALIGNMENT, 0);
    for (int i = 0; i < 30; i++)
        assert_true(((float *)tensor.data)[i] == 0);
    convoy_tensor_release(&tensor);
    assert_null(tensor.data);
    convoy_tensor_release(&tensor);
    convoy_tensor_release(NULL);
}

static void test_empty_and_scalar(void **state) {
    (void)state;
    convoy_tensor tensor;
    convoy_shape empty = {.rank = 2, .dims = {0, 5}}, scalar = {0};
    assert_int_equal(convoy_tensor_create(&tensor, CONVOY_I64, &empty, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_elements(&tensor), 0);
    convoy_tensor_release(&tensor);
    assert_int_equal(convoy_tensor_create(&tensor, CONVOY_I64, &scalar, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_elements(&tensor), 1);
    convoy_tensor_release(&tensor);
}

static void test_impossible_tensors(void **state) {
    (void)state;
    static const struct {
        int dtype;
        convoy_shape shape;
    } cases[] = {
        {CONVOY_F32, {2, {3, -1}}},
        {CONVOY_F32, {2, {INT64_MAX, 2}}},
        {CONVOY_F64,
         {3, {(int64_t)1 << 21, (int64_t)1 << 21, (int64_t)1 << 21}}}, /* 2^66 bytes: none after wrapping */
        {CONVOY_F32, {1, {((int64_t)1 << 61)}}},                       /* 2^63 bytes: past PTRDIFF_MAX */
        {CONVOY_F32, {9, {1, 1, 1, 1, 1, 1, 1, 1}}},
        {0, {1, {1}}},
        {99, {1, {1}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_tensor tensor = {.data = &tensor};
        convoy_error error = {0};
        assert_int_equal(convoy_tensor_create(&tensor, (convoy_dtype)cases[i].dtype, &cases[i].shape, &error),
                         CONVOY_E_USAGE);
        assert_ptr_equal(tensor.data, &tensor);
        assert_int_equal(error.status, CONVOY_E_USAGE);
        assert_true(strlen(error.message) > 0);
    }
}

static void test_view_shares_and_outlives(void **state) {
    (void)state;
    convoy_tensor tensor, view;
    convoy_shape shape = {.rank = 2, .dims = {2, 6}}, flat = {.rank = 1, .dims = {12}};
    assert_int_equal(convoy_tensor_create(&tensor, CONVOY_F32, &shape, NULL), CONVOY_OK);
    ((float *)tensor.data)[11] = 7;
    tensor_view(&view, &tensor, &flat);
    convoy_tensor_release(&tensor);
    assert_int_equal(view.shape.rank, 1);
    assert_true(((float *)view.data)[11] == 7);
    convoy_tensor_release(&view);

    float borrowed[12] = {0};
    tensor = (convoy_tensor){.dtype = CONVOY_F32, .shape = shape, .data = borrowed};
    tensor_view(&view, &tensor, &flat);
    assert_null(view.owner);
    convoy_tensor_release(&view);
}

static void test_shape_text(void **state) {
    (void)state;
    char text[16];
    convoy_shape open = {.rank = 4, .dims = {-1, 3, 224, 224}}, scalar = {0};
    assert_string_equal(convoy_shape_text(&open, text, sizeof text), "?x3x224x224");
    assert_string_equal(convoy_shape_text(&scalar, text, sizeof text), "scalar");
    convoy_shape big = {.rank = 3, .dims = {INT64_MAX, INT64_MAX, 1}};
    assert_string_equal(convoy_shape_text(&big, text, sizeof text), "922337203685477");
    char untouched = 'x';
    convoy_shape_text(&open, &untouched, 0);
    assert_int_equal(untouched, 'x');
}

static void test_shapes(void **state) {
    (void)state;
    convoy_shape a = {.rank = 3, .dims = {2, 3, 4, 99}}, b = {.rank = 3, .dims = {2, 3, 4}},
                 c = {.rank = 2, .dims = {2, 3}};
    assert_true(shape_equal(&a, &b)); /* what lies past the rank does not count */
    assert_false(shape_equal(&a, &c));
    c.rank = 3, c.dims[2] = 5;
    assert_false(shape_equal(&a, &c));
    assert_int_equal(shape_product(&a, 0, 3), 24);
    assert_int_equal(shape_product(&a, 1, 2), 3);
    assert_int_equal(shape_product(&a, 2, 2), 1);
}

static void test_dtypes(void **state) {
    (void)state;
    assert_int_equal(convoy_dtype_bytes(CONVOY_F16), 2);
    assert_int_equal(convoy_dtype_bytes(CONVOY_BF16), 2);
    assert_string_equal(convoy_dtype_text(CONVOY_BF16), "bfloat16");
    assert_int_equal(convoy_dtype_bytes(CONVOY_I64), 8);
    assert_int_equal(convoy_dtype_bytes(CONVOY_BOOL), 1);
    assert_int_equal(convoy_dtype_bytes((convoy_dtype)8), 0); /* ONNX's string */
    assert_string_equal(convoy_dtype_text(CONVOY_F32), "float32");
    assert_string_equal(convoy_dtype_text((convoy_dtype)-1), "unknown");
}

static void test_not_finite(void **state) {
    (void)state;
    static const float wrong[] = {NAN, -NAN, INFINITY, -INFINITY};
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_F64};
    const convoy_shape shape = {.rank = 2, .dims = {7, 11}};
    for (int d = 0; d < 2; d++) {
        convoy_tensor tensor = {0};
        assert_int_equal(convoy_tensor_create(&tensor, dtypes[d], &shape, NULL), CONVOY_OK);
        float *floats = tensor.data;
        double *doubles = tensor.data;
        for (size_t i = 0; i < 77; i++)
            if (d)
                doubles[i] = -DBL_MAX;
            else
                floats[i] = -FLT_MAX;
        assert_int_equal(tensor_find_not_finite(&tensor), 77);
        for (size_t i = 77; i-- > 0;) { /* the first of more and more */
            if (d)
                doubles[i] = (double)wrong[i % 4];
            else
                floats[i] = wrong[i % 4];
            assert_int_equal(tensor_find_not_finite(&tensor), i);
        }
        convoy_tensor_release(&tensor);
    }
}

static void expect_text(const convoy_element *element, const char *expected) {
    char text[64];
    assert_string_equal(convoy_element_text(element, text, sizeof text), expected);
}

static void test_element_not_finite(void **state) {
    (void)state;
    float values[24] = {0};
    int64_t whole = 0;
    convoy_element element = {.rank = 77};
    convoy_tensor tensor = {CONVOY_F32, {3, {2, 3, 4}}, values, NULL};
    assert_false(convoy_tensor_find_not_finite(&tensor, &element));
    assert_int_equal(element.rank, 77);
    values[1 * 12 + 2 * 4 + 1] = -INFINITY;
    assert_true(convoy_tensor_find_not_finite(&tensor, &element));
    expect_text(&element, "[1,2,1] is -inf");
    values[3] = -NAN; /* NaN has no sign that means anything */
    assert_true(convoy_tensor_find_not_finite(&tensor, &element));
    expect_text(&element, "[0,0,3] is nan");
    tensor = (convoy_tensor){CONVOY_F32, {.rank = 0}, &values[3], NULL};
    assert_true(convoy_tensor_find_not_finite(&tensor, &element));
    expect_text(&element, "[] is nan");
    tensor = (convoy_tensor){CONVOY_F32, {2, {3, 0}}, values, NULL};
    assert_false(convoy_tensor_find_not_finite(&tensor, &element));
    tensor = (convoy_tensor){CONVOY_I64, {.rank = 0}, &whole, NULL};
    assert_false(convoy_tensor_find_not_finite(&tensor, &element));
    element = (convoy_element){.rank = 1, .position = {INT64_MAX}, .value = 0.5};
    expect_text(&element, "[9223372036854775807] is 0.5");
}

static void test_align(void **state) {
    (void)state;
    static _Alignas(8) char bytes[8 + 3 * sizeof(double)];
    static const double numbers[] = {1, 2, 3};
    for (size_t lead = 0; lead <= 8; lead++) {
        memcpy(bytes + lead, numbers, sizeof numbers);
        convoy_tensor tensor = {CONVOY_F64, {.rank = 1, .dims = {3}}, bytes + lead, NULL};
        bool in_place = lead % 8 == 0;
        assert_int_equal(tensor_is_aligned(&tensor), in_place);
        assert_int_equal(tensor_align(&tensor, NULL), CONVOY_OK);
        assert_true(tensor_is_aligned(&tensor));
        assert_int_equal(tensor.data == bytes + lead, in_place);
        assert_memory_equal(tensor.data, numbers, sizeof numbers);
        convoy_tensor_release(&tensor);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_zeroes_and_aligns),
        cmocka_unit_test(test_empty_and_scalar),
        cmocka_unit_test(test_impossible_tensors),
        cmocka_unit_test(test_view_shares_and_outlives),
        cmocka_unit_test(test_shape_text),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_element_not_finite),
        cmocka_unit_test(test_align),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
