/* oneDNN as a backend: contexts, and how a prepared layer runs. */
#include "compute/onednn.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Layers whose memory handles a context remembers; two layers whose serial numbers agree modulo this displace
 * each other. */
#define REMEMBERED_LAYERS 1024

/* These two are OpenMP's (omp.h), of the runtime that oneDNN runs on. omp.h itself comes with a compiler and
 * drags that compiler's other headers into the builds of another one. */
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);

/* oneDNN's handles for the tensors of one layer; made at its first run in a context. */
struct handles {
    uint64_t serial; /* of the layer; 0: none */
    char *arena;     /* where those that are inside point */
    dnnl_memory_t scratch;
    uint32_t count;
    struct handle {
        dnnl_memory_t outside;
        dnnl_memory_t between, inside; /* in the arena; NULL where there is no reorder */
        void *data;                    /* where outside points */
    } * operands;                      /* [count] */
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
}

static void handles_drop(struct handles *handles) {
    for (uint32_t i = 0; i < handles->count; i++) {
        dnnl_memory_destroy(handles->operands[i].outside);
        dnnl_memory_destroy(handles->operands[i].between);
        dnnl_memory_destroy(handles->operands[i].inside);
    }
    dnnl_memory_destroy(handles->scratch);
    free(handles->operands);
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
    dnnl_status_t made = onednn_room();
    if (made == dnnl_success)
        made = dnnl_stream_create(&context->stream, backend->engine, dnnl_stream_default_flags);
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
    memory_in_large_pages(arena, bytes);
    free(context->arena);
    context->arena = arena;
    context->arena_bytes = bytes;
    return true;
}

static dnnl_status_t handles_create(struct handles *handles, const struct onednn_layer *layer,
                                    dnnl_engine_t engine) {
    handles_drop(handles);
    handles->operands = calloc((size_t)layer->operand_count + 1, sizeof *handles->operands);
    if (!handles->operands)
        return dnnl_out_of_memory;
    handles->count = layer->operand_count;
    dnnl_status_t status =
        onednn_scratch_create(&handles->scratch, layer->scratch_bytes, DNNL_MEMORY_NONE, engine);
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++) {
        const struct operand *operand = &layer->operands[i];
        struct handle *handle = &handles->operands[i];
        status = dnnl_memory_create(&handle->outside, &operand->outside, engine, DNNL_MEMORY_NONE);
        if (operand->onto_output)
            continue;
        if (status == dnnl_success && operand->reorder)
            status = dnnl_memory_create(&handle->between, &operand->between, engine, DNNL_MEMORY_NONE);
        if (status == dnnl_success && operand->reorder)
            status = dnnl_memory_create(&handle->inside, &operand->inside, engine, DNNL_MEMORY_NONE);
    }
    if (status == dnnl_success)
        handles->serial = layer->serial;
    return status;
}

/* Points the handles into the context's arena. */
static dnnl_status_t handles_place(struct handles *handles, const struct onednn_layer *layer, char *arena) {
    dnnl_status_t status = dnnl_memory_set_data_handle(handles->scratch, arena);
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++) {
        struct handle *handle = &handles->operands[i];
        if (!handle->inside)
            continue;
        status = dnnl_memory_set_data_handle(handle->between, arena + layer->operands[i].offset);
        if (status == dnnl_success)
            status = dnnl_memory_set_data_handle(handle->inside, arena + layer->operands[i].offset);
    }
    if (status == dnnl_success)
        handles->arena = arena;
    return status;
}

/* The handles of a layer, pointing at this run's memory. Setting one costs more than it seems (oneDNN clears
 * the padding behind it), and memory hardly ever moves between runs. */
static dnnl_status_t handles_find(struct onednn_context *context, const struct onednn_layer *layer,
                                  const convoy_tensor *in, const convoy_tensor *out, struct handles **found) {
    struct handles *handles = &context->handles[layer->serial % REMEMBERED_LAYERS];
    if (!arena_reserve(context, layer->arena_bytes))
        return dnnl_out_of_memory;
    dnnl_status_t status = dnnl_success;
    if (handles->serial != layer->serial)
        status = handles_create(handles, layer, context->backend->engine);
    if (status == dnnl_success && handles->arena != context->arena)
        status = handles_place(handles, layer, context->arena);
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++) {
        struct handle *handle = &handles->operands[i];
        bool output = layer->primitive && i + 1 == layer->operand_count;
        void *data = output ? out->data : in[layer->operands[i].index].data;
        if (data != handle->data)
            status = dnnl_memory_set_data_handle(handle->outside, data);
        if (status == dnnl_success)
            handle->data = data;
    }
    if (status == dnnl_success)
        *found = handles;
    return status;
}

