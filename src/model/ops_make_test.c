/* Operators that make constants, by ONNX's definitions of operator sets that the official cases do not reach.
 */
#include "node_rig.h"
#include "onnx_rig.h"

#define NOT_A_NUMBER ((double)NAN)

/* Constant-12: a value of one of five forms. */
static void constant_forms(void **state) {
    (void)state;
    struct node_rig rig;
    node_rig_begin(&rig, "Constant", 12, 1);
    node_int(&rig.node, "value_int", -7);
    node_rig_gives(&rig, CONVOY_I64, SCALAR, VALUES(-7));
    node_rig_begin(&rig, "Constant", 12, 1);
    node_ints(&rig.node, "value_ints", (const int64_t[]){3, -(INT64_C(1) << 40)}, 2);
    node_rig_gives(&rig, CONVOY_I64, VECTOR(2), VALUES(3, -0x1p40));
    node_rig_begin(&rig, "Constant", 24, 1);
    node_float(&rig.node, "value_float", 0.5f);
    node_rig_gives(&rig, CONVOY_F32, SCALAR, VALUES(0.5));
    node_rig_begin(&rig, "Constant", 24, 1);
    node_floats(&rig.node, "value_floats", (const float[]){1, 2, 4}, 3);
    node_rig_gives(&rig, CONVOY_F32, VECTOR(3), VALUES(1, 2, 4));
    static const struct {
        const char *name;
        uint64_t type; /* AttributeProto.AttributeType */
    } refused[] = {{"value_string", 3}, {"value_strings", 8}, {"sparse_value", 11}};
    for (size_t i = 0; i < 3; i++) {
        char words[64];
        snprintf(words, sizeof words, "attribute '%s' is not supported", refused[i].name);
        node_rig_begin(&rig, "Constant", 12, 1);
        node_other(&rig.node, refused[i].name, refused[i].type);
        node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    }
    node_rig_begin(&rig, "Constant", 12, 1);
    node_rig_fails(&rig, CONVOY_E_INPUT, "has no value");
}

/* Shape-15: axes [start, end), which count from the end if they are negative, and are cut to what there is.
 */
static void shapes_and_sizes(void **state) {
    (void)state;
    struct node_rig rig;
    node_rig_begin(&rig, "Shape", 1, 1);
    node_rig_input(&rig, CONVOY_BOOL, CUBE(2, 0, 4), NULL);
    node_rig_gives(&rig, CONVOY_I64, VECTOR(3), VALUES(2, 0, 4));
    node_rig_begin(&rig, "Shape", 24, 1);
    node_rig_input(&rig, CONVOY_F16, CUBE(2, 3, 4), NULL);
    node_int(&rig.node, "start", -2);
    node_int(&rig.node, "end", 9);
    node_rig_gives(&rig, CONVOY_I64, VECTOR(2), VALUES(3, 4));
    node_rig_begin(&rig, "Size", 1, 1);
    node_rig_input(&rig, CONVOY_U64, CUBE(2, 3, 4), NULL);
    node_rig_gives(&rig, CONVOY_I64, SCALAR, VALUES(24));
    node_rig_begin(&rig, "ConstantOfShape", 9, 1); /* float32 zeros if there is no value */
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, 2));
    node_rig_gives(&rig, CONVOY_F32, MATRIX(1, 2), VALUES(0, 0));
    node_rig_begin(&rig, "ConstantOfShape", 24, 1); /* an empty shape is that of a scalar */
    node_rig_input(&rig, CONVOY_I64, VECTOR(0), NULL);
    node_rig_gives(&rig, CONVOY_F32, SCALAR, VALUES(0));
}

