/* What is told of one run of a coded layer: to the inference's report, and to the log. */
#include "runtime/coded_run.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

void report_code(const struct coded_layer *layer, convoy_layer_report *report) {
    report->coded = true;
    report->family = layer->code.family->name;
    report->input_parts = layer->code.input_parts;
    report->filter_parts = layer->code.filter_parts;
    report->threshold = layer->code.threshold;
}

/* ---- why a layer is computed here ---- */

/* Why nothing that is of use came from a worker; NULL where something did. */
static const char *describe_absence(const struct coded_run *run, uint32_t worker) {
    static const char *const standings[] = {[WORKER_SLOW] = NULL,
                                            [WORKER_LATE] = "late",
                                            [WORKER_STALLED] = "late",
                                            [WORKER_SILENT] = "silent",
                                            [WORKER_UNREADY] = "without its filters",
                                            [WORKER_DEAD] = "lost",
                                            [WORKER_ABSENT] = "not there",
                                            [WORKER_LEFT_OUT] = "left out"};
    enum worker_standing standing = run->context->standings[worker];
    switch (run->asked ? run->context->tasks[worker].state : TASK_NONE) {
    case TASK_NONE:
        return standings[standing];
    case TASK_HELD:
        return "not asked";
    case TASK_WAITING:
    case TASK_SENT:
    case TASK_LATE:
        return standing == WORKER_SILENT ? "silent" : "late";
    case TASK_LOST:
        return "lost";
    case TASK_WRONG:
        return "wrong";
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
        snprintf(text, size, "%s is not finite",
                 check_is_missing(run) ? "what its answers must be like, by which they are checked,"
                                       : "its coded output");
        return "not finite";
    }
    if (run->beyond) {
        snprintf(text, size, "its coded input is beyond the range of %s",
                 convoy_dtype_text(run->layer->frames));
        return "beyond the frames' range";
    }
    if (!run->asked) {
        snprintf(text, size, "only %u of %u workers are fit to compute, and %u are needed", run->fit,
                 run->layer->cluster->options.workers, needed);
        list_absent(run, text, size);
        return "too few workers";
    }
    if (run->unknown) {
        snprintf(text, size,
                 "its answers cannot be checked, for want of memory or since the model's file was changed");
        return "answers that cannot be checked";
    }
    if (run->wrong && run->answered < needed) {
        snprintf(text, size,
                 "%u of the answers were wrong, and of the others %u came of the %u that it needs",
                 run->wrong, run->answered, needed);
        list_absent(run, text, size);
        return "wrong answers";
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

/* Says so at the first layer that lacks workers, and not again before one was decoded. */
static void log_local(const struct coded_run *run, const char *why) {
    struct coded_layer *layer = run->layer;
    struct cluster *cluster = layer->cluster;
    bool shortage = !run->beyond && !run->not_finite && run->answered < layer->code.threshold;
    if (shortage && atomic_load(&cluster->shortage_logged))
        return;
    if (atomic_exchange(run->not_finite ? &layer->not_finite_logged : &layer->fallback_logged, true))
        return;
    if (shortage)
        atomic_store(&cluster->shortage_logged, true);
    log_line(&cluster->options.log, CONVOY_LOG_WARNING, "layer %s: %s: computed here%s", layer->desc.name,
             why, shortage ? ", and so are others until enough workers answer in time" : " (said once)");
}

/* What is not finite is no failure of the workers: one infinite element makes others, at the same place of
 * all parts, NaN when it is coded. Others are, unless no fallback is allowed. */
convoy_status report_local(const struct coded_run *run, convoy_layer_report *report, convoy_error *error) {
    const struct coded_layer *layer = run->layer;
    char why[600];
    report->coded = false;
    if (run->adapted.here) {
        report->why_local = "slower on the workers just now";
        return CONVOY_OK;
    }
    report->fallback = !run->not_finite;
    report->why_local = describe_failure(run, report->wait_ms, why, sizeof why);
    if (report->fallback && !layer->cluster->options.fallback)
        return error_set(error, CONVOY_E_WORKERS, "layer %s: %s", layer->desc.name, why);
    log_local(run, why);
    return CONVOY_OK;
}

void report_decoded(const struct coded_run *run, convoy_layer_report *report) {
    struct cluster *cluster = run->layer->cluster;
    const struct output_grid *grid = &run->layer->partition.output;
    const double elements = (double)(grid->batch * grid->groups * grid->inner) * (double)grid->part_rows *
                            (double)grid->part_channels; /* of a part */
    report->condition = run->solution->condition;
    report->noise_gain = run->solution->noise_gain;
    report->decode_macs = elements * (double)run->solution->products;
    if (atomic_load(&cluster->shortage_logged) && atomic_exchange(&cluster->shortage_logged, false))
        log_line(&cluster->options.log, CONVOY_LOG_INFO,
                 "layer %s: enough workers answer in time again: computed by them", run->layer->desc.name);
}
