/* What the files of the plan share: plan.c (its life and its totals), plan_options.c (the ways to code a
 * layer, and what each takes), plan_condition.c (how well their answers decode) and plan_choice.c (which of
 * them is taken). */
#ifndef PLAN_PLAN_INTERNAL_H
#define PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

#define PLAN_DRAWS 64 /* of the workers' slowness */

/* What does the work, and what of it an inference takes. */
enum resource { RESOURCE_MASTER, RESOURCE_UP, RESOURCE_DOWN, RESOURCE_WORKERS, RESOURCES };

/* What is to be expected of a threshold; of these parts, if the family's κ depends on them, else 0,0. */
struct known_condition {
    convoy_dtype frames;
    uint32_t threshold, input_parts, filter_parts;
    struct conditioning largest;
};

struct planner {
    const struct plan_request *request;
    const struct plan_subject *subjects; /* [count] */
    struct plan_layer *layers;           /* [count] */
    size_t count;
    struct known_condition *conditions; /* [condition_count]: those that were looked at */
    size_t condition_count, condition_capacity;
    double *times;             /* [PLAN_DRAWS][workers]: prediction_draw; NULL: nobody is slow */
    double weights[RESOURCES]; /* of PLAN_THROUGHPUT */
    double price;              /* of a byte that a worker stores, in the units of the objective */
};

/* Fills the layer's options and what it takes here. CONVOY_E_MEMORY. */
convoy_status plan_options_create(struct planner *planner, size_t step);

/* κ of a candidate: the largest of a good choice of answers after likely losses of γ workers, or the first
 * that is beyond the budget of these frames. Kept for candidates that have the same. (plan_condition.c)
 * CONVOY_E_MEMORY. */
convoy_status plan_condition(struct planner *planner, const struct candidate *candidate, convoy_dtype frames,
                             struct conditioning *conditioning);

/* Chooses an option for every layer, or none. */
void plan_choose_all(struct planner *planner);

/* ns that the busiest resource has to do for one inference, as chosen. */
double plan_busiest_ns(const struct planner *planner);

/* ns (of all workers together divided by how many they are) that an option takes of each resource. */
void plan_option_use(const struct plan_request *request, const struct plan_option *option,
                     double use[RESOURCES]);

/* Bytes of an element of a step's tensors. */
double plan_element_bytes(const struct plan_subject *subject);

/* The least memory that a worker of the profile has, and the first worker with so little; 0: no bound. */
double plan_memory_bytes(const struct plan_request *request, uint32_t *worker);

/* Bytes that a worker needs for the coded filters of all chosen options, and for the largest task with its
 * answer. */
double plan_worker_bytes(const struct planner *planner);

/* What an objective makes of an option: less is better. */
double plan_score(const struct planner *planner, const struct plan_option *option);

#endif
