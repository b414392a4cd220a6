#include "compute/reference.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <stdlib.h>
#include <string.h>

enum dtype_rule { FLOATS, FLOATS_AND_INT64, ALL };

static const struct {
    reference_kernel *kernel;
    enum dtype_rule dtypes;
} kinds[] = {
    [LAYER_CONV] = {reference_conv, FLOATS},
    [LAYER_POOL] = {reference_pool, FLOATS},
    [LAYER_ACTIVATION] = {reference_activation, FLOATS},
    [LAYER_BINARY] = {reference_binary, FLOATS_AND_INT64},
    [LAYER_AFFINE] = {reference_affine, FLOATS},
    [LAYER_SOFTMAX] = {reference_softmax, FLOATS},
    [LAYER_LRN] = {reference_lrn, FLOATS},
    [LAYER_MATMUL] = {reference_matmul, FLOATS},
    [LAYER_CONCAT] = {reference_concat, ALL},
    [LAYER_TRANSPOSE] = {reference_transpose, ALL},
    [LAYER_PAD] = {reference_pad, ALL},
    [LAYER_SLICE] = {reference_slice, ALL},
    [LAYER_GATHER] = {reference_gather, ALL},
    [LAYER_REDUCE] = {reference_reduce, FLOATS},
    [LAYER_CAST] = {reference_cast, ALL},
};

static bool dtype_admitted(enum dtype_rule rule, convoy_dtype dtype) {
    return rule == ALL || dtype == CONVOY_F32 || dtype == CONVOY_F64 ||
           (rule == FLOATS_AND_INT64 && dtype == CONVOY_I64);
}

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
    enum dtype_rule rule = kinds[desc->kind].dtypes;
    if (!dtype_admitted(rule, desc->dtype))
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "%s %s: no kernel for %s; there are some for float32, float64%s", desc->op,
                         desc->name, convoy_dtype_text(desc->dtype),
                         rule == FLOATS_AND_INT64 ? " and int64" : "");
    if (desc->dtype == CONVOY_I64 && desc->activation.kind != ACTIVATION_NONE)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "%s %s: no activation for int64; there are some for float32, float64", desc->op,
                         desc->name);

    size_t bytes;
    if (!size_mul(desc->input_count, sizeof(convoy_shape), &bytes) ||
        !size_add(bytes, sizeof(struct reference_layer), &bytes))
        return error_memory(error);
    struct reference_layer *layer = calloc(1, bytes);
    if (!layer)
        return error_memory(error);
    layer->base.ops = backend->ops;
    layer->kernel = kinds[desc->kind].kernel;
    layer->desc = *desc;
    memcpy(layer->inputs, desc->inputs, desc->input_count * sizeof(convoy_shape));
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
    return layer->kernel(layer, in, out, error);
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