/* Brings an input to where it is used. */
static dnnl_status_t input_bring(const struct onednn_layer *layer, const struct onednn_context *context,
                                 const struct handles *handles, uint32_t i) {
    const struct handle *handle = &handles->operands[i];
    if (!handle->inside)
        return dnnl_success;
    return onednn_reorder_run(layer->operands[i].reorder, context->stream, handle->outside, handle->between,
                              handles->scratch);
}

/* Brings what is added to where the output goes; often it lies there already. */
static dnnl_status_t addend_bring(const struct onednn_layer *layer, const struct onednn_context *context,
                                  const struct handles *handles, uint32_t i) {
    uint32_t last = layer->operand_count - 1;
    const struct handle *addend = &handles->operands[i], *output = &handles->operands[last];
    if (layer->operands[i].reorder)
        return onednn_reorder_run(layer->operands[i].reorder, context->stream, addend->outside,
                                  output->inside ? output->inside : output->outside, handles->scratch);
    void *to = output->inside ? context->arena + layer->operands[last].offset : output->data;
    if (to != addend->data)
        memcpy(to, addend->data, dnnl_memory_desc_get_size(&layer->operands[i].outside));
    return dnnl_success;
}

static dnnl_status_t run_primitive(const struct onednn_layer *layer, const struct onednn_context *context,
                                   const struct handles *handles) {
    dnnl_exec_arg_t args[ONEDNN_MAX_INPUTS + ONEDNN_MAX_CONSTANTS + 2];
    int count = 0;
    args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, handles->scratch};
    for (uint32_t i = 0; i < layer->constant_count; i++)
        args[count++] = (dnnl_exec_arg_t){layer->constants[i].arg, layer->constants[i].memory};
    dnnl_status_t status = dnnl_success;
    uint32_t last = layer->operand_count - 1;
    for (uint32_t i = 0; i <= last && status == dnnl_success; i++) {
        const struct handle *handle = &handles->operands[i];
        if (layer->operands[i].onto_output) {
            status = addend_bring(layer, context, handles, i);
            continue;
        }
        if (layer->operands[i].arg)
            args[count++] =
                (dnnl_exec_arg_t){layer->operands[i].arg, handle->inside ? handle->inside : handle->outside};
        if (i < last)
            status = input_bring(layer, context, handles, i);
    }
    if (status == dnnl_success)
        status = dnnl_primitive_execute(layer->primitive, context->stream, count, args);
    const struct handle *output = &handles->operands[last];
    if (status == dnnl_success && output->inside)
        status = onednn_reorder_run(layer->operands[last].reorder, context->stream, output->between,
                                    output->outside, handles->scratch);
    return status;
}

static dnnl_status_t run_concat(const struct onednn_layer *layer, const struct onednn_context *context,
                                const struct handles *handles, convoy_tensor *out) {
    dnnl_status_t status = dnnl_success;
    for (uint32_t i = 0; i < layer->operand_count && status == dnnl_success; i++)
        status = input_bring(layer, context, handles, i);
    if (status == dnnl_success)
        status = dnnl_stream_wait(context->stream);
    char *to = out->data;
    for (size_t o = 0; o < layer->outer && status == dnnl_success; o++)
        for (uint32_t i = 0; i < layer->operand_count; i++) {
            const struct handle *handle = &handles->operands[i];
            const char *from = handle->inside ? context->arena + layer->operands[i].offset : handle->data;
            if (from + o * layer->chunks[i] != to)
                memcpy(to, from + o * layer->chunks[i], layer->chunks[i]);
            to += layer->chunks[i];
        }
    return status;
}

static dnnl_status_t execute(const struct onednn_layer *layer, struct onednn_context *context,
                             const convoy_tensor *in, convoy_tensor *out) {
    struct handles *handles = NULL;
    dnnl_status_t status = handles_find(context, layer, in, out, &handles);
    if (status == dnnl_success && layer->primitive)
        status = run_primitive(layer, context, handles);
    else if (status == dnnl_success && layer->chunks)
        status = run_concat(layer, context, handles, out);
    bool brought = layer->inner || layer->loops.used;
    for (uint32_t i = 0; brought && i < layer->operand_count && status == dnnl_success; i++)
        status = input_bring(layer, context, handles, i);
    return status == dnnl_success ? dnnl_stream_wait(context->stream) : status;
}

