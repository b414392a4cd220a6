/* Kinds that find elements by indices, by examples computed by hand, in every type and on every backend. */
#include "layer_sample.h"

#define VALUES(...)   ((const double[]){__VA_ARGS__})
#define VECTOR(n)     shape_of(1, n, 0, 0, 0)
#define MATRIX(m, n)  shape_of(2, m, n, 0, 0)
#define CUBE(a, b, c) shape_of(3, a, b, c, 0)

static const convoy_dtype all[] = {CONVOY_F32, CONVOY_U8,  CONVOY_I8,  CONVOY_U16, CONVOY_I16, CONVOY_I32,
                                   CONVOY_I64, CONVOY_F16, CONVOY_F64, CONVOY_U32, CONVOY_U64, CONVOY_BF16};
enum { TYPES = sizeof all / sizeof all[0] };

/* Begins a layer of data 1, 2, 3, ... and indices of either type. */
static void begin(struct sample *s, enum layer_kind kind, convoy_dtype dtype, convoy_shape output,
                  convoy_shape data, bool wide, convoy_shape indices, const double *values) {
    sample_begin(s, kind, dtype, output);
    convoy_tensor tensor = tensor_of(dtype, data);
    for (size_t i = 0; i < convoy_tensor_elements(&tensor); i++)
        tensor_set(&tensor, i, (double)(i + 1));
    sample_input(s, tensor);
    sample_input(s, tensor_values(wide ? CONVOY_I64 : CONVOY_I32, indices, values));
}

static void gather_elements(void **state) {
    (void)state;
    for (int t = 0; t < 2 * TYPES; t++) {
        struct sample s;
        begin(&s, LAYER_GATHER_ELEMENTS, all[t / 2], MATRIX(2, 2), MATRIX(2, 3), t % 2, MATRIX(2, 2),
              VALUES(-1, 0, 1, -3));
        s.desc.gather.axis = 1;
        sample_expect(&s, VALUES(3, 1, 5, 4), NULL);

        /* Fewer columns than the data, more rows. */
        begin(&s, LAYER_GATHER_ELEMENTS, all[t / 2], MATRIX(3, 2), MATRIX(2, 3), t % 2, MATRIX(3, 2),
              VALUES(1, 0, 0, -1, -2, 1));
        s.desc.gather.axis = 0;
        sample_expect(&s, VALUES(4, 2, 1, 5, 1, 5), NULL);
    }
}

static void gather_nd(void **state) {
    (void)state;
    for (int t = 0; t < 2 * TYPES; t++) {
        struct sample s;
        begin(&s, LAYER_GATHER_ND, all[t / 2], VECTOR(2), MATRIX(2, 2), t % 2, MATRIX(2, 2),
              VALUES(0, -1, 1, 0)); /* both axes */
        sample_expect(&s, VALUES(2, 3), NULL);

        begin(&s, LAYER_GATHER_ND, all[t / 2], MATRIX(2, 3), MATRIX(2, 3), t % 2, MATRIX(2, 1),
              VALUES(1, 0)); /* whole rows */
        sample_expect(&s, VALUES(4, 5, 6, 1, 2, 3), NULL);

        /* [2,2,2] with one batch axis: row 1 of the first matrix, row 0 of the second. */
        begin(&s, LAYER_GATHER_ND, all[t / 2], MATRIX(2, 2), CUBE(2, 2, 2), t % 2, MATRIX(2, 1),
              VALUES(1, 0));
        s.desc.gather_nd.batch_axes = 1;
        sample_expect(&s, VALUES(3, 4, 5, 6), NULL);
    }
}

/* Reductions of data 1..n with updates; NONE replaces. */
enum { NONE, ADD, MULTIPLY, LARGEST, LEAST, REDUCTIONS };

static void set_reduction(struct sample *s, int reduction) {
    static const enum binary_op ops[REDUCTIONS] = {
        [ADD] = BINARY_ADD, [MULTIPLY] = BINARY_MUL, [LARGEST] = BINARY_MAX, [LEAST] = BINARY_MIN};
    s->desc.scatter.combines = reduction != NONE;
    s->desc.scatter.op = ops[reduction];
}

/* Bits stand for the numbers of halves in samples, so these are tested apart. */
static bool is_half(convoy_dtype dtype) {
    return dtype == CONVOY_F16 || dtype == CONVOY_BF16;
}

