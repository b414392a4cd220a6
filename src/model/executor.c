#include "model/executor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/tensor.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEEP SIZE_MAX /* an output of the network: read until the end */

struct executor {
    const struct network *network;
    struct backend *backend;
    struct layer **layers; /* [step_count] */
    size_t *last_reader;   /* [value_count] the last step that reads a value under any shape, or KEEP */
    uint32_t most_inputs;  /* of one step */
    pthread_mutex_t lock;  /* of idle, idle_count, idle_capacity */
    struct context **idle; /* [idle_count] contexts that no run uses */
    size_t idle_count, idle_capacity;
};

/* --- Contexts ------------------------------------------------------------------------------------------- */

static convoy_status context_take(struct executor *e, struct context **context, convoy_error *error) {
    *context = NULL;
    pthread_mutex_lock(&e->lock);
    if (e->idle_count)
        *context = e->idle[--e->idle_count];
    pthread_mutex_unlock(&e->lock);
    return *context ? CONVOY_OK : e->backend->ops->context_create(e->backend, context, error);
}

static void context_give(struct executor *e, struct context *take_context) {
    pthread_mutex_lock(&e->lock);
    if (e->idle_count == e->idle_capacity) {
        size_t capacity = e->idle_capacity ? 2 * e->idle_capacity : 4;
        struct context **grown = reallocarray(e->idle, capacity, sizeof(struct context *));
        if (grown) {
            e->idle = grown;
            e->idle_capacity = capacity;
        }
    }
    if (e->idle_count < e->idle_capacity) {
        e->idle[e->idle_count++] = take_context;
        take_context = NULL;
    }
    pthread_mutex_unlock(&e->lock);
    if (take_context)
        e->backend->ops->context_destroy(&take_context);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static void find_last_readers(struct executor *e) {
    const struct network *network = e->network;
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        e->last_reader[step->output] = s; /* until somebody reads it */
        for (uint32_t i = 0; i < step->desc.input_count; i++)
            e->last_reader[network->values[step->inputs[i]].alias_of] = s;
        if (step->desc.input_count > e->most_inputs)
            e->most_inputs = step->desc.input_count;
    }
    for (size_t i = 0; i < network->output_count; i++)
        e->last_reader[network->values[network->outputs[i]].alias_of] = KEEP;
}

convoy_status executor_create(struct executor **out, const struct network *network, struct backend *backend,
                              void (*progress)(void *context, size_t done, size_t total),
                              void *progress_context, convoy_error *error) {
    struct executor *e = calloc(1, sizeof *e);
    if (!e)
        return error_memory(error);
    pthread_mutex_init(&e->lock, NULL);
    e->network = network;
    e->backend = backend;
    e->layers = calloc(network->step_count + 1, sizeof(struct layer *));
    e->last_reader = calloc(network->value_count + 1, sizeof *e->last_reader);
    convoy_status status = e->layers && e->last_reader ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK)
        find_last_readers(e);
    for (size_t s = 0; status == CONVOY_OK && s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        status = backend->ops->layer_prepare(backend, &step->desc, &step->params, &e->layers[s], error);
        if (status == CONVOY_OK && progress)
            progress(progress_context, s + 1, network->step_count);
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
        e->backend->ops->context_destroy(&e->idle[i]);
    for (size_t s = 0; e->layers && s < e->network->step_count; s++)
        if (e->layers[s])
            e->backend->ops->layer_destroy(&e->layers[s]);
    pthread_mutex_destroy(&e->lock);
    free(e->idle);
    free(e->layers);
    free(e->last_reader);
    free(e);
}

const struct layer *executor_layer(const struct executor *e, size_t step) {
    return e->layers[step];
}

/* --- One run -------------------------------------------------------------------------------------------- */

struct run {
    struct executor *executor;
    struct context *context;
    convoy_tensor
        *values;       /* [value_count] by the number that aliases point to; empty: not there yet, or gone */
    convoy_tensor *in; /* [most_inputs] of the step under way, borrowed */
};

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

/* Lets go of what nobody reads after this step. Inputs of the network are borrowed, so that releasing them
 * frees nothing. */
