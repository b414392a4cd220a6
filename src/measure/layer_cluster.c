#include "measure/layer_cluster.h"

#include "base/error.h"
#include "compute/layer.h"
#include "runtime/cluster.h"

#include <stdlib.h>

#define BACKEND "onednn"

#define READY_ROUNDS 50 /* each ends when all hold their filters, or soon after n - γ do */

struct layer_cluster {
    struct cluster *cluster;
    struct plan *plan;
    struct backend *backend;
    struct layer *layer;
    struct context *context;
    struct layer_desc desc;
    struct value_desc input;
    convoy_tensor in, weights, out;
};

static convoy_status make_tensor(convoy_tensor *tensor, convoy_shape shape, convoy_error *error) {
    convoy_status status = convoy_tensor_create(tensor, CONVOY_F32, &shape, error);
    float *values = tensor->data;
    for (size_t i = 0; status == CONVOY_OK && i < convoy_tensor_elements(tensor); i++)
        values[i] = (float)(i % 7) / 7.0F - 0.5F;
    return status;
}

static convoy_status describe(struct layer_cluster *c, const struct conv_geometry *layer,
                              convoy_error *error) {
    c->desc = conv_layer_desc(layer, CONVOY_F32, &c->input);
    c->desc.activation.kind = ACTIVATION_RELU;
    convoy_status status = make_tensor(&c->in, c->input.shape, error);
    if (status == CONVOY_OK)
        status = make_tensor(&c->weights, conv_filter_shape(layer), error);
    if (status == CONVOY_OK)
        status = make_tensor(&c->out, c->desc.outputs[0].shape, error);
    return status;
}

/* The layer by a backend over the cluster, as the plan says. */
static convoy_status prepare(struct layer_cluster *c, const struct cluster_options *options,
                             const struct layer_cluster_setup *setup, convoy_error *error) {
    struct backend *inner = NULL;
    struct layer_params params = {.weights = c->weights};
    convoy_status status = backend_create(&inner, BACKEND, 1, error);
    if (status == CONVOY_OK)
        status = cluster_backend_create(&c->backend, c->cluster, &inner, error);
    if (inner)
        inner->ops->destroy(&inner);
    if (status == CONVOY_OK)
        status = cluster_plan_one(&c->plan, options, &c->desc, &params, setup->input_parts,
                                  setup->filter_parts, error);
    if (status != CONVOY_OK)
        return status;
    cluster_backend_follow(c->backend, c->plan);
    status = c->backend->ops->layer_prepare(c->backend, &c->desc, &params, &c->layer, error);
    if (status == CONVOY_OK)
        status = c->backend->ops->context_create(c->backend, &c->context, error);
    return status;
}

convoy_status layer_cluster_create(struct layer_cluster **out, const struct layer_cluster_setup *setup,
                                   convoy_error *error) {
    const struct cluster_options options = {.family = setup->family,
                                            .workers = setup->workers,
                                            .stragglers = setup->stragglers,
                                            .spread = setup->spread,
                                            .deadline_ns = setup->deadline_ns,
                                            .fallback = setup->fallback,
                                            .faults = setup->faults,
                                            .fault_count = setup->fault_count};
    struct layer_cluster *c = calloc(1, sizeof *c);
    if (!c)
        return error_memory(error);
    convoy_status status = describe(c, setup->layer, error);
    if (status == CONVOY_OK)
        status = cluster_create_local(&c->cluster, &options, BACKEND, 1, error);
    if (status == CONVOY_OK)
        status = prepare(c, &options, setup, error);
    for (int round = 0; status == CONVOY_OK && round < (setup->all_ready ? READY_ROUNDS : 1); round++)
        status = cluster_ready(c->cluster, setup->deadline_ns, NULL, NULL, error);
    if (status == CONVOY_OK)
        *out = c;
    else
        layer_cluster_destroy(&c);
    return status;
}

convoy_status layer_cluster_run(struct layer_cluster *c, convoy_layer_report *report, convoy_error *error) {
    *report = (convoy_layer_report){0};
    return c->layer->ops->layer_run(c->layer, c->context, &c->in, &c->out, report, error);
}

void layer_cluster_destroy(struct layer_cluster **slot) {
    struct layer_cluster *c = slot ? *slot : NULL;
    if (!c)
        return;
    *slot = NULL;
    if (c->context)
        c->context->ops->context_destroy(&c->context);
    if (c->layer)
        c->layer->ops->layer_destroy(&c->layer);
    if (c->backend)
        c->backend->ops->destroy(&c->backend);
    cluster_destroy(&c->cluster);
    plan_destroy(&c->plan);
    convoy_tensor_release(&c->in);
    convoy_tensor_release(&c->weights);
    convoy_tensor_release(&c->out);
    free(c);
}
