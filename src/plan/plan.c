#include "plan/plan_internal.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGEST_LAMBDA 1e12

static convoy_status check_request(const struct plan_request *request, convoy_error *error) {
    static const char *const names[LAMBDAS] = {"up", "down", "store", "comp"};
    if (request->cluster.workers > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_USAGE, "a plan for %u workers: must be for 0 to %d",
                         request->cluster.workers, CONVOY_MAX_WORKERS);
    for (int i = 0; i < LAMBDAS; i++)
        if (!(request->lambda[i] >= 0 && request->lambda[i] <= LARGEST_LAMBDA))
            return error_set(error, CONVOY_E_USAGE, "lambda of %s is %g: must be from 0 to %g", names[i],
                             request->lambda[i], LARGEST_LAMBDA);
    return profile_check(request->costs.profile, error);
}

/* Why no layer can be coded at all; NULL if some may be. */
static const char *why_no_code(const struct plan_request *request) {
    if (request->cluster.workers == 0)
        return "there are no workers";
    if (candidates_most_threshold(&request->cluster) == 0)
        return "as many stragglers are allowed as there are workers";
    return NULL;
}

/* A convolution by its kernel; what else there is as fast as its bytes are read and written. */
static double here_ns(const struct plan_request *request, const struct plan_subject *subject) {
    const struct cost_model *costs = &request->costs;
    enum conv_kernel kernel;
    if (!subject->geometry)
        return subject->bytes / costs->profile->bytes_per_ns;
    struct conv_geometry laid = *subject->geometry;
    conv_lay_in_blocks(&laid, request->cluster.block, request->cluster.block);
    double share = subject->macs_here > 0 ? subject->macs_here : 1;
    return share * costs->convolution_ns(costs, &laid, COST_MASTER, &kernel);
}

/* What is decided elsewhere must be what is admitted. */
static convoy_status check_decision(const struct planner *planner, size_t step, convoy_error *error) {
    const struct plan_request *request = planner->request;
    const struct plan_layer *layer = &planner->layers[step];
    if (!request->decided || !request->decided[step].coded)
        return CONVOY_OK;
    const struct plan_decision *decision = &request->decided[step];
    if (!layer->option_count)
        return error_set(error, CONVOY_E_INPUT, "layer %.100s cannot be coded in parts %u,%u: %s",
                         layer->name, decision->input_parts, decision->filter_parts,
                         layer->why_local ? layer->why_local : "the layer or the code does not admit them");
    const struct plan_option *option = &layer->options[0];
    if (decision->threshold != option->candidate.threshold)
        return error_set(error, CONVOY_E_INPUT, "layer %.100s: parts %u,%u have a threshold of %u, not %u",
                         layer->name, decision->input_parts, decision->filter_parts,
                         option->candidate.threshold, decision->threshold);
    if (decision->asked < decision->threshold || decision->asked > request->cluster.workers)
        return error_set(error, CONVOY_E_INPUT, "layer %.100s: %u workers asked: must be %u to %u",
                         layer->name, decision->asked, decision->threshold, request->cluster.workers);
    return CONVOY_OK;
}

/* A worker that has too little memory would forget layers and ask for them again, at every inference. */
static convoy_status check_memory(const struct planner *planner, convoy_error *error) {
    uint32_t worker;
    double needed = plan_worker_bytes(planner), there = plan_memory_bytes(planner->request, &worker);
    if (there > 0 && needed > there)
        return error_set(error, CONVOY_E_INPUT,
                         "the plan needs %.0f bytes of every worker: worker %u of the profile %s has %.0f",
                         needed, worker, planner->request->costs.profile->name, there);
    return CONVOY_OK;
}

static convoy_status plan_step(struct planner *planner, size_t step) {
    const struct plan_request *request = planner->request;
    const struct plan_subject *subject = &planner->subjects[step];
    struct plan_layer *layer = &planner->layers[step];
    layer->name = subject->name;
    layer->here_ns = here_ns(request, subject);
    layer->why_local = subject->why_local ? subject->why_local : why_no_code(request);
    if (layer->why_local)
        return CONVOY_OK;
    layer->why_local = "its rows and channels do not suit the parts that this code takes";
    if (!request->decided || request->decided[step].coded)
        return plan_options_create(planner, step);
    convoy_status status = candidates_any(&request->cluster, subject->geometry, &layer->left_here);
    if (layer->left_here)
        layer->why_local = "the plan leaves it here";
    return status;
}

