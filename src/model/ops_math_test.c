/* Arithmetic, comparisons and bounds, by ONNX's definitions of operator sets that the official cases do not
 * reach. */
#include "node_rig.h"

#include <float.h>

#define NOT_A_NUMBER ((double)NAN)
#define INFINITE     ((double)INFINITY)

/* Two lists through an operator. */
static void begin(struct node_rig *rig, const char *op, int64_t opset, convoy_dtype first, int64_t count,
                  const double *values, convoy_dtype second, const double *others) {
    node_rig_begin(rig, op, opset, 1);
    node_rig_input(rig, first, VECTOR(count), values);
    node_rig_input(rig, second, VECTOR(count), others);
}

/* Until operator set 6 the second operand meets the first at `axis`, else at the right, if `broadcast` says
 * so. */
static void legacy_broadcasting(void **state) {
    (void)state;
    enum { RIGHT = 9 };
    static const struct {
        const char *op;
        int64_t opset, axis;
        convoy_dtype operands, result;
        double first[4], second[2], expected[4];
    } cases[] = {
        {"Add", 1, 0, CONVOY_F32, CONVOY_F32, {1, 2, 3, 4}, {10, 20}, {11, 12, 23, 24}},
        {"Add", 6, RIGHT, CONVOY_I64, CONVOY_I64, {1, 2, 3, 4}, {10, 20}, {11, 22, 13, 24}},
        {"Sub", 6, 0, CONVOY_F64, CONVOY_F64, {1, 2, 3, 4}, {10, 20}, {-9, -8, -17, -16}},
        {"Mul", 6, -1, CONVOY_F32, CONVOY_F32, {1, 2, 3, 4}, {10, 20}, {10, 40, 30, 80}},
        {"Div", 1, 0, CONVOY_F32, CONVOY_F32, {10, 20, 30, 40}, {10, 20}, {1, 2, 1.5, 2}},
        {"Pow", 1, 0, CONVOY_F32, CONVOY_F32, {1, 2, 3, 4}, {2, 1}, {1, 4, 3, 4}},
        {"Equal", 1, 0, CONVOY_I32, CONVOY_BOOL, {1, 2, 1, 2}, {1, 2}, {1, 0, 0, 1}},
        {"Less", 1, 0, CONVOY_F32, CONVOY_BOOL, {1, 2, 1, 2}, {1, 2}, {0, 0, 1, 0}},
        {"Greater", 1, 0, CONVOY_F32, CONVOY_BOOL, {1, 2, 1, 2}, {1, 2}, {0, 1, 0, 0}},
        {"And", 1, 0, CONVOY_BOOL, CONVOY_BOOL, {0, 1, 0, 1}, {1, 0}, {0, 1, 0, 0}},
        {"Or", 1, 0, CONVOY_BOOL, CONVOY_BOOL, {0, 1, 0, 1}, {1, 0}, {1, 1, 0, 1}},
        {"Xor", 1, 0, CONVOY_BOOL, CONVOY_BOOL, {0, 1, 0, 1}, {1, 0}, {1, 0, 0, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node_rig rig;
        node_rig_begin(&rig, cases[i].op, cases[i].opset, 1);
        node_rig_input(&rig, cases[i].operands, MATRIX(2, 2), cases[i].first);
        node_rig_input(&rig, cases[i].operands, VECTOR(2), cases[i].second);
        node_int(&rig.node, "broadcast", 1);
        if (cases[i].axis != RIGHT && cases[i].axis >= 0)
            node_int(&rig.node, "axis", cases[i].axis);
        node_rig_gives(&rig, cases[i].result, MATRIX(2, 2), cases[i].expected);
    }
}

/* Pow-12: the result has the base's type, whatever the exponent's is. */
static void powers(void **state) {
    (void)state;
    struct node_rig rig;
    begin(&rig, "Pow", 12, CONVOY_I32, 3, VALUES(4, 9, 2), CONVOY_F32, VALUES(0.5, 0.5, -1));
    node_rig_gives(&rig, CONVOY_I32, VECTOR(3), VALUES(2, 3, 0));
    begin(&rig, "Pow", 12, CONVOY_I32, 2, VALUES(2, -3), CONVOY_I64, VALUES(0x1p32 + 1, 3)); /* modulo 2^32 */
    node_rig_gives(&rig, CONVOY_I32, VECTOR(2), VALUES(0, -27));
    begin(&rig, "Pow", 13, CONVOY_I64, 2, VALUES(2, 3), CONVOY_U64, VALUES(0x1p63, 4));
    node_rig_gives(&rig, CONVOY_I64, VECTOR(2), VALUES(0, 81));
    begin(&rig, "Pow", 15, CONVOY_F32, 2, VALUES(2, 0.5), CONVOY_U8, VALUES(3, 2));
    node_rig_gives(&rig, CONVOY_F32, VECTOR(2), VALUES(8, 0.25));
    begin(&rig, "Pow", 15, CONVOY_F16, 2, VALUES(0xbc00, 0x4200), CONVOY_I64, VALUES(2049, 2)); /* -1, 3 */
    node_rig_gives(&rig, CONVOY_F16, VECTOR(2), VALUES(0xbc00, 0x4880));
}

/* And, Or, Xor take bool, BitwiseAnd and its like integers, IsNaN and IsInf floats, BitShift LEFT or RIGHT.
 */
static void types_that_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *op;
        uint32_t inputs;
        convoy_dtype dtype;
        const char *words;
    } cases[] = {{"And", 2, CONVOY_I32, "operands of bool are supported"},
                 {"Or", 2, CONVOY_U8, "operands of bool are supported"},
                 {"Xor", 2, CONVOY_F32, "operands of bool are supported"},
                 {"BitwiseAnd", 2, CONVOY_BOOL, "operands of integers are supported"},
                 {"BitwiseXor", 2, CONVOY_F32, "operands of integers are supported"},
                 {"IsInf", 1, CONVOY_I32, "floating-point numbers are supported"},
                 {"IsNaN", 1, CONVOY_I32, "floating-point numbers are supported"},
                 {"Max", 2, CONVOY_BOOL, "no kernel for bool"}};
    struct node_rig rig;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        node_rig_begin(&rig, cases[i].op, 20, 1);
        for (uint32_t k = 0; k < cases[i].inputs; k++)
            node_rig_input(&rig, cases[i].dtype, VECTOR(2), NULL);
        node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, cases[i].words);
    }
    begin(&rig, "BitShift", 11, CONVOY_U8, 1, VALUES(1), CONVOY_U8, VALUES(1));
    node_text(&rig.node, "direction", "Leftwards");
    node_rig_fails(&rig, CONVOY_E_INPUT, "LEFT or RIGHT is expected");
    begin(&rig, "BitwiseAnd", 18, CONVOY_I8, 2, VALUES(-1, 6), CONVOY_I8, VALUES(5, 3));
    node_rig_gives(&rig, CONVOY_I8, VECTOR(2), VALUES(5, 2));
}

