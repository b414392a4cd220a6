/* Coded layers between tensors that lie in blocks of channels, or dense, or padded: decoded or computed here,
 * always what the reference makes of dense ones. */
#include "base/blocks.h"
#include "base/clock.h"
#include "base/maximum.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "runtime/cluster.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20260318

/* As in cluster_test.c: 4·κ·6e-8, κ under 60. */
#define TOLERANCE 1.5e-5

struct example {
    const char *name;
    struct conv_geometry conv;
    bool adds;
    struct conv_transpose_geometry transpose; /* if it has axes: instead of conv */
};

static const struct example examples[] = {
    {"blocks that are full",
     {.spatial = 2, .groups = 1, .in_channels = 32, .out_channels = 32, .in = {9, 7}, .kernel = {3, 3}},
     false,
     {0}},
    {"an input with padding",
     {.spatial = 2, .groups = 1, .in_channels = 20, .out_channels = 32, .in = {9, 7}, .kernel = {3, 3}},
     false,
     {0}},
    {"an output without blocks",
     {.spatial = 1, .groups = 1, .in_channels = 16, .out_channels = 24, .in = {19}, .kernel = {3}},
     false,
     {0}},
    {"groups",
     {.spatial = 2, .groups = 2, .in_channels = 32, .out_channels = 64, .in = {9, 7}, .kernel = {3, 3}},
     false,
     {0}},
    {"depthwise",
     {.spatial = 2, .groups = 32, .in_channels = 32, .out_channels = 32, .in = {9, 7}, .kernel = {3, 3}},
     false,
     {0}},
    {"volumes",
     {.spatial = 3, .groups = 1, .in_channels = 16, .out_channels = 32, .in = {9, 3, 4}, .kernel = {3, 2, 1}},
     false,
     {0}},
    {"an addition",
     {.spatial = 2, .groups = 1, .in_channels = 32, .out_channels = 32, .in = {9, 7}, .kernel = {1, 1}},
     true,
     {0}},
    {"an addition of what has padding",
     {.spatial = 2, .groups = 1, .in_channels = 8, .out_channels = 20, .in = {9, 7}, .kernel = {1, 1}},
     true,
     {0}},
    /* The shape of the input, [1,rows,K], is that of a map of so many channels as well. */
    {"a product",
     {.layout = CONV_CHANNELS_LAST,
      .spatial = 1,
      .groups = 1,
      .in_channels = 37,
      .out_channels = 7,
      .in = {32},
      .kernel = {1}},
     false,
     {0}},
    {.name = "transposed, phases of whole blocks",
     .transpose = {.spatial = 2,
                   .groups = 1,
                   .in_channels = 32,
                   .out_channels = 16,
                   .in = {9, 7},
                   .kernel = {4, 2},
                   .stride = {2, 2},
                   .pad_begin = {1, 0},
                   .out = {18, 14}}},
    {.name = "transposed, blocks of several phases, groups",
     .transpose = {.spatial = 2,
                   .groups = 2,
                   .in_channels = 32,
                   .out_channels = 16,
                   .in = {9, 7},
                   .kernel = {3, 3},
                   .stride = {2, 1},
                   .pad_begin = {1, 1},
                   .out = {18, 7}}},
};

/* A tensor [N,C,...] dense, and as it lies. */
struct map {
    convoy_shape shape;
    convoy_tensor dense, laid;
};

static struct block_map extents(const convoy_shape *shape) {
    return (struct block_map){.element = sizeof(float),
                              .batch = (size_t)shape->dims[0],
                              .channels = (size_t)shape->dims[1],
                              .inner = shape_product(shape, 2, shape->rank)};
}

