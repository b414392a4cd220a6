#include "cluster_rig.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct conv_geometry usual_conv = {.spatial = 2,
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

static void make_tensor(convoy_tensor *tensor, convoy_dtype dtype, convoy_shape shape, float scale, float odd,
                        struct random *random) {
    assert_int_equal(convoy_tensor_create(tensor, dtype, &shape, NULL), CONVOY_OK);
    for (size_t i = 0; i < convoy_tensor_elements(tensor); i++)
        if (dtype == CONVOY_F32)
            ((float *)tensor->data)[i] = (float)random_normal(random) * scale;
        else
            ((double *)tensor->data)[i] = random_normal(random) * (double)scale;
    size_t middle = convoy_tensor_elements(tensor) / 2;
    if (odd != 0 && dtype == CONVOY_F32)
        ((float *)tensor->data)[middle] = odd;
    else if (odd != 0)
        ((double *)tensor->data)[middle] = (double)odd;
}

static void describe(struct cluster_rig *rig, const struct cluster_rig_setup *setup) {
    struct random random;
    random_seed(&random, setup->seed);
    struct conv_geometry conv = setup->conv ? *setup->conv : usual_conv;
    convoy_dtype dtype = setup->dtype ? setup->dtype : CONVOY_F32;
    float input = setup->input ? setup->input : 1, weights = setup->weights ? setup->weights : 1;
    assert_int_equal(conv_geometry_complete(&conv, NULL), CONVOY_OK);
    rig->desc = conv_layer_desc(&conv, dtype, &rig->input);
    rig->desc.name = "conv2";
    rig->desc.activation.kind = ACTIVATION_RELU;
    make_tensor(&rig->in, dtype, rig->input.shape, input, setup->odd_input, &random);
    make_tensor(&rig->weights, dtype, conv_filter_shape(&conv), weights, setup->odd_weight, &random);
    make_tensor(&rig->bias, dtype, (convoy_shape){.rank = 1, .dims = {conv.out_channels}}, input * weights, 0,
                &random);
    make_tensor(&rig->expected, dtype, rig->desc.outputs[0].shape, 1, 0, &random);
}

static convoy_status run_on(struct backend *backend, struct layer *layer, const convoy_tensor *in,
                            convoy_tensor *out, convoy_layer_report *report) {
    struct context *context = NULL;
    assert_int_equal(backend->ops->context_create(backend, &context, NULL), CONVOY_OK);
    convoy_status status = layer->ops->layer_run(layer, context, in, out, report, NULL);
    context->ops->context_destroy(&context);
    return status;
}

static void run_alone(struct cluster_rig *rig, const struct layer_params *params) {
    struct backend *alone = NULL;
    struct layer *plain = NULL;
    assert_int_equal(backend_create(&alone, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(alone->ops->layer_prepare(alone, &rig->desc, params, &plain, NULL), CONVOY_OK);
    assert_int_equal(run_on(alone, plain, &rig->in, &rig->expected, NULL), CONVOY_OK);
    plain->ops->layer_destroy(&plain);
    alone->ops->destroy(&alone);
}

void cluster_rig_open(struct cluster_rig *rig, const struct cluster_rig_setup *setup) {
    uint64_t deadline_ns = setup->deadline_ns ? setup->deadline_ns : 10 * NS_PER_S;
    *rig = (struct cluster_rig){.options = {.workers = setup->workers,
                                            .stragglers = setup->stragglers,
                                            .spread = true,
                                            .deadline_ns = deadline_ns,
                                            .frames = setup->frames,
                                            .fallback = !setup->no_fallback,
                                            .adapt = setup->adapt,
                                            .block = setup->block,
                                            .verify = setup->verify,
                                            .wrong_answer = setup->wrong_answer,
                                            .wrong_answer_context = setup->wrong_answer_context,
                                            .seed = setup->seed,
                                            .log = setup->log,
                                            .faults = rig->faults}};
    struct cluster_options *options = &rig->options;
    for (; setup->faults && setup->faults[options->fault_count]; options->fault_count++) {
        assert_true(options->fault_count < CLUSTER_RIG_FAULTS);
        assert_int_equal(fault_parse(&rig->faults[options->fault_count], setup->faults[options->fault_count],
                                     setup->workers, NULL),
                         CONVOY_OK);
    }
    assert_int_equal(code_family_find(setup->family ? setup->family : "rotation", &options->family, NULL),
                     CONVOY_OK);
    describe(rig, setup);
    const struct layer_params params = {.weights = rig->weights, .bias = rig->bias};
    run_alone(rig, &params);

    const char *name = setup->backend ? setup->backend : "reference";
    struct backend *inner = NULL;
    struct cluster_options first = *options;
    if (setup->first_family) {
        assert_int_equal(code_family_find(setup->first_family, &first.family, NULL), CONVOY_OK);
        first.frames = CONVOY_F32;
    }
    assert_int_equal(cluster_create_local(&rig->cluster, &first, name, 1, NULL), CONVOY_OK);
    if (setup->first_family)
        assert_int_equal(cluster_use_code(rig->cluster, options->family, options->frames, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&inner, name, 1, NULL), CONVOY_OK);
    assert_int_equal(cluster_backend_create(&rig->backend, rig->cluster, &inner, NULL), CONVOY_OK);
    assert_int_equal(cluster_plan_one(&rig->plan, options, &rig->desc, &params, setup->input_parts,
                                      setup->filter_parts, NULL),
                     CONVOY_OK);
    rig->plan->layers[0].kernel = setup->kernel;
    if (setup->asked)
        rig->plan->layers[0].asked = setup->asked;
    cluster_backend_follow(rig->backend, rig->plan);
    assert_int_equal(rig->backend->ops->layer_prepare(rig->backend, &rig->desc, &params, &rig->layer, NULL),
                     CONVOY_OK);
    cluster_ready(rig->cluster, deadline_ns, NULL, NULL, NULL);
}

void cluster_rig_close(struct cluster_rig *rig) {
    rig->layer->ops->layer_destroy(&rig->layer);
    rig->backend->ops->destroy(&rig->backend);
    cluster_destroy(&rig->cluster);
    plan_destroy(&rig->plan);
    convoy_tensor_release(&rig->in);
    convoy_tensor_release(&rig->weights);
    convoy_tensor_release(&rig->bias);
    convoy_tensor_release(&rig->expected);
}

static double relative_error(const convoy_tensor *got, const convoy_tensor *expected) {
    double error = 0, magnitude = 0;
    for (size_t i = 0; i < convoy_tensor_elements(expected); i++) {
        double a = convoy_tensor_element(got, i), b = convoy_tensor_element(expected, i);
        if (!isfinite(a) || !isfinite(b)) {
            if (a != b && !(isnan(a) && isnan(b)))
                return INFINITY;
            continue;
        }
        error = fmax(error, fabs(a - b));
        magnitude = fmax(magnitude, fabs(b));
    }
    return error == 0 ? 0 : error / magnitude;
}

convoy_status cluster_rig_run(struct cluster_rig *rig, convoy_layer_report *report, double *error) {
    convoy_tensor out = {0};
    *report = (convoy_layer_report){0};
    assert_int_equal(
        convoy_tensor_create(&out, rig->desc.outputs[0].dtype, &rig->desc.outputs[0].shape, NULL), CONVOY_OK);
    convoy_status status = run_on(rig->backend, rig->layer, &rig->in, &out, report);
    if (status == CONVOY_OK)
        *error = relative_error(&out, &rig->expected);
    convoy_tensor_release(&out);
    return status;
}
