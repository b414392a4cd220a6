/* The ways to code a layer. All that are admitted get a first estimate, from multiply-adds and bytes; the
 * most promising are weighed by the cost model, which may time kernels. */
#include "plan/plan_internal.h"

#include "code/error_budget.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHED_BEST 8 /* options, by what the first estimate makes of the objective */
#define WEIGHED_FAST                                                                                         \
    4                   /* those that take the least time by it: whether a layer pays is asked of them, too  \
                         */
#define WEIGHED_SMALL 2 /* and those that store the least, for small memories */

double plan_element_bytes(const struct plan_subject *subject) {
    return subject->dtype == CONVOY_F64 ? 8 : 4;
}

/* Halves are of float32 only. */
static convoy_dtype frames_of(const struct planner *planner, size_t step) {
    const struct plan_subject *subject = &planner->subjects[step];
    return subject->dtype == CONVOY_F64 ? CONVOY_F64
           : subject->whole_frames      ? CONVOY_F32
                                        : planner->request->frames;
}

/* ---- time ---- */

static struct prediction_job job_of(const struct planner *planner, size_t step, uint32_t asked,
                                    double task_master_ns) {
    const struct plan_request *request = planner->request;
    return (struct prediction_job){.profile = request->costs.profile,
                                   .workers = request->cluster.workers,
                                   .asked = asked,
                                   .frames = frames_of(planner, step),
                                   .task_master_ns = task_master_ns,
                                   .draws = PLAN_DRAWS,
                                   .times = planner->times};
}

/* The first estimate: multiply-adds at the profile's rates. */
static void estimate(const struct planner *planner, size_t step, struct plan_option *option) {
    const struct plan_request *request = planner->request;
    double task_ns = rates_convolution_ns(&request->costs.profile->master, &option->candidate.task);
    option->asked = request->distribute == PLAN_ALL ? request->cluster.workers : option->candidate.threshold;
    struct prediction_job job = job_of(planner, step, option->asked, task_ns);
    job.draws = 0;
    option->predicted = predict(&job, &option->candidate);
}

/* As it is decided: the times are only told. A number of workers that cannot be is the caller's to refuse. */
static void weigh_decided(const struct planner *planner, size_t step, struct plan_option *option) {
    const struct plan_decision *decision = &planner->request->decided[step];
    const struct cost_model *costs = &planner->request->costs;
    double task_ns = costs->convolution_ns(costs, &option->candidate.task, COST_WORKER, &option->kernel);
    option->weighed = true;
    option->kernel = decision->kernel;
    if (decision->asked < option->candidate.threshold || decision->asked > planner->request->cluster.workers)
        return;
    option->asked = decision->asked;
    struct prediction_job job = job_of(planner, step, option->asked, task_ns);
    option->predicted = predict(&job, &option->candidate);
}

/* By the cost model. How many are asked is chosen here: δ, and 1, 2, 4, ... more; by time, if the objective
 * does not tell. */
static void weigh(const struct planner *planner, size_t step, struct plan_option *option) {
    const struct plan_request *request = planner->request;
    const struct cost_model *costs = &request->costs;
    uint32_t n = request->cluster.workers, threshold = option->candidate.threshold;
    double task_ns = costs->convolution_ns(costs, &option->candidate.task, COST_WORKER, &option->kernel);
    option->weighed = true;
    double best = INFINITY;
    struct plan_option trial = *option;
    for (uint32_t spares = request->distribute == PLAN_ALL ? n - threshold : 0;;
         spares = spares ? 2 * spares : 1) {
        bool all = spares >= n - threshold;
        trial.asked = all ? n : threshold + spares;
        struct prediction_job job = job_of(planner, step, trial.asked, task_ns);
        trial.predicted = predict(&job, &trial.candidate);
        double score = plan_score(planner, &trial);
        if (score < best || (score == best && trial.predicted.total_ns < option->predicted.total_ns)) {
            best = score;
            *option = trial;
        }
        if (all)
            return;
    }
}

/* ---- all of a layer ---- */

struct ranked {
    double key;
    struct plan_option *option;
};

static int compare(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->key != y->key)
        return (x->key > y->key) - (x->key < y->key);
    return (x->option > y->option) - (x->option < y->option); /* as they were listed */
}

/* Bounds the option's error, and refuses it if that is beyond the budget; not if somebody else wanted it:
 * the cluster does not decode what would err by more. Only what may be chosen is looked at: n thresholds cost
 * n³ and more. */
static convoy_status bound_error(struct planner *planner, size_t step, struct plan_option *option) {
    const convoy_dtype frames = frames_of(planner, step);
    struct conditioning found;
    convoy_status status = plan_condition(planner, &option->candidate, frames, &found);
    if (status != CONVOY_OK)
        return status;
    option->error_bound = error_bound(frames, found.condition);
    option->noise_gain = found.noise_gain;
    const struct plan_request *request = planner->request;
    bool is_wanted = option->candidate.input_parts == request->input_parts &&
                     option->candidate.filter_parts == request->filter_parts;
    if (!is_wanted && !request->decided && !error_is_within_budget(frames, found.condition))
        option->refused = "its answers may not decode well";
    return CONVOY_OK;
}

/* Weighs the first of the ranked options, as many as are wanted, that may be chosen. */
static convoy_status weigh_first(struct planner *planner, size_t step, const struct ranked *ranked,
                                 size_t count, size_t wanted) {
    for (size_t i = 0; i < count && wanted > 0; i++) {
        struct plan_option *option = ranked[i].option;
        convoy_status status = option->weighed ? CONVOY_OK : bound_error(planner, step, option);
        if (status != CONVOY_OK)
            return status;
        if (option->refused)
            continue;
        if (!option->weighed)
            weigh(planner, step, option);
        wanted--;
    }
    return CONVOY_OK;
}

