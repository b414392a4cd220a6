/* Operators that move elements about, by ONNX's definitions of operator sets that the official cases do not
 * reach. */
#include "node_rig.h"

/* Concat-1: along axis 1 if nothing is said. Since Concat-4 the axis is said. */
static void concat(void **state) {
    (void)state;
    for (int64_t opset = 1; opset <= 13; opset += 12) {
        struct node_rig rig;
        node_rig_begin(&rig, "Concat", opset, 1);
        node_rig_input(&rig, CONVOY_F32, MATRIX(2, 1), VALUES(1, 3));
        node_rig_input(&rig, CONVOY_F32, MATRIX(2, 1), VALUES(2, 4));
        if (opset > 1)
            node_int(&rig.node, "axis", -1);
        node_rig_gives(&rig, CONVOY_F32, MATRIX(2, 2), VALUES(1, 2, 3, 4));
    }
}

/* Reshape-1: the shape is an attribute. 0 keeps an axis until allowzero of Reshape-14. */
static void reshape(void **state) {
    (void)state;
    struct node_rig rig;
    node_rig_begin(&rig, "Reshape", 1, 1);
    node_rig_input(&rig, CONVOY_F32, CUBE(2, 1, 3), NULL);
    node_ints(&rig.node, "shape", (const int64_t[]){0, -1}, 2);
    node_rig_gives(&rig, CONVOY_F32, MATRIX(2, 3), VALUES(0, 1, 2, 3, 4, 5));
    node_rig_begin(&rig, "Reshape", 4, 1);
    node_rig_input(&rig, CONVOY_F32, CUBE(2, 1, 3), NULL);
    node_rig_fails(&rig, CONVOY_E_INPUT, "has no shape");
    node_rig_begin(&rig, "Reshape", 5, 1);
    node_rig_input(&rig, CONVOY_BOOL, MATRIX(2, 0), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(0, 0));
    node_rig_gives(&rig, CONVOY_BOOL, MATRIX(2, 0), NULL);
    node_rig_begin(&rig, "Reshape", 14, 1);
    node_rig_input(&rig, CONVOY_BOOL, MATRIX(2, 0), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(0, 5));
    node_int(&rig.node, "allowzero", 1);
    node_rig_gives(&rig, CONVOY_BOOL, MATRIX(0, 5), NULL);
}

/* Negative axes: Flatten-11, Unsqueeze-11, Squeeze-13. */
static void negative_axes(void **state) {
    (void)state;
    struct node_rig rig;
    node_rig_begin(&rig, "Flatten", 11, 1);
    node_rig_input(&rig, CONVOY_I8, CUBE(1, 2, 2), NULL);
    node_int(&rig.node, "axis", -1);
    node_rig_gives(&rig, CONVOY_I8, MATRIX(2, 2), VALUES(0, 1, 2, 3));
    node_rig_begin(&rig, "Unsqueeze", 11, 1);
    node_rig_input(&rig, CONVOY_I8, VECTOR(2), NULL);
    node_ints(&rig.node, "axes", (const int64_t[]){-1, 0}, 2);
    node_rig_gives(&rig, CONVOY_I8, CUBE(1, 2, 1), VALUES(0, 1));
    node_rig_begin(&rig, "Squeeze", 13, 1);
    node_rig_input(&rig, CONVOY_I8, CUBE(1, 2, 1), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(-1));
    node_rig_gives(&rig, CONVOY_I8, MATRIX(1, 2), VALUES(0, 1));
}

static void begin_split(struct node_rig *rig, int64_t opset) {
    node_rig_begin(rig, "Split", opset, 2);
    node_rig_input(rig, CONVOY_F32, VECTOR(5), NULL);
}

static void expect_split(struct node_rig *rig, int64_t first) {
    static const double all[] = {0, 1, 2, 3, 4};
    node_rig_expect(rig, 0, CONVOY_F32, VECTOR(first), all);
    node_rig_expect(rig, 1, CONVOY_F32, VECTOR(5 - first), all + first);
    node_rig_end(rig);
}

