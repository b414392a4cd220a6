#include "model/executor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "model/postponed.h"
#include "model/value_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct executor {
    const struct network *network;
    struct backend *backend;
    const struct cancel *cancel;
    const struct trace *trace;
    struct layer **layers;   /* [step_count] */
    struct lifetime *values; /* [value_count] */
    uint32_t most_inputs;    /* of one step */
    size_t arena_bytes;
    size_t weights_bytes, own_weights_bytes; /* of all steps, and in memory of the layers' own */
    pthread_mutex_t lock;                    /* of all that follows */
    struct run **idle;                       /* [idle_count] that nobody uses */
    size_t idle_count, idle_capacity;
    uint64_t inferences; /* that have begun */
    uint32_t rows;       /* of the trace: runs that were made */
};

/* What one inference at a time needs; kept for the next one. */
struct run {
    struct executor *executor;
    struct context *context;
    char *arena;           /* where values lie */
    convoy_tensor *values; /* [value_count] by the number that aliases point to */
    convoy_tensor *in;     /* [most_inputs] of the step under way, borrowed */
};

/* --- Runs and where they wait --------------------------------------------------------------------------- */

static void run_destroy(struct run **slot) {
    struct run *run = *slot;
    if (!run)
        return;
    *slot = NULL;
    if (run->context)
        run->executor->backend->ops->context_destroy(&run->context);
    free(run->arena);
    free(run->values);
    free(run->in);
    free(run);
}

static convoy_status run_create(struct executor *e, uint32_t row, struct run **out, convoy_error *error) {
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return error_memory(error);
    run->executor = e;
    run->arena = memory_aligned(e->arena_bytes);
    if (run->arena)
        memory_in_large_pages(run->arena, e->arena_bytes);
    run->values = calloc(e->network->value_count + 1, sizeof *run->values);
    run->in = calloc(e->most_inputs + 1, sizeof *run->in);
    convoy_status status = run->arena && run->values && run->in ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK)
        status = e->backend->ops->context_create(e->backend, &run->context, error);
    if (status == CONVOY_OK) {
        run->context->place.row = row;
        *out = run;
    } else {
        run_destroy(&run);
    }
    return status;
}

static convoy_status run_take(struct executor *e, struct run **run, convoy_error *error) {
    uint32_t row = 0;
    convoy_status status = CONVOY_OK;
    *run = NULL;
    pthread_mutex_lock(&e->lock);
    const uint64_t inference = e->inferences++;
    if (e->idle_count)
        *run = e->idle[--e->idle_count];
    else
        row = e->rows++;
    pthread_mutex_unlock(&e->lock);
    if (!*run)
        status = run_create(e, row, run, error);
    if (status == CONVOY_OK)
        (*run)->context->place.inference = inference;
    return status;
}

