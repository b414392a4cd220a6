/* The kinds of layers that sample, pool and enlarge maps, by examples computed by hand, in float32 and
 * float64, on every backend. */
#include "expect_values.h"

#define LINE(n)   shape_of(3, 1, 1, n, 0)
#define MAP(h, w) shape_of(4, 1, 1, h, w)

/* --- LAYER_CONV_TRANSPOSE ------------------------------------------------------------------------------- */

static void begin_transposed(struct sample *s, convoy_dtype dtype, struct conv_transpose_geometry g,
                             const double *weights, const double *bias, const double *values) {
    convoy_error error;
    g.batch = 1;
    if (conv_transpose_complete(&g, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    sample_begin(s, LAYER_CONV_TRANSPOSE, dtype, conv_transpose_output_shape(&g));
    s->desc.conv_transpose = g;
    s->params.weights = tensor_values(dtype, conv_transpose_filter_shape(&g), weights);
    if (bias)
        s->params.bias = tensor_values(dtype, VECTOR(g.out_channels), bias);
    sample_input(s, tensor_values(dtype, conv_transpose_input_shape(&g), values));
}

static void conv_transpose(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        struct sample s;
        /* An impulse gives the filter itself, from its place on. */
        struct conv_transpose_geometry g = {.spatial = 2,
                                            .groups = 1,
                                            .in_channels = 1,
                                            .out_channels = 1,
                                            .in = {1, 2},
                                            .kernel = {2, 2},
                                            .stride = {2, 2},
                                            .dilation = {1, 1},
                                            .out = {2, 4}};
        begin_transposed(&s, floats[f], g, VALUES(1, 2, 3, 4), NULL, VALUES(0, 1));
        expect_values(&s, VALUES(0, 0, 1, 2, 0, 0, 3, 4));
        /* Windows that overlap: 1,2,3 at stride 1 by 1,10: 1, 12, 23, 30; the first is dropped, and two more
         * positions than windows reach hold the bias. */
        g = (struct conv_transpose_geometry){.spatial = 1,
                                             .groups = 1,
                                             .in_channels = 1,
                                             .out_channels = 1,
                                             .in = {3},
                                             .kernel = {2},
                                             .stride = {1},
                                             .dilation = {1},
                                             .pad_begin = {1},
                                             .out = {5}};
        begin_transposed(&s, floats[f], g, VALUES(1, 10), VALUES(0.5), VALUES(1, 2, 3));
        s.desc.activation = (struct activation){ACTIVATION_CLIP, 0, 23};
        expect_values(&s, VALUES(12.5, 23, 23, 0.5, 0.5));
        /* Two groups, each of one channel to two; dilation 2, stride 3: taps at 3x and 3x+2. */
        g = (struct conv_transpose_geometry){.spatial = 1,
                                             .groups = 2,
                                             .in_channels = 2,
                                             .out_channels = 4,
                                             .in = {2},
                                             .kernel = {2},
                                             .stride = {3},
                                             .dilation = {2},
                                             .out = {6}};
        begin_transposed(&s, floats[f], g, VALUES(1, 2, 3, 4, 5, 6, 7, 8), NULL, VALUES(1, 10, 100, 1000));
        expect_values(&s, VALUES(1, 0, 2, 10, 0, 20, 3, 0, 4, 30, 0, 40, 500, 0, 600, 5000, 0, 6000, 700, 0,
                                 800, 7000, 0, 8000));
    }
}

static void conv_transpose_is_checked(void **state) {
    (void)state;
    struct conv_transpose_geometry good = {.spatial = 1,
                                           .batch = 1,
                                           .groups = 2,
                                           .in_channels = 2,
                                           .out_channels = 4,
                                           .in = {2},
                                           .kernel = {3},
                                           .stride = {1},
                                           .dilation = {1},
                                           .out = {4}};
    assert_int_equal(conv_transpose_reach(&good, 0), 4);
    struct conv_transpose_geometry wrong[7];
    for (int i = 0; i < 7; i++)
        wrong[i] = good;
    wrong[0].spatial = 4;
    wrong[1].groups = 3;
    wrong[2].out[0] = 0;
    wrong[3].stride[0] = 0;
    wrong[4].pad_begin[0] = -1;
    wrong[5].out[0] = (int64_t)1 << 31;
    wrong[6].in_channels = wrong[6].out_channels = wrong[6].in[0] = wrong[6].batch = (int64_t)1 << 30;
    for (int i = 0; i < 7; i++) {
        convoy_error error;
        assert_int_equal(conv_transpose_complete(&wrong[i], &error), CONVOY_E_INPUT);
    }
    assert_int_equal(conv_transpose_complete(&good, NULL), CONVOY_OK);
    assert_true(conv_transpose_macs(&good) == 2 * 2 * 2 * 3);
    good.in_channels = good.out_channels = good.in[0] = good.kernel[0] = (int64_t)1 << 30;
    assert_true(conv_transpose_macs(&good) == UINT64_MAX);
}

/* --- LAYER_POOL, LAYER_UNPOOL --------------------------------------------------------------------------- */

static void norms(void **state) {
    (void)state;
    const double expected[3][2] = {{7, 6}, {5, 4.4721359549995793}, {4.497941445275415, 4.160167646103808}};
    for (int f = 0; f < 2; f++)
        for (int p = 1; p <= 3; p++) { /* of -3,4 and of 4,-2; the last window also holds padding */
            struct sample s;
            sample_begin(&s, LAYER_POOL, floats[f], LINE(2));
            s.desc.pool = (struct pool_geometry){.op = POOL_LP,
                                                 .p = p,
                                                 .spatial = 1,
                                                 .batch = 1,
                                                 .channels = 1,
                                                 .in = {3},
                                                 .kernel = {3},
                                                 .stride = {2},
                                                 .dilation = {1},
                                                 .pad_begin = {1},
                                                 .pad_end = {1},
                                                 .out = {2}};
            sample_input(&s, tensor_values(floats[f], LINE(3), VALUES(-3, 4, -2)));
            expect_values(&s, expected[p - 1]);
        }
}

/* A window of 2^30 taps, nearly all of which lie in the padding, takes no longer than one of four. */
static void windows_of_padding(void **state) {
    (void)state;
    for (int include = 0; include < 2; include++) {
        struct sample s;
        sample_begin(&s, LAYER_POOL, CONVOY_F32, LINE(2));
        s.desc.pool = (struct pool_geometry){.op = POOL_AVERAGE,
                                             .count_include_pad = include,
                                             .spatial = 1,
                                             .batch = 1,
                                             .channels = 1,
                                             .in = {4},
                                             .kernel = {1 << 30},
                                             .stride = {1},
                                             .dilation = {1},
                                             .pad_begin = {1 << 29},
                                             .pad_end = {1 << 29},
                                             .out = {2}};
        sample_input(&s, tensor_values(CONVOY_F32, LINE(4), VALUES(1, 2, 3, 0x1p30)));
        double sum = 0x1p30 + 6, mean = include ? sum / 0x1p30 : sum / 4;
        expect_values(&s, VALUES(mean, mean));
    }
}

/* Runs a pool of two outputs, which the reference computes. */
static void run_places(const struct pool_geometry *g, convoy_dtype dtype, const double *values,
                       convoy_tensor out[2]) {
    struct sample s;
    struct backend *backend;
    struct layer *layer;
    struct context *context;
    convoy_error error;
    convoy_shape x = {2 + g->spatial, {g->batch, g->channels}}, y = x;
    memcpy(x.dims + 2, g->in, g->spatial * sizeof *g->in);
    memcpy(y.dims + 2, g->out, g->spatial * sizeof *g->out);
    sample_begin(&s, LAYER_POOL, dtype, y);
    s.desc.pool = *g;
    s.desc.output_count = 2;
    s.desc.outputs[1] = (struct value_desc){CONVOY_I64, y, 0};
    sample_input(&s, tensor_values(dtype, x, values));
    s.desc.inputs = s.inputs;
    out[0] = tensor_of(dtype, y);
    out[1] = tensor_of(CONVOY_I64, y);
    assert_int_equal(backend_create(&backend, "onednn", 1, &error), CONVOY_OK);
    if (backend->ops->layer_prepare(backend, &s.desc, &s.params, &layer, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(backend->ops->context_create(backend, &context, &error), CONVOY_OK);
    assert_int_equal(backend->ops->layer_run(layer, context, s.in, out, NULL, &error), CONVOY_OK);
    backend->ops->layer_destroy(&layer);
    backend->ops->context_destroy(&context);
    backend->ops->destroy(&backend);
    sample_end(&s);
}

/* Where the maxima are: of equal ones the first, of NaNs too, and of the smallest number beside padding. The
 * second map of 2 x 3; by columns its element [1,2] is number 6 + 1 + 2 * 2. */
static void places_of_maxima(void **state) {
    (void)state;
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_F64, CONVOY_I8, CONVOY_U8};
    const double values[] = {1, 5, 5, 2, 0, 3, 7, 0, 0, 0, 0, 9}, maxima[] = {5, 5, 7, 9};
    const double places[2][4] = {{1, 1, 6, 11}, {2, 2, 6, 11}};
    for (size_t t = 0; t < sizeof dtypes / sizeof *dtypes; t++)
        for (int order = 0; order < 2; order++) {
            struct pool_geometry g = {.column_major = order,
                                      .spatial = 2,
                                      .batch = 2,
                                      .channels = 1,
                                      .in = {2, 3, 1},
                                      .kernel = {2, 2, 1},
                                      .stride = {1, 1, 1},
                                      .dilation = {1, 1, 1},
                                      .out = {1, 2, 1}};
            convoy_tensor out[2];
            run_places(&g, dtypes[t], values, out);
            for (size_t i = 0; i < 4; i++) {
                assert_true(tensor_get(&out[0], i) == maxima[i]);
                assert_true(tensor_get(&out[1], i) == places[order][i]);
            }
            convoy_tensor_release(&out[0]);
            convoy_tensor_release(&out[1]);
        }
    struct pool_geometry line = {.spatial = 1,
                                 .batch = 1,
                                 .channels = 1,
                                 .in = {6},
                                 .kernel = {2},
                                 .stride = {2},
                                 .dilation = {1},
                                 .pad_begin = {1},
                                 .pad_end = {1},
                                 .out = {4}};
    convoy_tensor out[2];
    run_places(&line, CONVOY_F32, VALUES(-INFINITY, 1, NAN, NAN, 2, -INFINITY), out);
    assert_true(tensor_get(&out[0], 0) == -INFINITY && isnan(tensor_get(&out[0], 1)) &&
                isnan(tensor_get(&out[0], 2)));
    for (int i = 0; i < 4; i++)
        assert_true(tensor_get(&out[1], (size_t)i) == VALUES(0, 2, 3, 5)[i]);
    convoy_tensor_release(&out[0]);
    convoy_tensor_release(&out[1]);
}

static void unpool(void **state) {
    (void)state;
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_F64, CONVOY_U8, CONVOY_I64, CONVOY_F16};
    for (size_t t = 0; t < sizeof dtypes / sizeof *dtypes; t++) {
        struct sample s;
        sample_begin(&s, LAYER_UNPOOL, dtypes[t], MATRIX(2, 3));
        sample_input(&s, tensor_values(dtypes[t], VECTOR(3), VALUES(7, 8, 9)));
        sample_input(&s, tensor_values(CONVOY_I64, VECTOR(3), VALUES(5, 0, 2)));
        expect_values(&s, VALUES(8, 0, 9, 0, 0, 7));
    }
    for (int k = 0; k < 2; k++)
        for (int b = 0; b < BACKENDS; b++) {
            struct sample s;
            convoy_tensor out;
            convoy_error error;
            sample_begin(&s, LAYER_UNPOOL, CONVOY_F32, VECTOR(4));
            sample_input(&s, tensor_of(CONVOY_F32, VECTOR(1)));
            sample_input(&s, tensor_values(CONVOY_I64, VECTOR(1), k ? VALUES(4) : VALUES(-1)));
            assert_int_equal(sample_run(&s, backends[b].name, 1, &out, &error), CONVOY_E_INPUT);
            assert_non_null(strstr(error.message, k ? "index 4" : "index -1"));
            sample_end(&s);
        }
}

/* --- LAYER_ROI ------------------------------------------------------------------------------------------ */

#define RAMP VALUES(0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33) /* 10y + x */

static void begin_roi(struct sample *s, convoy_dtype dtype, enum roi_op op, int64_t bins,
                      const double *region) {
    sample_begin(s, LAYER_ROI, dtype, MAP(bins, bins));
    s->desc.roi.op = op;
    s->desc.roi.scale = 0.5;
    sample_input(s, tensor_values(dtype, MAP(4, 4), RAMP));
    sample_input(s, tensor_values(dtype, MATRIX(1, 4), region));
    sample_input(s, tensor_of(CONVOY_I64, VECTOR(1)));
}

static void regions(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) {
        struct sample s;
        /* Positions 1 to 3, of which each bin takes two; one in the middle is in both. */
        begin_roi(&s, floats[f], ROI_MAX, 2, VALUES(2, 2, 6, 6));
        expect_values(&s, VALUES(22, 23, 32, 33));
        /* What lies beyond the map is not there, and an empty bin is zero. */
        begin_roi(&s, floats[f], ROI_MAX, 2, VALUES(6, 6, 8, 8));
        expect_values(&s, VALUES(33, 0, 0, 0));
        begin_roi(&s, floats[f], ROI_MAX, 1, VALUES(0x1p60, 0x1p60, -0x1p60, 0x1p62));
        expect_values(&s, VALUES(0));

        /* A linear map's average is its value in the middle: of [0,2] x [0,2], at 1, 1. */
        begin_roi(&s, floats[f], ROI_AVERAGE, 1, VALUES(0, 0, 4, 4));
        s.desc.roi.samples = 2;
        expect_values(&s, VALUES(11));
        /* Half a pixel lower, with one sample for each of two positions: at 0 and 1. */
        begin_roi(&s, floats[f], ROI_AVERAGE, 1, VALUES(0, 0, 4, 4));
        s.desc.roi.half_pixel = true;
        expect_values(&s, VALUES(5.5));
        /* The same by maxima of weighted neighbours: 11 at its own place. */
        begin_roi(&s, floats[f], ROI_ALIGN_MAX, 1, VALUES(0, 0, 4, 4));
        s.desc.roi.half_pixel = true;
        expect_values(&s, VALUES(11));
        /* A malformed region is one position, from its beginning; with half pixels it has no samples. */
        for (int half = 0; half < 2; half++) {
            begin_roi(&s, floats[f], ROI_AVERAGE, 1, VALUES(2, 2, -2, -2));
            s.desc.roi.half_pixel = half;
            expect_values(&s, half ? VALUES(0) : VALUES(16.5));
        }
        /* Samples beyond the map count as zero, however many they are. Of these 10^12 there are 5 x 5 within,
         * at 0 (of -0.5), 0.5, 1.5, 2.5 and 3 (of 3.5) along each axis. */
        begin_roi(&s, floats[f], ROI_AVERAGE, 1, VALUES(-1e6, -1e6, 1e6, 1e6));
        expect_values(&s, VALUES(5 * (75 + 7.5) / 1e12));
    }
}