/* The lengths are an attribute, or, in Split-1, an input of the data's type; since Split-13 an input. Since
 * Split-18 num_outputs parts, of which the last may be shorter. */
static void split(void **state) {
    (void)state;
    struct node_rig rig;
    for (int64_t opset = 1; opset <= 11; opset += 5) {
        begin_split(&rig, opset);
        node_ints(&rig.node, "split", (const int64_t[]){1, 4}, 2);
        expect_split(&rig, 1);
    }
    begin_split(&rig, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(4, 1));
    expect_split(&rig, 4);
    begin_split(&rig, 13);
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(5, 0));
    node_int(&rig.node, "axis", -1);
    expect_split(&rig, 5);
    begin_split(&rig, 18);
    node_int(&rig.node, "num_outputs", 2);
    expect_split(&rig, 3);
    begin_split(&rig, 18);
    node_int(&rig.node, "num_outputs", 3);
    node_rig_fails(&rig, CONVOY_E_INPUT, "num_outputs");
    begin_split(&rig, 13);
    node_rig_input(&rig, CONVOY_F32, VECTOR(2), VALUES(4, 1));
    node_rig_fails(&rig, CONVOY_E_INPUT, "list of at most");
}

/* Slice-13, of 0, 1, 2, 3: start is clamped to [0, dims] forwards and to [0, dims - 1] backwards, end to [0,
 * dims] and to [-1, dims - 1]. */
static void slices(void **state) {
    (void)state;
    static const struct {
        double start, end, step;
        int64_t count;
        double expected[4];
    } cases[] = {{1, 3, 1, 2, {1, 2}},  {-2, 0x1p62, 1, 2, {2, 3}},    {9, 9, 1, 0, {0}},
                 {-9, 2, 1, 2, {0, 1}}, {-1, -9, -1, 4, {3, 2, 1, 0}}, {9, 0, -2, 2, {3, 1}},
                 {-9, -20, -1, 1, {0}}, {2, -0x1p62, -2, 2, {2, 0}},   {0, 2, -1, 0, {0}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int wide = 0; wide < 2; wide++) {
            convoy_dtype type = wide ? CONVOY_I64 : CONVOY_I32;
            if (!wide && fabs(cases[i].end) > 0x1p31)
                continue;
            struct node_rig rig;
            node_rig_begin(&rig, "Slice", wide ? 10 : 13, 1);
            node_rig_input(&rig, CONVOY_U16, VECTOR(4), NULL);
            node_rig_input(&rig, type, VECTOR(1), &cases[i].start);
            node_rig_input(&rig, type, VECTOR(1), &cases[i].end);
            node_rig_left_out(&rig);
            node_rig_input(&rig, type, VECTOR(1), &cases[i].step);
            node_rig_gives(&rig, CONVOY_U16, VECTOR(cases[i].count), cases[i].expected);
        }
}

/* Pad-1 calls its attribute paddings, Pad-2 pads; both have a value. Pad-11 has them as inputs, Pad-18 axes
 * as well. */
static void pad_forms(void **state) {
    (void)state;
    for (int64_t opset = 1; opset <= 2; opset++) {
        struct node_rig rig;
        node_rig_begin(&rig, "Pad", opset, 1);
        node_rig_input(&rig, CONVOY_F64, MATRIX(1, 2), VALUES(1, 2));
        node_ints(&rig.node, opset == 1 ? "paddings" : "pads", (const int64_t[]){1, 0, 0, 1}, 4);
        node_float(&rig.node, "value", 7);
        node_rig_gives(&rig, CONVOY_F64, MATRIX(2, 3), VALUES(7, 7, 7, 1, 2, 7));
    }
    for (int value = 0; value < 2; value++)
        for (int wide = 0; wide < 2; wide++) {
            struct node_rig rig;
            node_rig_begin(&rig, "Pad", 18, 1);
            node_rig_input(&rig, CONVOY_I16, MATRIX(1, 2), VALUES(1, 2));
            node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, -1));
            if (value)
                node_rig_input(&rig, CONVOY_I16, SCALAR, VALUES(9));
            else
                node_rig_left_out(&rig); /* zeros */
            node_rig_input(&rig, wide ? CONVOY_I64 : CONVOY_I32, VECTOR(1), VALUES(-1));
            node_rig_gives(&rig, CONVOY_I16, MATRIX(1, 2), VALUES(value ? 9 : 0, 1));
        }
}