/* Copies what was chosen to where the cluster reads it, and adds up. */
static void total(struct plan *plan, const struct planner *planner) {
    double workers_ns = 0,
           master_ns = 0; /* one worker's tasks, and what of the master and its link they take */
    for (size_t s = 0; s < plan->count; s++) {
        struct plan_layer *layer = &plan->layers[s];
        const struct plan_option *option = layer->chosen;
        plan->here_ns += layer->here_ns;
        plan->planned_ns += option ? option->predicted.total_ns : layer->here_ns;
        layer->coded = option;
        if (!option)
            continue;
        layer->why_local = NULL;
        layer->input_parts = option->candidate.input_parts;
        layer->filter_parts = option->candidate.filter_parts;
        layer->threshold = option->candidate.threshold;
        layer->asked = option->asked;
        layer->kernel = option->kernel;
        plan->up_bytes += option->predicted.up_bytes;
        plan->down_bytes += option->predicted.down_bytes;
        workers_ns += option->predicted.task_ns;
        master_ns += option->predicted.encode_ns / option->asked +
                     fmax(option->predicted.up_ns, option->predicted.down_ns);
    }
    bool shared = planner->request->costs.profile->shared_processors > 0; /* more workers add none */
    plan->fed_workers = master_ns > 0 && !shared ? workers_ns / master_ns : 0;
    plan->busiest_ns = plan_busiest_ns(planner);
    plan->stored_bytes = plan_worker_bytes(planner);
    plan->memory_bytes = plan_memory_bytes(planner->request, &plan->memory_worker);
}

static convoy_status plan_steps(struct planner *planner, convoy_error *error) {
    for (int r = 0; r < RESOURCES; r++)
        planner->weights[r] = 1.0 / RESOURCES;
    const struct plan_request *request = planner->request;
    convoy_status status = prediction_draw(&planner->times, request->costs.profile, request->cluster.workers,
                                           PLAN_DRAWS, request->seed);
    if (status != CONVOY_OK)
        error_memory(error);
    for (size_t s = 0; s < planner->count && status == CONVOY_OK; s++) {
        if (plan_step(planner, s) != CONVOY_OK)
            status = error_memory(error);
        else
            status = check_decision(planner, s, error);
        if (status == CONVOY_OK && planner->request->progress)
            planner->request->progress(planner->request->progress_context, s + 1, planner->count);
    }
    free(planner->conditions);
    free(planner->times);
    if (status != CONVOY_OK)
        return status;
    plan_choose_all(planner);
    return planner->request->decided ? check_memory(planner, error) : CONVOY_OK;
}

convoy_status plan_create(struct plan **out, const struct plan_request *request,
                          const struct plan_subject *subjects, size_t count, convoy_error *error) {
    convoy_status status = check_request(request, error);
    if (status != CONVOY_OK)
        return status;
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan)
        plan->layers = calloc(count + 1, sizeof *plan->layers);
    if (!plan || !plan->layers) {
        plan_destroy(&plan);
        return error_memory(error);
    }
    plan->count = count;
    plan->family = request->cluster.family->name;
    plan->code_seed = request->cluster.family->random ? request->seed : 0;
    plan->code_hash = request->cluster.family->hash;
    plan->frames = request->frames;
    plan->cut_width = request->cut_width;
    plan->objective = request->objective;
    plan->workers = request->cluster.workers;
    plan->pays_only = request->distribute == PLAN_PAYING;
    plan->stragglers = request->cluster.stragglers;
    const char *profile = request->costs.profile->name;
    snprintf(plan->profile, sizeof plan->profile, "%s", profile[0] ? profile : "unnamed profile");
    struct planner planner = {
        .request = request, .subjects = subjects, .layers = plan->layers, .count = count};
    status = plan_steps(&planner, error);
    if (status != CONVOY_OK) {
        plan_destroy(&plan);
        return status;
    }
    total(plan, &planner);
    *out = plan;
    return CONVOY_OK;
}

void plan_destroy(struct plan **slot) {
    struct plan *plan = slot ? *slot : NULL;
    if (!plan)
        return;
    *slot = NULL;
    for (size_t s = 0; plan->layers && s < plan->count; s++)
        free(plan->layers[s].options);
    free(plan->layers);
    free(plan);
}
