/* A cluster whose tasks and answers travel as halves: the layer, as exact as these are, whoever fails; and
 * never what they do not hold. */
#include "base/clock.h"
#include "base/random.h"
#include "base/tensor.h"
#include "runtime/cluster.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20261122

/* One convolution over one cluster, and alone. Inputs and weights are standard normal times a power of 2. */
struct rig {
    struct cluster_options options;
    struct fault faults[4];
    struct cluster *cluster;
    struct backend *backend;
    struct layer *layer;
    struct layer_desc desc;
    convoy_shape input_shape;
    convoy_tensor in, weights, expected;
};

struct setup {
    uint32_t workers, stragglers;
    convoy_dtype dtype, frames;
    const char *faults[4]; /* "W:KIND" */
    bool no_fallback;
    float input, weights; /* their scale; 0: 1 */
};

static void make_tensor(convoy_tensor *tensor, convoy_dtype dtype, convoy_shape shape, float scale,
                        struct random *random) {
    assert_int_equal(convoy_tensor_create(tensor, dtype, &shape, NULL), CONVOY_OK);
    for (size_t i = 0; i < convoy_tensor_elements(tensor); i++)
        if (dtype == CONVOY_F32)
            ((float *)tensor->data)[i] = (float)random_normal(random) * (scale ? scale : 1);
        else
            ((double *)tensor->data)[i] = random_normal(random);
}

static void describe(struct rig *rig, const struct setup *setup) {
    struct random random;
    random_seed(&random, SEED);
    struct conv_geometry conv = {.spatial = 2,
                                 .batch = 1,
                                 .groups = 1,
                                 .in_channels = 6,
                                 .out_channels = 16,
                                 .in = {14, 14},
                                 .kernel = {5, 5},
                                 .stride = {1, 1},
                                 .dilation = {1, 1},
                                 .pad_begin = {2, 1},
                                 .pad_end = {0, 1}};
    assert_int_equal(conv_geometry_complete(&conv, NULL), CONVOY_OK);
    rig->input_shape = conv_input_shape(&conv);
    rig->desc = (struct layer_desc){.name = "conv2",
                                    .op = "Conv",
                                    .kind = LAYER_CONV,
                                    .input_count = 1,
                                    .inputs = &rig->input_shape,
                                    .dtype = setup->dtype,
                                    .input_dtype = setup->dtype,
                                    .output = conv_output_shape(&conv),
                                    .activation = {.kind = ACTIVATION_RELU},
                                    .conv = conv};
    make_tensor(&rig->in, setup->dtype, rig->input_shape, setup->input, &random);
    make_tensor(&rig->weights, setup->dtype, conv_filter_shape(&conv), setup->weights, &random);
    make_tensor(&rig->expected, setup->dtype, rig->desc.output, 1, &random);
}

static void run_on(struct backend *backend, struct layer *layer, const convoy_tensor *in, convoy_tensor *out,
                   convoy_layer_report *report, convoy_status expected) {
    struct context *context = NULL;
    assert_int_equal(backend->ops->context_create(backend, &context, NULL), CONVOY_OK);
    assert_int_equal(layer->ops->layer_run(layer, context, in, out, report, NULL), expected);
    context->ops->context_destroy(&context);
}

