/* Transposed convolutions as convolutions of their phases (conv_phases.h): merged, they are the layer by its
 * definition, and so they are if they are coded and decoded from any survivors. */
#include "base/blocks.h"
#include "base/conv_phases.h"
#include "coding_tally.h"
#include "conv_oracle.h"
#include "random_layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LAYERS = 300 / CODING_REDUCTION, CODED_LAYERS = 200 / CODING_REDUCTION, MOST_WORKERS = 8 };

/* The layer by its definition. */
static convoy_tensor define(struct sample *s) {
    convoy_error error;
    convoy_tensor out;
    if (sample_run(s, "reference", 1, &out, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return out;
}

/* Linear, and without biases. */
static void random_transposed(struct sample *s, struct random *random) {
    random_conv_transpose(s, random);
    s->desc.activation = (struct activation){.kind = ACTIVATION_NONE};
    convoy_tensor_release(&s->params.bias);
    s->params.bias = (convoy_tensor){0};
}

static struct block_map map_of(const convoy_shape *shape) {
    return (struct block_map){.element = sizeof(float),
                              .batch = (size_t)shape->dims[0],
                              .channels = (size_t)shape->dims[1],
                              .inner = shape_product(shape, 2, shape->rank)};
}

/* The output of phases that lie in blocks, or dense, merged into an output that does. Dense, to be freed. */
static float *merge(const struct conv_transpose_geometry *g, const struct conv_geometry *phases,
                    const float *made, uint32_t out_block) {
    const convoy_shape shape = conv_transpose_output_shape(g);
    const struct block_map map = map_of(&shape);
    const size_t elements = shape_product(&shape, 0, shape.rank);
    float *out = test_memory(elements, sizeof *out), *dense = test_memory(elements, sizeof *dense);
    for (size_t i = 0; i < elements; i++)
        out[i] = NAN; /* what is not written is found */
    conv_phases_merge(g, phases, sizeof(float), made, out_block, out);
    blocks_copy(&map, out_block, out, 0, dense);
    free(out);
    return dense;
}

/* Whatever the blocks of phases and output, the layer is what it is by its definition. */
static void check_merged(const struct sample *s, struct conv_geometry phases, const convoy_tensor *y,
                         uint32_t block, uint32_t out_block) {
    const struct conv_transpose_geometry *g = &s->desc.conv_transpose;
    if (g->out_channels % (out_block ? out_block : 1))
        return;
    conv_lay_in_blocks(&phases, 0, block);
    const convoy_shape filters = conv_filter_shape(&phases), outputs = conv_output_shape(&phases);
    const size_t count = shape_product(&outputs, 0, outputs.rank);
    float *k = test_memory(shape_product(&filters, 0, filters.rank), sizeof *k);
    float *made = test_memory(count, sizeof *made);
    conv_phases_filters(g, &phases, sizeof *k, s->params.weights.data, k);
    oracle_convolve(&phases, CONVOY_F32, s->in[0].data, k, made);
    float *merged = merge(g, &phases, made, out_block);
    double largest = 0, off = 0;
    for (size_t i = 0; i < convoy_tensor_elements(y); i++) {
        double value = tensor_get(y, i), difference = fabs(merged[i] - value);
        largest = fmax(largest, fabs(value));
        off = difference <= off ? off : difference; /* keeps a NaN */
    }
    if (!(off <= 1e-6 * largest)) /* both are sums in double, rounded once */
        fail_msg("off by %g of %g, blocks %u and %u", off, largest, block, out_block);
    free(k);
    free(made);
    free(merged);
}

static void test_phases_are_the_layer(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, CODING_SEED);
    long zeros = 0;
    for (int i = 0; i < LAYERS; i++) {
        struct sample s;
        struct conv_geometry phases;
        random_transposed(&s, &random);
        convoy_tensor y = define(&s);
        assert_int_equal(conv_phases(&s.desc.conv_transpose, &phases, NULL), CONVOY_OK);
        zeros += conv_macs(&phases) > conv_transpose_macs(&s.desc.conv_transpose);
        check_merged(&s, phases, &y, 0, 0);
        check_merged(&s, phases, &y, 16, 16);
        check_merged(&s, phases, &y, 16, 0);
        check_merged(&s, phases, &y, 0, 16);
        check_merged(&s, phases, &y, 8, 16);
        convoy_tensor_release(&y);
        sample_end(&s);
    }
    print_message("seed %d, %d layers, %ld of them with taps that are zeros\n", CODING_SEED, LAYERS, zeros);
}

/* If strides divide kernels, nothing is multiplied by zeros but at the border. */
static void test_multiply_adds(void **state) {
    (void)state;
    struct conv_transpose_geometry g = {.spatial = 2,
                                        .batch = 1,
                                        .groups = 1,
                                        .in_channels = 5,
                                        .out_channels = 7,
                                        .in = {6, 9},
                                        .kernel = {2, 2},
                                        .stride = {2, 2},
                                        .dilation = {1, 1},
                                        .out = {12, 18}};
    struct conv_geometry phases;
    assert_int_equal(conv_transpose_complete(&g, NULL), CONVOY_OK);
    assert_int_equal(conv_phases(&g, &phases, NULL), CONVOY_OK);
    assert_true(conv_macs(&phases) == conv_transpose_macs(&g));
    assert_int_equal(phases.out_channels, 28);
    g.stride[0] = g.stride[1] = INT64_C(1) << 30; /* its phases are more than there are numbers */
    convoy_error error;
    assert_int_equal(conv_phases(&g, &phases, &error), CONVOY_E_INPUT);
}

/* ---- coded ---- */

/* Decodes from every set of survivors that is as large as the threshold, and merges. */
static void decode_every_set(struct tally *tally, const struct pipeline *p,
                             const struct conv_transpose_geometry *g, const convoy_tensor *y) {
    uint32_t workers[MOST_WORKERS];
    float *out = test_memory(p->outputs, sizeof *out);
    double norm = 0;
    for (size_t i = 0; i < convoy_tensor_elements(y); i++)
        norm = hypot(norm, tensor_get(y, i));
    for (uint32_t set = 1; set < 1u << p->code.placement.workers; set++) {
        if (set_members(set, workers) != p->code.threshold)
            continue;
        double condition = pipeline_decode(p, workers, p->code.threshold, NULL, NULL, out), error = 0;
        float *merged = merge(g, &p->setup.layer, out, 0);
        for (size_t i = 0; i < convoy_tensor_elements(y); i++)
            error += (merged[i] - tensor_get(y, i)) * (merged[i] - tensor_get(y, i));
        /* Rounding is relative to all that is decoded: phases may have rows that the layer drops. */
        norm = fmax(norm, pipeline_norm(p, p->y));
        if (norm > 0) /* else the output is beyond the reach of all windows */
            tally_error(tally, p, condition, sqrt(error), norm);
        else
            assert_true(error == 0);
        free(merged);
    }
    free(out);
}

/* A code for the layer of at most so many workers; false if it admits none of those that are tried. */
static bool choose_code(struct pipeline_setup *setup, struct random *random) {
    static const char *const names[] = {"rotation", "replicate", "uncoded"};
    for (int tries = 0; tries < 20; tries++) {
        const struct code_family *family = NULL;
        setup->family = names[random_below(random, 3)];
        assert_int_equal(code_family_find(setup->family, &family, NULL), CONVOY_OK);
        setup->input_parts = (uint32_t)random_between(random, 1, 4);
        setup->filter_parts = (uint32_t)random_between(random, 1, 4);
        const uint32_t parts = setup->input_parts * setup->filter_parts;
        const uint32_t workers =
            family->needs_all ? parts : (uint32_t)random_between(random, 1, MOST_WORKERS);
        if (workers > MOST_WORKERS ||
            partition_refusal(&setup->layer, setup->input_parts, setup->filter_parts, family->parts_step))
            continue;
        const uint32_t threshold = code_threshold(family, setup->input_parts, setup->filter_parts, workers);
        if (threshold == 0)
            continue;
        setup->placement = coding_placement(family->on_circle && random_below(random, 2), workers,
                                            family->on_circle ? workers - threshold : 0);
        return true;
    }
    return false;
}

static void test_every_survivor_set(void **state) {
    (void)state;
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    int coded = 0;
    for (int i = 0; i < CODED_LAYERS; i++) {
        struct sample s;
        struct pipeline p;
        struct pipeline_setup setup = {.dtype = CONVOY_F32};
        random_transposed(&s, &random);
        const struct conv_transpose_geometry *g = &s.desc.conv_transpose;
        assert_int_equal(conv_phases(g, &setup.layer, NULL), CONVOY_OK);
        if (choose_code(&setup, &random)) {
            convoy_tensor y = define(&s);
            pipeline_create(&p, &setup, &random);
            memcpy(p.x, s.in[0].data, p.inputs * sizeof(float));
            conv_phases_filters(g, &setup.layer, sizeof(float), s.params.weights.data, p.k);
            pipeline_compute(&p);
            decode_every_set(&tally, &p, g, &y);
            pipeline_destroy(&p);
            convoy_tensor_release(&y);
            coded++;
        }
        sample_end(&s);
    }
    tally_print(&tally);
    print_message("%d of %d layers coded\n", coded, CODED_LAYERS);
    assert_true(coded > CODED_LAYERS / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases_are_the_layer),
        cmocka_unit_test(test_multiply_adds),
        cmocka_unit_test(test_every_survivor_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
