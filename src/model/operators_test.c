/* Forms of operators that the official node tests, which show the newest form alone, do not reach: an older
 * form must give what the newer one gives, and what depends on shapes is checked against numbers counted by
 * hand. */
#include "base/tensor.h"
#include "node_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_VALUES 4
static const convoy_shape cube = {3, {2, 3, 4}};

/* One parameter of a node: an attribute before the operator set `moved`, an input from then on. */
struct parameter {
    const char *name;
    int64_t values[MAX_VALUES];
    size_t count;
};

static void run_parameters(const char *op, const struct parameter *parameters, bool as_inputs, int64_t opset,
                           convoy_tensor *out) {
    struct message initializers[MAX_VALUES];
    size_t count = 0;
    char inputs[64] = "x";
    if (as_inputs)
        for (; parameters[count].name; count++) {
            strcat(strcat(inputs, " "), parameters[count].name);
            initializers[count] =
                int_tensor_message(parameters[count].name, parameters[count].values, parameters[count].count);
        }
    struct message node = node_message(op, "n", inputs, "y");
    if (!as_inputs)
        for (size_t i = 0; parameters[i].name; i++)
            node_ints(&node, parameters[i].name, parameters[i].values, parameters[i].count);
    convoy_error error = {0};
    if (run_node(&node, initializers, count, opset, &cube, out, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
}

static void assert_same(convoy_tensor *a, convoy_tensor *b) {
    assert_true(shape_equal(&a->shape, &b->shape));
    assert_memory_equal(a->data, b->data, convoy_tensor_elements(a) * sizeof(float));
    convoy_tensor_release(a);
    convoy_tensor_release(b);
}

static void test_attributes_that_became_inputs(void **state) {
    (void)state;
    static const struct {
        const char *op;
        int64_t moved;
        struct parameter parameters[4];
        convoy_shape expected;
    } cases[] = {
        {"Slice", 10, {{"starts", {1, -3}, 2}, {"ends", {9, -1}, 2}, {"axes", {1, 2}, 2}}, {3, {2, 2, 2}}},
        {"Unsqueeze", 13, {{"axes", {0, 4}, 2}}, {5, {1, 2, 3, 4, 1}}},
        {"ReduceSum", 13, {{"axes", {1, -1}, 2}}, {3, {2, 1, 1}}},
        {"ReduceMean", 18, {{"axes", {0}, 1}}, {3, {1, 3, 4}}},
        {"ReduceMax", 18, {{"axes", {2}, 1}}, {3, {2, 3, 1}}},
        {"ReduceMin", 18, {{"axes", {1}, 1}}, {3, {2, 1, 4}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        convoy_tensor old, new;
        run_parameters(cases[i].op, cases[i].parameters, false, cases[i].moved - 1, &old);
        run_parameters(cases[i].op, cases[i].parameters, true, cases[i].moved, &new);
        assert_true(shape_equal(&old.shape, &cases[i].expected));
        assert_same(&old, &new);
    }
}

static void test_squeeze_forms(void **state) {
    (void)state;
    static const convoy_shape thin = {4, {1, 3, 1, 2}};
    static const int64_t axis = -2;
    convoy_tensor old, new, all;
    struct message node = node_message("Squeeze", "n", "x", "y"), axes = int_tensor_message("axes", &axis, 1);
    node_ints(&node, "axes", &axis, 1);
    assert_int_equal(run_node(&node, NULL, 0, 11, &thin, &old, NULL), CONVOY_OK);
    node = node_message("Squeeze", "n", "x axes", "y");
    assert_int_equal(run_node(&node, &axes, 1, 13, &thin, &new, NULL), CONVOY_OK);
    node = node_message("Squeeze", "n", "x", "y");
    assert_int_equal(run_node(&node, NULL, 0, 13, &thin, &all, NULL), CONVOY_OK);
    assert_true(shape_equal(&old.shape, &(convoy_shape){3, {1, 3, 2}}));
    assert_true(shape_equal(&all.shape, &(convoy_shape){2, {3, 2}}));
    assert_same(&old, &new);
    convoy_tensor_release(&all);
    node = node_message("Squeeze", "n", "x", "y");
    node_ints(&node, "axes", (const int64_t[]){1}, 1);
    assert_int_equal(run_node(&node, NULL, 0, 11, &thin, &old, NULL), CONVOY_E_INPUT);
}

static void test_clip_and_pad_forms(void **state) {
    (void)state;
    static const int64_t pads[] = {0, 1, 0, 0, 0, 2};
    convoy_tensor old, new;
    struct message node = node_message("Clip", "n", "x", "y");
    node_float(&node, "max", 1);
    assert_int_equal(run_node(&node, NULL, 0, 7, &cube, &old, NULL), CONVOY_OK);
    struct message limit = tensor_message("one", NULL, 0, 1);
    node = node_message("Clip", "n", "x - one", "y");
    assert_int_equal(run_node(&node, &limit, 1, 11, &cube, &new, NULL), CONVOY_OK);
    assert_true(((float *)old.data)[0] == 0 && ((float *)old.data)[9] == 1);
    assert_same(&old, &new);

    node = node_message("Pad", "n", "x", "y");
    node_ints(&node, "pads", pads, 6);
    node_float(&node, "value", 1);
    assert_int_equal(run_node(&node, NULL, 0, 10, &cube, &old, NULL), CONVOY_OK);
    struct message inputs[] = {int_tensor_message("pads", pads, 6), tensor_message("one", NULL, 0, 1)};
    node = node_message("Pad", "n", "x pads one", "y");
    assert_int_equal(run_node(&node, inputs, 2, 11, &cube, &new, NULL), CONVOY_OK);
    assert_true(shape_equal(&old.shape, &(convoy_shape){3, {2, 4, 6}}));
    assert_true(((float *)old.data)[0] == 1 && ((float *)old.data)[6] == 0 && ((float *)old.data)[10] == 1);
    assert_same(&old, &new);

    static const int64_t chosen[] = {1, 2}, chosen_pads[] = {1, 0, 0, 2}; /* axes as an input: from 18 on */
    struct message more[] = {int_tensor_message("pads", chosen_pads, 4), tensor_message("one", NULL, 0, 1),
                             int_tensor_message("axes", chosen, 2)};
    node = node_message("Pad", "n", "x pads one axes", "y");
    assert_int_equal(run_node(&node, more, 3, 18, &cube, &new, NULL), CONVOY_OK);
    assert_true(shape_equal(&new.shape, &(convoy_shape){3, {2, 4, 6}}));
    assert_true(((float *)new.data)[0] == 1 && ((float *)new.data)[6] == 0 && ((float *)new.data)[10] == 1);
    convoy_tensor_release(&new);
}

/* Until operator set 12 over all that follows the axis. */
static void test_softmax_forms(void **state) {
    (void)state;
    static const struct {
        int64_t opset;
        size_t together; /* elements that sum to 1 */
    } cases[] = {{11, 12}, {13, 4}};
    for (size_t i = 0; i < 2; i++) {
        convoy_tensor out;
        struct message node = node_message("Softmax", "n", "x", "y"); /* axis 1, and -1 */
        assert_int_equal(run_node(&node, NULL, 0, cases[i].opset, &cube, &out, NULL), CONVOY_OK);
        double sum = 0;
        for (size_t k = 0; k < cases[i].together; k++)
            sum += ((float *)out.data)[k];
        assert_true(sum > 1 - 1e-6 && sum < 1 + 1e-6);
        convoy_tensor_release(&out);
    }
}

/* Positions of a pooled axis of 7: the plain rule, ceil_mode, and ceil_mode where the last window
 * would begin in the padding. */
static void test_pool_extents(void **state) {
    (void)state;
    static const convoy_shape row = {3, {1, 1, 7}};
    static const struct {
        int64_t stride, kernel, pad_end, ceil_mode, expected;
        const char *auto_pad;
    } cases[] = {
        {2, 3, 0, 0, 3, "NOTSET"}, {3, 3, 0, 0, 2, "NOTSET"},     {3, 3, 0, 1, 3, "NOTSET"},
        {4, 2, 1, 1, 2, "NOTSET"}, {2, 3, 0, 0, 4, "SAME_UPPER"}, {2, 3, 0, 0, 4, "SAME_LOWER"},
        {2, 3, 0, 0, 3, "VALID"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        convoy_tensor out;
        struct message node = node_message("MaxPool", "n", "x", "y");
        node_ints(&node, "kernel_shape", &cases[i].kernel, 1);
        node_ints(&node, "strides", &cases[i].stride, 1);
        if (cases[i].pad_end)
            node_ints(&node, "pads", (const int64_t[]){0, cases[i].pad_end}, 2);
        node_int(&node, "ceil_mode", cases[i].ceil_mode);
        node_text(&node, "auto_pad", cases[i].auto_pad);
        assert_int_equal(run_node(&node, NULL, 0, 13, &row, &out, NULL), CONVOY_OK);
        assert_int_equal(out.shape.dims[2], cases[i].expected);
        convoy_tensor_release(&out);
    }
}

/* [2,3,4] times constants of rank 1, 2 and 3; the one of rank 2 is a convolution. */
static void test_matmul_ranks(void **state) {
    (void)state;
    static const struct {
        int64_t dims[3];
        size_t rank, count;
        convoy_shape expected;
    } cases[] = {
        {{4}, 1, 4, {2, {2, 3}}}, {{4, 5}, 2, 20, {3, {2, 3, 5}}}, {{2, 4, 5}, 3, 40, {3, {2, 3, 5}}}};
    for (size_t i = 0; i < 3; i++) {
        convoy_tensor out;
        struct message node = node_message("MatMul", "n", "x b", "y");
        struct message b = tensor_message("b", cases[i].dims, cases[i].rank, cases[i].count);
        assert_int_equal(run_node(&node, &b, 1, 13, &cube, &out, NULL), CONVOY_OK);
        assert_true(shape_equal(&out.shape, &cases[i].expected));
        size_t columns = cases[i].rank == 1 ? 1 : 5; /* element of row 4 = {16..19}, which is in batch 1 */
        double expected = 0;
        for (size_t k = 0; k < 4; k++)
            expected +=
                (double)(16 + k) * (double)(k * columns + 1 + (i == 2 ? 20 : 0)) / (double)cases[i].count;
        double got = ((float *)out.data)[4 * columns];
        assert_true(got > expected * (1 - 1e-6) && got < expected * (1 + 1e-6));
        convoy_tensor_release(&out);
    }
}

/* A constant [5,K], or [K,5] that Gemm transposes, times x of every rank; element i of the constant is
 * (i+1)/5K, of x it is i. */
static void test_products_from_the_left(void **state) {
    (void)state;
    static const struct {
        const char *op;
        convoy_shape x, expected;
        int64_t transposed;
    } cases[] = {{"MatMul", {1, {3}}, {1, {5}}, 0},
                 {"MatMul", {2, {3, 4}}, {2, {5, 4}}, 0},
                 {"MatMul", {3, {2, 3, 4}}, {3, {2, 5, 4}}, 0},
                 {"MatMul", {4, {2, 2, 3, 1}}, {4, {2, 2, 5, 1}}, 0},
                 {"Gemm", {2, {3, 4}}, {2, {5, 4}}, 0},
                 {"Gemm", {2, {3, 4}}, {2, {5, 4}}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int64_t dims[] = {cases[i].transposed ? 3 : 5, cases[i].transposed ? 5 : 3};
        struct message node = node_message(cases[i].op, "n", "a x", "y"),
                       a = tensor_message("a", dims, 2, 15);
        convoy_tensor out;
        if (cases[i].transposed)
            node_int(&node, "transA", 1);
        assert_int_equal(run_node(&node, &a, 1, 13, &cases[i].x, &out, NULL), CONVOY_OK);
        assert_true(shape_equal(&out.shape, &cases[i].expected));
        size_t columns = cases[i].x.rank > 1 ? (size_t)cases[i].x.dims[cases[i].x.rank - 1] : 1;
        for (size_t k = 0; k < convoy_tensor_elements(&out); k++) {
            size_t batch = k / (5 * columns), m = k / columns % 5, n = k % columns;
            double expected = 0;
            for (size_t j = 0; j < 3; j++)
                expected += (double)((cases[i].transposed ? j * 5 + m : m * 3 + j) + 1) / 15 *
                            (double)((batch * 3 + j) * columns + n);
            assert_float_equal(((float *)out.data)[k], expected, 1e-6 * fabs(expected));
        }
        convoy_tensor_release(&out);
    }
}

/* alpha·A·B + beta·C for a run-time A and every shape of C. */
static void test_gemm_biases(void **state) {
    (void)state;
    static const convoy_shape a = {2, {3, 4}};
    static const struct {
        int64_t dims[2];
        size_t rank, count;
    } cases[] = {{{0}, 0, 1}, {{1}, 1, 1}, {{5}, 1, 5}, {{1, 5}, 2, 5}, {{3, 1}, 2, 3}, {{3, 5}, 2, 15}};
    static const int64_t b_dims[] = {5, 4};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        convoy_tensor out;
        struct message node = node_message("Gemm", "n", "x b c", "y");
        node_int(&node, "transB", 1);
        node_float(&node, "alpha", 2);
        node_float(&node, "beta", 3);
        struct message constants[] = {tensor_message("b", b_dims, 2, 20),
                                      tensor_message("c", cases[i].dims, cases[i].rank, cases[i].count)};
        assert_int_equal(run_node(&node, constants, 2, 13, &a, &out, NULL), CONVOY_OK);
        for (size_t m = 0; m < 3; m++)
            for (size_t n = 0; n < 5; n++) {
                size_t c = cases[i].count == 15  ? m * 5 + n
                           : cases[i].count == 5 ? n
                           : cases[i].count == 3 ? m
                                                 : 0;
                double expected = 3 * (double)(c + 1) / (double)cases[i].count;
                for (size_t k = 0; k < 4; k++)
                    expected += 2 * (double)(m * 4 + k) * (double)(n * 4 + k + 1) / 20;
                double got = ((float *)out.data)[m * 5 + n];
                assert_true(got > expected * (1 - 1e-6) && got < expected * (1 + 1e-6));
            }
        convoy_tensor_release(&out);
    }
}

/* A BatchNormalization over channel c of [2,3,4], whose scale, shift, mean and variance are all (c+1)/3. */
static void run_norm(const char *outputs, int64_t opset, int64_t training_mode, convoy_tensor *out) {
    static const int64_t channels = 3;
    struct message s = tensor_message("s", &channels, 1, 3),
                   node = node_message("BatchNormalization", "n", "x s s s s", outputs);
    if (training_mode >= 0)
        node_int(&node, "training_mode", training_mode);
    convoy_error error = {0};
    if (run_node(&node, &s, 1, opset, &cube, out, &error) != CONVOY_OK)
        fail_msg("opset %lld, outputs %s: %s", (long long)opset, outputs, error.message);
}

/* Elements of channel c are 4c..4c+3 and 12+4c..12+4c+3: their mean is 4c+7.5, their variance 37.25. */
static void test_batch_norm_modes(void **state) {
    (void)state;
    enum { INFERENCE, TRAINING, RUNNING_MEAN, RUNNING_VARIANCE };
    static const struct {
        const char *outputs;
        int64_t opset, training_mode;
        int result;
    } cases[] = {
        {"y", 7, -1, INFERENCE},          {"y", 9, -1, INFERENCE},
        {"y", 14, -1, INFERENCE},         {"y", 15, 0, INFERENCE},
        {"y - -", 9, -1, INFERENCE},      {"y m v sm sv", 7, -1, TRAINING},
        {"y m v sm sv", 9, -1, TRAINING}, {"y - - - sv", 13, -1, TRAINING},
        {"y", 14, 1, TRAINING},           {"y m v", 15, 1, TRAINING},
        {"z y v", 9, -1, RUNNING_MEAN},   {"z m y", 15, 1, RUNNING_VARIANCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        convoy_tensor out = {0};
        const bool whole = cases[i].result <= TRAINING, trains = cases[i].result == TRAINING;
        run_norm(cases[i].outputs, cases[i].opset, cases[i].training_mode, &out);
        assert_true(whole ? shape_equal(&out.shape, &cube)
                          : shape_equal(&out.shape, &(convoy_shape){1, {3}}));
        for (size_t k = 0; k < convoy_tensor_elements(&out); k++) {
            size_t c = whole ? k / 4 % 3 : k;
            double s = (double)(c + 1) / 3, mean = 4.0 * (double)c + 7.5, variance = 37.25;
            double expected =
                cases[i].result == RUNNING_MEAN ? 0.9 * s + 0.1 * mean
                : cases[i].result == RUNNING_VARIANCE
                    ? 0.9 * s + 0.1 * variance
                    : ((double)k - (trains ? mean : s)) / sqrt((trains ? variance : s) + 1e-5) * s + s;
            assert_float_equal(((float *)out.data)[k], expected, 1e-5 * (fabs(expected) + 1));
        }
        convoy_tensor_release(&out);
    }
}

static void test_batch_norms_that_are_refused(void **state) {
    (void)state;
    static const int64_t channels = 3;
    static const struct {
        const char *outputs, *attribute;
        int64_t opset, value;
        const char *words;
    } cases[] = {
        {"y", "spatial", 7, 0, "node 'n' (BatchNormalization): statistics per element (spatial = 0)"},
        {"y", "is_test", 7, 0, "node 'n' (BatchNormalization): attribute 'is_test' is not supported"},
        {"y", "training_mode", 13, 1, "attribute 'training_mode' is not supported"},
        {"z m v y", "spatial", 7, 1, "output 'y' is an additional output of a node that is not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message s = tensor_message("s", &channels, 1, 3),
                       node = node_message("BatchNormalization", "n", "x s s s s", cases[i].outputs);
        node_int(&node, cases[i].attribute, cases[i].value);
        convoy_tensor out = {0};
        convoy_error error = {0};
        assert_int_equal(run_node(&node, &s, 1, cases[i].opset, &cube, &out, &error), CONVOY_E_UNSUPPORTED);
        if (!strstr(error.message, cases[i].words))
            fail_msg("'%s' does not say '%s'", error.message, cases[i].words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes_that_became_inputs),
        cmocka_unit_test(test_squeeze_forms),
        cmocka_unit_test(test_clip_and_pad_forms),
        cmocka_unit_test(test_softmax_forms),
        cmocka_unit_test(test_pool_extents),
        cmocka_unit_test(test_matmul_ranks),
        cmocka_unit_test(test_products_from_the_left),
        cmocka_unit_test(test_gemm_biases),
        cmocka_unit_test(test_batch_norm_modes),
        cmocka_unit_test(test_batch_norms_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
