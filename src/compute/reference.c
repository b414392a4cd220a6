#include "compute/reference.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <stdlib.h>
#include <string.h>

static void layer_destroy(struct layer **slot) {
    struct reference_layer *layer = slot ? (struct reference_layer *)*slot : NULL;
    if (!layer)
        return;
    convoy_tensor_release(&layer->weights);
    convoy_tensor_release(&layer->bias);
    free(layer);
    *slot = NULL;
}

static convoy_status layer_prepare(struct backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **out,
                                   convoy_error *error) {
    convoy_status status = layer_check(desc, params, error);
    if (status != CONVOY_OK)
        return status;
    size_t bytes;
    if (!size_mul(desc->input_count, sizeof(struct value_desc), &bytes) ||
        !size_add(bytes, sizeof(struct reference_layer), &bytes))
        return error_memory(error);
    struct reference_layer *layer = calloc(1, bytes);
    if (!layer)
        return error_memory(error);
    layer->base.ops = backend->ops;
    layer->compute = kind_find(desc->kind)->compute;
    layer->desc = *desc;
    memcpy(layer->inputs, desc->inputs, desc->input_count * sizeof(struct value_desc));
    layer->desc.inputs = layer->inputs;
    if (params)
        status = tensor_keep(&layer->weights, &params->weights, error);
    if (params && status == CONVOY_OK)
        status = tensor_keep(&layer->bias, &params->bias, error);
    struct layer *base = &layer->base;
    if (status == CONVOY_OK)
        *out = base;
    else
        layer_destroy(&base);
    return status;
}

/* Whether there is anything to compute. Axes of no elements may stand beside axes of any length: loops over
 * these would not end. */
static bool is_empty(const struct layer_desc *desc) {
    for (uint32_t i = 0; i < desc->output_count; i++)
        if (shape_product(&desc->outputs[i].shape, 0, desc->outputs[i].shape.rank) > 0)
            return false;
    return true;
}

static void layer_explain(const struct layer *layer, convoy_layer_report *report) {
    (void)layer;
    report->coded = false;
}

static convoy_status layer_run(const struct layer *base, struct context *context, const convoy_tensor *in,
                               convoy_tensor *out, convoy_layer_report *report, convoy_error *error) {
    (void)context;
    const struct reference_layer *layer = (const struct reference_layer *)base;
    if (report)
        layer_explain(base, report);
    return is_empty(&layer->desc) ? CONVOY_OK : layer->compute(layer, in, out, error);
}

static convoy_status context_create(struct backend *backend, struct context **context, convoy_error *error) {
    struct context *made = malloc(sizeof *made);
    if (!made)
        return error_memory(error);
    made->ops = backend->ops;
    *context = made;
    return CONVOY_OK;
}

static void context_destroy(struct context **context) {
    if (!context)
        return;
    free(*context);
    *context = NULL;
}

static void destroy(struct backend **backend) {
    if (!backend)
        return;
    free(*backend);
    *backend = NULL;
}

static const struct buffer *layer_weights(const struct layer *layer) {
    return ((const struct reference_layer *)layer)->weights.owner;
}

static const struct backend_ops reference_ops = {
    .name = "reference",
    .layer_prepare = layer_prepare,
    .layer_destroy = layer_destroy,
    .context_create = context_create,
    .context_destroy = context_destroy,
    .layer_weights = layer_weights,
    .layer_run = layer_run,
    .destroy = destroy,
};

convoy_status reference_backend_create(struct backend **backend, convoy_error *error) {
    struct backend *made = malloc(sizeof *made);
    if (!made)
        return error_memory(error);
    *made = (struct backend){.ops = &reference_ops, .threads = 1};
    *backend = made;
    return CONVOY_OK;
}
