/* The kinds of layers by examples computed by hand, in float32 and float64, on every backend. */
#include "expect_values.h"

static void begin_conv(struct sample *s, convoy_dtype dtype, struct conv_geometry g, const double *weights,
                       const double *bias) {
    convoy_error error;
    if (conv_geometry_complete(&g, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    sample_begin(s, LAYER_CONV, dtype, conv_output_shape(&g));
    s->desc.conv = g;
    s->params.weights = tensor_values(dtype, conv_filter_shape(&g), weights);
    if (bias)
        s->params.bias = tensor_values(dtype, VECTOR(g.out_channels), bias);
}

static void conv(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        struct sample s;
        /* An impulse gives the kernel, turned around. */
        struct conv_geometry g = {.spatial = 2,
                                  .batch = 1,
                                  .groups = 1,
                                  .in_channels = 1,
                                  .out_channels = 1,
                                  .in = {3, 3},
                                  .kernel = {3, 3},
                                  .stride = {1, 1},
                                  .dilation = {1, 1},
                                  .pad_begin = {1, 1},
                                  .pad_end = {1, 1}};
        begin_conv(&s, floats[f], g, VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9), NULL);
        sample_input(&s,
                     tensor_values(floats[f], shape_of(4, 1, 1, 3, 3), VALUES(0, 0, 0, 0, 1, 0, 0, 0, 0)));
        expect_values(&s, VALUES(9, 8, 7, 6, 5, 4, 3, 2, 1));

        /* Unequal pads, stride 2, dilation 2, bias, clipped: taps at -1,1 | 1,3 | 3,5 of 1,2,3,4. */
        g = (struct conv_geometry){.spatial = 1,
                                   .batch = 1,
                                   .groups = 1,
                                   .in_channels = 1,
                                   .out_channels = 1,
                                   .in = {4},
                                   .kernel = {2},
                                   .stride = {2},
                                   .dilation = {2},
                                   .pad_begin = {1},
                                   .pad_end = {2}};
        begin_conv(&s, floats[f], g, VALUES(10, 1), VALUES(0.5));
        s.desc.activation = (struct activation){ACTIVATION_CLIP, 0, 30};
        sample_input(&s, tensor_values(floats[f], shape_of(3, 1, 1, 4, 0), VALUES(1, 2, 3, 4)));
        expect_values(&s, VALUES(2.5, 24.5, 30));
    }
}

static void conv_channels_last(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        struct sample s;
        /* Two groups, channels last: [position][channel], each output channel sees one input channel. */
        struct conv_geometry g = {.layout = CONV_CHANNELS_LAST,
                                  .spatial = 1,
                                  .batch = 1,
                                  .groups = 2,
                                  .in_channels = 2,
                                  .out_channels = 2,
                                  .in = {3},
                                  .kernel = {2},
                                  .stride = {1},
                                  .dilation = {1}};
        begin_conv(&s, floats[f], g, VALUES(1, 1, 1, -1), NULL);
        sample_input(&s, tensor_values(floats[f], shape_of(3, 1, 3, 2, 0), VALUES(1, 10, 2, 20, 3, 50)));
        expect_values(&s, VALUES(3, -10, 5, -30));

        /* A product: [2,3] times the transpose of [2,3]. */
        g = (struct conv_geometry){.layout = CONV_CHANNELS_LAST,
                                   .spatial = 1,
                                   .batch = 1,
                                   .groups = 1,
                                   .in_channels = 3,
                                   .out_channels = 2,
                                   .in = {2},
                                   .kernel = {1},
                                   .stride = {1},
                                   .dilation = {1}};
        begin_conv(&s, floats[f], g, VALUES(1, 0, 2, 0, 1, -1), VALUES(100, 200));
        sample_input(&s, tensor_values(floats[f], MATRIX(2, 3), VALUES(1, 2, 3, 4, 5, 6)));
        expect_values(&s, VALUES(107, 199, 116, 199));
    }
}

static void begin_pool(struct sample *s, convoy_dtype dtype, struct pool_geometry g, const double *values) {
    g.spatial = g.batch = g.channels = 1;
    sample_begin(s, LAYER_POOL, dtype, shape_of(3, 1, 1, g.out[0], 0));
    s->desc.pool = g;
    sample_input(s, tensor_values(dtype, shape_of(3, 1, 1, g.in[0], 0), values));
}

