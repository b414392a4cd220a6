/* Operators of indices, by ONNX's definitions of operator sets that the official cases do not reach. */
#include "node_rig.h"

#define NOT_A_NUMBER ((double)NAN)

static const convoy_dtype types[] = {CONVOY_F32, CONVOY_F64, CONVOY_I8, CONVOY_U64, CONVOY_BF16};
enum { TYPES = sizeof types / sizeof types[0] };

/* The axis is replaced by the shape of the indices, which are int32 or int64. */
static void gather(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        struct node_rig rig;
        node_rig_begin(&rig, "Gather", t % 2 ? 1 : 13, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 3), NULL);
        node_rig_input(&rig, t % 2 ? CONVOY_I32 : CONVOY_I64, MATRIX(1, 2), VALUES(2, -3));
        node_int(&rig.node, "axis", -1);
        node_rig_gives(&rig, types[t], CUBE(2, 1, 2), VALUES(2, 0, 5, 3));
        node_rig_begin(&rig, "Gather", 11, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 3), NULL);
        node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(1));
        node_rig_gives(&rig, types[t], VECTOR(3), VALUES(3, 4, 5));
    }
    struct node_rig rig;
    node_rig_begin(&rig, "Gather", 13, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(3), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(3));
    node_rig_fails(&rig, CONVOY_E_INPUT, "index 3 into an axis of 3 elements");
}

static void gather_elements_and_tuples(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        struct node_rig rig;
        node_rig_begin(&rig, "GatherElements", 11, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 2), NULL);
        node_rig_input(&rig, t % 2 ? CONVOY_I32 : CONVOY_I64, MATRIX(1, 2), VALUES(-1, 0));
        node_rig_gives(&rig, types[t], MATRIX(1, 2), VALUES(2, 1));
        node_rig_begin(&rig, "GatherND", 11, 1);
        node_rig_input(&rig, types[t], CUBE(2, 2, 2), NULL);
        node_rig_input(&rig, CONVOY_I64, MATRIX(2, 2), VALUES(0, 1, -1, 0));
        node_rig_gives(&rig, types[t], MATRIX(2, 2), VALUES(2, 3, 4, 5));
        node_rig_begin(&rig, "GatherND", 12, 1); /* batch_dims since GatherND-12 */
        node_rig_input(&rig, types[t], CUBE(2, 2, 2), NULL);
        node_rig_input(&rig, CONVOY_I64, MATRIX(2, 1), VALUES(1, 0));
        node_int(&rig.node, "batch_dims", 1);
        node_rig_gives(&rig, types[t], MATRIX(2, 2), VALUES(2, 3, 4, 5));
    }
    struct node_rig rig;
    node_rig_begin(&rig, "GatherND", 13, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(3), NULL);
    node_rig_input(&rig, CONVOY_I64, MATRIX(1, 2), VALUES(0, 0));
    node_rig_fails(&rig, CONVOY_E_INPUT, "2 indices behind 0 axes do not fit data of 1 axes");
}

static void begin_scatter(struct node_rig *rig, const char *op, int64_t opset, convoy_dtype dtype,
                          const char *reduction) {
    bool tuples = strcmp(op, "ScatterND") == 0;
    node_rig_begin(rig, op, opset, 1);
    node_rig_input(rig, dtype, VECTOR(3), VALUES(2, 4, 6));
    node_rig_input(rig, CONVOY_I64, tuples ? MATRIX(2, 1) : VECTOR(2), VALUES(1, -1));
    node_rig_input(rig, dtype, VECTOR(2), VALUES(5, 3));
    if (reduction)
        node_text(&rig->node, "reduction", reduction);
}

/* Scatter-9 became ScatterElements-11. Version 16 has a reduction: none, add and mul; version 18 max and min.
 */
