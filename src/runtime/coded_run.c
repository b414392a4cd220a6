/* One run of a coded layer (FCDCC, arXiv 2411.01579): codes the input, collects answers until enough came
 * that decode well, and decodes. What does not come in time is computed here. Who is waited for, and how
 * long, is decided by the dispatcher (lateness.h). */
#include "runtime/coded_run.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "code/decoder.h"
#include "code/encoder.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Answers whose decoding may err by more than this, relative to the output (4·κ·ε, see docs/scheme.md), are
 * not decoded. Of halves their own rounding is nearly all of the error, and κ·ε bounds it. */
#define ERROR_BUDGET      1e-3
#define HALF_ERROR_BUDGET 0.125

/* Where they do not, the search for a good choice of them is repeated when δ/SEARCH_STEPS more came. */
#define SEARCH_STEPS 16

#define NO_SOURCE UINT32_MAX

static bool may_decode(const struct coded_layer *layer, const struct code_solution *solution) {
    switch (layer->frames) {
    case CONVOY_BF16:
        return solution->condition * 0x1p-8 <= HALF_ERROR_BUDGET;
    case CONVOY_F16:
        return solution->condition * 0x1p-11 <= HALF_ERROR_BUDGET;
    case CONVOY_F32:
        return 4 * solution->condition * (FLT_EPSILON / 2) <= ERROR_BUDGET;
    default:
        return 4 * solution->condition * (DBL_EPSILON / 2) <= ERROR_BUDGET;
    }
}

/* ---- tasks ---- */

/* Marks the tasks of workers whose standing is at most `worst` as WAITING. Whether their answers would
 * suffice. */
static bool choose_workers(struct coded_run *run, enum worker_standing worst) {
    struct cluster_context *context = run->context;
    uint32_t chosen = 0;
    for (uint32_t w = 0; w < run->layer->cluster->nodes; w++) {
        context->tasks[w] = (struct job_task){.state = TASK_NONE};
        if (context->standings[w] > worst)
            continue;
        context->tasks[w].state = TASK_WAITING;
        context->answered[chosen++] = w;
    }
    run->chosen = chosen;
    return code_suffices(&run->layer->code, context->answered, chosen);
}

/* Gives the tasks of workers of this standing a state. How many there are. */
static uint32_t mark_tasks(struct coded_run *run, enum worker_standing standing, enum task_state state) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < run->layer->cluster->nodes; w++) {
        if (run->context->standings[w] != standing)
            continue;
        run->context->tasks[w].state = state;
        count++;
    }
    return count;
}

/* Chooses whom to ask. Whether their answers would suffice; if not, nobody is chosen but those that are late,
 * whose answers tell whether they still are. Where nothing else is allowed the late and the silent are waited
 * for. */
static bool choose_tasks(struct coded_run *run) {
    bool spare = choose_workers(run, WORKER_FREE);
    bool enough = choose_workers(run, WORKER_SLOW);
    if (!enough && run->job.patient && choose_workers(run, WORKER_SILENT))
        return true;
    if (spare)
        mark_tasks(run, WORKER_SLOW, TASK_HELD);
    if (!enough) {
        mark_tasks(run, WORKER_FREE, TASK_NONE);
        mark_tasks(run, WORKER_SLOW, TASK_NONE);
    }
    run->job.background = mark_tasks(run, WORKER_LATE, TASK_WAITING) > 0 && !enough;
    return enough;
}

/* Whether a task is to be sent. */
static bool is_asked(const struct job_task *task) {
    return task->state == TASK_WAITING || task->state == TASK_HELD;
}

static convoy_status reserve_rows(struct cluster_context *context, size_t count) {
    if (count <= context->row_capacity)
        return CONVOY_OK;
    double *rows = realloc(context->rows, count * sizeof *rows);
    if (!rows)
        return CONVOY_E_MEMORY;
    context->rows = rows;
    context->row_capacity = count;
    return CONVOY_OK;
}

/* Codes the input for all tasks in one pass over it. Nodes with the same coefficients share a
 * payload: context->sources says, for the first of such nodes, which task has made it. */