static void regions_are_checked(void **state) {
    (void)state;
    for (int b = 0; b < BACKENDS; b++) {
        struct sample s;
        convoy_tensor out;
        convoy_error error;
        begin_roi(&s, CONVOY_F32, ROI_AVERAGE, 1, VALUES(0, NAN, 4, 4));
        assert_int_equal(sample_run(&s, backends[b].name, 1, &out, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, "region 0 are not finite"));
        tensor_set(&s.in[1], 1, 0);
        tensor_set(&s.in[2], 0, 1);
        assert_int_equal(sample_run(&s, backends[b].name, 1, &out, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, "region 0 is of image 1 in a batch of 1"));
        s.desc.roi.samples = 1 << 20;
        assert_int_equal(sample_run(&s, backends[b].name, 1, &out, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, "samples 0 to 1024"));
        sample_end(&s);
    }
}

/* --- LAYER_GRID_SAMPLE ---------------------------------------------------------------------------------- */

static void begin_grid(struct sample *s, convoy_dtype dtype, enum grid_mode mode, enum grid_padding padding,
                       bool corners, size_t count, const double *places) {
    sample_begin(s, LAYER_GRID_SAMPLE, dtype, LINE((int64_t)count));
    s->desc.grid_sample.mode = mode;
    s->desc.grid_sample.padding = padding;
    s->desc.grid_sample.align_corners = corners;
    sample_input(s, tensor_values(dtype, LINE(4), VALUES(1, 2, 4, 8)));
    sample_input(s, tensor_values(dtype == CONVOY_U8 ? CONVOY_F32 : dtype, LINE((int64_t)count), places));
    s->in[1].shape = s->inputs[1].shape = shape_of(3, 1, (int64_t)count, 1, 0);
}

