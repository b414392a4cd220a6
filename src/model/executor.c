#include "model/executor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "model/memory_plan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEEP     SIZE_MAX /* an output of the network: read until the end */
#define NO_BLOCK SIZE_MAX

/* How a value lives between the step that makes it and the last one that reads it, under any shape. */
struct lifetime {
    size_t maker, last_reader; /* steps; last_reader may be KEEP */
    uint32_t channel_block;    /* as layer_desc.blocks; the maker's layer chose it */
    bool must_be_dense;        /* an output, or read under another shape, or looked at */
    bool joins;                /* its maker's inputs may lie in it */
    bool over_input;           /* may lie where the second input of its maker lay */
    size_t offset;             /* in a run's memory; NO_BLOCK: memory of its own */
};

struct executor {
    const struct network *network;
    struct backend *backend;
    const struct cancel *cancel;
    struct layer **layers;   /* [step_count] */
    struct lifetime *values; /* [value_count] */
    uint32_t most_inputs;    /* of one step */
    size_t arena_bytes;
    size_t weights_bytes, own_weights_bytes; /* of all steps, and in memory of the layers' own */
    pthread_mutex_t lock;                    /* of idle, idle_count, idle_capacity */
    struct run **idle;                       /* [idle_count] that nobody uses */
    size_t idle_count, idle_capacity;
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

static convoy_status run_create(struct executor *e, struct run **out, convoy_error *error) {
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
    if (status == CONVOY_OK)
        *out = run;
    else
        run_destroy(&run);
    return status;
}

static convoy_status run_take(struct executor *e, struct run **run, convoy_error *error) {
    *run = NULL;
    pthread_mutex_lock(&e->lock);
    if (e->idle_count)
        *run = e->idle[--e->idle_count];
    pthread_mutex_unlock(&e->lock);
    return *run ? CONVOY_OK : run_create(e, run, error);
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

static void note_reader(struct executor *e, uint32_t value, const convoy_shape *shape, size_t step) {
    const struct network *network = e->network;
    struct lifetime *lifetime = &e->values[network->values[value].alias_of];
    lifetime->last_reader = step;
    if (lifetime->maker != NO_BLOCK && !shape_equal(shape, &network->steps[lifetime->maker].desc.output))
        lifetime->must_be_dense = true;
}

static void find_lifetimes(struct executor *e) {
    const struct network *network = e->network;
    for (size_t v = 0; v < network->value_count; v++)
        e->values[v] =
            (struct lifetime){.maker = NO_BLOCK, .offset = NO_BLOCK, .must_be_dense = network->unfused};
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        e->values[step->output].maker = e->values[step->output].last_reader = s; /* until somebody reads it */
        for (uint32_t i = 0; i < step->desc.input_count; i++)
            note_reader(e, step->inputs[i], &step->desc.inputs[i], s);
        if (step->desc.input_count > e->most_inputs)
            e->most_inputs = step->desc.input_count;
    }
    for (size_t i = 0; i < network->output_count; i++) {
        struct lifetime *lifetime = &e->values[network->values[network->outputs[i]].alias_of];
        lifetime->last_reader = KEEP;
        lifetime->must_be_dense = true;
    }
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

/* Prepares a step's layer for inputs that lie as they got. *memory: what its output needs. blocks:
 * [most_inputs], scratch. */
static convoy_status prepare_step(struct executor *e, size_t s, struct kernel_times *times, uint32_t *blocks,
                                  struct plan_block *memory, convoy_error *error) {
    const struct network_step *step = &e->network->steps[s];
    const struct backend_ops *ops = e->backend->ops;
    struct lifetime *output = &e->values[step->output];
    struct layer_desc desc = step->desc;
    for (uint32_t i = 0; i < desc.input_count; i++)
        blocks[i] = e->values[e->network->values[step->inputs[i]].alias_of].channel_block;
    desc.step = s;
    desc.blocks = blocks;
    desc.free_output = !output->must_be_dense;
    /* Together they take no more memory than the model has weights. */
    desc.own_weights = e->own_weights_bytes + network_step_weights_bytes(step) <= e->weights_bytes;
    if (desc.kind == LAYER_CONV && times)
        desc.kernel = fastest_kernel(times, &desc.conv, e->backend->block);
    convoy_status status = ops->layer_prepare(e->backend, &desc, &step->params, &e->layers[s], error);
    if (status != CONVOY_OK)
        return status;
    struct layer_output made = {0};
    if (ops->layer_output)
        ops->layer_output(e->layers[s], &made);
    else if (!tensor_bytes(desc.dtype, &desc.output, &made.bytes))
        return error_memory(error);
    e->own_weights_bytes += made.weights_bytes;
    output->channel_block = made.block;
    *memory = (struct plan_block){.bytes = made.bytes, .first = s, .last = output->last_reader};
    output->joins = made.joins;
    output->over_input = made.over_input;
    return CONVOY_OK;
}

/* Where the output of a step lies: in the memory that is planned for one of the steps, its home. */
struct berth {
    size_t home, shift; /* shift: bytes from where that memory begins */
    bool joined;        /* is part of a concatenation, or the whole */
};

static const struct lifetime *input_lifetime(const struct executor *e, size_t step, uint32_t input) {
    return &e->values[e->network->values[e->network->steps[step].inputs[input]].alias_of];
}

/* The output of step s may take over the memory of what the step adds, if nobody reads that any more. */
static void berth_over_input(const struct executor *e, struct plan_block *blocks, struct berth *berths,
                             size_t s) {
    const struct lifetime *output = &e->values[e->network->steps[s].output];
    if (!output->over_input || output->last_reader == KEEP)
        return;
    const struct lifetime *added = input_lifetime(e, s, 1);
    if (added->maker == NO_BLOCK || added->last_reader != s || added == input_lifetime(e, s, 0) ||
        berths[added->maker].joined || blocks[added->maker].bytes != blocks[s].bytes)
        return;
    berths[s].home = berths[added->maker].home;
    blocks[berths[s].home].last = output->last_reader;
}

/* Whether every input of a concatenation is free to lie in its output; *first: the step that makes the
 * earliest. */
static bool may_join(const struct executor *e, const struct plan_block *blocks, const struct berth *berths,
                     size_t s, size_t *first) {
    size_t sum = 0;
    *first = s;
    for (uint32_t i = 0; i < e->network->steps[s].desc.input_count; i++) {
        const struct lifetime *input = input_lifetime(e, s, i);
        if (input->maker == NO_BLOCK || input->last_reader == KEEP)
            return false;
        const struct berth *berth = &berths[input->maker];
        if (berth->home != input->maker || berth->joined ||
            blocks[input->maker].bytes % MEMORY_ALIGNMENT != 0)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (input_lifetime(e, s, k) == input)
                return false;
        sum += blocks[input->maker].bytes;
        *first = input->maker < *first ? input->maker : *first;
    }
    return sum == blocks[s].bytes;
}

/* The inputs of a concatenation are made where they belong in its output. */
static void berth_join(const struct executor *e, struct plan_block *blocks, struct berth *berths, size_t s) {
    const struct lifetime *output = &e->values[e->network->steps[s].output];
    size_t first, shift = 0, last = output->last_reader;
    if (!output->joins || last == KEEP || !may_join(e, blocks, berths, s, &first))
        return;
    for (uint32_t i = 0; i < e->network->steps[s].desc.input_count; i++) {
        const struct lifetime *input = input_lifetime(e, s, i);
        berths[input->maker] = (struct berth){first, shift, true};
        shift += blocks[input->maker].bytes;
        last = input->last_reader > last ? input->last_reader : last;
    }
    berths[s] = (struct berth){first, 0, true};
    blocks[first].bytes = blocks[s].bytes;
    blocks[first].last = last;
}

/* Outputs of the network have memory of their own, which the caller gets. */
static convoy_status place_values(struct executor *e, struct plan_block *blocks, convoy_error *error) {
    const struct network_step *steps = e->network->steps;
    size_t count = 0, total = e->network->step_count;
    struct berth *berths = calloc(total + 1, sizeof *berths);
    if (!berths)
        return error_memory(error);
    for (size_t s = 0; s < total; s++) {
        berths[s].home = s;
        berth_over_input(e, blocks, berths, s);
        berth_join(e, blocks, berths, s);
    }
    for (size_t s = 0; s < total; s++)
        if (berths[s].home == s && blocks[s].last != KEEP)
            blocks[count++] = blocks[s];
    convoy_status status = memory_plan(blocks, count, &e->arena_bytes, error);
    for (size_t b = 0; b < count && status == CONVOY_OK; b++)
        e->values[steps[blocks[b].first].output].offset = blocks[b].offset;
    for (size_t s = total;
         s-- > 0 && status == CONVOY_OK;) { /* homes come first and have no shift till the end */
        size_t home = e->values[steps[berths[s].home].output].offset;
        if (home != NO_BLOCK)
            e->values[steps[s].output].offset = home + berths[s].shift;
    }
    free(berths);
    return status;
}

static convoy_status prepare_all(struct executor *e, struct kernel_times *times,
                                 void (*progress)(void *context, size_t done, size_t total),
                                 void *progress_context, convoy_error *error) {
    size_t count = e->network->step_count;
    uint32_t *channel_blocks = calloc(e->most_inputs + 1, sizeof *channel_blocks);
    struct plan_block *blocks = calloc(count + 1, sizeof *blocks);
    convoy_status status = channel_blocks && blocks ? CONVOY_OK : error_memory(error);
    for (size_t s = 0; s < count; s++)
        e->weights_bytes += network_step_weights_bytes(&e->network->steps[s]);
    for (size_t s = 0; status == CONVOY_OK && s < count; s++) {
        status = cancel_check(e->cancel, error);
        if (status == CONVOY_OK)
            status = prepare_step(e, s, times, channel_blocks, &blocks[s], error);
        if (status == CONVOY_OK && progress)
            progress(progress_context, s + 1, count);
    }
    if (status == CONVOY_OK)
        status = place_values(e, blocks, error);
    free(channel_blocks);
    free(blocks);
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
        find_lifetimes(e);
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
        run->in[i] = value_tensor(run, step->inputs[i], &step->desc.inputs[i]);
    size_t offset = e->values[step->output].offset;
    convoy_tensor *out = &run->values[step->output];
    convoy_status status = CONVOY_OK;
    if (offset == NO_BLOCK)
        status = tensor_allocate(out, step->desc.dtype, &step->desc.output, error);
    else
        *out = (convoy_tensor){step->desc.dtype, step->desc.output, run->arena + offset, NULL};
    if (status == CONVOY_OK)
        status = e->backend->ops->layer_run(e->layers[s], run->context, run->in, out, report, error);
    if (status != CONVOY_OK)
        return status;
    if (report) {
        report->name = step->desc.name;
        report->op = step->desc.op;
        report->wall_ms = (double)(clock_now_ns() - start_ns) / (double)NS_PER_MS;
    }
    return CONVOY_OK;
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

/* Notes that the step, which has run, is the first whose output is not finite. */
static void watch_step(const struct run *run, size_t s, convoy_not_finite *first) {
    const struct network_step *step = &run->executor->network->steps[s];
    if (!first->layer && convoy_tensor_find_not_finite(&run->values[step->output], &first->element)) {
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
        status = make_outputs(run, out, error);
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