static void release_read(struct run *run, size_t s) {
    const struct network *network = run->executor->network;
    const struct network_step *step = &network->steps[s];
    for (uint32_t i = 0; i < step->desc.input_count; i++) {
        uint32_t root = network->values[step->inputs[i]].alias_of;
        if (run->executor->last_reader[root] == s)
            convoy_tensor_release(&run->values[root]);
    }
    if (run->executor->last_reader[step->output] == s)
        convoy_tensor_release(&run->values[step->output]);
}

static convoy_status run_step(struct run *run, size_t s, convoy_layer_report *report, convoy_error *error) {
    const struct executor *e = run->executor;
    const struct network_step *step = &e->network->steps[s];
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; i < step->desc.input_count; i++)
        run->in[i] = value_tensor(run, step->inputs[i], &step->desc.inputs[i]);
    convoy_tensor *out = &run->values[step->output];
    convoy_status status = tensor_allocate(out, step->desc.dtype, &step->desc.output, error);
    if (status == CONVOY_OK)
        status = e->backend->ops->layer_run(e->layers[s], run->context, run->in, out, report, error);
    if (status != CONVOY_OK)
        return status;
    release_read(run, s);
    if (report) {
        report->name = step->desc.name;
        report->op = step->desc.op;
        report->wall_ms = (double)(clock_now_ns() - start_ns) / (double)NS_PER_MS;
    }
    return CONVOY_OK;
}

/* An output of the caller's own: it shares what the run computed, and copies what belongs to others. */
static convoy_status output_make(const struct run *run, uint32_t number, convoy_tensor *out,
                                 convoy_error *error) {
    const struct network_value *value = &run->executor->network->values[number];
    convoy_tensor tensor = value_tensor(run, number, &value->shape);
    if (!value->constant.data && tensor.owner) { /* inputs have no owner here */
        tensor_view(out, &tensor, &value->shape);
        return CONVOY_OK;
    }
    convoy_status status = tensor_allocate(out, value->dtype, &value->shape, error);
    if (status == CONVOY_OK)
        memcpy(out->data, tensor.data, convoy_tensor_elements(out) * convoy_dtype_bytes(out->dtype));
    return status;
}

static convoy_status make_outputs(const struct run *run, convoy_tensor *out, convoy_error *error) {
    const struct network *network = run->executor->network;
    convoy_tensor *made = calloc(network->output_count + 1, sizeof *made);
    if (!made)
        return error_memory(error);
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; status == CONVOY_OK && i < network->output_count; i++)
        status = output_make(run, network->outputs[i], &made[i], error);
    for (size_t i = 0; i < network->output_count; i++)
        if (status == CONVOY_OK)
            out[i] = made[i];
        else
            convoy_tensor_release(&made[i]);
    free(made);
    return status;
}

convoy_status executor_run(struct executor *e, const convoy_tensor *in, convoy_tensor *out,
                           convoy_layer_report *reports, convoy_error *error) {
    const struct network *network = e->network;
    struct run run = {.executor = e};
    convoy_status status = check_inputs(network, in, error);
    if (status != CONVOY_OK)
        return status;
    run.values = calloc(network->value_count + 1, sizeof *run.values);
    run.in = calloc(e->most_inputs + 1, sizeof *run.in);
    if (!run.values || !run.in) {
        status = error_memory(error);
        goto out;
    }
    status = context_take(e, &run.context, error);
    if (status != CONVOY_OK)
        goto out;
    for (size_t i = 0; i < network->input_count; i++) {
        run.values[network->inputs[i]] = in[i];
        run.values[network->inputs[i]].owner = NULL; /* borrowed */
    }
    for (size_t s = 0; status == CONVOY_OK && s < network->step_count; s++)
        status = run_step(&run, s, reports ? &reports[s] : NULL, error);
    if (status == CONVOY_OK)
        status = make_outputs(&run, out, error);
    context_give(e, run.context);
out:
    for (size_t v = 0; run.values && v < network->value_count; v++)
        convoy_tensor_release(&run.values[v]);
    free(run.values);
    free(run.in);
    return status;
}