static void grid_sample(void **state) {
    (void)state;
    struct sample s;
    for (int f = 0; f < 2; f++) {
        convoy_dtype dtype = floats[f];
        /* Places on 4 positions: at 0, 1.5, 3 by corners; at -0.5, 1.5 and 3.5 by outer ends. */
        const double *ends = VALUES(-1, 0, 1);
        begin_grid(&s, dtype, GRID_LINEAR, GRID_ZEROS, true, 3, ends);
        expect_values(&s, VALUES(1, 3, 8));
        begin_grid(&s, dtype, GRID_LINEAR, GRID_ZEROS, false, 3, ends);
        expect_values(&s, VALUES(0.5, 3, 4));
        begin_grid(&s, dtype, GRID_LINEAR, GRID_BORDER, false, 3, ends);
        expect_values(&s, VALUES(1, 3, 8));
        /* Cubic with a = -0.75 in the middle of 1,2,4,8: weights -3/32, 19/32, 19/32, -3/32. */
        begin_grid(&s, dtype, GRID_CUBIC, GRID_ZEROS, true, 3, ends);
        expect_values(&s, VALUES(1, (6 * 19 - 9 * 3) / 32.0, 8));
        /* Half way is rounded to the even position: 0 and 2, and 4, which is outside. */
        begin_grid(&s, dtype, GRID_NEAREST, GRID_ZEROS, false, 3, ends);
        expect_values(&s, VALUES(1, 4, 0));
        /* Mirrored about the corner positions: -1 is 1, 4 is 2, 7 is 1; about outer ends: -1 is 0, 4 is 3, 8
         * is 0. */
        begin_grid(&s, dtype, GRID_LINEAR, GRID_REFLECTION, true, 3, VALUES(-5 / 3.0, 5 / 3.0, 11 / 3.0));
        expect_values(&s, VALUES(2, 4, 2));
        begin_grid(&s, dtype, GRID_LINEAR, GRID_REFLECTION, false, 3, VALUES(-1.25, 1.25, 3.25));
        expect_values(&s, VALUES(1, 8, 1));
        /* What is no place at all. */
        begin_grid(&s, dtype, GRID_LINEAR, GRID_BORDER, false, 3, VALUES(NAN, -INFINITY, INFINITY));
        expect_values(&s, VALUES(NAN, 1, 8));
        for (int padding = GRID_ZEROS; padding <= GRID_REFLECTION; padding++) {
            begin_grid(&s, dtype, GRID_NEAREST, (enum grid_padding)padding, false, 2, VALUES(NAN, INFINITY));
            expect_values(&s, padding == GRID_ZEROS    ? VALUES(0, 0)
                              : padding == GRID_BORDER ? VALUES(1, 8)
                                                       : VALUES(1, 1));
        }
    }
    begin_grid(&s, CONVOY_U8, GRID_LINEAR, GRID_ZEROS, true, 2, VALUES(-0.5, 0)); /* 1.75 and 3 */
    expect_values(&s, VALUES(1, 3));
    begin_grid(&s, CONVOY_U8, GRID_NEAREST, GRID_ZEROS, true, 2, VALUES(-0.5, 1));
    expect_values(&s, VALUES(2, 8));
}

