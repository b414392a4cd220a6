/* oneDNN as a backend: contexts, and how a prepared layer runs. */
#include "compute/onednn.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

/* Layers whose memory handles a context remembers; two layers whose serial numbers agree modulo this displace
 * each other. */
#define REMEMBERED_LAYERS 1024

/* These two are OpenMP's (omp.h), of the runtime that oneDNN runs on. omp.h itself comes with a compiler and
 * drags that compiler's other headers into the builds of another one. */
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);

/* oneDNN's handles for the tensors of one layer; made at its first run in a context. */
struct handles {
    uint64_t serial;                            /* of the layer; 0: none */
    dnnl_memory_t outside[ONEDNN_MAX_OPERANDS]; /* the caller's tensors */
    dnnl_memory_t inside[ONEDNN_MAX_OPERANDS];  /* in the arena; NULL where the layouts are one */
    dnnl_memory_t scratch;
};

struct onednn_context {
    struct context base;
    struct context *inner;
    const struct onednn_backend *backend;
    dnnl_stream_t stream;
    char *arena;
    size_t arena_bytes;
    struct handles handles[REMEMBERED_LAYERS];
};

int onednn_threads_set(int threads) {
    int before = omp_get_max_threads();
    if (before != threads)
        omp_set_num_threads(threads);
    return before;
}

static void layer_explain(const struct layer *layer, convoy_layer_report *report) {
    (void)layer;
    report->coded = false;
    report->why_local = "local backend";
}

static void handles_drop(struct handles *handles) {
    for (int i = 0; i < ONEDNN_MAX_OPERANDS; i++) {
        dnnl_memory_destroy(handles->outside[i]);
        dnnl_memory_destroy(handles->inside[i]);
    }
    dnnl_memory_destroy(handles->scratch);
    *handles = (struct handles){0};
}

static void context_destroy(struct context **slot) {
    struct onednn_context *context = slot ? (struct onednn_context *)*slot : NULL;
    if (!context)
        return;
    for (int i = 0; i < REMEMBERED_LAYERS; i++)
        handles_drop(&context->handles[i]);
    if (context->inner)
        context->inner->ops->context_destroy(&context->inner);
    dnnl_stream_destroy(context->stream);
    free(context->arena);
    free(context);
    *slot = NULL;
}

static convoy_status context_create(struct backend *base, struct context **out, convoy_error *error) {
    struct onednn_backend *backend = (struct onednn_backend *)base;
    struct onednn_context *context = calloc(1, sizeof *context);
    if (!context)
        return error_memory(error);
    context->base.ops = base->ops;
    context->backend = backend;
    convoy_status status = CONVOY_OK;
    dnnl_status_t made = dnnl_stream_create(&context->stream, backend->engine, dnnl_stream_default_flags);
    if (made != dnnl_success)
        status = onednn_failure(made, "dnnl_stream_create", error);
    if (status == CONVOY_OK)
        status = backend->inner->ops->context_create(backend->inner, &context->inner, error);
    struct context *result = &context->base;
    if (status == CONVOY_OK)
        *out = result;
    else
        context_destroy(&result);
    return status;
}

static bool arena_reserve(struct onednn_context *context, size_t bytes) {
    if (bytes <= context->arena_bytes)
        return true;
    char *arena = memory_aligned(bytes);
    if (!arena)
        return false;
    free(context->arena);
    context->arena = arena;
    context->arena_bytes = bytes;
    return true;
}

static dnnl_status_t handles_create(struct handles *handles, const struct onednn_layer *layer,
                                    dnnl_engine_t engine) {
    handles_drop(handles);
    dnnl_status_t status =
        onednn_scratch_create(&handles->scratch, layer->scratch_bytes, DNNL_MEMORY_NONE, engine);
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++) {
        const struct operand *operand = &layer->operands[i];
        status = dnnl_memory_create(&handles->outside[i], &operand->plain, engine, DNNL_MEMORY_NONE);
        if (status == dnnl_success && operand->reorder)
            status = dnnl_memory_create(&handles->inside[i], &operand->chosen, engine, DNNL_MEMORY_NONE);
    }
    if (status == dnnl_success)
        handles->serial = layer->serial;
    return status;
}

/* Points the handles at this run's memory. */
static dnnl_status_t handles_point(struct handles *handles, const struct onednn_layer *layer, char *arena,
                                   const convoy_tensor *in, const convoy_tensor *out) {
    dnnl_status_t status = dnnl_memory_set_data_handle(handles->scratch, arena);
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++) {
        const struct operand *operand = &layer->operands[i];
        void *data = i + 1 == layer->operand_count ? out->data : in[operand->index].data;
        status = dnnl_memory_set_data_handle(handles->outside[i], data);
        if (status == dnnl_success && handles->inside[i])
            status = dnnl_memory_set_data_handle(handles->inside[i], arena + operand->offset);
    }
    return status;
}