static void scatter_elements(void **state) {
    (void)state;
    static const double expected[REDUCTIONS][6] = {[NONE] = {1, 2, 8, 4, 3, 6},
                                                   [ADD] = {1, 2, 11, 4, 10, 6},
                                                   [MULTIPLY] = {1, 2, 24, 4, 30, 6},
                                                   [LARGEST] = {1, 2, 8, 4, 5, 6},
                                                   [LEAST] = {1, 2, 3, 4, 2, 6}};
    for (int t = 0; t < 2 * TYPES; t++)
        for (int r = 0; r < (is_half(all[t / 2]) ? 1 : REDUCTIONS); r++) {
            struct sample s; /* [[1,2,3],[4,5,6]]: 8 to [0,2], then 2 and 3 to [1,1] */
            convoy_shape one = MATRIX(2, 2);
            begin(&s, LAYER_SCATTER_ELEMENTS, all[t / 2], MATRIX(2, 3), MATRIX(2, 3), t % 2, one,
                  VALUES(2, 2, 1, -2));
            sample_input(&s, tensor_values(all[t / 2], one,
                                           r == NONE       ? VALUES(8, 8, 2, 3)
                                           : r == ADD      ? VALUES(3, 5, 2, 3)
                                           : r == MULTIPLY ? VALUES(2, 4, 2, 3)
                                                           : VALUES(8, 3, 2, 3)));
            s.desc.scatter.axis = 1;
            set_reduction(&s, r);
            sample_expect(&s, expected[r], NULL);
        }
}

static void scatter_nd(void **state) {
    (void)state;
    static const double rows[REDUCTIONS][6] = {[NONE] = {1, 2, 7, 8, 5, 6},
                                               [ADD] = {1, 2, 10, 12, 5, 6},
                                               [MULTIPLY] = {1, 2, 21, 32, 5, 6},
                                               [LARGEST] = {1, 2, 7, 8, 5, 6},
                                               [LEAST] = {1, 2, 3, 4, 5, 6}};
    for (int t = 0; t < 2 * TYPES; t++)
        for (int r = 0; r < (is_half(all[t / 2]) ? 1 : REDUCTIONS); r++) {
            struct sample s;
            begin(&s, LAYER_SCATTER_ND, all[t / 2], MATRIX(3, 2), MATRIX(3, 2), t % 2, MATRIX(1, 1),
                  VALUES(-2));
            sample_input(&s, tensor_values(all[t / 2], MATRIX(1, 2), VALUES(7, 8)));
            set_reduction(&s, r);
            sample_expect(&s, rows[r], NULL);
        }
    struct sample s; /* single elements */
    begin(&s, LAYER_SCATTER_ND, CONVOY_F32, MATRIX(2, 2), MATRIX(2, 2), true, MATRIX(2, 2),
          VALUES(0, 1, 1, 0));
    sample_input(&s, tensor_values(CONVOY_F32, VECTOR(2), VALUES(20, 30)));
    sample_expect(&s, VALUES(1, 20, 30, 4), NULL);
}

/* Sums of halves: 1 + 2 + 4; integers wrap; unsigned ones compare as such; NaN stays. */
static void reductions_by_type(void **state) {
    (void)state;
    static const struct {
        convoy_dtype dtype;
        int reduction;
        double data, first, second, expected; /* halves as bits */
    } cases[] = {{CONVOY_F16, ADD, 0x3c00, 0x4000, 0x4400, 0x4700},
                 {CONVOY_BF16, MULTIPLY, 0x4000, 0x4000, 0x4000, 0x4100},
                 {CONVOY_U8, ADD, 200, 100, 0, 44},
                 {CONVOY_I8, MULTIPLY, 100, 2, 1, -56},
                 {CONVOY_U64, LARGEST, 1, 0x1p63, 2, 0x1p63},
                 {CONVOY_I64, LEAST, 1, -0x1p63, 2, -0x1p63},
                 {CONVOY_F32, LARGEST, 1, (double)NAN, 2, (double)NAN},
                 {CONVOY_F64, LEAST, (double)NAN, 1, 2, (double)NAN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sample s;
        sample_begin(&s, LAYER_SCATTER_ELEMENTS, cases[i].dtype, VECTOR(1));
        sample_input(&s, tensor_values(cases[i].dtype, VECTOR(1), &cases[i].data));
        sample_input(&s, tensor_values(CONVOY_I64, VECTOR(2), VALUES(0, -1)));
        sample_input(&s, tensor_values(cases[i].dtype, VECTOR(2), VALUES(cases[i].first, cases[i].second)));
        set_reduction(&s, cases[i].reduction);
        sample_expect(&s, &cases[i].expected, NULL);
    }
    struct sample s;
    sample_begin(&s, LAYER_SCATTER_ND, CONVOY_BOOL, VECTOR(1));
    sample_input(&s, tensor_of(CONVOY_BOOL, VECTOR(1)));
    sample_input(&s, tensor_of(CONVOY_I64, MATRIX(1, 1)));
    sample_input(&s, tensor_values(CONVOY_BOOL, VECTOR(1), VALUES(1)));
    set_reduction(&s, ADD);
    sample_expect_failure(&s, CONVOY_E_UNSUPPORTED, "no reduction of bool");
    s.desc.scatter.op = BINARY_SUB;
    sample_expect_failure(&s, CONVOY_E_INPUT, "no such reduction");
    set_reduction(&s, NONE);
    sample_expect(&s, VALUES(1), NULL);
}

/* Indices outside are the data's fault, whatever the kind. */
static void indices_stay_inside(void **state) {
    (void)state;
    static const enum layer_kind kinds[] = {LAYER_GATHER_ELEMENTS, LAYER_GATHER_ND, LAYER_SCATTER_ELEMENTS,
                                            LAYER_SCATTER_ND};
    static const double wrong[] = {3, -4, -0x1p63, 0x1p62};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
            struct sample s;
            bool tuple = kinds[k] == LAYER_GATHER_ND || kinds[k] == LAYER_SCATTER_ND, scatter = k >= 2;
            begin(&s, kinds[k], CONVOY_F32, VECTOR(scatter ? 3 : 1), VECTOR(3), true,
                  tuple ? MATRIX(1, 1) : VECTOR(1), &wrong[w]);
            if (scatter)
                sample_input(&s, tensor_of(CONVOY_F32, VECTOR(1)));
            char words[64];
            snprintf(words, sizeof words, "index %.0f into an axis of 3 elements", wrong[w]);
            sample_expect_failure(&s, CONVOY_E_INPUT, words);
            sample_end(&s);
        }
}