static convoy_status encode_input(struct coded_run *run, const convoy_tensor *in) {
    const struct coded_layer *layer = run->layer;
    struct cluster_context *context = run->context;
    uint32_t n = layer->cluster->nodes, pieces_each = layer->code.input_pieces, outputs = 0;
    size_t per_worker = (size_t)pieces_each * layer->code.input_parts;
    if (reserve_rows(context, n * per_worker) != CONVOY_OK)
        return CONVOY_E_MEMORY;
    for (uint32_t w = 0; w < n; w++)
        context->sources[w] = NO_SOURCE;
    for (uint32_t w = 0; w < n; w++) {
        uint32_t *source = &context->sources[layer->input_twins[w]];
        if (!is_asked(&context->tasks[w]))
            continue;
        if (*source != NO_SOURCE) {
            context->tasks[w].payload = buffer_retain(context->tasks[*source].payload);
            continue;
        }
        struct buffer *payload = buffer_pool_take(layer->cluster->inputs, layer->piece_bytes * pieces_each);
        if (!payload)
            return CONVOY_E_MEMORY;
        *source = w;
        context->tasks[w].payload = payload;
        memcpy(context->rows + outputs * layer->code.input_parts, layer->input_rows + w * per_worker,
               per_worker * sizeof *context->rows);
        for (uint32_t r = 0; r < pieces_each; r++)
            context->pieces[outputs++] = (char *)payload->data + r * layer->piece_bytes;
    }
    float peak = encode(layer->desc.dtype, layer->frames, &layer->partition.input, outputs, context->rows,
                        in->data, context->pieces);
    run->beyond = !f16_holds(peak);
    run->not_finite = isinf(peak);
    if (run->beyond)
        return CONVOY_OK;
    for (uint32_t w = 0; w < n; w++) {
        struct job_task *task = &context->tasks[w];
        uint32_t source = context->sources[layer->input_twins[w]];
        if (task->payload)
            task->payload_hash = source == w
                                     ? dispatcher_payload_hash(layer->cluster->dispatcher, task->payload)
                                     : context->tasks[source].payload_hash;
    }
    return CONVOY_OK;
}

/* ---- answers ---- */

/* Who is in one of these states, ascending, into context->answered. */
static uint32_t list_tasks(struct coded_run *run, bool pending_too) {
    struct cluster_context *context = run->context;
    uint32_t count = 0;
    for (uint32_t w = 0; w < run->layer->cluster->nodes; w++) {
        enum task_state state = context->states[w];
        bool pending = state == TASK_HELD || state == TASK_WAITING || state == TASK_SENT;
        if (state == TASK_ANSWERED || (pending_too && pending))
            context->answered[count++] = w;
    }
    return count;
}

/* Solves for the answers that are listed. run->solution stays NULL where they do not decode well. */
static convoy_status solve_answers(struct coded_run *run) {
    struct coded_layer *layer = run->layer;
    convoy_status status =
        solutions_get(&layer->solutions, &layer->code, run->context->answered, run->answered, &run->solution);
    if (status == CONVOY_OK && !may_decode(layer, run->solution))
        solutions_put(&layer->solutions, &run->solution);
    return status == CONVOY_E_MEMORY ? status : CONVOY_OK;
}

/* No fewer answers suffice. */
static uint32_t least_answers(const struct coded_layer *layer) {
    return layer->code.family->choose ? 1 : layer->code.threshold;
}

/* Waits until answers came that suffice and decode well. run->solution stays NULL where that is no longer
 * possible, or the time has passed: by no more than it takes to solve once, since no search begins after one
 * that ended late. Answers that do not decode well are searched again when some more came, not for each one:
 * with hundreds of workers answers come faster than searches end. */
static convoy_status collect(struct coded_run *run, uint64_t until_ns) {
    struct coded_layer *layer = run->layer;
    struct cluster_context *context = run->context;
    uint32_t step = layer->code.threshold / SEARCH_STEPS;
    uint32_t tried = 0, wanted = least_answers(layer);
    for (bool last = false; !last;) {
        dispatcher_wait(layer->cluster->dispatcher, &run->job, wanted, until_ns, context->states);
        uint32_t possible = list_tasks(run, true);
        if (!code_suffices(&layer->code, context->answered, possible))
            break;
        run->answered = list_tasks(run, false);
        last = clock_now_ns() >= until_ns || run->answered == possible; /* nobody is waited for any more */
        wanted = run->answered + 1;
        if (run->answered > tried && code_suffices(&layer->code, context->answered, run->answered)) {
            convoy_status status = solve_answers(run);
            if (status != CONVOY_OK || run->solution)
                return status;
            tried = run->answered;
            wanted = tried + (step ? step : 1);
            last = last || clock_now_ns() >= until_ns;
        }
        if (wanted > possible)
            wanted = possible;
    }
    run->answered = list_tasks(run, false);
    return CONVOY_OK;
}