static void pool(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        struct sample s;
        const double *values = VALUES(-1, -2, -3, -4);
        /* Padding is minus infinity, not zero. */
        struct pool_geometry g = {.in = {4},
                                  .kernel = {3},
                                  .stride = {2},
                                  .dilation = {1},
                                  .pad_begin = {1},
                                  .pad_end = {1},
                                  .out = {2}};
        begin_pool(&s, floats[f], g, values);
        expect_values(&s, VALUES(-1, -2));
        /* The mean of what is there, and of what is there with its padding. */
        g.op = POOL_AVERAGE;
        begin_pool(&s, floats[f], g, values);
        expect_values(&s, VALUES(-1.5, -3));
        g.count_include_pad = true;
        begin_pool(&s, floats[f], g, values);
        expect_values(&s, VALUES(-1, -3));
        /* Size rounded up: the last window holds -4, one padding, and one position outside that never counts.
         */
        g.out[0] = 3;
        g.pad_begin[0] = 0;
        g.kernel[0] = 2;
        g.pad_end[0] = 0;
        g.in[0] = 3, g.out[0] = 2;
        begin_pool(&s, floats[f], g, values);
        expect_values(&s, VALUES(-1.5, -3));
        g = (struct pool_geometry){.in = {4}, .kernel = {2}, .stride = {1}, .dilation = {2}, .out = {2}};
        begin_pool(&s, floats[f], g, values);
        expect_values(&s, VALUES(-1, -2));
    }
}

static void elementwise(void **state) {
    (void)state;
    const struct {
        struct activation activation;
        double of[3]; /* of -1, 0.25, 8 */
    } cases[] = {
        {{ACTIVATION_NONE, 0, 0}, {-1, 0.25, 8}},
        {{ACTIVATION_RELU, 0, 0}, {0, 0.25, 8}},
        {{ACTIVATION_CLIP, -0.5f, 6}, {-0.5, 0.25, 6}},
        {{ACTIVATION_LEAKY_RELU, 0.25f, 0}, {-0.25, 0.25, 8}},
        {{ACTIVATION_SIGMOID, 0, 0}, {1 / (1 + M_E), 1 / (1 + exp(-0.25)), 1 / (1 + exp(-8))}},
        {{ACTIVATION_TANH, 0, 0}, {tanh(-1), tanh(0.25), tanh(8)}},
        {{ACTIVATION_ELU, 2, 0}, {2 * (1 / M_E - 1), 0.25, 8}},
        {{ACTIVATION_HARD_SIGMOID, 0.25f, 0.5f}, {0.25, 0.5625, 1}},
        {{ACTIVATION_EXP, 0, 0}, {1 / M_E, exp(0.25), exp(8)}},
        {{ACTIVATION_LOG, 0, 0}, {NAN, -2 * M_LN2, 3 * M_LN2}},
        {{ACTIVATION_SQRT, 0, 0}, {NAN, 0.5, 2 * M_SQRT2}},
        {{ACTIVATION_ABS, 0, 0}, {1, 0.25, 8}},
        {{ACTIVATION_NEG, 0, 0}, {1, -0.25, -8}},
        {{ACTIVATION_SOFTPLUS, 0, 0}, {log(1 + 1 / M_E), log(1 + exp(0.25)), log(1 + exp(8))}},
    };
    for (int f = 0; f < 2; f++) {
        struct sample s;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            sample_begin(&s, LAYER_ACTIVATION, floats[f], VECTOR(3));
            s.desc.activation = cases[i].activation;
            sample_input(&s, tensor_values(floats[f], VECTOR(3), VALUES(-1, 0.25, 8)));
            expect_values(&s, cases[i].of);
        }
        sample_begin(&s, LAYER_AFFINE, floats[f], shape_of(3, 1, 2, 2, 0));
        s.desc.affine.batch = 1, s.desc.affine.channels = 2, s.desc.affine.inner = 2;
        s.desc.activation.kind = ACTIVATION_RELU;
        s.params.weights = tensor_values(floats[f], VECTOR(2), VALUES(2, -1));
        s.params.bias = tensor_values(floats[f], VECTOR(2), VALUES(-3, 1));
        sample_input(&s, tensor_values(floats[f], shape_of(3, 1, 2, 2, 0), VALUES(1, 2, 3, -4)));
        expect_values(&s, VALUES(0, 1, 0, 5));
    }
}

