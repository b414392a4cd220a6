/* One run of a coded layer (FCDCC, arXiv 2411.01579): codes the input, collects answers until enough came
 * that decode well, and decodes. What does not come in time is computed here. */
#include "runtime/coded_layer.h"

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

/* A layer that was timed may take this many times as long as it recently did, and at least the floor, before
 * it is computed here. The floor is far above a layer's time on purpose: it is paid only when more than γ
 * workers are silent, and a busy machine's scheduler must not look like that. */
#define ALLOWANCE_FACTOR   5
#define ALLOWANCE_FLOOR_NS (500 * NS_PER_MS)

/* Answers whose decoding may err by more than this, relative to the output (4·κ·ε, see docs/scheme.md), are
 * not decoded. Of halves their own rounding is nearly all of the error, and κ·ε bounds it. */
#define ERROR_BUDGET      1e-3
#define HALF_ERROR_BUDGET 0.125

/* Where they do not, the search for a good choice of them is repeated when δ/SEARCH_STEPS more came. */
#define SEARCH_STEPS 16

#define NO_SOURCE UINT32_MAX

/* One run. */
struct coded_run {
    struct coded_layer *layer;
    struct cluster_context *context;
    struct job job;
    const struct code_solution *solution;
    uint32_t chosen; /* workers fit to be asked */
    bool beyond;     /* the frames' type does not hold the coded input */
    bool not_finite; /* what workers get or gave; the layer here tells what is finite in its output */
    bool asked;
    uint32_t answered; /* at the end */
};

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

/* How long to wait before the layer is computed here. */
static uint64_t allowance_ns(struct coded_layer *layer) {
    uint64_t deadline = layer->cluster->options.deadline_ns, recent = atomic_load(&layer->recent_ns);
    uint64_t allowance = recent ? recent * ALLOWANCE_FACTOR : deadline / 2;
    if (allowance < ALLOWANCE_FLOOR_NS)
        allowance = ALLOWANCE_FLOOR_NS;
    return allowance < deadline ? allowance : deadline;
}

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