static convoy_status decode_answers(struct coded_run *run, convoy_tensor *out) {
    const struct coded_layer *layer = run->layer;
    for (uint32_t i = 0; i < run->solution->survivors; i++)
        run->context->answers[i] = run->context->tasks[run->solution->workers[i]].answer->data;
    const struct decode_job job = {.dtype = layer->desc.dtype,
                                   .answer_dtype = layer->frames,
                                   .code = &layer->code,
                                   .solution = run->solution,
                                   .grid = &layer->partition.output,
                                   .answers = run->context->answers,
                                   .factors = layer->factors,
                                   .bias = layer->params.bias.data,
                                   .activation = &layer->desc.activation,
                                   .out = out->data};
    bool finite = true;
    convoy_status status = decode(&job, &finite);
    run->not_finite = !finite;
    return status;
}

/* ---- here ---- */

static convoy_status local_layer(struct coded_layer *layer, struct layer **local, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    struct layer_desc desc = layer->desc;
    desc.kernel = CONV_DIRECT; /* Winograd's sums of inputs overflow, and make NaN of infinities */
    pthread_mutex_lock(&layer->local_mutex);
    const struct buffer *owner = layer->params.weights.owner;
    const char *changed = owner && !layer->local ? buffer_changed(owner) : NULL;
    if (changed)
        status = error_set(error, CONVOY_E_IO, "layer %s: %.200s: " FILE_CHANGED, layer->desc.name, changed);
    else if (!layer->local)
        status = layer->inner->ops->layer_prepare(layer->inner, &desc, &layer->params, &layer->local, error);
    *local = layer->local;
    pthread_mutex_unlock(&layer->local_mutex);
    return status;
}

static convoy_status run_here(struct coded_run *run, const convoy_tensor *in, convoy_tensor *out,
                              convoy_layer_report *report, convoy_error *error) {
    struct coded_layer *layer = run->layer;
    convoy_status reported = report_local(run, report, error);
    if (reported != CONVOY_OK)
        return reported;
    struct layer *local = NULL;
    convoy_status status = local_layer(layer, &local, error);
    if (status == CONVOY_OK)
        status = local->ops->layer_run(local, run->context->inner, in, out, NULL, error);
    return status;
}

/* ---- a run ---- */

static double ms_between(uint64_t from_ns, uint64_t to_ns) {
    return (double)(to_ns - from_ns) / (double)NS_PER_MS;
}

static void remember_time(struct coded_layer *layer, uint64_t waited_ns) {
    uint64_t recent = atomic_load(&layer->recent_ns);
    atomic_store(&layer->recent_ns, recent ? (7 * recent + waited_ns) / 8 : waited_ns + 1);
}

static void submit(struct coded_run *run) {
    dispatcher_submit(run->layer->cluster->dispatcher, &run->job);
    run->open = true;
}

static void finish(struct coded_run *run) {
    if (run->open)
        dispatcher_finish(run->layer->cluster->dispatcher, &run->job);
    run->open = false;
}

/* Asks those that were chosen, and collects until the moment. */
static convoy_status ask_workers(struct coded_run *run, const convoy_tensor *in, uint64_t deadline_ns,
                                 convoy_layer_report *report) {
    uint64_t start_ns = clock_now_ns();
    convoy_status status = encode_input(run, in);
    uint64_t encoded_ns = clock_now_ns();
    if (status == CONVOY_OK && !run->beyond) {
        run->asked = true;
        submit(run);
        status = collect(run, deadline_ns);
        finish(run);
    }
    uint64_t collected_ns = clock_now_ns();
    if (run->solution)
        remember_time(run->layer, collected_ns - encoded_ns);
    report->encode_ms += ms_between(start_ns, encoded_ns);
    report->wait_ms += ms_between(encoded_ns, collected_ns);
    return status;
}

/* Asks the late, whose answers nobody needs: the layer is computed here meanwhile. The job stays open. */
static convoy_status ask_late(struct coded_run *run, const convoy_tensor *in) {
    if (!run->job.background)
        return CONVOY_OK;
    convoy_status status = encode_input(run, in);
    if (status == CONVOY_OK && !run->beyond)
        submit(run);
    run->beyond = run->not_finite = false; /* not why it is computed here */
    return status;
}

/* Whether others could be asked where the answers of those that were do not suffice: some may have come, or
 * got their filters, while those died. */
static bool worth_another_round(struct coded_run *run) {
    struct coded_layer *layer = run->layer;
    struct cluster_context *context = run->context;
    uint32_t fit = 0;
    if (!run->asked || run->solution || run->answered >= layer->code.threshold)
        return false;
    dispatcher_standings(layer->cluster->dispatcher, layer->number, context->standings);
    for (uint32_t w = 0; w < layer->cluster->nodes; w++)
        if (context->standings[w] <= (run->job.patient ? WORKER_SILENT : WORKER_SLOW))
            context->answered[fit++] = w;
    return code_suffices(&layer->code, context->answered, fit);
}