static void begin_binary(struct sample *s, enum binary_op op, convoy_dtype dtype, convoy_shape output,
                         convoy_tensor a, convoy_tensor b) {
    sample_begin(s, LAYER_BINARY, dtype, output);
    s->desc.binary = op;
    sample_input(s, a);
    sample_input(s, b);
}

static void binary(void **state) {
    (void)state;
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_F64, CONVOY_I64};
    struct sample s;
    for (int t = 0; t < 3; t++) {
        const double results[][2] = {{9, 1}, {5, -5}, {14, -6}, {3.5, -2.0 / 3}, {7, 3}, {2, -2}, {49, -8}};
        for (int op = BINARY_ADD; op <= BINARY_POW; op++) {
            const double second[2] = {2, 3};
            double expected[2] = {results[op][0], results[op][1]};
            if (dtypes[t] == CONVOY_I64 && op == BINARY_DIV)
                expected[0] = 3, expected[1] = 0; /* towards zero */
            begin_binary(&s, (enum binary_op)op, dtypes[t], VECTOR(2),
                         tensor_values(dtypes[t], VECTOR(2), VALUES(7, -2)),
                         tensor_values(dtypes[t], VECTOR(2), second));
            expect_values(&s, expected);
        }
        /* Either operand may be the smaller one; scalars; a column with a row. */
        begin_binary(&s, BINARY_SUB, dtypes[t], VECTOR(2),
                     tensor_values(dtypes[t], shape_of(0, 0, 0, 0, 0), VALUES(1)),
                     tensor_values(dtypes[t], VECTOR(2), VALUES(3, 5)));
        expect_values(&s, VALUES(-2, -4));
        begin_binary(&s, BINARY_SUB, dtypes[t], MATRIX(2, 2),
                     tensor_values(dtypes[t], MATRIX(2, 1), VALUES(10, 20)),
                     tensor_values(dtypes[t], VECTOR(2), VALUES(1, 2)));
        expect_values(&s, VALUES(9, 8, 19, 18));
    }
    begin_binary(&s, BINARY_DIV, CONVOY_F32, VECTOR(2), tensor_values(CONVOY_F32, VECTOR(2), VALUES(1, -1)),
                 tensor_values(CONVOY_F32, VECTOR(2), VALUES(0, 0)));
    expect_values(&s, VALUES(INFINITY, -INFINITY));

    /* Nothing traps: the smallest integer by -1 wraps around, and division by zero is an error. */
    convoy_tensor smallest = tensor_of(CONVOY_I64, VECTOR(1));
    ((int64_t *)smallest.data)[0] = INT64_MIN;
    begin_binary(&s, BINARY_DIV, CONVOY_I64, VECTOR(1), smallest,
                 tensor_values(CONVOY_I64, VECTOR(1), VALUES(-1)));
    expect_values(&s, VALUES(-0x1p63));
    begin_binary(&s, BINARY_DIV, CONVOY_I64, VECTOR(1), tensor_values(CONVOY_I64, VECTOR(1), VALUES(1)),
                 tensor_values(CONVOY_I64, VECTOR(1), VALUES(0)));
    for (int b = 0; b < BACKENDS; b++) {
        convoy_tensor out;
        convoy_error error;
        assert_int_equal(sample_run(&s, backends[b].name, 1, &out, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, "divided by zero"));
    }
    sample_end(&s);
}