/* A kernel must not be led outside its tensors by any description. */
static void descriptions_are_checked(void **state) {
    (void)state;
    struct sample s;
    begin(&s, LAYER_GATHER_ELEMENTS, CONVOY_F32, MATRIX(2, 2), MATRIX(2, 3), true, MATRIX(2, 2),
          VALUES(0, 0, 0, 0));
    s.desc.gather.axis = 2;
    sample_expect_failure(&s, CONVOY_E_INPUT, "do not fit");
    s.desc.gather.axis = 1;
    s.inputs[0].shape = MATRIX(1, 6); /* fewer rows than the indices */
    sample_expect_failure(&s, CONVOY_E_INPUT, "do not fit");
    sample_end(&s);

    begin(&s, LAYER_GATHER_ND, CONVOY_F32, VECTOR(2), MATRIX(2, 2), true, MATRIX(2, 2), VALUES(0, 0, 0, 0));
    s.desc.gather_nd.batch_axes = 1; /* two indices into one axis */
    sample_expect_failure(&s, CONVOY_E_INPUT, "do not fit");
    s.desc.gather_nd.batch_axes = 7;
    sample_expect_failure(&s, CONVOY_E_INPUT, "do not fit");
    s.desc.gather_nd.batch_axes = 0;
    s.desc.outputs[0].shape = VECTOR(3);
    sample_expect_failure(&s, CONVOY_E_INPUT, "do not fit");
    sample_end(&s);

    begin(&s, LAYER_SCATTER_ND, CONVOY_F32, MATRIX(2, 2), MATRIX(2, 2), true, MATRIX(1, 1), VALUES(0));
    sample_input(&s, tensor_of(CONVOY_F32, VECTOR(1))); /* a row has two elements */
    sample_expect_failure(&s, CONVOY_E_INPUT, "do not fit");
    sample_end(&s);
}

/* Axes of no elements beside one of 2^59: nothing is done, and that at once. */
static void empty_tensors_take_no_time(void **state) {
    (void)state;
    const convoy_shape wide = MATRIX((int64_t)1 << 59, 0);
    struct sample s;
    sample_begin(&s, LAYER_GATHER, CONVOY_F32, wide);
    s.desc.gather.axis = 1;
    sample_input(&s, tensor_of(CONVOY_F32, wide));
    sample_input(&s, tensor_of(CONVOY_I64, VECTOR(0)));
    sample_expect(&s, NULL, NULL);
    sample_begin(&s, LAYER_PAD, CONVOY_F32, wide);
    sample_input(&s, tensor_of(CONVOY_F32, wide));
    sample_expect(&s, NULL, NULL);
    sample_begin(&s, LAYER_CUMULATIVE_SUM, CONVOY_F32, wide);
    s.desc.cumulative.outer = (size_t)wide.dims[0];
    s.desc.cumulative.inner = 1;
    sample_input(&s, tensor_of(CONVOY_F32, wide));
    sample_expect(&s, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather_elements),          cmocka_unit_test(gather_nd),
        cmocka_unit_test(scatter_elements),         cmocka_unit_test(scatter_nd),
        cmocka_unit_test(reductions_by_type),       cmocka_unit_test(indices_stay_inside),
        cmocka_unit_test(descriptions_are_checked), cmocka_unit_test(empty_tensors_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