/* The coded way: encode, collect, decode. Leaves run->solution NULL, with CONVOY_OK, where too few answers
 * came; the job is still open then if it asks the late. */
static convoy_status run_coded(struct coded_run *run, const convoy_tensor *in, convoy_tensor *out,
                               convoy_layer_report *report) {
    struct coded_layer *layer = run->layer;
    const uint64_t longest_ns = layer->cluster->options.deadline_ns;
    uint64_t deadline_ns = clock_now_ns() + longest_ns;
    dispatcher_standings(layer->cluster->dispatcher, layer->number, run->context->standings);
    run->job = (struct job){.layer = layer->number,
                            .dtype = layer->frames,
                            .answer_bytes = layer->answer_bytes,
                            .usual_ns = atomic_load(&layer->recent_ns),
                            .longest_ns = longest_ns,
                            .patient = !layer->cluster->options.fallback,
                            .tasks = run->context->tasks};
    if (!choose_tasks(run))
        return ask_late(run, in);
    report->encode_ms = report->wait_ms = 0;
    convoy_status status = ask_workers(run, in, deadline_ns, report);
    if (status == CONVOY_OK && worth_another_round(run)) {
        job_release(&run->job, layer->cluster->nodes);
        choose_workers(run, run->job.patient ? WORKER_SILENT : WORKER_SLOW);
        status = ask_workers(run, in, deadline_ns, report);
    }
    uint64_t collected_ns = clock_now_ns();
    if (run->solution) {
        status = decode_answers(run, out);
        report_decoded(run, report);
    }
    report->decode_ms = ms_between(collected_ns, clock_now_ns());
    return status;
}

/* Inputs that lie otherwise than the layer takes them are copied; taken[] borrows. */
static convoy_status take_inputs(const struct coded_layer *layer, struct cluster_context *context,
                                 const convoy_tensor *in, convoy_tensor *taken) {
    for (int i = 0; i < (layer->adds ? 2 : 1); i++) {
        const struct coded_input *input = &layer->inputs[i];
        taken[i] = in[i];
        if (input->lies == input->used)
            continue;
        size_t bytes = input->map.element * input->map.batch * input->map.channels * input->map.inner;
        if (bytes > context->map_bytes[i]) {
            void *grown = memory_aligned(bytes);
            if (!grown)
                return CONVOY_E_MEMORY;
            free(context->map[i]);
            context->map[i] = grown;
            context->map_bytes[i] = bytes;
        }
        blocks_copy(&input->map, input->lies, in[i].data, input->used, context->map[i]);
        taken[i].data = context->map[i];
    }
    return CONVOY_OK;
}

/* out = activation(out + added), in float32. */
static void add_activated(const struct coded_layer *layer, const void *added, void *out) {
    const struct block_map *map = &layer->inputs[1].map;
    size_t elements = map->batch * map->channels * map->inner;
    float *y = out;
    const float *z = added;
    enum activation_kind kind = layer->activation.kind;
    if (kind != ACTIVATION_NONE && kind != ACTIVATION_RELU) {
        for (size_t i = 0; i < elements; i++)
            y[i] = activation_apply(&layer->activation, y[i] + z[i]);
        return;
    }
    float low = kind == ACTIVATION_RELU ? 0 : -INFINITY; /* what residuals have, in a loop of vectors */
    for (size_t i = 0; i < elements; i++) {
        float sum = y[i] + z[i];
        y[i] = sum < low ? low : sum;
    }
}

convoy_status coded_layer_run(const struct layer *base, struct context *context, const convoy_tensor *in,
                              convoy_tensor *out, convoy_layer_report *report, convoy_error *error) {
    convoy_layer_report unread;
    if (!report)
        report = &unread;
    struct coded_run run = {.layer = (struct coded_layer *)base,
                            .context = (struct cluster_context *)context};
    report_code(run.layer, report);
    convoy_tensor taken[2];
    convoy_status status = take_inputs(run.layer, run.context, in, taken);
    if (status == CONVOY_OK)
        status = run_coded(&run, taken, out, report);
    if (status != CONVOY_OK)
        error_memory(error); /* the only thing that can be wrong */
    else if (!run.solution || run.not_finite)
        status = run_here(&run, taken, out, report, error);
    finish(&run);
    if (!run.beyond) /* then nobody was asked */
        report_outcomes(&run, report);
    if (status == CONVOY_OK && run.layer->adds)
        add_activated(run.layer, taken[1].data, out->data);
    solutions_put(&run.layer->solutions, &run.solution);
    job_release(&run.job, run.layer->cluster->nodes);
    return status;
}