static void sums(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        convoy_dtype dtype = floats[f];
        struct sample s;
        sample_begin(&s, LAYER_SOFTMAX, dtype, MATRIX(3, 2));
        s.desc.softmax.outer = 1, s.desc.softmax.axis = 3, s.desc.softmax.inner = 2;
        sample_input(&s, tensor_values(dtype, MATRIX(3, 2), VALUES(1000, 0, 1000, 0, 1000, M_LN2)));
        expect_values(&s, VALUES(1.0 / 3, 0.25, 1.0 / 3, 0.25, 1.0 / 3, 0.5));

        sample_begin(&s, LAYER_SOFTMAX, dtype, VECTOR(2));
        s.desc.softmax.outer = 1, s.desc.softmax.axis = 2, s.desc.softmax.inner = 1,
        s.desc.softmax.logarithm = true;
        sample_input(&s, tensor_values(dtype, VECTOR(2), VALUES(-500, 500)));
        expect_values(&s, VALUES(-1000, 0));

        /* Windows of 2 reach one channel up: 1+4, 4+9, 9. */
        sample_begin(&s, LAYER_LRN, dtype, shape_of(3, 1, 3, 1, 0));
        s.desc.lrn.batch = 1, s.desc.lrn.channels = 3, s.desc.lrn.inner = 1, s.desc.lrn.size = 2;
        s.desc.lrn.alpha = 2, s.desc.lrn.beta = 1, s.desc.lrn.bias = 1;
        sample_input(&s, tensor_values(dtype, shape_of(3, 1, 3, 1, 0), VALUES(1, 2, 3)));
        expect_values(&s, VALUES(1.0 / 6, 2.0 / 14, 3.0 / 10));

        sample_begin(&s, LAYER_MATMUL, dtype, shape_of(3, 2, 1, 2, 0)); /* the right one is repeated */
        sample_input(&s, tensor_values(dtype, shape_of(3, 2, 1, 2, 0), VALUES(1, 2, 3, 4)));
        sample_input(&s, tensor_values(dtype, MATRIX(2, 2), VALUES(1, 10, 100, 1000)));
        expect_values(&s, VALUES(201, 2010, 403, 4030));
        sample_begin(&s, LAYER_MATMUL, dtype, shape_of(0, 0, 0, 0, 0)); /* two vectors */
        sample_input(&s, tensor_values(dtype, VECTOR(2), VALUES(1, 2)));
        sample_input(&s, tensor_values(dtype, VECTOR(2), VALUES(3, 4)));
        expect_values(&s, VALUES(11));

        const double reduced[][2] = {{3, 4}, {9, 12}, {5, 6}, {1, 2}};
        for (int op = REDUCE_MEAN; op <= REDUCE_MIN; op++) {
            sample_begin(&s, LAYER_REDUCE, dtype, VECTOR(2));
            s.desc.reduce.op = (enum reduce_op)op;
            s.desc.reduce.axes = 1;
            sample_input(&s, tensor_values(dtype, MATRIX(3, 2), VALUES(1, 2, 3, 4, 5, 6)));
            expect_values(&s, reduced[op]);
        }
    }
}

static const convoy_dtype all[] = {CONVOY_F32,  CONVOY_U8,  CONVOY_I8,  CONVOY_I32, CONVOY_I64,
                                   CONVOY_BOOL, CONVOY_F16, CONVOY_F64, CONVOY_BF16};
#define COUNT_TO_SIX VALUES(0, 1, 2, 3, 4, 5)