static void run_give(struct executor *e, struct run *take_run) {
    for (size_t v = 0; v < e->network->value_count; v++)
        convoy_tensor_release(&take_run->values[v]);
    pthread_mutex_lock(&e->lock);
    if (e->idle_count == e->idle_capacity) {
        size_t capacity = e->idle_capacity ? 2 * e->idle_capacity : 4;
        struct run **grown = reallocarray(e->idle, capacity, sizeof(struct run *));
        if (grown) {
            e->idle = grown;
            e->idle_capacity = capacity;
        }
    }
    if (e->idle_count < e->idle_capacity) {
        e->idle[e->idle_count++] = take_run;
        take_run = NULL;
    }
    pthread_mutex_unlock(&e->lock);
    run_destroy(&take_run);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

/* Direct kernels alone add integers exactly. */
static bool has_choice(const struct layer_desc *desc) {
    return desc->kind == LAYER_CONV && !desc->exact;
}

/* Of a convolution as it will lie. */
static enum conv_kernel fastest_kernel(struct kernel_times *times, const struct conv_geometry *conv,
                                       uint32_t block) {
    enum conv_kernel kernel = CONV_DIRECT;
    struct conv_geometry laid = *conv;
    conv_lay_in_blocks(&laid, block, block);
    if (conv_admits_winograd(&laid))
        kernel_times_find(times, &laid, KERNEL_ALONE, &kernel);
    return kernel;
}

/* Notes how the outputs of a step lie, whose layer is prepared. */
static convoy_status note_outputs(struct executor *e, size_t s, convoy_error *error) {
    const struct network_step *step = &e->network->steps[s];
    const struct backend_ops *ops = e->backend->ops;
    for (uint32_t i = 0; i < step->desc.output_count; i++) {
        struct lifetime *output = &e->values[step->outputs[i]];
        struct layer_output made = {0};
        if (i == 0 && ops->layer_output)
            ops->layer_output(e->layers[s], &made);
        else if (!tensor_bytes(step->desc.outputs[i].dtype, &step->desc.outputs[i].shape, &made.bytes))
            return error_memory(error);
        e->own_weights_bytes += made.weights_bytes;
        output->channel_block = made.block;
        output->bytes = made.bytes;
        output->joins = made.joins;
        output->over_input = made.over_input;
    }
    return CONVOY_OK;
}

/* Prepares a step's layer for inputs that lie as they got. inputs: [most_inputs], scratch. */
static convoy_status prepare_step(struct executor *e, size_t s, struct kernel_times *times,
                                  struct value_desc *inputs, convoy_error *error) {
    const struct network_step *step = &e->network->steps[s];
    struct layer_desc desc = step->desc;
    for (uint32_t i = 0; i < desc.input_count; i++) {
        inputs[i] = desc.inputs[i];
        inputs[i].block = e->values[e->network->values[step->inputs[i]].alias_of].channel_block;
    }
    desc.step = s;
    desc.inputs = inputs;
    desc.free_output = !e->values[step->outputs[0]].must_be_dense;
    /* Together they take no more memory than the model has weights. */
    desc.own_weights = e->own_weights_bytes + network_step_weights_bytes(step) <= e->weights_bytes;
    if (times && has_choice(&desc))
        desc.kernel = fastest_kernel(times, &desc.conv, e->backend->block);
    convoy_status status =
        e->backend->ops->layer_prepare(e->backend, &desc, &step->params, &e->layers[s], error);
    return status == CONVOY_OK ? note_outputs(e, s, error) : status;
}

static void count_steps(struct executor *e) {
    for (size_t s = 0; s < e->network->step_count; s++) {
        const struct network_step *step = &e->network->steps[s];
        e->weights_bytes += network_step_weights_bytes(step);
        if (step->desc.input_count > e->most_inputs)
            e->most_inputs = step->desc.input_count;
    }
}

static convoy_status prepare_all(struct executor *e, struct kernel_times *times,
                                 void (*progress)(void *context, size_t done, size_t total),
                                 void *progress_context, convoy_error *error) {
    size_t count = e->network->step_count;
    struct value_desc *inputs = calloc(e->most_inputs + 1, sizeof *inputs);
    convoy_status status = inputs ? CONVOY_OK : error_memory(error);
    for (size_t s = 0; status == CONVOY_OK && s < count; s++) {
        status = cancel_check(e->cancel, error);
        if (status == CONVOY_OK)
            status = prepare_step(e, s, times, inputs, error);
        if (status == CONVOY_OK && progress)
            progress(progress_context, s + 1, count);
    }
    if (status == CONVOY_OK)
        status = lifetimes_place(e->network, e->values, &e->arena_bytes, error);
    free(inputs);
    return status;
}

convoy_status executor_create(struct executor **out, const struct network *network, struct backend *backend,
                              struct kernel_times *times, const struct cancel *cancel,
                              void (*progress)(void *context, size_t done, size_t total),
                              void *progress_context, convoy_error *error) {
    struct executor *e = calloc(1, sizeof *e);
    if (!e)
        return error_memory(error);
    pthread_mutex_init(&e->lock, NULL);
    e->network = network;
    e->backend = backend;
    e->cancel = cancel;
    e->layers = calloc(network->step_count + 1, sizeof(struct layer *));
    e->values = calloc(network->value_count + 1, sizeof *e->values);
    convoy_status status = e->layers && e->values ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK) {
        count_steps(e);
        lifetimes_find(network, e->values);
        status = prepare_all(e, times, progress, progress_context, error);
    }
    if (status == CONVOY_OK)
        *out = e;
    else
        executor_destroy(&e);
    return status;
}