/* IsInf-20 takes halves. */
static void infinities(void **state) {
    (void)state;
    for (int negative = 0; negative < 2; negative++)
        for (int positive = 0; positive < 2; positive++) {
            struct node_rig rig;
            node_rig_begin(&rig, "IsInf", 20, 1);
            node_rig_input(&rig, CONVOY_F16, VECTOR(4), VALUES(0x7c00, 0xfc00, 0x7e00, 0x3c00));
            node_int(&rig.node, "detect_negative", negative);
            node_int(&rig.node, "detect_positive", positive);
            node_rig_gives(&rig, CONVOY_BOOL, VECTOR(4), VALUES(positive, negative, 0, 0));
        }
}

/* NaN wins, as in NumPy; unsigned numbers compare as such; one operand is its own extreme. */
static void extremes(void **state) {
    (void)state;
    for (int least = 0; least < 2; least++) {
        const char *op = least ? "Min" : "Max";
        struct node_rig rig;
        begin(&rig, op, 13, CONVOY_F32, 3, VALUES(NOT_A_NUMBER, 1, 1), CONVOY_F32,
              VALUES(1, NOT_A_NUMBER, 2));
        node_rig_gives(&rig, CONVOY_F32, VECTOR(3), VALUES(NOT_A_NUMBER, NOT_A_NUMBER, least ? 1 : 2));
        begin(&rig, op, 12, CONVOY_U64, 1, VALUES(0x1p63), CONVOY_U64, VALUES(1));
        node_rig_gives(&rig, CONVOY_U64, VECTOR(1), VALUES(least ? 1 : 0x1p63));
        begin(&rig, op, 13, CONVOY_BF16, 1, VALUES(0x3f80), CONVOY_BF16, VALUES(0xbf80));
        node_rig_gives(&rig, CONVOY_BF16, VECTOR(1), VALUES(least ? 0xbf80 : 0x3f80));
        node_rig_begin(&rig, op, 8, 1);
        node_rig_input(&rig, CONVOY_F32, VECTOR(2), NULL);
        node_rig_gives(&rig, CONVOY_F32, VECTOR(2), VALUES(0, 1));
    }
}

