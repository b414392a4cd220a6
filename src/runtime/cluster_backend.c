/* The cluster as a compute backend: coded layers go to the workers, everything else to the backend here. The
 * table of functions is made here, above all that it calls; what has a backend finds the table there. */
#include "base/error.h"
#include "base/tensor.h"
#include "runtime/cluster_internal.h"

#include <stdlib.h>

/* A layer that the backend here computes. */
struct local_layer {
    struct cluster_layer base;
    struct layer *inner;
    size_t output_bytes; /* were it dense */
    const char *why;
};

static convoy_status local_layer_create(struct layer **layer, struct cluster_backend *backend,
                                        const struct layer_desc *desc, const struct layer_params *params,
                                        const char *why, convoy_error *error) {
    struct local_layer *local = malloc(sizeof *local);
    if (!local)
        return error_memory(error);
    *local = (struct local_layer){.base.base.ops = backend->base.ops, .why = why};
    convoy_status status =
        backend->inner->ops->layer_prepare(backend->inner, desc, params, &local->inner, error);
    if (status != CONVOY_OK) {
        free(local);
        return status;
    }
    tensor_bytes(desc->outputs[0].dtype, &desc->outputs[0].shape,
                 &local->output_bytes); /* layer_prepare checked it */
    *layer = &local->base.base;
    return CONVOY_OK;
}

static convoy_status cluster_layer_prepare(struct backend *base, const struct layer_desc *desc,
                                           const struct layer_params *params, struct layer **layer,
                                           convoy_error *error) {
    struct cluster_backend *backend = (struct cluster_backend *)base;
    const struct plan_layer *plan =
        backend->plan && desc->step < backend->plan->count ? &backend->plan->layers[desc->step] : NULL;
    if (plan && plan->coded)
        return coded_layer_create(layer, backend, desc, params, plan, error);
    return local_layer_create(layer, backend, desc, params,
                              plan ? plan->why_local : "there is no plan for it", error);
}

static bool is_coded(const struct layer *layer) {
    return ((const struct cluster_layer *)layer)->coded;
}

static void cluster_layer_destroy(struct layer **slot) {
    if (!slot || !*slot)
        return;
    if (is_coded(*slot)) {
        coded_layer_destroy(slot);
        return;
    }
    struct local_layer *local = (struct local_layer *)*slot;
    *slot = NULL;
    local->inner->ops->layer_destroy(&local->inner);
    free(local);
}

static void cluster_layer_output(const struct layer *layer, struct layer_output *output) {
    const struct local_layer *local = (const struct local_layer *)layer;
    *output = (struct layer_output){0};
    if (is_coded(layer))
        coded_layer_output(layer, output);
    else if (local->inner->ops->layer_output)
        local->inner->ops->layer_output(local->inner, output);
    else
        output->bytes = local->output_bytes;
}

static convoy_status cluster_layer_run(const struct layer *layer, struct context *context,
                                       const convoy_tensor *in, convoy_tensor *out,
                                       convoy_layer_report *report, convoy_error *error) {
    if (is_coded(layer))
        return coded_layer_run(layer, context, in, out, report, error);
    const struct local_layer *local = (const struct local_layer *)layer;
    if (report)
        report->why_local = local->why;
    return local->inner->ops->layer_run(local->inner, ((struct cluster_context *)context)->inner, in, out,
                                        NULL, error);
}

static void cluster_context_destroy(struct context **slot) {
    struct cluster_context *context = slot ? (struct cluster_context *)*slot : NULL;
    if (!context)
        return;
    *slot = NULL;
    if (context->inner)
        context->inner->ops->context_destroy(&context->inner);
    free(context->tasks);
    free(context->states);
    free(context->standings);
    free(context->paces);
    free(context->answered);
    free(context->judged);
    verification_run_clear(&context->verification);
    free(context->sources);
    free(context->answers);
    free(context->pieces);
    free(context->rows);
    for (size_t i = 0; i < sizeof context->map / sizeof *context->map; i++)
        free(context->map[i]);
    free(context);
}

static convoy_status cluster_context_create(struct backend *base, struct context **out, convoy_error *error) {
    struct cluster_backend *backend = (struct cluster_backend *)base;
    size_t n = backend->cluster->nodes;
    struct cluster_context *context = calloc(1, sizeof *context);
    if (!context)
        return error_memory(error);
    context->base.ops = base->ops;
    context->tasks = calloc(n, sizeof *context->tasks);
    context->states = calloc(n, sizeof *context->states);
    context->standings = calloc(n, sizeof *context->standings);
    context->paces = calloc(n, sizeof *context->paces);
    context->answered = calloc(n, sizeof *context->answered);
    context->judged = calloc(n, sizeof *context->judged);
    context->sources = calloc(n, sizeof *context->sources);
    context->answers = calloc(n, sizeof *context->answers);
    bool complete = context->tasks && context->states && context->standings && context->paces &&
                    context->answered && context->judged && context->sources && context->answers;
    convoy_status status = complete
                               ? backend->inner->ops->context_create(backend->inner, &context->inner, error)
                               : error_memory(error);
    struct context *created = &context->base;
    if (status == CONVOY_OK)
        *out = created;
    else
        cluster_context_destroy(&created);
    return status;
}

static void cluster_backend_destroy(struct backend **slot) {
    struct cluster_backend *backend = slot ? (struct cluster_backend *)*slot : NULL;
    if (!backend)
        return;
    *slot = NULL;
    backend->inner->ops->destroy(&backend->inner);
    free(backend);
}

static const struct backend_ops cluster_backend_ops = {
    .name = "cluster",
    .layer_prepare = cluster_layer_prepare,
    .layer_destroy = cluster_layer_destroy,
    .context_create = cluster_context_create,
    .context_destroy = cluster_context_destroy,
    .layer_output = cluster_layer_output,
    .layer_run = cluster_layer_run,
    .destroy = cluster_backend_destroy,
};

convoy_status cluster_backend_create(struct backend **out, struct cluster *cluster,
                                     struct backend **take_inner, convoy_error *error) {
    struct cluster_backend *backend = malloc(sizeof *backend);
    if (!backend)
        return error_memory(error);
    *backend = (struct cluster_backend){.base.ops = &cluster_backend_ops,
                                        .base.block = (*take_inner)->block,
                                        .cluster = cluster,
                                        .inner = *take_inner};
    *take_inner = NULL;
    *out = &backend->base;
    return CONVOY_OK;
}

void cluster_backend_follow(struct backend *backend, const struct plan *plan) {
    ((struct cluster_backend *)backend)->plan = plan;
}