static void rig_open(struct rig *rig, const struct setup *setup) {
    *rig = (struct rig){.options = {.workers = setup->workers,
                                    .stragglers = setup->stragglers,
                                    .spread = true,
                                    .input_parts = setup->workers - setup->stragglers,
                                    .filter_parts = 4,
                                    .deadline_ns = 10 * NS_PER_S,
                                    .frames = setup->frames,
                                    .fallback = !setup->no_fallback,
                                    .seed = SEED,
                                    .faults = rig->faults}};
    struct cluster_options *options = &rig->options;
    for (; options->fault_count < 4 && setup->faults[options->fault_count]; options->fault_count++)
        assert_int_equal(fault_parse(&rig->faults[options->fault_count], setup->faults[options->fault_count],
                                     setup->workers, NULL),
                         CONVOY_OK);
    assert_int_equal(code_family_find("rotation", &options->family, NULL), CONVOY_OK);
    describe(rig, setup);
    const struct layer_params params = {.weights = rig->weights};
    struct backend *alone = NULL, *inner = NULL;
    struct layer *plain = NULL;
    assert_int_equal(backend_create(&alone, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(alone->ops->layer_prepare(alone, &rig->desc, &params, &plain, NULL), CONVOY_OK);
    run_on(alone, plain, &rig->in, &rig->expected, NULL, CONVOY_OK);
    plain->ops->layer_destroy(&plain);
    alone->ops->destroy(&alone);

    assert_int_equal(cluster_create_local(&rig->cluster, options, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&inner, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(cluster_backend_create(&rig->backend, rig->cluster, &inner, NULL), CONVOY_OK);
    assert_int_equal(rig->backend->ops->layer_prepare(rig->backend, &rig->desc, &params, &rig->layer, NULL),
                     CONVOY_OK);
    cluster_ready(rig->cluster, 10 * NS_PER_S, NULL, NULL, NULL);
}

static void rig_close(struct rig *rig) {
    rig->layer->ops->layer_destroy(&rig->layer);
    rig->backend->ops->destroy(&rig->backend);
    cluster_destroy(&rig->cluster);
    convoy_tensor_release(&rig->in);
    convoy_tensor_release(&rig->weights);
    convoy_tensor_release(&rig->expected);
}

/* max|a-b| / max|b|. */
static double relative_error(const convoy_tensor *got, const convoy_tensor *expected) {
    double error = 0, magnitude = 0;
    for (size_t i = 0; i < convoy_tensor_elements(expected); i++) {
        double a = convoy_tensor_element(got, i), b = convoy_tensor_element(expected, i);
        if (!isfinite(a))
            return INFINITY;
        error = fmax(error, fabs(a - b));
        magnitude = fmax(magnitude, fabs(b));
    }
    return error / magnitude;
}

/* One run. Its error is at most κ times the unit roundoff of the frames; where it is computed here, there is
 * none.
 */
static convoy_layer_report run(struct rig *rig, convoy_status expected) {
    convoy_layer_report report = {0};
    convoy_tensor out = {0};
    assert_int_equal(convoy_tensor_create(&out, rig->desc.dtype, &rig->desc.output, NULL), CONVOY_OK);
    run_on(rig->backend, rig->layer, &rig->in, &out, &report, expected);
    double unit = rig->options.frames == CONVOY_BF16 ? 0x1p-8 : 0x1p-11,
           off = relative_error(&out, &rig->expected);
    if (expected == CONVOY_OK && !(off <= (report.coded ? report.condition * unit : 0)))
        fail_msg("error %g with condition %g", off, report.condition);
    if (report.coded && rig->desc.dtype == CONVOY_F32)
        assert_true(off > unit / 8); /* they did travel as halves */
    convoy_tensor_release(&out);
    return report;
}

static const convoy_dtype halves[] = {CONVOY_BF16, CONVOY_F16};

static void test_decoded(void **state) {
    (void)state;
    static const char *const faults[][4] = {
        {NULL}, {"1:kill", "4:kill@conv2"}, {"0:delay=30s", "3:corrupt"}, {"2:drop=0.2", "5:drop=0.2"}};
    for (int i = 0; i < 8; i++) {
        struct rig rig;
        struct setup setup = {
            .workers = 6, .stragglers = 2, .dtype = CONVOY_F32, .frames = halves[i % 2], .no_fallback = true};
        memcpy(setup.faults, faults[i / 2], sizeof setup.faults);
        rig_open(&rig, &setup);
        for (int k = 0; k < 20; k++)
            assert_true(run(&rig, CONVOY_OK).coded);
        rig_close(&rig);
    }
}

/* Float64 travels as it is. */
static void test_float64(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig,
             &(struct setup){.workers = 6, .stragglers = 2, .dtype = CONVOY_F64, .frames = CONVOY_BF16});
    convoy_tensor out = {0};
    convoy_layer_report report = {0};
    assert_int_equal(convoy_tensor_create(&out, CONVOY_F64, &rig.desc.output, NULL), CONVOY_OK);
    run_on(rig.backend, rig.layer, &rig.in, &out, &report, CONVOY_OK);
    assert_true(report.coded && relative_error(&out, &rig.expected) < 1e-13);
    convoy_tensor_release(&out);
    rig_close(&rig);
}

/* Coded inputs and answers that float16 does not hold, being too large or too small, are never decoded;
 * bfloat16 holds what float32 does. */
static void test_beyond_float16(void **state) {
    (void)state;
    static const struct {
        float input, weights;
        const char *why;
    } cases[] = {{0x1p15F, 0x1p-15F, "beyond the frames' range"},
                 {0x1p-20F, 0x1p10F, "beyond the frames' range"},
                 {1, 0x1p15F, "too few answers"},
                 {1, 0x1p-24F, "too few answers"}};
    for (size_t i = 0; i < 4 * sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct setup setup = {.workers = 6,
                              .stragglers = 2,
                              .dtype = CONVOY_F32,
                              .frames = halves[i % 2],
                              .no_fallback = i / 2 % 2,
                              .input = cases[i / 4].input,
                              .weights = cases[i / 4].weights};
        rig_open(&rig, &setup);
        for (int k = 0; k < 3; k++) {
            bool refused = setup.frames == CONVOY_F16;
            convoy_layer_report report =
                run(&rig, refused && setup.no_fallback ? CONVOY_E_WORKERS : CONVOY_OK);
            assert_int_equal(report.coded, !refused);
            if (refused) /* who was not asked is not late */
                assert_int_equal(report.outcome[0] == CONVOY_OUTCOME_NONE, i < 8);
            if (refused)
                assert_string_equal(report.why_local, cases[i / 4].why);
        }
        rig_close(&rig);
    }
}

/* The four of ten workers whose loss leaves the worst κ, 36, are missing: too much for bfloat16, whose error
 * may then be a seventh of the output, and well for float16. */
static void test_ill_conditioned(void **state) {
    (void)state;
    struct placement placement;
    const struct code_family *family = NULL;
    struct code code;
    assert_int_equal(placement_spread(10, 4, &placement), CONVOY_OK);
    assert_int_equal(code_family_find("rotation", &family, NULL), CONVOY_OK);
    assert_int_equal(code_create(&code, family, 6, 4, &placement, NULL), CONVOY_OK);
    double worst = 0;
    uint32_t lost = 0;
    for (uint32_t set = 0; set < 1u << 10; set++) {
        uint32_t survivors[10], count = 0;
        for (uint32_t w = 0; w < 10; w++)
            if (!(set >> w & 1))
                survivors[count++] = w;
        double condition = count == 6 ? code_condition(&code, survivors) : 0;
        if (condition > worst) {
            worst = condition;
            lost = set;
        }
    }
    assert_true(worst > 32 && worst < 256);
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        char faults[4][16];
        struct setup setup = {.workers = 10, .stragglers = 4, .dtype = CONVOY_F32, .frames = halves[i]};
        for (uint32_t w = 0, f = 0; w < 10; w++)
            if (lost >> w & 1) {
                snprintf(faults[f], sizeof faults[f], "%u:kill", w);
                setup.faults[f] = faults[f];
                f++;
            }
        rig_open(&rig, &setup);
        convoy_layer_report report = run(&rig, CONVOY_OK);
        assert_int_equal(report.coded, halves[i] == CONVOY_F16);
        if (halves[i] == CONVOY_BF16)
            assert_string_equal(report.why_local, "ill-conditioned answers");
        else
            assert_true(fabs(report.condition - worst) < 1e-6 * worst);
        rig_close(&rig);
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoded),
        cmocka_unit_test(test_float64),
        cmocka_unit_test(test_beyond_float16),
        cmocka_unit_test(test_ill_conditioned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
