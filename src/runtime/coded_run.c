/* One run of a coded layer (FCDCC, arXiv 2411.01579): codes the input, collects answers until enough came
 * that decode well, and decodes. What does not come in time is computed here. Who is asked is decided by
 * selection.h, when answers suffice by collection.h, and who is waited for, and how long, by assignments.h.
 */
#include "runtime/coded_run.h"

#include "base/clock.h"
#include "base/conv_turn.h"
#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "code/decoder.h"
#include "code/encoder.h"
#include "code/error_budget.h"
#include "runtime/coded_maps.h"
#include "runtime/collection.h"
#include "runtime/selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_SOURCE UINT32_MAX

/* ---- tasks ---- */

/* Whether a task is to be sent, or may be: one that is held is coded with the others, in the same pass. */
static bool needs_payload(const struct job_task *task) {
    return task->state == TASK_WAITING || task->state == TASK_HELD;
}

/* Room for the coefficients of some pieces, and for where these go. */
static convoy_status reserve_pieces(struct cluster_context *context, size_t pieces, size_t parts) {
    if (pieces > context->piece_capacity) {
        void **grown = realloc(context->pieces, pieces * sizeof(void *));
        if (!grown)
            return CONVOY_E_MEMORY;
        context->pieces = grown;
        context->piece_capacity = pieces;
    }
    if (pieces * parts > context->row_capacity) {
        double *grown = realloc(context->rows, pieces * parts * sizeof *grown);
        if (!grown)
            return CONVOY_E_MEMORY;
        context->rows = grown;
        context->row_capacity = pieces * parts;
    }
    return CONVOY_OK;
}

/* Codes the input for all tasks in one pass over it. Nodes with the same coefficients share a
 * payload: context->sources says, for the first of such nodes, which task has made it. */