/* --- LAYER_RESIZE --------------------------------------------------------------------------------------- */

static void begin_resize(struct sample *s, convoy_dtype dtype, enum resize_filter filter, size_t out,
                         struct axis_map map, const double *values) {
    sample_begin(s, LAYER_RESIZE, dtype, LINE((int64_t)out));
    s->desc.resize.filter = filter;
    s->desc.resize.outer = s->desc.resize.inner = 1;
    s->desc.resize.in = 4;
    s->desc.resize.out = out;
    s->desc.resize.map = map;
    s->desc.resize.stretch = 1;
    s->desc.resize.cubic_a = -0.75;
    s->desc.resize.value = 100;
    sample_input(s, tensor_values(dtype, LINE(4), values));
}

static void resize(void **state) {
    (void)state;
    const struct axis_map twice = {0.5, 1, 2, -0.5}, wide = {0, 1, 1, -2};
    const double *values = VALUES(1, 2, 4, 8);
    for (int f = 0; f < 2; f++) {
        struct sample s;
        begin_resize(&s, floats[f], RESIZE_LINEAR, 8, twice, values);
        expect_values(&s, VALUES(1, 1.25, 1.75, 2.5, 3.5, 5, 7, 8));
        begin_resize(&s, floats[f], RESIZE_LINEAR, 8, wide, values); /* -2 to 5: the border, beyond */
        expect_values(&s, VALUES(1, 1, 1, 2, 4, 8, 8, 8));
        begin_resize(&s, floats[f], RESIZE_LINEAR, 8, wide, values);
        s.desc.resize.extrapolate = true;
        expect_values(&s, VALUES(100, 100, 1, 2, 4, 8, 100, 100));
        /* At 1.5: weights -3/32, 19/32, 19/32, -3/32. At -0.5 two of the neighbours are outside. */
        begin_resize(&s, floats[f], RESIZE_CUBIC, 2, (struct axis_map){0, 2, 1, -0.5}, values);
        expect_values(&s, VALUES((-3 + 19 + 19 - 3 * 2) / 32.0, (6 * 19 - 9 * 3) / 32.0));
        begin_resize(&s, floats[f], RESIZE_CUBIC, 2, (struct axis_map){0, 2, 1, -0.5}, values);
        s.desc.resize.exclude_outside = true;
        expect_values(&s, VALUES((19 - 3 * 2) / 16.0, (6 * 19 - 9 * 3) / 32.0));
        /* Against aliasing: a triangle of twice the width at 0.5 and 2.5, weights 1/8, 3/8, 3/8, 1/8. */
        begin_resize(&s, floats[f], RESIZE_LINEAR, 2, (struct axis_map){0.5, 1, 0.5, -0.5}, values);
        s.desc.resize.stretch = 2;
        expect_values(&s, VALUES((4 + 3 * 2 + 4) / 8.0, (2 + 3 * 4 + 4 * 8) / 8.0));
        /* What has no weight does not count, even if it is not finite. */
        begin_resize(&s, floats[f], RESIZE_LINEAR, 2, (struct axis_map){0, 3, 1, 0},
                     VALUES(1, INFINITY, NAN, 8));
        expect_values(&s, VALUES(1, 8));
    }
}