static void scatter(void **state) {
    (void)state;
    static const struct {
        const char *reduction;
        double expected[3];
    } cases[] = {{"none", {2, 5, 3}},
                 {"add", {2, 9, 9}},
                 {"mul", {2, 20, 18}},
                 {"max", {2, 5, 6}},
                 {"min", {2, 4, 3}}};
    static const char *const ops[] = {"ScatterElements", "ScatterND"};
    struct node_rig rig;
    for (int op = 0; op < 2; op++)
        for (int t = 0; t < 4; t++) {
            begin_scatter(&rig, ops[op], 11, types[t], NULL);
            node_rig_gives(&rig, types[t], VECTOR(3), cases[0].expected);
            for (int r = 0; r < 5; r++) {
                begin_scatter(&rig, ops[op], r < 3 ? 16 : 18, types[t], cases[r].reduction);
                node_rig_gives(&rig, types[t], VECTOR(3), cases[r].expected);
            }
        }
    begin_scatter(&rig, "Scatter", 9, CONVOY_F32, NULL);
    node_rig_gives(&rig, CONVOY_F32, VECTOR(3), cases[0].expected);
    begin_scatter(&rig, "Scatter", 11, CONVOY_F32, NULL);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "operator set 11: Scatter");
    begin_scatter(&rig, "ScatterElements", 13, CONVOY_F32, "add");
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "attribute 'reduction'");
    begin_scatter(&rig, "ScatterND", 18, CONVOY_F32, "mean");
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "reduction 'mean'");
}

/* ArgMax-1 and -11: the first of equal ones; since version 12 the last if that is asked for. */
static void extremes(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int least = 0; least < 2; least++) {
            const double *values = VALUES(3, 1, 3, 1, 2, 2);
            struct node_rig rig;
            node_rig_begin(&rig, least ? "ArgMin" : "ArgMax", 1, 1); /* axis 0, kept */
            node_rig_input(&rig, types[t], MATRIX(2, 3), values);
            node_rig_gives(&rig, CONVOY_I64, MATRIX(1, 3), least ? VALUES(1, 0, 1) : VALUES(0, 1, 0));
            node_rig_begin(&rig, least ? "ArgMin" : "ArgMax", 12, 1);
            node_rig_input(&rig, types[t], MATRIX(2, 3), values);
            node_int(&rig.node, "axis", -1);
            node_int(&rig.node, "keepdims", 0);
            node_int(&rig.node, "select_last_index", 1);
            node_rig_gives(&rig, CONVOY_I64, VECTOR(2), least ? VALUES(1, 0) : VALUES(2, 2));
        }
    struct node_rig rig;
    node_rig_begin(&rig, "ArgMax", 11, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(2), NULL);
    node_int(&rig.node, "select_last_index", 1);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "attribute 'select_last_index'");
}

/* Hardmax-1 and -11 take all axes from axis 1 on as one, Hardmax-13 the last alone. */
static void hardmax(void **state) {
    (void)state;
    static const struct {
        int64_t opset, axis; /* axis 9: not there */
        double expected[8];
    } cases[] = {{1, 9, {0, 1, 0, 0, 1, 0, 0, 0}},
                 {11, -2, {0, 1, 0, 0, 1, 0, 0, 0}},
                 {12, 0, {0, 1, 0, 0, 0, 0, 0, 0}},
                 {13, 9, {0, 1, 1, 0, 1, 0, 0, 1}},
                 {13, 1, {0, 1, 1, 0, 1, 1, 0, 0}}};
    static const convoy_dtype floats[] = {CONVOY_F32, CONVOY_F64};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int f = 0; f < 2; f++) {
            struct node_rig rig;
            node_rig_begin(&rig, "Hardmax", cases[i].opset, 1);
            node_rig_input(&rig, floats[f], CUBE(2, 2, 2), VALUES(1, 9, 3, 2, 8, 8, 4, 5));
            if (cases[i].axis != 9)
                node_int(&rig.node, "axis", cases[i].axis);
            node_rig_gives(&rig, floats[f], CUBE(2, 2, 2), cases[i].expected);
        }
}

/* TopK-1 has k as an attribute, TopK-10 as an input; since TopK-11 the least may be asked for. Of equal ones
 * the first come first; NaN is the largest number. */