static void clip(int64_t opset, convoy_dtype dtype, double x, double low, double high, double expected) {
    struct node_rig rig;
    node_rig_begin(&rig, "Clip", opset, 1);
    node_rig_input(&rig, dtype, VECTOR(1), &x);
    for (int i = 0; i < 2 && opset >= 11; i++) {
        const double *bound = i ? &high : &low;
        if (isnan(*bound))
            node_rig_left_out(&rig);
        else
            node_rig_input(&rig, dtype, SCALAR, bound);
    }
    if (opset < 11 && !isnan(low))
        node_float(&rig.node, "min", (float)low);
    if (opset < 11 && !isnan(high))
        node_float(&rig.node, "max", (float)high);
    node_rig_gives(&rig, dtype, VECTOR(1), &expected);
}

/* Clip-11: the bounds are inputs of the numbers' type, and are the ends of the type's range if they are left
 * out. Before they are attributes. If the lower one is above the upper one, that one counts. */
static void bounds(void **state) {
    (void)state;
    const double none = NOT_A_NUMBER;
    clip(6, CONVOY_F32, -3, -2, none, -2);
    clip(6, CONVOY_F64, 9, none, 2.5, 2.5);
    clip(11, CONVOY_F64, 0, 0.1, none, 0.1);
    clip(11, CONVOY_F64, 1e300, none, none, 1e300);
    clip(11, CONVOY_F64, INFINITE, none, none, DBL_MAX);
    clip(11, CONVOY_F64, NOT_A_NUMBER, 0, 1, NOT_A_NUMBER);
    clip(11, CONVOY_F32, INFINITE, 0, none, (double)FLT_MAX);
    clip(11, CONVOY_F32, -INFINITE, none, none, (double)-FLT_MAX);
    clip(11, CONVOY_F32, 5, 4, 2, 2);
    clip(12, CONVOY_I64, -0x1p62, -0x1p61, none, -0x1p61);
    clip(12, CONVOY_U8, 200, none, 100, 100);
    clip(12, CONVOY_I8, 5, 4, 2, 2);
    clip(13, CONVOY_F16, 0x7c00, none, none, 0x7bff);
    clip(13, CONVOY_BF16, 0xff80, none, 0x3f80, 0xff7f);
}

/* A bound is one number of the input's type: as a list of one it does not give the result axes, and a list of
 * more is refused. */
static void bounds_that_are_lists(void **state) {
    (void)state;
    struct node_rig wrong;
    node_rig_begin(&wrong, "Clip", 13, 1);
    node_rig_input(&wrong, CONVOY_F32, VECTOR(1), VALUES(0));
    node_rig_input(&wrong, CONVOY_F64, SCALAR, VALUES(1));
    node_rig_fails(&wrong, CONVOY_E_INPUT, "input 'min' is float64 and the input is float32");
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_I32};
    for (int t = 0; t < 2; t++)
        for (int64_t count = 0; count < 3; count++) {
            struct node_rig rig;
            node_rig_begin(&rig, "Clip", 13, 1);
            node_rig_input(&rig, types[t], SCALAR, VALUES(-3));
            node_rig_input(&rig, types[t], VECTOR(count), VALUES(-2, -2));
            if (count == 1)
                node_rig_gives(&rig, types[t], SCALAR, VALUES(-2));
            else
                node_rig_fails(&rig, CONVOY_E_INPUT, "input 'min' must have one element");
        }
}

/* PRelu-6: a slope [C] belongs to the channels; PRelu-7: it meets x from the right, and never the other way
 * round. */
static void slopes(void **state) {
    (void)state;
    struct node_rig rig;
    for (int64_t opset = 6; opset <= 7; opset++) {
        node_rig_begin(&rig, "PRelu", opset, 1);
        node_rig_input(&rig, CONVOY_F32, CUBE(1, 2, 2), VALUES(-1, -2, -3, -4));
        node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(2, 3));
        node_rig_gives(&rig, CONVOY_F32, CUBE(1, 2, 2),
                       opset == 6 ? VALUES(-2, -4, -9, -12) : VALUES(-2, -6, -6, -12));
    }
    node_rig_begin(&rig, "PRelu", 9, 1);
    node_rig_input(&rig, CONVOY_I32, VECTOR(2), VALUES(-1, 2));
    node_rig_input(&rig, CONVOY_I32, MATRIX(2, 2), VALUES(1, 2, 3, 4));
    node_rig_fails(&rig, CONVOY_E_INPUT, "the slope does not broadcast to the input");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_broadcasting),
        cmocka_unit_test(powers),
        cmocka_unit_test(types_that_are_refused),
        cmocka_unit_test(infinities),
        cmocka_unit_test(extremes),
        cmocka_unit_test(bounds),
        cmocka_unit_test(bounds_that_are_lists),
        cmocka_unit_test(slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