static double key_objective(const struct planner *planner, const struct plan_option *option) {
    return plan_score(planner, option);
}

static double key_time(const struct planner *planner, const struct plan_option *option) {
    (void)planner;
    return option->predicted.total_ns;
}

static double key_memory(const struct planner *planner, const struct plan_option *option) {
    (void)planner;
    return option->stored_bytes;
}

/* What makes an option promising, and how many are weighed for it. */
static const struct {
    double (*key)(const struct planner *planner, const struct plan_option *option);
    size_t wanted;
} promises[] = {{key_objective, WEIGHED_BEST}, {key_time, WEIGHED_FAST}, {key_memory, WEIGHED_SMALL}};

#define PROMISES (sizeof promises / sizeof promises[0])

static convoy_status weigh_promising(struct planner *planner, size_t step) {
    struct plan_layer *layer = &planner->layers[step];
    struct ranked *ranked = calloc(layer->option_count * PROMISES + 1, sizeof *ranked);
    convoy_status status = ranked ? CONVOY_OK : CONVOY_E_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < layer->option_count && status == CONVOY_OK; i++)
        count += !layer->options[i].refused;
    for (size_t p = 0; p < PROMISES && status == CONVOY_OK; p++) { /* all by the first estimate */
        struct ranked *first = ranked + p * count, *next = first;
        for (size_t i = 0; i < layer->option_count; i++)
            if (!layer->options[i].refused)
                *next++ = (struct ranked){promises[p].key(planner, &layer->options[i]), &layer->options[i]};
        qsort(first, count, sizeof *first, compare);
    }
    for (size_t p = 0; p < PROMISES && status == CONVOY_OK; p++)
        status = weigh_first(planner, step, ranked + p * count, count, promises[p].wanted);
    free(ranked);
    return status;
}

static void refuse_below(struct plan_layer *layer, uint32_t threshold, const char *why) {
    for (size_t i = 0; i < layer->option_count; i++)
        if (!layer->options[i].refused && layer->options[i].candidate.threshold < threshold)
            layer->options[i].refused = why;
}

static struct plan_option *largest_threshold(struct plan_layer *layer) {
    struct plan_option *largest = NULL;
    for (size_t i = 0; i < layer->option_count; i++) {
        struct plan_option *option = &layer->options[i];
        if (!option->refused && (!largest || option->candidate.threshold > largest->candidate.threshold))
            largest = option;
    }
    return largest;
}

/* The largest threshold whose answers decode well is what PLAN_ALL and PLAN_PAPER take. */
static convoy_status keep_largest_threshold(struct planner *planner, size_t step) {
    struct plan_layer *layer = &planner->layers[step];
    struct plan_option *largest;
    if (planner->request->distribute != PLAN_ALL && planner->request->objective != PLAN_PAPER)
        return CONVOY_OK;
    while ((largest = largest_threshold(layer))) {
        convoy_status status = bound_error(planner, step, largest);
        if (status != CONVOY_OK)
            return status;
        if (!largest->refused) {
            refuse_below(layer, largest->candidate.threshold, "others have a larger threshold");
            return CONVOY_OK;
        }
    }
    return CONVOY_OK;
}

/* The candidates: the one that is decided; else that with the parts that are wanted, if these are admitted,
 * else all. */
static convoy_status list_candidates(const struct plan_request *request, size_t step,
                                     const struct conv_geometry *layer, struct candidate **candidates,
                                     size_t *count) {
    struct candidate wanted;
    const struct plan_decision *decision = request->decided ? &request->decided[step] : NULL;
    uint32_t input_parts = decision ? decision->input_parts : request->input_parts;
    uint32_t filter_parts = decision ? decision->filter_parts : request->filter_parts;
    bool admitted = input_parts && candidate_of(&request->cluster, layer, input_parts, filter_parts, &wanted);
    if (!admitted && !request->decided)
        return candidates_create(&request->cluster, layer, candidates, count);
    *count = 0;
    if (!admitted)
        return CONVOY_OK;
    *candidates = malloc(sizeof wanted);
    if (!*candidates)
        return CONVOY_E_MEMORY;
    **candidates = wanted;
    *count = 1;
    return CONVOY_OK;
}

static void describe_option(const struct planner *planner, size_t step, struct plan_option *option) {
    option->stored_bytes = option->candidate.cost.stored * plan_element_bytes(&planner->subjects[step]);
    option->paper_cost = candidate_paper_cost(&option->candidate, planner->request->lambda);
    estimate(planner, step, option);
}

convoy_status plan_options_create(struct planner *planner, size_t step) {
    const struct plan_request *request = planner->request;
    const struct plan_subject *subject = &planner->subjects[step];
    struct plan_layer *layer = &planner->layers[step];
    struct candidate *candidates = NULL;
    convoy_status status =
        list_candidates(request, step, subject->geometry, &candidates, &layer->option_count);
    if (status == CONVOY_OK)
        layer->options = calloc(layer->option_count + 1, sizeof *layer->options);
    if (!layer->options)
        status = CONVOY_E_MEMORY;
    for (size_t i = 0; i < layer->option_count && status == CONVOY_OK; i++) {
        layer->options[i].candidate = candidates[i];
        describe_option(planner, step, &layer->options[i]);
    }
    free(candidates);
    if (status != CONVOY_OK)
        return status;
    if (request->decided) {
        if (layer->option_count == 0)
            return CONVOY_OK;
        weigh_decided(planner, step, &layer->options[0]);
        return bound_error(planner, step, &layer->options[0]);
    }
    status = keep_largest_threshold(planner, step);
    return status == CONVOY_OK ? weigh_promising(planner, step) : status;
}