/* Rows of more elements than are summed at a time, and more weights than are made at a time. */
static void resize_large(void **state) {
    (void)state;
    enum { INNER = 700, IN = 3, MANY = 40000 };
    struct sample s;
    convoy_tensor out;
    sample_begin(&s, LAYER_RESIZE, CONVOY_F32, shape_of(3, 1, 5, INNER, 0));
    s.desc.resize.outer = 1, s.desc.resize.in = IN, s.desc.resize.out = 5, s.desc.resize.inner = INNER;
    s.desc.resize.map = (struct axis_map){0, 2, 4, 0};
    s.desc.resize.stretch = 1;
    sample_input(&s, tensor_of(CONVOY_F32, shape_of(3, 1, IN, INNER, 0)));
    for (size_t i = 0; i < IN * INNER; i++)
        tensor_set(&s.in[0], i, (double)(i % INNER + 1000 * (i / INNER)));
    assert_int_equal(sample_run(&s, "reference", 1, &out, NULL), CONVOY_OK);
    for (size_t i = 0; i < 5 * INNER; i++)
        assert_true(tensor_get(&out, i) == (double)(i % INNER + 500 * (i / INNER)));
    convoy_tensor_release(&out);
    sample_end(&s);

    sample_begin(&s, LAYER_RESIZE, CONVOY_F32, VECTOR(MANY));
    s.desc.resize.outer = s.desc.resize.inner = 1, s.desc.resize.in = 2, s.desc.resize.out = MANY;
    s.desc.resize.map = (struct axis_map){0, 1, MANY - 1, 0};
    s.desc.resize.stretch = 1;
    sample_input(&s, tensor_values(CONVOY_F32, VECTOR(2), VALUES(0, MANY - 1)));
    assert_int_equal(sample_run(&s, "reference", 1, &out, NULL), CONVOY_OK);
    for (size_t i = 0; i < MANY; i++)
        assert_true(fabs(tensor_get(&out, i) - (double)i) <= 0.01);
    convoy_tensor_release(&out);
    sample_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_transpose),
        cmocka_unit_test(conv_transpose_is_checked),
        cmocka_unit_test(norms),
        cmocka_unit_test(windows_of_padding),
        cmocka_unit_test(places_of_maxima),
        cmocka_unit_test(unpool),
        cmocka_unit_test(regions),
        cmocka_unit_test(regions_are_checked),
        cmocka_unit_test(grid_sample),
        cmocka_unit_test(resize),
        cmocka_unit_test(resize_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