/* A layer of the reference, or loops of ours, on inputs that were brought to what these take. */
static convoy_status run_inner(const struct onednn_layer *layer, struct onednn_context *context,
                               const convoy_tensor *in, convoy_tensor *out, convoy_error *error) {
    convoy_tensor *brought = malloc(layer->input_count * sizeof *brought);
    if (!brought)
        return error_memory(error);
    memcpy(brought, in, layer->input_count * sizeof *brought);
    for (uint32_t i = 0; i < layer->operand_count; i++)
        if (layer->operands[i].reorder)
            brought[layer->operands[i].index].data = context->arena + layer->operands[i].offset;
    convoy_status status = CONVOY_OK;
    if (layer->inner)
        status = layer->inner->ops->layer_run(layer->inner, context->inner, brought, out, NULL, error);
    else
        onednn_loops_run(layer, brought, out);
    free(brought);
    return status;
}

/* What the primitive could not do itself, on its dense output. */
static void finish(const struct onednn_layer *layer, const struct onednn_context *context,
                   const convoy_tensor *in, convoy_tensor *out) {
    float *values = out->data;
    size_t total = convoy_tensor_elements(out);
    if (layer->adds_after) {
        const struct operand *operand = &layer->operands[layer->operand_count - 2]; /* before the output */
        const float *added =
            operand->reorder ? (const float *)(context->arena + operand->offset) : in[1].data;
        for (size_t i = 0; i < total; i++)
            values[i] += added[i];
    }
    if (layer->after.kind != ACTIVATION_NONE)
        activation_apply_all(&layer->after, values, values, total);
}

static convoy_status layer_run(const struct layer *base, struct context *base_context,
                               const convoy_tensor *in, convoy_tensor *out, convoy_layer_report *report,
                               convoy_error *error) {
    const struct onednn_layer *layer = (const struct onednn_layer *)base;
    struct onednn_context *context = (struct onednn_context *)base_context;
    if (report)
        layer_explain(base, report);
    if (layer->operand_count > 0) {
        int before = onednn_threads_set((int)context->backend->base.threads);
        dnnl_status_t status = execute(layer, context, in, out);
        onednn_threads_set(before);
        if (status != dnnl_success)
            return onednn_failure(status, "executing a primitive", error);
    }
    if (layer->inner || layer->loops.used)
        return run_inner(layer, context, in, out, error);
    if (layer->adds_after || layer->after.kind != ACTIVATION_NONE)
        finish(layer, context, in, out);
    return CONVOY_OK;
}

static void layer_output(const struct layer *base, struct layer_output *output) {
    const struct onednn_layer *layer = (const struct onednn_layer *)base;
    *output = (struct layer_output){
        .block = layer->output_block, .bytes = layer->output_bytes, .weights_bytes = layer->weights_bytes};
    uint32_t count = layer->operand_count;
    output->joins = layer->chunks && layer->outer == 1;
    for (uint32_t i = 0; i < count && output->joins; i++)
        output->joins = !layer->operands[i].reorder;
    if (layer->primitive && count >= 2 && layer->operands[count - 2].onto_output)
        output->over_input = !layer->operands[count - 2].reorder && !layer->operands[count - 1].reorder;
}

static const struct buffer *layer_weights(const struct layer *base) {
    const struct onednn_layer *layer = (const struct onednn_layer *)base;
    if (layer->inner)
        return layer->inner->ops->layer_weights(layer->inner);
    return layer->constant_count > 0 ? layer->constants[0].owner : NULL;
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
    .layer_output = layer_output,
    .layer_weights = layer_weights,
    .layer_run = layer_run,
    .destroy = destroy,
};

convoy_status onednn_backend_create(struct backend **out, uint32_t threads, convoy_error *error) {
    if (threads < 1 || threads > 4096)
        return error_set(error, CONVOY_E_USAGE, "a backend runs 1 to 4096 threads, not %u", threads);
    struct onednn_backend *backend = calloc(1, sizeof *backend);
    if (!backend)
        return error_memory(error);
    backend->base.ops = &onednn_ops;
    backend->base.threads = threads;
    backend->base.block = onednn_block();
    atomic_init(&backend->serial, 1);
    dnnl_status_t made = onednn_room();
    if (made == dnnl_success)
        made = dnnl_engine_create(&backend->engine, dnnl_cpu, 0);
    convoy_status status = made == dnnl_success ? reference_backend_create(&backend->inner, error)
                                                : onednn_failure(made, "dnnl_engine_create", error);
    struct backend *result = &backend->base;
    if (status == CONVOY_OK)
        *out = result;
    else
        destroy(&result);
    return status;
}