/* EyeLike-9: in the input's type if dtype is not there. */
static void eye_like(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_I8, CONVOY_BOOL, CONVOY_F64, CONVOY_U64};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
        for (int typed = 0; typed < 2; typed++) {
            struct node_rig rig;
            node_rig_begin(&rig, "EyeLike", typed ? 9 : 22, 1);
            node_rig_input(&rig, typed ? CONVOY_I32 : types[t], MATRIX(2, 3), NULL);
            if (typed)
                node_int(&rig.node, "dtype", types[t]);
            node_int(&rig.node, "k", typed ? -1 : 1);
            node_rig_gives(&rig, types[t], MATRIX(2, 3),
                           typed ? VALUES(0, 0, 0, 1, 0, 0) : VALUES(0, 1, 0, 0, 0, 1));
        }
    static const int64_t far[] = {INT64_MAX, INT64_MIN};
    for (int i = 0; i < 2; i++) {
        struct node_rig rig;
        node_rig_begin(&rig, "EyeLike", 9, 1);
        node_rig_input(&rig, CONVOY_F32, MATRIX(2, 2), NULL);
        node_int(&rig.node, "k", far[i]);
        node_rig_gives(&rig, CONVOY_F32, MATRIX(2, 2), VALUES(0, 0, 0, 0));
    }
}

/* Trilu-14: upper is 1 if it is not there, k is 0. */
static void triangles(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_BOOL, CONVOY_I64, CONVOY_F64, CONVOY_U8};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        const double *ones = VALUES(1, 1, 1, 1, 1, 1);
        struct node_rig rig;
        node_rig_begin(&rig, "Trilu", 14, 1);
        node_rig_input(&rig, types[t], CUBE(1, 2, 3), ones);
        node_rig_gives(&rig, types[t], CUBE(1, 2, 3), VALUES(1, 1, 1, 0, 1, 1));
        node_rig_begin(&rig, "Trilu", 24, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 3), ones);
        node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(-1));
        node_int(&rig.node, "upper", 0);
        node_rig_gives(&rig, types[t], MATRIX(2, 3), VALUES(0, 0, 0, 1, 0, 0));
    }
    struct node_rig rig; /* what is cut off may be anything */
    node_rig_begin(&rig, "Trilu", 14, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(2, 2), VALUES(1, 2, NOT_A_NUMBER, 4));
    node_rig_gives(&rig, CONVOY_F32, MATRIX(2, 2), VALUES(1, 2, 0, 4));
}

static void range_of(convoy_dtype dtype, const double *numbers, int64_t count, const double *expected) {
    struct node_rig rig;
    node_rig_begin(&rig, "Range", 11, 1);
    for (int i = 0; i < 3; i++)
        node_rig_input(&rig, dtype, SCALAR, &numbers[i]);
    if (count < 0)
        node_rig_fails(&rig, CONVOY_E_INPUT, "no finite range");
    else
        node_rig_gives(&rig, dtype, VECTOR(count), expected);
}

/* Range-11: max(ceil((limit - start) / delta), 0) numbers. */
static void ranges(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_F64, CONVOY_I16, CONVOY_I32, CONVOY_I64};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        range_of(types[t], VALUES(1, 8, 3), 3, VALUES(1, 4, 7));
        range_of(types[t], VALUES(5, -2, -2), 4, VALUES(5, 3, 1, -1));
        range_of(types[t], VALUES(5, 5, 1), 0, NULL);
        range_of(types[t], VALUES(5, 8, -1), 0, NULL);
        range_of(types[t], VALUES(5, 8, 0), -1, NULL);
    }
    /* 0.3 / 0.1 is 3 in float32, and a little more than 3 for these two numbers as float64. */
    range_of(CONVOY_F32, VALUES(0, 0.3, 0.1), 3, VALUES(0, 0.1, 0.2));
    range_of(CONVOY_F64, VALUES(0, 0.3, 0.1), 3, VALUES(0, 0.1, 0.2));
    range_of(CONVOY_I64, VALUES(-0x1p63, 0x1p62, 0x1p62), 3, VALUES(-0x1p63, -0x1p62, 0));
    range_of(CONVOY_I64, VALUES(0x1p62, -0x1p63, -0x1p63), 2, VALUES(0x1p62, -0x1p62));
    range_of(CONVOY_F32, VALUES(0, (double)INFINITY, 1), -1, NULL);
    range_of(CONVOY_F32, VALUES(0, NOT_A_NUMBER, 1), -1, NULL);
}

/* OneHot-11: the new axis may be anywhere, and a negative index counts from the end; OneHot-9: it is outside.
 */