/* Where the others suffice, slow workers are not asked before these take long. */
static void hold_slow(struct coded_run *run) {
    for (uint32_t w = 0; w < run->layer->cluster->nodes; w++)
        if (run->context->standings[w] == WORKER_SLOW)
            run->context->tasks[w].state = TASK_HELD;
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

static bool was_used(const struct code_solution *solution, uint32_t worker) {
    for (uint32_t i = 0; solution && i < solution->survivors; i++)
        if (solution->workers[i] == worker)
            return true;
    return false;
}

static void report_code(const struct coded_layer *layer, convoy_layer_report *report) {
    report->coded = true;
    report->family = layer->code.family->name;
    report->input_parts = layer->code.input_parts;
    report->filter_parts = layer->code.filter_parts;
    report->threshold = layer->code.threshold;
}

static void report_outcomes(const struct coded_run *run, convoy_layer_report *report) {
    const struct cluster_context *context = run->context;
    for (uint32_t w = 0; w < run->layer->cluster->nodes; w++) {
        enum task_state state = context->tasks[w].state;
        bool dead = state == TASK_LOST || state == TASK_DECLINED ||
                    (state == TASK_NONE && context->standings[w] == WORKER_DEAD);
        bool absent = context->standings[w] == WORKER_ABSENT;
        report->outcome[w] = was_used(run->solution, w) ? CONVOY_OUTCOME_USED
                             : state == TASK_ANSWERED   ? CONVOY_OUTCOME_UNUSED
                             : dead                     ? CONVOY_OUTCOME_LOST
                             : absent                   ? CONVOY_OUTCOME_NONE
                                                        : CONVOY_OUTCOME_LATE;
    }
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

/* Why nothing that is of use came from a worker; NULL where something did. */
static const char *describe_absence(const struct coded_run *run, uint32_t worker) {
    static const char *const standings[] = {[WORKER_SLOW] = "slow",
                                            [WORKER_STALLED] = "stalled",
                                            [WORKER_UNREADY] = "without its filters",
                                            [WORKER_DEAD] = "lost",
                                            [WORKER_ABSENT] = "not there"};
    switch (run->context->tasks[worker].state) {
    case TASK_NONE:
        return standings[run->context->standings[worker]];
    case TASK_HELD:
    case TASK_WAITING:
    case TASK_SENT:
        return run->asked ? "late" : NULL;
    case TASK_LOST:
        return "lost";
    case TASK_DECLINED:
        return run->layer->frames == CONVOY_F16 ? "declined (its answer may be beyond float16)" : "declined";
    case TASK_ANSWERED:
        break;
    }
    return NULL;
}

/* Appends the workers of which nothing came, as far as there is room: ": worker 1 lost, worker 4 late". */
static void list_absent(const struct coded_run *run, char *text, size_t size) {
    size_t at = strlen(text);
    const char *between = ":";
    for (uint32_t w = 0; w < run->layer->cluster->nodes && at < size; w++) {
        const char *absence = describe_absence(run, w);
        if (!absence)
            continue;
        at += (size_t)snprintf(text + at, size - at, "%s worker %u %s", between, w, absence);
        between = ",";
    }
}

/* Why a layer was not decoded: in a few words, and as the end of a sentence. */
static const char *describe_failure(const struct coded_run *run, double waited_ms, char *text, size_t size) {
    uint32_t needed = run->layer->code.threshold;
    if (run->not_finite) {
        snprintf(text, size, "its coded output is not finite");
        return "not finite";
    }
    if (run->beyond) {
        snprintf(text, size, "its coded input is beyond the range of %s",
                 convoy_dtype_text(run->layer->frames));
        return "beyond the frames' range";
    }
    if (!run->asked) {
        snprintf(text, size, "only %u of %u workers are fit to compute, and %u are needed", run->chosen,
                 run->layer->cluster->options.workers, needed);
        list_absent(run, text, size);
        return "too few workers";
    }
    if (run->answered < needed) {
        snprintf(text, size, "only %u of the %u answers that it needs came in %.0f ms", run->answered, needed,
                 waited_ms);
        list_absent(run, text, size);
        return "too few answers";
    }
    snprintf(text, size, "the %u answers that came do not decode well enough", run->answered);
    return "ill-conditioned answers";
}

/* Says why the layer is computed here. What is not finite is no failure of the workers: one infinite element
 * makes others, at the same place of all parts, NaN when it is coded. Others are, unless no fallback is
 * allowed. */
static convoy_status report_local(struct coded_run *run, convoy_layer_report *report, convoy_error *error) {
    struct coded_layer *layer = run->layer;
    char why[240];
    report->coded = false;
    report->fallback = !run->not_finite;
    report->why_local = describe_failure(run, report->wait_ms, why, sizeof why);
    if (report->fallback && !layer->cluster->options.fallback)
        return error_set(error, CONVOY_E_WORKERS, "layer %s: %s", layer->desc.name, why);
    if (!atomic_exchange(report->fallback ? &layer->fallback_logged : &layer->not_finite_logged, true))
        log_line(&layer->cluster->options.log, CONVOY_LOG_WARNING, "layer %s: %s: computed here (said once)",
                 layer->desc.name, why);
    return CONVOY_OK;
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

/* Asks those that are fit just now, and collects until the moment. */
static convoy_status ask_workers(struct coded_run *run, const convoy_tensor *in, uint64_t deadline_ns,
                                 convoy_layer_report *report) {
    struct coded_layer *layer = run->layer;
    struct dispatcher *dispatcher = layer->cluster->dispatcher;
    uint64_t start_ns = clock_now_ns();
    convoy_status status = encode_input(run, in);
    uint64_t encoded_ns = clock_now_ns();
    if (status == CONVOY_OK && !run->beyond) {
        uint64_t until_ns = encoded_ns + run->job.allowance_ns;
        run->asked = true;
        dispatcher_submit(dispatcher, &run->job);
        status =
            collect(run, layer->cluster->options.fallback && until_ns < deadline_ns ? until_ns : deadline_ns);
        dispatcher_finish(dispatcher, &run->job);
    }
    uint64_t collected_ns = clock_now_ns();
    if (run->solution)
        remember_time(layer, collected_ns - encoded_ns);
    report->encode_ms += ms_between(start_ns, encoded_ns);
    report->wait_ms += ms_between(encoded_ns, collected_ns);
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
        if (context->standings[w] <= WORKER_SLOW)
            context->answered[fit++] = w;
    return code_suffices(&layer->code, context->answered, fit);
}

/* The coded way: encode, collect, decode. Leaves run->solution NULL, with CONVOY_OK, where too few answers
 * came. */
static convoy_status run_coded(struct coded_run *run, const convoy_tensor *in, convoy_tensor *out,
                               convoy_layer_report *report) {
    struct coded_layer *layer = run->layer;
    dispatcher_standings(layer->cluster->dispatcher, layer->number, run->context->standings);
    /* Those that are stalled are worth waiting for only where nothing else is allowed. */
    bool fallback = layer->cluster->options.fallback;
    bool spare = choose_workers(run, WORKER_FREE);
    bool enough = choose_workers(run, WORKER_SLOW) || (!fallback && choose_workers(run, WORKER_STALLED));
    if (spare)
        hold_slow(run);
    run->job = (struct job){.layer = layer->number,
                            .dtype = layer->frames,
                            .answer_bytes = layer->answer_bytes,
                            .usual_ns = atomic_load(&layer->recent_ns),
                            .allowance_ns = allowance_ns(layer),
                            .tasks = run->context->tasks};
    if (!enough)
        return CONVOY_OK;
    uint64_t deadline_ns = clock_now_ns() + layer->cluster->options.deadline_ns;
    report->encode_ms = report->wait_ms = 0;
    convoy_status status = ask_workers(run, in, deadline_ns, report);
    if (status == CONVOY_OK && worth_another_round(run)) {
        job_release(&run->job, layer->cluster->nodes);
        choose_workers(run, WORKER_SLOW);
        status = ask_workers(run, in, deadline_ns, report);
    }
    uint64_t collected_ns = clock_now_ns();
    if (run->solution) {
        status = decode_answers(run, out);
        report->condition = run->solution->condition;
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
    if (!run.beyond) /* then nobody was asked */
        report_outcomes(&run, report);
    if (status != CONVOY_OK)
        error_memory(error); /* the only thing that can be wrong */
    else if (!run.solution || run.not_finite)
        status = run_here(&run, taken, out, report, error);
    if (status == CONVOY_OK && run.layer->adds)
        add_activated(run.layer, taken[1].data, out->data);
    solutions_put(&run.layer->solutions, &run.solution);
    job_release(&run.job, run.layer->cluster->nodes);
    return status;
}