static void map_make(struct map *map, convoy_shape shape, uint32_t block, struct random *random) {
    struct block_map extent = extents(&shape);
    size_t padded = block ? (extent.channels + block - 1) / block * block : extent.channels;
    convoy_shape laid = {1, {(int64_t)(extent.batch * padded * extent.inner)}};
    map->shape = shape;
    assert_int_equal(convoy_tensor_create(&map->dense, CONVOY_F32, &shape, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_create(&map->laid, CONVOY_F32, &laid, NULL), CONVOY_OK);
    for (size_t i = 0; i < convoy_tensor_elements(&map->dense); i++)
        ((float *)map->dense.data)[i] = (float)random_normal(random);
    blocks_copy(&extent, 0, map->dense.data, block, map->laid.data);
    map->laid.shape = shape;
}

static void map_release(struct map *map) {
    convoy_tensor_release(&map->dense);
    convoy_tensor_release(&map->laid);
}

/* A layer on a backend, run once; out: [elements of the output], dense. */
static void run_layer(struct backend *backend, struct cluster *cluster, const struct layer_desc *desc,
                      const struct layer_params *params, const convoy_tensor *in, float *out, bool degraded) {
    struct layer *layer = NULL;
    struct context *context = NULL;
    convoy_error error = {0};
    convoy_layer_report report = {0};
    struct layer_output made = {0};
    struct block_map extent = extents(&desc->outputs[0].shape);
    assert_int_equal(backend->ops->layer_prepare(backend, desc, params, &layer, &error), CONVOY_OK);
    assert_int_equal(backend->ops->context_create(backend, &context, &error), CONVOY_OK);
    if (cluster) {
        backend->ops->layer_output(layer, &made);
        cluster_ready(cluster, 20 * NS_PER_S, NULL, NULL, NULL); /* no longer than a busy machine takes */
    } else {
        made.bytes = extent.batch * extent.channels * extent.inner * sizeof(float);
    }
    convoy_tensor laid = {
        .dtype = CONVOY_F32, .shape = desc->outputs[0].shape, .data = memory_aligned(made.bytes)};
    assert_non_null(laid.data);
    for (int run = 0; run < 2; run++)
        if (backend->ops->layer_run(layer, context, in, &laid, &report, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
    if (cluster && (report.coded == degraded || report.fallback != degraded))
        fail_msg("coded %d, fallback %d: %s", report.coded, report.fallback,
                 report.why_local ? report.why_local : "");
    blocks_copy(&extent, made.block, laid.data, 0, out);
    free(laid.data);
    context->ops->context_destroy(&context);
    layer->ops->layer_destroy(&layer);
}

/* The same on four workers, of whom one may be missing: one is, or three. */
static void run_on_workers(const char *backend_name, uint32_t block, bool degraded,
                           const struct layer_desc *desc, const struct layer_params *params,
                           const convoy_tensor *in, float *out) {
    struct backend *inner = NULL, *coded = NULL;
    struct cluster *cluster = NULL;
    struct plan *plan = NULL;
    struct fault faults[3];
    struct cluster_options options = {.workers = 4,
                                      .stragglers = 1,
                                      .deadline_ns = 10 * NS_PER_S,
                                      .fallback = true,
                                      .seed = SEED,
                                      .block = block,
                                      .faults = faults,
                                      .fault_count = degraded ? 3 : 1};
    for (uint32_t i = 0; i < options.fault_count; i++)
        assert_int_equal(fault_parse(&faults[i], (const char *[]){"1:kill", "2:kill", "3:kill"}[i], 4, NULL),
                         CONVOY_OK);
    assert_int_equal(code_family_find("rotation", &options.family, NULL), CONVOY_OK);
    assert_int_equal(cluster_create_local(&cluster, &options, backend_name, 1, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&inner, backend_name, 1, NULL), CONVOY_OK);
    assert_int_equal(cluster_backend_create(&coded, cluster, &inner, NULL), CONVOY_OK);
    assert_int_equal(cluster_plan_one(&plan, &options, desc, params, 0, 0, NULL), CONVOY_OK);
    cluster_backend_follow(coded, plan);
    run_layer(coded, cluster, desc, params, in, out, degraded);
    plan_destroy(&plan);
    coded->ops->destroy(&coded);
    cluster_destroy(&cluster);
}

/* Description and shapes of an example; inputs[] is filled, and borrowed. */
static struct layer_desc describe(const struct example *example, struct value_desc *inputs,
                                  convoy_shape *filters) {
    struct conv_geometry conv = example->conv;
    struct conv_transpose_geometry transpose = example->transpose;
    conv.batch = transpose.batch = conv.layout == CONV_CHANNELS_LAST ? 1 : 2;
    for (int i = 0; i < CONV_MAX_SPATIAL; i++)
        conv.stride[i] = conv.dilation[i] = transpose.dilation[i] = 1;
    if (transpose.spatial == 0) {
        assert_int_equal(conv_geometry_complete(&conv, NULL), CONVOY_OK);
        *filters = conv_filter_shape(&conv);
        return conv_layer_desc(&conv, CONVOY_F32, inputs);
    }
    assert_int_equal(conv_transpose_complete(&transpose, NULL), CONVOY_OK);
    *filters = conv_transpose_filter_shape(&transpose);
    inputs[0] = (struct value_desc){CONVOY_F32, conv_transpose_input_shape(&transpose), 0};
    return (struct layer_desc){.name = "conv",
                               .op = "ConvTranspose",
                               .kind = LAYER_CONV_TRANSPOSE,
                               .output_count = 1,
                               .inputs = inputs,
                               .outputs = {{CONVOY_F32, conv_transpose_output_shape(&transpose), 0}},
                               .conv_transpose = transpose};
}

/* One example: inputs in blocks of lies[], an output that may go in blocks of `block`. */
static void compare(const struct example *example, const uint32_t *lies, uint32_t block, bool degraded,
                    const char *backend_name) {
    struct random random;
    random_seed(&random, SEED + lies[0] + 3 * lies[1] + 7 * block);
    struct value_desc inputs[2];
    convoy_shape filters;
    struct layer_desc desc = describe(example, inputs, &filters);
    const convoy_shape shapes[2] = {inputs[0].shape, desc.outputs[0].shape};
    const int64_t channels =
        example->transpose.spatial ? example->transpose.out_channels : example->conv.out_channels;
    struct map in[2], weights, biases;
    map_make(&in[0], shapes[0], lies[0], &random);
    map_make(&in[1], shapes[1], lies[1], &random);
    map_make(&weights, filters, 0, &random);
    map_make(&biases, (convoy_shape){2, {1, channels}}, 0, &random);
    biases.dense.shape = (convoy_shape){1, {channels}};
    const struct layer_params params = {.weights = weights.dense, .bias = biases.dense};
    inputs[1] = desc.outputs[0];
    desc.input_count = example->adds ? 2 : 1;
    desc.activation = random_below(&random, 2) ? (struct activation){ACTIVATION_RELU, 0, 0}
                                               : (struct activation){ACTIVATION_SWISH, 1, 0};
    size_t count = shape_product(&shapes[1], 0, shapes[1].rank);
    float *expected = calloc(count, sizeof *expected), *got = calloc(count, sizeof *got);
    assert_true(expected && got);

    struct backend *alone = NULL;
    assert_int_equal(backend_create(&alone, "reference", 1, NULL), CONVOY_OK);
    run_layer(alone, NULL, &desc, &params, (convoy_tensor[]){in[0].dense, in[1].dense}, expected, false);
    alone->ops->destroy(&alone);
    inputs[0].block = lies[0];
    inputs[1].block = lies[1];
    desc.free_output = block != 0;
    run_on_workers(backend_name, block, degraded, &desc, &params, (convoy_tensor[]){in[0].laid, in[1].laid},
                   got);

    double error = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        error = max_or_nan(error, fabs((double)got[i] - expected[i]));
        most = max_or_nan(most, fabs((double)expected[i]));
    }
    if (!(error <= TOLERANCE * most))
        fail_msg("%s: inputs in blocks of %u and %u, output of %u, %s: error %g of %g", example->name,
                 lies[0], lies[1], block, degraded ? "computed here" : "decoded", error, most);
    map_release(&in[0]);
    map_release(&in[1]);
    map_release(&weights);
    map_release(&biases);
    free(expected);
    free(got);
}

static void compare_all(bool degraded, const char *backend_name) {
    static const uint32_t blocks[] = {0, 8, 16};
    for (size_t e = 0; e < sizeof examples / sizeof examples[0]; e++)
        for (int first = 0; first < 3; first++)
            for (int second = 0; second < (examples[e].adds ? 3 : 1); second++)
                for (int out = 0; out < 3; out++)
                    compare(&examples[e], (const uint32_t[]){blocks[first], blocks[second]}, blocks[out],
                            degraded, backend_name);
}

static void test_decoded(void **state) {
    (void)state;
    compare_all(false, "reference");
    compare_all(false, "onednn");
}

static void test_computed_here(void **state) {
    (void)state;
    compare_all(true, "onednn");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decoded), cmocka_unit_test(test_computed_here)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