static void one_hot(void **state) {
    (void)state;
    for (int64_t opset = 9; opset <= 11; opset += 2) {
        bool negative = opset == 11;
        struct node_rig rig;
        node_rig_begin(&rig, "OneHot", opset, 1);
        node_rig_input(&rig, CONVOY_I64, VECTOR(4), VALUES(1, -1, 3, -4));
        node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(3));
        node_rig_input(&rig, CONVOY_I32, VECTOR(2), VALUES(2, 5));
        node_rig_gives(&rig, CONVOY_I32, MATRIX(4, 3),
                       negative ? VALUES(2, 5, 2, 2, 2, 5, 2, 2, 2, 2, 2, 2)
                                : VALUES(2, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2));
    }
    static const int64_t axes[] = {0, -2};
    for (int i = 0; i < 2; i++) { /* a depth of rank 1, and indices of float, which lose their fraction */
        struct node_rig rig;
        node_rig_begin(&rig, "OneHot", 11, 1);
        node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(0, 1.9));
        node_rig_input(&rig, CONVOY_F32, VECTOR(1), VALUES(2));
        node_rig_input(&rig, CONVOY_BOOL, VECTOR(2), VALUES(0, 1));
        node_int(&rig.node, "axis", axes[i]);
        node_rig_gives(&rig, CONVOY_BOOL, MATRIX(2, 2), VALUES(1, 0, 0, 1));
    }
    struct node_rig rig;
    node_rig_begin(&rig, "OneHot", 11, 1);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(0));
    node_rig_input(&rig, CONVOY_F32, SCALAR, VALUES(1.5));
    node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(0, 1));
    node_rig_fails(&rig, CONVOY_E_INPUT, "depth is 1.5");
}

/* NonZero-9: as numpy.nonzero, but a scalar has no axes. */
static void non_zero(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_BOOL, CONVOY_I8,
                                         CONVOY_U64, CONVOY_F64,  CONVOY_BF16};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        struct node_rig rig;
        node_rig_begin(&rig, "NonZero", 9, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 3), VALUES(0, 1, 0, 1, 0, 1));
        node_rig_gives(&rig, CONVOY_I64, MATRIX(2, 3), VALUES(0, 1, 1, 1, 0, 2));
        node_rig_begin(&rig, "NonZero", 13, 1);
        node_rig_input(&rig, types[t], SCALAR, VALUES(1));
        node_rig_gives(&rig, CONVOY_I64, MATRIX(0, 1), NULL);
    }
    struct node_rig rig;
    node_rig_begin(&rig, "NonZero", 13, 1);
    node_rig_input(&rig, CONVOY_F16, VECTOR(3), VALUES(0x8000, 0x7e00, 0)); /* -0 is zero, NaN is not */
    node_rig_gives(&rig, CONVOY_I64, MATRIX(1, 1), VALUES(1));
}

/* Dropout in inference. Its mask has the input's type before operator set 10, then bool. */
static void dropout_masks(void **state) {
    (void)state;
    static const struct {
        int64_t opset, is_test; /* -1: not there */
    } cases[] = {{1, 1}, {6, 0}, {6, -1}, {7, -1}, {9, -1}, {10, -1}, {12, -1}, {22, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node_rig rig;
        node_rig_begin(&rig, "Dropout", cases[i].opset, 2);
        node_rig_input(&rig, CONVOY_F64, VECTOR(2), VALUES(3, 4));
        if (cases[i].is_test >= 0)
            node_int(&rig.node, "is_test", cases[i].is_test);
        node_rig_expect(&rig, 0, CONVOY_F64, VECTOR(2), VALUES(3, 4));
        node_rig_expect(&rig, 1, cases[i].opset < 10 ? CONVOY_F64 : CONVOY_BOOL, VECTOR(2), VALUES(1, 1));
        node_rig_end(&rig);
    }
    for (int drops = 0; drops < 2; drops++) { /* training drops nothing with a ratio of 0 */
        struct node_rig rig;
        node_rig_begin(&rig, "Dropout", 13, 1);
        node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(3, 4));
        node_rig_input(&rig, CONVOY_F32, SCALAR, drops ? VALUES(0.25) : VALUES(0));
        node_rig_input(&rig, CONVOY_BOOL, SCALAR, VALUES(1));
        if (drops)
            node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "training is not supported");
        else
            node_rig_gives(&rig, CONVOY_F32, VECTOR(2), VALUES(3, 4));
    }
}