void executor_destroy(struct executor **slot) {
    struct executor *e = slot ? *slot : NULL;
    if (!e)
        return;
    *slot = NULL;
    for (size_t i = 0; i < e->idle_count; i++)
        run_destroy(&e->idle[i]);
    for (size_t s = 0; e->layers && s < e->network->step_count; s++)
        if (e->layers[s])
            e->backend->ops->layer_destroy(&e->layers[s]);
    pthread_mutex_destroy(&e->lock);
    free(e->idle);
    free(e->layers);
    free(e->values);
    free(e);
}

void executor_trace(struct executor *e, const struct trace *trace) {
    e->trace = trace;
}

/* --- One run -------------------------------------------------------------------------------------------- */

/* A tensor whose memory is not zeroed: a layer writes every element. */
static convoy_status tensor_allocate(convoy_tensor *tensor, convoy_dtype dtype, const convoy_shape *shape,
                                     convoy_error *error) {
    size_t bytes = 0;
    bool possible = tensor_bytes(dtype, shape, &bytes);
    struct buffer *owner = possible ? buffer_create(bytes) : NULL;
    if (!owner)
        return error_memory(error);
    *tensor = (convoy_tensor){.dtype = dtype, .shape = *shape, .data = owner->data, .owner = owner};
    return CONVOY_OK;
}

static convoy_status check_inputs(const struct network *network, const convoy_tensor *in,
                                  convoy_error *error) {
    for (size_t i = 0; i < network->input_count; i++) {
        const struct network_value *value = &network->values[network->inputs[i]];
        size_t bytes;
        char got[128], expected[128];
        if (!tensor_bytes(in[i].dtype, &in[i].shape, &bytes) || (bytes && !in[i].data) ||
            !tensor_is_aligned(&in[i]))
            return error_set(error, CONVOY_E_INPUT, "input %zu is no valid tensor", i);
        if (in[i].dtype != value->dtype || !shape_equal(&in[i].shape, &value->shape))
            return error_set(
                error, CONVOY_E_INPUT, "input %zu is %s of shape %s; %s of shape %s is expected", i,
                convoy_dtype_text(in[i].dtype), convoy_shape_text(&in[i].shape, got, sizeof got),
                convoy_dtype_text(value->dtype), convoy_shape_text(&value->shape, expected, sizeof expected));
    }
    return CONVOY_OK;
}

/* The tensor of a value, borrowed, under another shape of as many elements. */
static convoy_tensor value_tensor(const struct run *run, uint32_t number, const convoy_shape *shape) {
    const struct network_value *value = &run->executor->network->values[number];
    convoy_tensor tensor = value->constant.data ? value->constant : run->values[value->alias_of];
    tensor.shape = *shape;
    return tensor;
}

static convoy_status run_step(struct run *run, size_t s, convoy_layer_report *report, convoy_error *error) {
    const struct executor *e = run->executor;
    const struct network_step *step = &e->network->steps[s];
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < step->desc.input_count; i++)
        run->in[i] = value_tensor(run, step->inputs[i], &step->desc.inputs[i].shape);
    convoy_tensor out[LAYER_MAX_OUTPUTS];
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < step->desc.output_count && status == CONVOY_OK; i++) {
        const struct value_desc *made = &step->desc.outputs[i];
        convoy_tensor *value = &run->values[step->outputs[i]];
        size_t offset = e->values[step->outputs[i]].offset;
        if (offset == NO_OFFSET)
            status = tensor_allocate(value, made->dtype, &made->shape, error);
        else
            *value = (convoy_tensor){made->dtype, made->shape, run->arena + offset, NULL};
        out[i] = *value; /* borrowed */
    }
    if (status == CONVOY_OK)
        status = e->backend->ops->layer_run(e->layers[s], run->context, run->in, out, report, error);
    const uint64_t end_ns = clock_now_ns();
    trace_step(e->trace, &run->context->place, CONVOY_TRACE_LAYER, step->desc.name, start_ns, end_ns);
    if (status == CONVOY_OK && report) {
        report->name = step->desc.name;
        report->op = step->desc.op;
        report->wall_ms = (double)(end_ns - start_ns) / (double)NS_PER_MS;
    }
    return status;
}

/* An output of the caller's own: it shares what the run computed into memory of its own, and copies what
 * belongs to others (inputs and constants, which have no owner here). */
