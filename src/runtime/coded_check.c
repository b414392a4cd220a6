/* The checks of one run's answers: what is found wrong is told, and counts as if it had not come. */
#include "base/clock.h"
#include "runtime/coded_run.h"

#include <string.h>

bool check_is_due(const struct coded_layer *layer) {
    if (!layer->verification)
        return false;
    return layer->cluster->options.verify == VERIFY_ALL || verification_is_drawn(layer->verification) ||
           dispatcher_has_doubts(layer->cluster->dispatcher);
}

/* So long it took. */
static void note_time(struct coded_run *run, uint64_t start_ns) {
    uint64_t end_ns = clock_now_ns();
    run->verify_ns += end_ns - start_ns;
    report_step(run, CONVOY_TRACE_VERIFY, start_ns, end_ns);
}

void check_begin(struct coded_run *run) {
    uint64_t start_ns = clock_now_ns();
    memset(run->context->judged, 0, run->layer->cluster->nodes * sizeof *run->context->judged);
    if (!run->context->verification.check) /* else workers are asked once more, of the same input */
        run->unknown = verification_begin(run->layer->verification, &run->context->verification,
                                          run->context->inner, run->in) != CONVOY_OK;
    note_time(run, start_ns);
}

/* Tells everybody concerned of a wrong answer. */
static void reject_answer(struct coded_run *run, uint32_t worker, const struct finding *finding) {
    static const char *const steps[] = {
        [TRUST_KEEP] = "",
        [TRUST_RENEW] = ": it gets its filters anew",
        [TRUST_BAN] = ", not for the first time: it gets no more tasks",
    };
    struct cluster *cluster = run->layer->cluster;
    const struct cluster_options *options = &cluster->options;
    struct peer_identity identity;
    enum trust_step step = dispatcher_reject(cluster->dispatcher, &run->job, worker, &identity);
    run->wrong++;
    log_line(&options->log, CONVOY_LOG_WARNING,
             "layer %s: the answer of worker %u%s%s is wrong, off by %.2g where rounding explains %.2g%s",
             run->layer->desc.name, worker, *identity.key ? " with the key " : "", identity.key,
             finding->deviation, finding->limit, steps[step]);
    if (!options->wrong_answer)
        return;
    const convoy_wrong_answer wrong = {.layer = run->layer->desc.name,
                                       .worker = worker,
                                       .key = identity.key,
                                       .deviation = finding->deviation,
                                       .limit = finding->limit,
                                       .distrusted = step == TRUST_BAN};
    pthread_mutex_lock(&cluster->wrong_mutex);
    options->wrong_answer(options->wrong_answer_context, &wrong);
    pthread_mutex_unlock(&cluster->wrong_mutex);
}

bool check_answers(struct coded_run *run) {
    struct cluster_context *context = run->context;
    uint32_t wrong = run->wrong;
    uint64_t start_ns = clock_now_ns();
    for (uint32_t i = 0; context->verification.check && i < run->answered && !run->unknown; i++) {
        const uint32_t worker = context->answered[i];
        if (context->judged[worker])
            continue;
        const struct finding finding =
            verification_judge(run->layer->verification, &context->verification, context->inner, run->in,
                               worker, context->tasks[worker].answer);
        context->judged[worker] = true;
        run->unknown = finding.verdict == VERDICT_UNKNOWN;
        if (finding.verdict == VERDICT_WRONG)
            reject_answer(run, worker, &finding);
    }
    if (run->verified)
        note_time(run, start_ns);
    return run->wrong == wrong && !run->unknown;
}

bool check_is_missing(const struct coded_run *run) {
    return run->verified && !run->context->verification.check;
}

bool check_not_finite(struct coded_run *run) {
    if (!run->layer->verification || run->verified)
        return false;
    run->verified = true;
    check_begin(run);
    if (check_answers(run) || run->unknown)
        return false;
    run->answered -= run->wrong;
    return true;
}