/* Pad-19 has wrap. Negative pads take positions away, in every mode; what is left is what the others repeat.
 */
static void pad_modes(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        double begin, end;
        int64_t count;
        double expected[11];
    } cases[] = {{"wrap", 2, 4, 9, {2, 3, 1, 2, 3, 1, 2, 3, 1}},
                 {"wrap", -1, 3, 5, {2, 3, 2, 3, 2}},
                 {"edge", -2, 2, 3, {3, 3, 3}},
                 {"edge", 2, -1, 4, {1, 1, 1, 2}},
                 {"reflect", 2, 2, 7, {3, 2, 1, 2, 3, 2, 1}},
                 {"reflect", 2, -1, 4, {1, 2, 1, 2}},
                 {"reflect", 5, 3, 11, {2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2}}, /* as numpy.pad, again and again */
                 {"constant", -1, -1, 1, {2}},
                 {"constant", 1, -2, 2, {0, 1}},
                 {"constant", -4, 3, 2, {0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node_rig rig;
        node_rig_begin(&rig, "Pad", 19, 1);
        node_rig_input(&rig, CONVOY_F32, VECTOR(3), VALUES(1, 2, 3));
        node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(cases[i].begin, cases[i].end));
        node_text(&rig.node, "mode", cases[i].mode);
        node_rig_gives(&rig, CONVOY_F32, VECTOR(cases[i].count), cases[i].expected);
    }
    struct node_rig rig;
    node_rig_begin(&rig, "Pad", 19, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(3), VALUES(1, 2, 3));
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(-0x1p63, 0));
    node_text(&rig.node, "mode", "wrap");
    node_rig_fails(&rig, CONVOY_E_INPUT, "do not fit axis 0");
    node_rig_begin(&rig, "Pad", 19, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(3), VALUES(1, 2, 3));
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, 0));
    node_text(&rig.node, "mode", "mirror");
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "mode 'mirror'");
    node_rig_begin(&rig, "Pad", 13, 1);
    node_rig_input(&rig, CONVOY_I32, VECTOR(1), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, 0));
    node_rig_input(&rig, CONVOY_F32, SCALAR, VALUES(0.5));
    node_rig_fails(&rig, CONVOY_E_INPUT, "input 'constant_value' must be one element of int32");
}

/* Expand-8: shape and input may both have axes of 1. */
static void expand(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_BOOL, CONVOY_I8,
                                         CONVOY_F64, CONVOY_U64,  CONVOY_BF16};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        struct node_rig rig;
        node_rig_begin(&rig, "Expand", 8, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 1), VALUES(1, 0));
        node_rig_input(&rig, CONVOY_I64, VECTOR(3), VALUES(2, 1, 2));
        node_rig_gives(&rig, types[t], CUBE(2, 2, 2), VALUES(1, 1, 0, 0, 1, 1, 0, 0));
        node_rig_begin(&rig, "Expand", 13, 1); /* fewer axes than the input */
        node_rig_input(&rig, types[t], MATRIX(2, 1), VALUES(1, 0));
        node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(1));
        node_rig_gives(&rig, types[t], MATRIX(2, 1), VALUES(1, 0));
        node_rig_begin(&rig, "Expand", 13, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 1), VALUES(1, 0));
        node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(2, 0));
        node_rig_gives(&rig, types[t], MATRIX(2, 0), NULL);
    }
    struct node_rig rig;
    node_rig_begin(&rig, "Expand", 13, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(2, 3), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(2));
    node_rig_fails(&rig, CONVOY_E_INPUT, "shapes 2x3 and 2 do not broadcast");
    node_rig_begin(&rig, "Expand", 13, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(1), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(-1));
    node_rig_fails(&rig, CONVOY_E_INPUT, "holds -1 on axis 0");
}