static void top_k(void **state) {
    (void)state;
    for (int64_t opset = 1; opset <= 10; opset += 9) {
        struct node_rig rig;
        node_rig_begin(&rig, "TopK", opset, 2);
        node_rig_input(&rig, CONVOY_F32, MATRIX(2, 3), VALUES(1, 3, 3, 5, NOT_A_NUMBER, 5));
        if (opset == 1)
            node_int(&rig.node, "k", 2);
        else
            node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(2));
        node_rig_expect(&rig, 0, CONVOY_F32, MATRIX(2, 2), VALUES(3, 3, NOT_A_NUMBER, 5));
        node_rig_expect(&rig, 1, CONVOY_I64, MATRIX(2, 2), VALUES(1, 2, 1, 0));
        node_rig_end(&rig);
    }
    for (int t = 0; t < TYPES; t++) {
        struct node_rig rig;
        node_rig_begin(&rig, "TopK", t == 0 ? 24 : 11, 2);
        node_rig_input(&rig, types[t], MATRIX(3, 2), VALUES(4, 1, 2, 5, 2, 3));
        node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(2));
        node_int(&rig.node, "axis", 0);
        node_int(&rig.node, "largest", 0);
        node_int(&rig.node, "sorted", 0);
        node_rig_expect(&rig, 0, types[t], MATRIX(2, 2), VALUES(2, 1, 2, 3));
        node_rig_expect(&rig, 1, CONVOY_I64, MATRIX(2, 2), VALUES(1, 0, 2, 2));
        node_rig_end(&rig);
    }
    struct node_rig rig;
    node_rig_begin(&rig, "TopK", 11, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(3), NULL);
    node_rig_input(&rig, CONVOY_I64, VECTOR(1), VALUES(4));
    node_rig_fails(&rig, CONVOY_E_INPUT, "no more than the 3 positions");
}

/* Compress-9: a condition that is shorter than the axis selects nothing behind its end. */
static void compress(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        struct node_rig rig;
        node_rig_begin(&rig, "Compress", 9, 1);
        node_rig_input(&rig, types[t], MATRIX(2, 3), NULL);
        node_rig_input(&rig, CONVOY_BOOL, VECTOR(2), VALUES(0, 1));
        node_int(&rig.node, "axis", 1);
        node_rig_gives(&rig, types[t], MATRIX(2, 1), VALUES(1, 4));
        node_rig_begin(&rig, "Compress", 11, 1); /* of all elements */
        node_rig_input(&rig, types[t], MATRIX(2, 3), NULL);
        node_rig_input(&rig, CONVOY_BOOL, VECTOR(6), VALUES(0, 1, 0, 0, 0, 1));
        node_rig_gives(&rig, types[t], VECTOR(2), VALUES(1, 5));
    }
    struct node_rig rig;
    node_rig_begin(&rig, "Compress", 11, 1);
    node_rig_input(&rig, CONVOY_F32, VECTOR(1), NULL);
    node_rig_input(&rig, CONVOY_BOOL, VECTOR(2), VALUES(1, 1));
    node_rig_fails(&rig, CONVOY_E_INPUT, "selects position 1 of 1");
}

/* CumSum-11, and of halves since CumSum-14. */
static void cumulative_sum(void **state) {
    (void)state;
    for (int t = 0; t < 4; t++)
        for (int wide = 0; wide < 2; wide++) {
            struct node_rig rig;
            node_rig_begin(&rig, "CumSum", 11, 1);
            node_rig_input(&rig, types[t], MATRIX(2, 2), VALUES(1, 2, 3, 4));
            node_rig_input(&rig, wide ? CONVOY_I64 : CONVOY_I32, wide ? SCALAR : VECTOR(1), VALUES(-2));
            node_rig_gives(&rig, types[t], MATRIX(2, 2), VALUES(1, 2, 4, 6));
        }
    struct node_rig rig;
    node_rig_begin(&rig, "CumSum", 14, 1);
    node_rig_input(&rig, CONVOY_F16, VECTOR(3), VALUES(0x3c00, 0x4000, 0x4200)); /* 1, 2, 3 */
    node_rig_input(&rig, CONVOY_I64, SCALAR, VALUES(0));
    node_int(&rig.node, "exclusive", 1);
    node_int(&rig.node, "reverse", 1);
    node_rig_gives(&rig, CONVOY_F16, VECTOR(3), VALUES(0x4500, 0x4200, 0)); /* 5, 3, 0 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather),   cmocka_unit_test(gather_elements_and_tuples),
        cmocka_unit_test(scatter),  cmocka_unit_test(extremes),
        cmocka_unit_test(hardmax),  cmocka_unit_test(top_k),
        cmocka_unit_test(compress), cmocka_unit_test(cumulative_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