/* What a model asks for is counted before it is allocated. */
static void constants_are_bounded(void **state) {
    (void)state;
    const char *words = "the constants of the model would take more than";
    struct node_rig rig;
    node_rig_begin(&rig, "ConstantOfShape", 9, 1);
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(0x1p20, 0x1p20));
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    node_rig_begin(&rig, "Range", 11, 1);
    node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(0));
    node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(0x1p60));
    node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(1));
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    node_rig_begin(&rig, "Range", 11, 1);
    node_rig_input(&rig, CONVOY_F32, SCALAR, VALUES(-0x1p60));
    node_rig_input(&rig, CONVOY_F32, SCALAR, VALUES(0x1p60));
    node_rig_input(&rig, CONVOY_F32, SCALAR, VALUES(0x1p-20));
    node_rig_fails(&rig, CONVOY_E_INPUT, "no finite range");
    node_rig_begin(&rig, "OneHot", 11, 1);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(0));
    node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(0x1p50));
    node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(0, 1));
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    node_rig_begin(&rig, "EyeLike", 9, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX((int64_t)1 << 40, 0), NULL);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    node_rig_begin(&rig, "Resize", 13, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(4), NULL);
    node_rig_left_out(&rig);
    node_rig_left_out(&rig);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(0x1p32));
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    node_rig_begin(&rig, "ImageScaler", 1, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(0, (int64_t)1 << 40), NULL);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
    node_rig_begin(&rig, "DequantizeLinear", 21, 1);
    node_rig_input(&rig, CONVOY_I8, MATRIX(0, (int64_t)1 << 40), NULL);
    node_rig_input(&rig, CONVOY_F32, MATRIX(0, (int64_t)1 << 39), NULL);
    node_int(&rig.node, "block_size", 2);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, words);
}

/* A layer of constants that would take hours is refused before it is computed. */
static void work_on_constants_is_bounded(void **state) {
    (void)state;
    for (int pool = 0; pool < 2; pool++) {
        const int64_t shape[] = {1, 1, 6000, 6000};
        struct message graph = {0}, output = value_message("y", NULL, 0), input = value_message("x", NULL, 0);
        struct message sizes = int_tensor_message("sizes", shape, 4);
        struct message node = node_message(pool ? "MaxPool" : "MatMul", "n", pool ? "a" : "a a", "c");
        if (pool)
            node_ints(&node, "kernel_shape", (const int64_t[]){3000, 3000}, 2);
        message_take(&graph, GRAPH_INPUT, &input);
        message_take(&graph, GRAPH_INITIALIZER, &sizes);
        graph_node(&graph, node_message("ConstantOfShape", "", "sizes", "a"));
        graph_node(&graph, node);
        graph_node(&graph, node_message("Add", "", "x c", "y"));
        message_take(&graph, GRAPH_OUTPUT, &output);
        expect_lowering(&graph, 17, SCALAR, CONVOY_E_UNSUPPORTED, pool ? "MaxPool" : "MatMul");
    }
    struct node_rig rig; /* nothing is no work, though the filter would have no end */
    node_rig_begin(&rig, "Resize", 18, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(4), NULL);
    node_rig_left_out(&rig);
    node_rig_left_out(&rig);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(0));
    node_text(&rig.node, "mode", "linear");
    node_int(&rig.node, "antialias", 1);
    node_rig_gives(&rig, CONVOY_F32, VECTOR(0), NULL);
}

/* An output that the operator does not have here, of a node that waits for the data. */
static void additional_output(void **state) {
    (void)state;
    struct node_rig rig;
    node_rig_begin(&rig, "NonZero", 9, 2);
    node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(0, 1));
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "output 'y1' is an additional output of a node");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_forms),
        cmocka_unit_test(shapes_and_sizes),
        cmocka_unit_test(eye_like),
        cmocka_unit_test(triangles),
        cmocka_unit_test(ranges),
        cmocka_unit_test(one_hot),
        cmocka_unit_test(non_zero),
        cmocka_unit_test(dropout_masks),
        cmocka_unit_test(constants_are_bounded),
        cmocka_unit_test(work_on_constants_is_bounded),
        cmocka_unit_test(additional_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
