/* Einsum-12. Expected values are sums that were written out by hand. */
#include "node_rig.h"

static const convoy_dtype types[] = {CONVOY_F32, CONVOY_F64, CONVOY_I32, CONVOY_I64, CONVOY_U8};
enum { TYPES = sizeof types / sizeof types[0] };

/* Inputs are 1, 2, 3, ... in these shapes; those of rank UINT32_MAX are not there. */
#define NONE ((convoy_shape){.rank = UINT32_MAX})

static void begin(struct node_rig *rig, const char *equation, convoy_dtype dtype,
                  const convoy_shape *shapes) {
    static const double counting[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    node_rig_begin(rig, "Einsum", 12, 1);
    node_text(&rig->node, "equation", equation);
    for (int i = 0; i < 3 && shapes[i].rank != UINT32_MAX; i++)
        node_rig_input(rig, dtype, shapes[i], counting);
}

static void equations(void **state) {
    (void)state;
    const struct {
        const char *equation;
        convoy_shape shapes[3], result;
        double expected[8];
    } cases[] = {
        {"ij->ji", {MATRIX(2, 2), NONE}, MATRIX(2, 2), {1, 3, 2, 4}},
        {" ij -> i ", {MATRIX(2, 2), NONE}, VECTOR(2), {3, 7}},
        {"ij->", {MATRIX(2, 2), NONE}, SCALAR, {10}},
        {"ba", {MATRIX(2, 2), NONE}, MATRIX(2, 2), {1, 3, 2, 4}}, /* implicit: ab */
        {"aB", {MATRIX(2, 2), NONE}, MATRIX(2, 2), {1, 3, 2, 4}}, /* capitals come first */
        {"ii", {MATRIX(2, 2), NONE}, SCALAR, {5}},
        {"ii->i", {MATRIX(3, 3), NONE}, VECTOR(3), {1, 5, 9}},
        {"iji->j", {CUBE(2, 2, 2), NONE}, VECTOR(2), {7, 11}},
        {"iii->i", {CUBE(2, 2, 2), NONE}, VECTOR(2), {1, 8}},
        {"iijj->ij", {shape_of(4, 2, 2, 2, 2), NONE}, MATRIX(2, 2), {1, 4, 13, 16}},
        {"ij,jk", {MATRIX(2, 2), MATRIX(2, 2), NONE}, MATRIX(2, 2), {7, 10, 15, 22}},
        {"ij,jk->ki", {MATRIX(2, 2), MATRIX(2, 2), NONE}, MATRIX(2, 2), {7, 15, 10, 22}},
        {"i,i->", {VECTOR(3), VECTOR(3), NONE}, SCALAR, {14}},
        {"i,i->i", {VECTOR(3), VECTOR(3), NONE}, VECTOR(3), {1, 4, 9}},
        {"i,j", {VECTOR(2), VECTOR(3), NONE}, MATRIX(2, 3), {1, 2, 3, 2, 4, 6}},
        {"i,j->", {VECTOR(2), VECTOR(2), NONE}, SCALAR, {9}},
        {",i", {SCALAR, VECTOR(2), NONE}, VECTOR(2), {1, 2}},
        {"bij,bjk->bik", {CUBE(2, 1, 2), CUBE(2, 2, 1), NONE}, CUBE(2, 1, 1), {5, 25}},
        {"ij,ij,ij->i", {MATRIX(2, 2), MATRIX(2, 2), MATRIX(2, 2)}, VECTOR(2), {9, 91}},
        {"ij,jk,kl->il", {MATRIX(1, 2), MATRIX(2, 2), MATRIX(2, 1)}, MATRIX(1, 1), {27}},
        {"i,j,i->j", {VECTOR(2), VECTOR(2), VECTOR(2)}, VECTOR(2), {5, 10}},
        {"...->...", {MATRIX(2, 2), NONE}, MATRIX(2, 2), {1, 2, 3, 4}},
        {"i...->...i", {MATRIX(2, 2), NONE}, MATRIX(2, 2), {1, 3, 2, 4}},
        {"...ii->...i", {CUBE(2, 2, 2), NONE}, MATRIX(2, 2), {1, 4, 5, 8}},
        {"...ij,...jk", {CUBE(2, 1, 2), MATRIX(2, 1), NONE}, CUBE(2, 1, 1), {5, 11}},
        {"...,...", {MATRIX(2, 1), VECTOR(2), NONE}, MATRIX(2, 2), {1, 2, 2, 4}}, /* axes of 1 repeat */
        {"ij,ij->j", {MATRIX(2, 1), MATRIX(1, 2), NONE}, VECTOR(2), {3, 6}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int t = 0; t < TYPES; t++) {
            struct node_rig rig;
            begin(&rig, cases[i].equation, types[t], cases[i].shapes);
            node_rig_gives(&rig, types[t], cases[i].result, cases[i].expected);
        }
}

/* Sums of nothing are 0. Halves are summed in float32: 1·1 + 2·2 + 3·3 = 14. Integers wrap. */
static void special_numbers(void **state) {
    (void)state;
    struct node_rig rig;
    begin(&rig, "ij,jk->ik", CONVOY_F32, (const convoy_shape[]){MATRIX(1, 0), MATRIX(0, 2), NONE});
    node_rig_gives(&rig, CONVOY_F32, MATRIX(1, 2), VALUES(0, 0));
    begin(&rig, "ii->i", CONVOY_F32, (const convoy_shape[]){MATRIX(0, 0), NONE});
    node_rig_gives(&rig, CONVOY_F32, VECTOR(0), NULL);
    node_rig_begin(&rig, "Einsum", 12, 1);
    node_text(&rig.node, "equation", "i,i");
    for (int k = 0; k < 2; k++)
        node_rig_input(&rig, CONVOY_F16, VECTOR(3), VALUES(0x3c00, 0x4000, 0x4200));
    node_rig_gives(&rig, CONVOY_F16, SCALAR, VALUES(0x4b00));
    node_rig_begin(&rig, "Einsum", 12, 1);
    node_text(&rig.node, "equation", "i,i");
    for (int k = 0; k < 2; k++)
        node_rig_input(&rig, CONVOY_U8, VECTOR(1), VALUES(20));
    node_rig_gives(&rig, CONVOY_U8, SCALAR, VALUES(400 - 256));
}

static void equations_that_are_refused(void **state) {
    (void)state;
    const struct {
        const char *equation;
        convoy_shape shapes[3];
        const char *words;
    } cases[] = {
        {"i1->i", {MATRIX(2, 2), NONE}, "'1->i' where a label is expected"},
        {"i..j", {MATRIX(2, 2), NONE}, "'..j' where a label is expected"},
        {"......", {MATRIX(2, 2), NONE}, "where a label is expected"},
        {"ijk", {MATRIX(2, 2), NONE}, "term 0 of the equation does not fit input 0 of 2 axes"},
        {"i", {MATRIX(2, 2), NONE}, "term 0 of the equation does not fit input 0 of 2 axes"},
        {"...ijk", {MATRIX(2, 2), NONE}, "term 0 of the equation does not fit"},
        {"ij,jk", {MATRIX(2, 2), NONE}, "',jk' behind the terms of the 1 inputs"},
        {"ij-ji", {MATRIX(2, 2), NONE}, "'-ji' behind the terms"},
        {"ij", {MATRIX(2, 2), MATRIX(2, 2), NONE}, "1 terms for 2 inputs"},
        {"ij->ii", {MATRIX(2, 2), NONE}, "a label of the output occurs twice, or in no input"},
        {"ij->ik", {MATRIX(2, 2), NONE}, "a label of the output occurs twice, or in no input"},
        {"ij->ij,", {MATRIX(2, 2), NONE}, "something behind its output"},
        {"i...->i", {MATRIX(2, 2), NONE}, "lacks the ellipsis"},
        {"ii", {MATRIX(2, 3), NONE}, "axes of 2 and 3 positions of one input"},
        {"ij,jk", {MATRIX(2, 2), MATRIX(3, 2), NONE}, "axes of 2 and 3 positions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node_rig rig;
        begin(&rig, cases[i].equation, CONVOY_F32, cases[i].shapes);
        node_rig_fails(&rig, CONVOY_E_INPUT, cases[i].words);
    }
    struct node_rig rig;
    node_rig_begin(&rig, "Einsum", 12, 1);
    node_text(&rig.node, "equation", "abcdefghi");
    node_rig_input(&rig, CONVOY_F32, MATRIX(1, 1), NULL);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "more than 8 labels");
    node_rig_begin(&rig, "Einsum", 12, 1);
    node_text(&rig.node, "equation", "ijk,lmno,pqr->ijklmnopqr");
    node_rig_input(&rig, CONVOY_F32, CUBE(1, 1, 1), NULL);
    node_rig_input(&rig, CONVOY_F32, shape_of(4, 1, 1, 1, 1), NULL);
    node_rig_input(&rig, CONVOY_F32, CUBE(1, 1, 1), NULL);
    node_rig_fails(&rig, CONVOY_E_UNSUPPORTED, "more than 8");
}

/* Labels of no positions let others be of any length: products of these are no sizes of memory. */
static void impossible_sizes(void **state) {
    (void)state;
    const int64_t wide = (int64_t)1 << 33;
    struct node_rig rig;
    begin(&rig, "kij,k->ij", CONVOY_F32, (const convoy_shape[]){CUBE(0, wide, wide), VECTOR(0), NONE});
    node_rig_fails(&rig, CONVOY_E_INPUT, "larger than memory can be");
    begin(&rig, "k,kij->ij", CONVOY_F32, /* 274177 · 67280421310721 is 2^64 + 1 */
          (const convoy_shape[]){VECTOR(0), CUBE(0, 274177, 67280421310721), NONE});
    node_rig_fails(&rig, CONVOY_E_INPUT, "larger than memory can be");
    begin(&rig, "kii->k", CONVOY_F32, (const convoy_shape[]){CUBE(0, wide, wide), NONE});
    node_rig_fails(&rig, CONVOY_E_INPUT, "positions of one input");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equations),
        cmocka_unit_test(special_numbers),
        cmocka_unit_test(equations_that_are_refused),
        cmocka_unit_test(impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