/* Tile-1 repeats one axis, and tiles and axis are inputs of the data's type; Tile-6 has repeats for all. */
static void tile(void **state) {
    (void)state;
    struct node_rig rig;
    node_rig_begin(&rig, "Tile", 1, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(1, 2), VALUES(1, 2));
    node_rig_input(&rig, CONVOY_F32, VECTOR(1), VALUES(2));
    node_rig_input(&rig, CONVOY_F32, VECTOR(1), VALUES(1));
    node_rig_gives(&rig, CONVOY_F32, MATRIX(1, 4), VALUES(1, 2, 1, 2));
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_BOOL, CONVOY_I8,
                                         CONVOY_F64, CONVOY_U64,  CONVOY_BF16};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        node_rig_begin(&rig, "Tile", 6, 1);
        node_rig_input(&rig, types[t], MATRIX(1, 2), VALUES(1, 0));
        node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(2, 2));
        node_rig_gives(&rig, types[t], MATRIX(2, 4), VALUES(1, 0, 1, 0, 1, 0, 1, 0));
        node_rig_begin(&rig, "Tile", 13, 1);
        node_rig_input(&rig, types[t], MATRIX(1, 2), VALUES(1, 0));
        node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(3, 0));
        node_rig_gives(&rig, types[t], MATRIX(3, 0), NULL);
    }
    node_rig_begin(&rig, "Tile", 13, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(1, 2), VALUES(1, 0));
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(3));
    node_rig_fails(&rig, CONVOY_E_INPUT, "1 repeats for 2 axes");
    node_rig_begin(&rig, "Tile", 13, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(1, 2), VALUES(1, 0));
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, 0x1p62));
    node_rig_fails(&rig, CONVOY_E_INPUT, "cannot be repeated");
}

/* ReverseSequence-10: batch_axis is 1 if it is not there, time_axis is 0. */
static void reverse_sequence(void **state) {
    (void)state;
    for (int batch_first = 0; batch_first < 2; batch_first++) {
        struct node_rig rig;
        node_rig_begin(&rig, "ReverseSequence", 10, 1);
        node_rig_input(&rig, CONVOY_F32, MATRIX(2, 2), VALUES(1, 2, 3, 4));
        node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, 2));
        if (batch_first) {
            node_int(&rig.node, "batch_axis", 0);
            node_int(&rig.node, "time_axis", 1);
        }
        node_rig_gives(&rig, CONVOY_F32, MATRIX(2, 2), batch_first ? VALUES(1, 2, 4, 3) : VALUES(1, 4, 3, 2));
    }
    struct node_rig rig;
    node_rig_begin(&rig, "ReverseSequence", 10, 1);
    node_rig_input(&rig, CONVOY_F32, MATRIX(2, 2), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(2), VALUES(1, 2));
    node_int(&rig.node, "time_axis", 1);
    node_rig_fails(&rig, CONVOY_E_INPUT, "must be 0 and 1, or 1 and 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concat),        cmocka_unit_test(reshape),
        cmocka_unit_test(negative_axes), cmocka_unit_test(split),
        cmocka_unit_test(slices),        cmocka_unit_test(pad_forms),
        cmocka_unit_test(pad_modes),     cmocka_unit_test(expand),
        cmocka_unit_test(tile),          cmocka_unit_test(reverse_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