static convoy_status output_make(const struct run *run, uint32_t number, convoy_tensor *out,
                                 convoy_error *error) {
    const struct network_value *value = &run->executor->network->values[number];
    convoy_tensor tensor = value_tensor(run, number, &value->shape);
    if (!value->constant.data && tensor.owner) {
        tensor_view(out, &tensor, &value->shape);
        return CONVOY_OK;
    }
    convoy_status status = tensor_allocate(out, value->dtype, &value->shape, error);
    if (status == CONVOY_OK)
        memcpy(out->data, tensor.data, convoy_tensor_elements(out) * convoy_dtype_bytes(out->dtype));
    return status;
}

/* The network's outputs; none on failure. */
static convoy_status make_outputs(const struct run *run, convoy_tensor *out, convoy_error *error) {
    const struct network *network = run->executor->network;
    for (size_t i = 0; i < network->output_count; i++) {
        const convoy_status status = output_make(run, network->outputs[i], &out[i], error);
        if (status != CONVOY_OK) {
            while (i > 0)
                convoy_tensor_release(&out[--i]);
            return status;
        }
    }
    return CONVOY_OK;
}

/* The model's outputs, of which postponed nodes make some from the network's. first: as of run_once. */
static convoy_status make_postponed(const struct run *run, convoy_tensor *out, convoy_not_finite *first,
                                    convoy_error *error) {
    const struct executor *e = run->executor;
    convoy_tensor *known = calloc(e->network->output_count + 1, sizeof *known);
    if (!known)
        return error_memory(error);
    const uint64_t start_ns = clock_now_ns();
    convoy_status status = make_outputs(run, known, error);
    if (status == CONVOY_OK)
        status = postponed_run(e->network, e->backend, run->context, e->cancel, known, out, first, error);
    trace_step(e->trace, &run->context->place, CONVOY_TRACE_POSTPONED, NULL, start_ns, clock_now_ns());
    for (size_t i = 0; i < e->network->output_count; i++)
        convoy_tensor_release(&known[i]);
    free(known);
    return status;
}

/* Notes that the step, which has run, is the first whose output is not finite. */
static void watch_step(const struct run *run, size_t s, convoy_not_finite *first) {
    const struct network_step *step = &run->executor->network->steps[s];
    for (uint32_t i = 0; i < step->desc.output_count && !first->layer; i++)
        if (convoy_tensor_find_not_finite(&run->values[step->outputs[i]], &first->element)) {
            first->layer = step->desc.name;
            first->op = step->desc.op;
        }
}

/* first: NULL: nothing is looked at. */
static convoy_status run_once(struct executor *e, const convoy_tensor *in, convoy_tensor *out,
                              convoy_layer_report *reports, convoy_not_finite *first, convoy_error *error) {
    const struct network *network = e->network;
    struct run *run = NULL;
    convoy_status status = check_inputs(network, in, error);
    if (status == CONVOY_OK)
        status = run_take(e, &run, error);
    if (status != CONVOY_OK)
        return status;
    const uint64_t start_ns = clock_now_ns(); /* when nobody else has the run's row any more */
    for (size_t i = 0; i < network->input_count; i++) {
        run->values[network->inputs[i]] = in[i];
        run->values[network->inputs[i]].owner = NULL; /* borrowed */
    }
    for (size_t s = 0; status == CONVOY_OK && s < network->step_count; s++) {
        status = cancel_check(e->cancel, error);
        if (status == CONVOY_OK)
            status = run_step(run, s, reports ? &reports[s] : NULL, error);
        if (first && status == CONVOY_OK)
            watch_step(run, s, first);
    }
    if (status == CONVOY_OK)
        status = network->postponed.node_count > 0 ? make_postponed(run, out, first, error)
                                                   : make_outputs(run, out, error);
    trace_step(e->trace, &run->context->place, CONVOY_TRACE_INFERENCE, NULL, start_ns, clock_now_ns());
    run_give(e, run);
    return status;
}

convoy_status executor_run(struct executor *e, const convoy_tensor *in, convoy_tensor *out,
                           convoy_layer_report *reports, convoy_error *error) {
    return run_once(e, in, out, reports, NULL, error);
}

convoy_status executor_run_watched(struct executor *e, const convoy_tensor *in, convoy_tensor *out,
                                   convoy_layer_report *reports, convoy_not_finite *first,
                                   convoy_error *error) {
    convoy_not_finite found = e->network->folded_not_finite;
    convoy_status status = run_once(e, in, out, reports, &found, error);
    if (status == CONVOY_OK)
        *first = found;
    return status;
}