static dnnl_status_t execute(const struct onednn_layer *layer, struct onednn_context *context,
                             const convoy_tensor *in, convoy_tensor *out) {
    struct handles *handles = &context->handles[layer->serial % REMEMBERED_LAYERS];
    if (!arena_reserve(context, layer->arena_bytes))
        return dnnl_out_of_memory;
    dnnl_status_t status = dnnl_success;
    if (handles->serial != layer->serial)
        status = handles_create(handles, layer, context->backend->engine);
    if (status == dnnl_success)
        status = handles_point(handles, layer, context->arena, in, out);

    dnnl_exec_arg_t args[ONEDNN_MAX_OPERANDS + ONEDNN_MAX_CONSTANTS + 1];
    int count = 0;
    args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, handles->scratch};
    for (uint32_t i = 0; i < layer->constant_count; i++)
        args[count++] = (dnnl_exec_arg_t){layer->constants[i].arg, layer->constants[i].memory};
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++) {
        const struct operand *operand = &layer->operands[i];
        args[count++] =
            (dnnl_exec_arg_t){operand->arg, operand->reorder ? handles->inside[i] : handles->outside[i]};
        if (operand->reorder && i + 1 < layer->operand_count)
            status = onednn_reorder_run(operand->reorder, context->stream, handles->outside[i],
                                        handles->inside[i], handles->scratch);
    }
    if (status == dnnl_success)
        status = dnnl_primitive_execute(layer->primitive, context->stream, count, args);
    uint32_t last = layer->operand_count - 1;
    if (status == dnnl_success && layer->operands[last].reorder)
        status = onednn_reorder_run(layer->operands[last].reorder, context->stream, handles->inside[last],
                                    handles->outside[last], handles->scratch);
    return status == dnnl_success ? dnnl_stream_wait(context->stream) : status;
}

static convoy_status layer_run(const struct layer *base, struct context *base_context,
                               const convoy_tensor *in, convoy_tensor *out, convoy_layer_report *report,
                               convoy_error *error) {
    const struct onednn_layer *layer = (const struct onednn_layer *)base;
    struct onednn_context *context = (struct onednn_context *)base_context;
    if (report)
        layer_explain(base, report);
    if (layer->inner)
        return layer->inner->ops->layer_run(layer->inner, context->inner, in, out, NULL, error);
    int before = onednn_threads_set(context->backend->threads);
    dnnl_status_t status = execute(layer, context, in, out);
    onednn_threads_set(before);
    if (status != dnnl_success)
        return onednn_failure(status, "executing a primitive", error);
    if (layer->after.kind != ACTIVATION_NONE) {
        float *values = out->data;
        size_t total = convoy_tensor_elements(out);
        for (size_t i = 0; i < total; i++)
            values[i] = activation_apply(&layer->after, values[i]);
    }
    return CONVOY_OK;
}

static void destroy(struct backend **slot) {
    struct onednn_backend *backend = slot ? (struct onednn_backend *)*slot : NULL;
    if (!backend)
        return;
    if (backend->inner)
        backend->inner->ops->destroy(&backend->inner);
    dnnl_engine_destroy(backend->engine);
    free(backend);
    *slot = NULL;
}

static const struct backend_ops onednn_ops = {
    .name = "onednn",
    .layer_prepare = onednn_layer_prepare,
    .layer_destroy = onednn_layer_destroy,
    .context_create = context_create,
    .context_destroy = context_destroy,
    .layer_run = layer_run,
    .layer_explain = layer_explain,
    .destroy = destroy,
};

convoy_status onednn_backend_create(struct backend **out, uint32_t threads, convoy_error *error) {
    if (threads < 1 || threads > 4096)
        return error_set(error, CONVOY_E_USAGE, "a backend runs 1 to 4096 threads, not %u", threads);
    struct onednn_backend *backend = calloc(1, sizeof *backend);
    if (!backend)
        return error_memory(error);
    backend->base.ops = &onednn_ops;
    backend->threads = (int)threads;
    atomic_init(&backend->serial, 1);
    dnnl_status_t made = dnnl_engine_create(&backend->engine, dnnl_cpu, 0);
    convoy_status status = made == dnnl_success ? reference_backend_create(&backend->inner, error)
                                                : onednn_failure(made, "dnnl_engine_create", error);
    struct backend *result = &backend->base;
    if (status == CONVOY_OK)
        *out = result;
    else
        destroy(&result);
    return status;
}