static void moves(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof all / sizeof all[0]; t++) {
        convoy_dtype dtype = all[t];
        struct sample s;
        sample_begin(&s, LAYER_CONCAT, dtype, MATRIX(2, 3));
        s.desc.concat.axis = 1;
        sample_input(&s, tensor_values(dtype, MATRIX(2, 1), VALUES(0, 3)));
        sample_input(&s, tensor_values(dtype, MATRIX(2, 2), VALUES(1, 2, 4, 5)));
        expect_values(&s, COUNT_TO_SIX);

        sample_begin(&s, LAYER_TRANSPOSE, dtype, shape_of(3, 3, 1, 2, 0));
        memcpy(s.desc.transpose.permutation, (const uint32_t[]){2, 0, 1}, 12);
        sample_input(&s, tensor_values(dtype, shape_of(3, 1, 2, 3, 0), COUNT_TO_SIX));
        expect_values(&s, VALUES(0, 3, 1, 4, 2, 5));

        sample_begin(&s, LAYER_SLICE, dtype, MATRIX(1, 2)); /* [1:2, ::-2] */
        memcpy(s.desc.slice.start, (const int64_t[]){1, 2}, 16);
        memcpy(s.desc.slice.step, (const int64_t[]){1, -2}, 16);
        sample_input(&s, tensor_values(dtype, MATRIX(2, 3), COUNT_TO_SIX));
        expect_values(&s, VALUES(5, 3));

        sample_begin(&s, LAYER_PAD, dtype, MATRIX(3, 3)); /* one row above, one column cropped, one behind */
        memcpy(s.desc.pad.begin, (const int64_t[]){1, -1}, 16);
        dtype_find(dtype)->store(s.desc.pad.element, 1);
        sample_input(&s, tensor_values(dtype, MATRIX(2, 3), COUNT_TO_SIX));
        if (dtype == CONVOY_F16)
            expect_values(&s, VALUES(0x3c00, 0x3c00, 0x3c00, 1, 2, 0x3c00, 4, 5, 0x3c00));
        else if (dtype == CONVOY_BF16)
            expect_values(&s, VALUES(0x3f80, 0x3f80, 0x3f80, 1, 2, 0x3f80, 4, 5, 0x3f80));
        else
            expect_values(&s, VALUES(1, 1, 1, 1, 2, 1, 4, 5, 1));
        for (int mode = PAD_REFLECT; mode < PAD_MODES; mode++) {
            static const double expected[PAD_MODES][9] = {[PAD_REFLECT] = {3, 2, 1, 2, 3, 2, 1, 2, 3},
                                                          [PAD_EDGE] = {1, 1, 1, 2, 3, 3, 3, 3, 3},
                                                          [PAD_WRAP] = {2, 3, 1, 2, 3, 1, 2, 3, 1}};
            sample_begin(&s, LAYER_PAD, dtype, VECTOR(9));
            s.desc.pad.mode = (enum pad_mode)mode;
            s.desc.pad.begin[0] = 2;
            sample_input(&s, tensor_values(dtype, VECTOR(3), VALUES(1, 2, 3)));
            expect_values(&s, expected[mode]);
        }

        for (int wide = 0; wide < 2; wide++) {
            sample_begin(&s, LAYER_GATHER, dtype, shape_of(3, 2, 1, 2, 0));
            s.desc.gather.axis = 1;
            sample_input(&s, tensor_values(dtype, MATRIX(2, 3), COUNT_TO_SIX));
            sample_input(&s, tensor_values(wide ? CONVOY_I64 : CONVOY_I32, MATRIX(1, 2), VALUES(-1, 0)));
            expect_values(&s, VALUES(2, 0, 5, 3));
        }
    }
}

static void gather_stays_inside(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++)
        for (int b = 0; b < BACKENDS; b++) {
            struct sample s;
            convoy_tensor out;
            convoy_error error;
            sample_begin(&s, LAYER_GATHER, CONVOY_F32, VECTOR(1));
            sample_input(&s, tensor_of(CONVOY_F32, VECTOR(3)));
            sample_input(&s, tensor_values(CONVOY_I64, VECTOR(1), k ? VALUES(3) : VALUES(-4)));
            assert_int_equal(sample_run(&s, backends[b].name, 1, &out, &error), CONVOY_E_INPUT);
            assert_non_null(strstr(error.message, k ? "index 3" : "index -4"));
            sample_end(&s);
        }
}

static void expect_cast(convoy_dtype from, convoy_dtype to, size_t count, const double *in,
                        const double *out) {
    struct sample s;
    sample_begin(&s, LAYER_CAST, to, VECTOR((int64_t)count));
    sample_input(&s, tensor_values(from, VECTOR((int64_t)count), in));
    expect_values(&s, out);
}

