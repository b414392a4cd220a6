#include "plan/alternatives.h"

#include <math.h>

size_t plan_coded(const struct plan *plan) {
    size_t coded = 0;
    for (size_t s = 0; s < plan->count; s++)
        coded += plan->layers[s].coded;
    return coded;
}

double plan_error_bound(const struct plan *plan) {
    double largest = 0;
    for (size_t s = 0; s < plan->count; s++)
        if (plan->layers[s].chosen)
            largest = fmax(largest, plan->layers[s].chosen->error_bound);
    return largest;
}

double plan_noise_gain(const struct plan *plan) {
    double largest = 1;
    for (size_t s = 0; s < plan->count; s++)
        if (plan->layers[s].chosen)
            largest = fmax(largest, plan->layers[s].chosen->noise_gain);
    return largest;
}

const char *plan_refuses_code(const struct code_family *family, uint32_t stragglers, uint32_t reserve) {
    if (family->needs_all && stragglers > 0)
        return "it needs all answers";
    if (!family->on_circle && reserve > 0)
        return "it has no room for workers that join later";
    return NULL;
}

/* ns of one inference; for throughput, with several in flight. */
static double time_of(const struct plan *plan) {
    return plan->objective == PLAN_THROUGHPUT ? plan->busiest_ns : plan->planned_ns;
}

static double paper_cost_of(const struct plan *plan) {
    double cost = 0;
    for (size_t s = 0; s < plan->count; s++)
        if (plan->layers[s].chosen)
            cost += plan->layers[s].chosen->paper_cost;
    return cost;
}

bool plan_is_better(const struct plan *a, const struct plan *b) {
    const bool counted = a->objective == PLAN_BYTES || a->objective == PLAN_PAPER;
    const size_t coded_a = plan_coded(a), coded_b = plan_coded(b);
    if ((counted || !a->pays_only) && coded_a != coded_b)
        return coded_a > coded_b;
    const bool close_a = plan_error_bound(a) <= PLAN_CLOSE, close_b = plan_error_bound(b) <= PLAN_CLOSE;
    if (close_a != close_b)
        return close_a;
    if (counted) {
        bool paper = a->objective == PLAN_PAPER;
        double of_a = paper ? paper_cost_of(a) : a->up_bytes + a->down_bytes;
        double of_b = paper ? paper_cost_of(b) : b->up_bytes + b->down_bytes;
        if (of_a != of_b)
            return of_a < of_b;
    }
    const double time_a = time_of(a), time_b = time_of(b);
    const double gain_a = plan_noise_gain(a), gain_b = plan_noise_gain(b);
    if (fmin(time_a, time_b) > PLAN_ALIKE * fmax(time_a, time_b) && gain_a != gain_b)
        return gain_a < gain_b;
    return time_a < time_b;
}

const char *plan_refuses_halves(const struct plan *halves, const struct plan *floats) {
    if (!halves->pays_only && plan_coded(halves) < plan_coded(floats))
        return "it codes fewer layers";
    if (plan_error_bound(halves) > PLAN_HALVES_ERROR)
        return "a layer may err by more than 0.01";
    return time_of(halves) < PLAN_WORTH * time_of(floats) ? NULL : "not a fifth faster than f32";
}