static convoy_status encode_input(struct coded_run *run, const convoy_tensor *in) {
    const struct coded_layer *layer = run->layer;
    struct cluster_context *context = run->context;
    uint32_t n = layer->cluster->nodes, pieces_each = layer->code.input_pieces, outputs = 0;
    size_t per_worker = (size_t)pieces_each * layer->code.input_parts;
    if (reserve_pieces(context, (size_t)n * pieces_each, layer->code.input_parts) != CONVOY_OK)
        return CONVOY_E_MEMORY;
    for (uint32_t w = 0; w < n; w++)
        context->sources[w] = NO_SOURCE;
    for (uint32_t w = 0; w < n; w++) {
        uint32_t *source = &context->sources[layer->input_twins[w]];
        if (!needs_payload(&context->tasks[w]))
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
        memcpy(context->rows + outputs * layer->code.input_parts, code_input_rows(&layer->code, w),
               per_worker * sizeof *context->rows);
        for (uint32_t r = 0; r < pieces_each; r++)
            context->pieces[outputs++] = (char *)payload->data + r * layer->piece_bytes;
    }
    float peak = encode(layer->input.dtype, layer->frames, &layer->partition.input, outputs, context->rows,
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

/* Solves for the answers that are listed. run->solution stays NULL where they do not decode well. */
static convoy_status solve_answers(struct coded_run *run) {
    struct coded_layer *layer = run->layer;
    convoy_status status =
        solutions_get(&layer->solutions, &layer->code, run->context->answered, run->answered, &run->solution);
    if (status == CONVOY_OK && !error_is_within_budget(layer->frames, run->solution->condition))
        solutions_put(&layer->solutions, &run->solution);
    return status == CONVOY_E_MEMORY ? status : CONVOY_OK;
}

/* Waits until answers came that suffice and decode well. run->solution stays NULL where that is no longer
 * possible, or the time has passed. */
static convoy_status collect(struct coded_run *run, uint64_t until_ns) {
    struct coded_layer *layer = run->layer;
    struct cluster_context *context = run->context;
    struct collection collection = collection_begin(&layer->code);
    for (enum collection_step step = COLLECTION_WAIT; step == COLLECTION_WAIT;) {
        dispatcher_wait(layer->cluster->dispatcher, &run->job, collection.wanted, until_ns, context->states);
        if (cancel_asked(&layer->cluster->options.cancel))
            return CONVOY_E_CANCELLED;
        step = collection_look(&collection, context->states, layer->cluster->nodes, clock_now_ns() < until_ns,
                               context->answered);
        run->answered = collection.answered;
        if (step != COLLECTION_SOLVE)
            continue;
        if (!check_answers(run)) {
            step = run->unknown ? COLLECTION_END : COLLECTION_WAIT; /* without the wrong ones */
            continue;
        }
        convoy_status status = solve_answers(run);
        if (status != CONVOY_OK || run->solution)
            return status;
        step = collection_note_unsolved(&collection, clock_now_ns() < until_ns);
    }
    return CONVOY_OK;
}

static convoy_status decode_answers(struct coded_run *run, convoy_tensor *out) {
    const struct coded_layer *layer = run->layer;
    for (uint32_t i = 0; i < run->solution->survivors; i++)
        run->context->answers[i] = run->context->tasks[run->solution->workers[i]].answer->data;
    const struct decode_job job = {.dtype = layer->input.dtype,
                                   .answer_dtype = layer->frames,
                                   .code = &layer->code,
                                   .solution = run->solution,
                                   .grid = &layer->partition.output,
                                   .answers = run->context->answers,
                                   .factors = layer->factors,
                                   .bias = layer->params.bias.data,
                                   .activation = layer->behind ? NULL : &layer->desc.activation,
                                   .out = out->data};
    bool finite = true;
    convoy_status status = decode(&job, &finite);
    if (status == CONVOY_OK && layer->behind)
        status = layer->behind->ops->layer_run(layer->behind, run->context->inner, out, out, NULL, NULL);
    run->not_finite = !finite || check_is_missing(run);
    return status;
}

/* ---- here ---- */

/* The layer as the model has it, on an input that lies as the coded one takes it. */
static struct layer_desc local_desc(const struct coded_layer *layer, struct value_desc *input) {
    struct layer_desc desc = layer->desc;
    desc.kernel = CONV_DIRECT; /* Winograd's sums of inputs overflow, and make NaN of infinities */
    if (layer->turned) {
        conv_turn(&desc.conv);
        *input = (struct value_desc){layer->input.dtype, conv_input_shape(&desc.conv), 0}; /* as it lies */
        desc.inputs = input;
        desc.outputs[0].shape = conv_output_shape(&desc.conv);
    }
    if (!layer->transposed)
        return desc;
    /* And so do the zeros among the taps of phases. */
    *input = (struct value_desc){layer->input.dtype, conv_transpose_input_shape(&layer->transpose),
                                 layer->desc.conv.in_block};
    desc.kind = LAYER_CONV_TRANSPOSE;
    desc.conv_transpose = layer->transpose;
    desc.inputs = input;
    desc.outputs[0].shape = conv_transpose_output_shape(&layer->transpose);
    return desc;
}

static convoy_status local_layer(struct coded_layer *layer, struct layer **local, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    struct value_desc input;
    const struct layer_desc desc = local_desc(layer, &input);
    const bool other =
        layer->transposed || layer->turned; /* desc.conv is another convolution than the layer */
    const struct layer_params *params = other ? &layer->whole : &layer->params;
    pthread_mutex_lock(&layer->local_mutex);
    const struct buffer *owner = params->weights.owner;
    const char *changed = owner && !layer->local ? buffer_changed(owner) : NULL;
    if (changed)
        status = error_set(error, CONVOY_E_IO, "layer %s: %.200s: " FILE_CHANGED, layer->desc.name, changed);
    else if (!layer->local)
        status = layer->inner->ops->layer_prepare(layer->inner, &desc, params, &layer->local, error);
    *local = layer->local;
    pthread_mutex_unlock(&layer->local_mutex);
    return status;
}

static convoy_status compute_here(struct coded_run *run, const convoy_tensor *in, convoy_tensor *out,
                                  convoy_error *error) {
    struct coded_layer *layer = run->layer;
    struct layer *local = NULL;
    convoy_status status = local_layer(layer, &local, error);
    if (status != CONVOY_OK)
        return status;
    if (!layer->transposed || !layer->out_block)
        return local->ops->layer_run(local, run->context->inner, in, out, NULL, error);
    const convoy_shape shape = conv_transpose_output_shape(&layer->transpose);
    const struct block_map map = {.element = convoy_dtype_bytes(layer->input.dtype),
                                  .batch = (size_t)shape.dims[0],
                                  .channels = (size_t)shape.dims[1],
                                  .inner = shape_product(&shape, 2, shape.rank)};
    convoy_tensor dense = {.dtype = out->dtype, .shape = shape, .data = run->context->map[2]};
    status = local->ops->layer_run(local, run->context->inner, in, &dense, NULL, error);
    if (status == CONVOY_OK)
        blocks_copy(&map, 0, dense.data, layer->out_block, out->data);
    return status;
}

static convoy_status run_here(struct coded_run *run, const convoy_tensor *in, convoy_tensor *out,
                              convoy_layer_report *report, convoy_error *error) {
    convoy_status status = report_local(run, report, error);
    if (status != CONVOY_OK)
        return status;
    uint64_t start_ns = clock_now_ns();
    status = compute_here(run, in, out, error);
    report_step(run, CONVOY_TRACE_HERE, start_ns, clock_now_ns());
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
    run->submitted = run->open = true;
}

static void finish(struct coded_run *run) {
    if (!run->open)
        return;
    dispatcher_finish(run->layer->cluster->dispatcher, &run->job);
    run->open = false;
    run->tasks += run->job.asked;
}

/* Asks those that were chosen, and collects until the moment. */
static convoy_status ask_workers(struct coded_run *run, const convoy_tensor *in, uint64_t deadline_ns,
                                 convoy_layer_report *report) {
    uint64_t start_ns = clock_now_ns();
    convoy_status status = encode_input(run, in);
    uint64_t encoded_ns = clock_now_ns(), sent_ns = encoded_ns;
    report_step(run, CONVOY_TRACE_ENCODE, start_ns, encoded_ns);
    if (status == CONVOY_OK && !run->beyond) {
        run->asked = true;
        submit(run);
        sent_ns = clock_now_ns();
        report_step(run, CONVOY_TRACE_SEND, encoded_ns, sent_ns);
        if (run->verified)
            check_begin(run);
        status = collect(run, deadline_ns);
        run->job.wanting = status == CONVOY_OK && !run->solution && !run->unknown;
        finish(run);
    }
    uint64_t collected_ns = clock_now_ns();
    if (run->asked)
        report_step(run, CONVOY_TRACE_WAIT, sent_ns, collected_ns);
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
    uint64_t start_ns = clock_now_ns();
    convoy_status status = encode_input(run, in);
    uint64_t encoded_ns = clock_now_ns();
    report_step(run, CONVOY_TRACE_ENCODE, start_ns, encoded_ns);
    run->job.wanting = true;
    if (status == CONVOY_OK && !run->beyond) {
        submit(run);
        report_step(run, CONVOY_TRACE_SEND, encoded_ns, clock_now_ns());
    }
    run->beyond = run->not_finite = false; /* not why it is computed here */
    return status;
}

/* Looks at the workers: what is known when they are chosen. */
static struct selection look_at_workers(struct coded_run *run) {
    const struct coded_layer *layer = run->layer;
    struct cluster_context *context = run->context;
    dispatcher_standings(layer->cluster->dispatcher, layer->number, context->standings, context->paces);
    return (struct selection){.code = &layer->code,
                              .nodes = layer->cluster->nodes,
                              .standings = context->standings,
                              .paces = context->paces,
                              .patient = run->job.patient,
                              .asked = run->adapted.asked,
                              .workers = context->answered};
}

/* Asks once more if the answers that came do not suffice and others may be asked. */
static convoy_status ask_again(struct coded_run *run, const convoy_tensor *in, uint64_t deadline_ns,
                               convoy_layer_report *report) {
    if (!run->asked || run->solution)
        return CONVOY_OK;
    report_tasks(run);
    const struct selection selection = look_at_workers(run);
    job_release(&run->job, run->layer->cluster->nodes);
    if (!selection_choose_again(&selection, run->answered, run->context->tasks))
        return CONVOY_OK;
    return ask_workers(run, in, deadline_ns, report);
}

/* The coded way: encode, collect, decode. Leaves run->solution NULL, with CONVOY_OK, where too few answers
 * came; the job is still open then if it asks the late. */
static convoy_status run_coded(struct coded_run *run, const convoy_tensor *in, convoy_tensor *out,
                               convoy_layer_report *report) {
    struct coded_layer *layer = run->layer;
    uint64_t deadline_ns = clock_now_ns() + layer->cluster->options.deadline_ns;
    const struct selection selection = look_at_workers(run);
    const struct choice choice = selection_choose(&selection, run->context->tasks);
    run->fit = choice.fit;
    run->job.background = choice.background;
    if (!choice.enough)
        return ask_late(run, in);
    report->encode_ms = report->wait_ms = 0;
    convoy_status status = ask_workers(run, in, deadline_ns, report);
    if (status == CONVOY_OK)
        status = ask_again(run, in, deadline_ns, report);
    uint64_t collected_ns = clock_now_ns();
    if (run->solution) {
        status = decode_answers(run, out);
        report_decoded(run, report);
        if (status == CONVOY_OK && run->not_finite && check_not_finite(run)) {
            run->not_finite = false;
            solutions_put(&layer->solutions, &run->solution);
        }
    }
    uint64_t decoded_ns = clock_now_ns();
    report->decode_ms = ms_between(collected_ns, decoded_ns);
    if (run->solution)
        report_step(run, CONVOY_TRACE_DECODE, collected_ns, decoded_ns);
    return status;
}

/* Who computes this run, and how many workers are asked. */
static struct adapted_run begin_adapted(struct coded_layer *layer) {
    if (!layer->cluster->options.adapt)
        return (struct adapted_run){.asked = atomic_load(&layer->asked)};
    pthread_mutex_lock(&layer->local_mutex);
    struct adapted_run adapted = adaptation_begin(&layer->adaptation);
    pthread_mutex_unlock(&layer->local_mutex);
    return adapted;
}

/* The run took so long. What failed tells nothing. */
static void end_adapted(const struct coded_run *run, uint64_t took_ns) {
    struct coded_layer *layer = run->layer;
    if (!layer->cluster->options.adapt || (!run->adapted.here && !run->solution))
        return;
    pthread_mutex_lock(&layer->local_mutex);
    struct adaptation *adaptation = &layer->adaptation;
    uint32_t before = adaptation->asked;
    bool here_before = adaptation->here;
    if (run->adapted.here)
        adaptation_note_here(adaptation, (double)took_ns);
    else
        adaptation_note_coded(adaptation, &run->adapted, (double)took_ns, run->tasks);
    uint32_t asked = adaptation->asked;
    bool here = adaptation->here;
    pthread_mutex_unlock(&layer->local_mutex);
    if (asked != before)
        log_line(&layer->cluster->options.log, CONVOY_LOG_INFO,
                 "layer %s: %u workers are asked at once, not %u", layer->desc.name, asked, before);
    if (here != here_before)
        log_line(&layer->cluster->options.log, CONVOY_LOG_INFO,
                 "layer %s: computed %s, which is faster just now", layer->desc.name,
                 here ? "here" : "by the workers");
}

/* A job of this layer, without tasks yet. */
static struct job job_of(const struct coded_layer *layer, struct cluster_context *context) {
    return (struct job){.layer = layer->number,
                        .name = layer->desc.name,
                        .inference = context->base.place.inference,
                        .dtype = layer->frames,
                        .answer_bytes = layer->answer_bytes,
                        .usual_ns = atomic_load(&layer->recent_ns),
                        .longest_ns = layer->cluster->options.deadline_ns,
                        .patient = !layer->cluster->options.fallback,
                        .tasks = context->tasks};
}

convoy_status coded_layer_run(const struct layer *base, struct context *context, const convoy_tensor *in,
                              convoy_tensor *out, convoy_layer_report *report, convoy_error *error) {
    convoy_layer_report unread;
    if (!report)
        report = &unread;
    convoy_tensor taken[2], coded, decoded;
    struct coded_run run = {
        .layer = (struct coded_layer *)base, .context = (struct cluster_context *)context, .in = &coded};
    run.job = job_of(run.layer, run.context);
    run.adapted = begin_adapted(run.layer);
    run.verified = !run.adapted.here && check_is_due(run.layer);
    report_code(run.layer, report);
    uint64_t start_ns = clock_now_ns();
    convoy_status status = coded_take_inputs(run.layer, run.context, in, taken);
    if (status == CONVOY_OK)
        status = coded_aim_output(run.layer, run.context, out, &decoded);
    if (status == CONVOY_OK && !run.adapted.here)
        status = coded_turn_input(run.layer, run.context, taken, &coded);
    if (status == CONVOY_OK && !run.adapted.here)
        status = run_coded(&run, &coded, &decoded, report);
    const bool here = !run.solution || run.not_finite;
    if (status == CONVOY_E_CANCELLED)
        cancel_check(&run.layer->cluster->options.cancel, error);
    else if (status != CONVOY_OK)
        error_memory(error); /* the only other thing that can be wrong */
    else if (here)
        status = run_here(&run, taken, out, report, error);
    finish(&run);
    verification_end(&run.context->verification);
    report->asked = run.tasks;
    report->verify_ms = (double)run.verify_ns / (double)NS_PER_MS;
    if (status == CONVOY_OK)
        end_adapted(&run, clock_now_ns() - start_ns);
    if (!run.beyond && !run.adapted.here) /* then nobody was asked */
        report_outcomes(&run, report);
    report_tasks(&run);
    if (status == CONVOY_OK)
        coded_finish_output(run.layer, here, taken, &decoded, out);
    solutions_put(&run.layer->solutions, &run.solution);
    job_release(&run.job, run.layer->cluster->nodes);
    return status;
}