static void casts(void **state) {
    (void)state;
    expect_cast(CONVOY_F32, CONVOY_I64, 4, VALUES(1.9, -1.9, NAN, INFINITY), VALUES(1, -1, 0, 0x1p63));
    expect_cast(CONVOY_F64, CONVOY_U8, 3, VALUES(255.5, -3, 1e30), VALUES(255, 0, 255));
    expect_cast(CONVOY_F32, CONVOY_BOOL, 3, VALUES(0, -0.5, NAN), VALUES(0, 1, 1));
    expect_cast(CONVOY_I64, CONVOY_I8, 3, VALUES(127, 128, -129), VALUES(127, -128, 127));
    expect_cast(CONVOY_I32, CONVOY_F32, 2, VALUES(-7, 16777217), VALUES(-7, 16777216));
    expect_cast(CONVOY_U8, CONVOY_I8, 1, VALUES(200), VALUES(-56));
    expect_cast(CONVOY_BOOL, CONVOY_F64, 2, VALUES(1, 0), VALUES(1, 0));
    /* binary16, as bits: one, the largest, the first that is infinite, the smallest subnormal and half of it,
     * ties to even. */
    expect_cast(CONVOY_F32, CONVOY_F16, 10,
                VALUES(1, -2, 65504, 65519.99, 65520, 0x1p-24, 0x1p-25, 2049, 2051, 0x1p-14),
                VALUES(0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 1, 0, 0x6800, 0x6802, 0x0400));
    /* From float64 it is one rounding too: over float32 these would become ties. */
    expect_cast(CONVOY_F64, CONVOY_F16, 4,
                VALUES(1 + 0x1p-11 + 0x1p-40, 1 + 0x3p-11 - 0x1p-40, -1e-300, 1e300),
                VALUES(0x3c01, 0x3c01, 0x8000, 0x7c00));
    expect_cast(CONVOY_F64, CONVOY_BF16, 4,
                VALUES(1 + 0x1p-8 + 0x1p-40, 1 + 0x3p-8 - 0x1p-40, -1e-300, 1e300),
                VALUES(0x3f81, 0x3f81, 0x8000, 0x7f80));
    expect_cast(CONVOY_BF16, CONVOY_F32, 4, VALUES(0x3f80, 0xff7f, 0x7f80, 0x8001),
                VALUES(1, -0x1.fep127, INFINITY, -0x1p-133));
    expect_cast(CONVOY_F16, CONVOY_F32, 6, VALUES(0x3c00, 0xfbff, 0x7c00, 0x8001, 0x7e00, 0x3555),
                VALUES(1, -65504, INFINITY, -0x1p-24, NAN, 0.333251953125));
}

/* Every finite binary16 survives the way to float32 and back. */
static void halves_survive(void **state) {
    (void)state;
    struct sample s;
    sample_begin(&s, LAYER_CAST, CONVOY_F32, VECTOR(65536));
    sample_input(&s, tensor_of(CONVOY_F16, VECTOR(65536)));
    for (uint32_t i = 0; i < 65536; i++)
        ((uint16_t *)s.in[0].data)[i] = (uint16_t)i;
    convoy_tensor wide = {0}, back = {0};
    convoy_error error;
    assert_int_equal(sample_run(&s, "reference", 1, &wide, &error), CONVOY_OK);
    sample_end(&s);
    sample_begin(&s, LAYER_CAST, CONVOY_F16, VECTOR(65536));
    sample_input(&s, wide);
    assert_int_equal(sample_run(&s, "reference", 1, &back, &error), CONVOY_OK);
    for (uint32_t i = 0; i < 65536; i++)
        if ((i & 0x7fff) <= 0x7c00)
            assert_int_equal(((uint16_t *)back.data)[i], i);
    convoy_tensor_release(&back);
    sample_end(&s);
}

/* A tensor of no elements is no reason to divide by anything. */
static void empty(void **state) {
    (void)state;
    struct sample s;
    begin_binary(&s, BINARY_ADD, CONVOY_F32, MATRIX(0, 3), tensor_of(CONVOY_F32, MATRIX(0, 3)),
                 tensor_of(CONVOY_F32, VECTOR(3)));
    expect_values(&s, NULL);
    sample_begin(&s, LAYER_REDUCE, CONVOY_F32, VECTOR(2));
    s.desc.reduce.op = REDUCE_SUM;
    s.desc.reduce.axes = 1;
    sample_input(&s, tensor_of(CONVOY_F32, MATRIX(0, 2)));
    expect_values(&s, VALUES(0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv),   cmocka_unit_test(conv_channels_last),
        cmocka_unit_test(pool),   cmocka_unit_test(elementwise),
        cmocka_unit_test(binary), cmocka_unit_test(sums),
        cmocka_unit_test(moves),  cmocka_unit_test(gather_stays_inside),
        cmocka_unit_test(casts),  cmocka_unit_test(halves_survive),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
