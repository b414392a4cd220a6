/* What things take, as a planner asks for it: a table of functions, behind which stand kernels that were
 * timed here, the rates of a profile alone, or a simulation. */
#ifndef PLAN_COST_MODEL_H
#define PLAN_COST_MODEL_H

#include "plan/profile.h"

/* The place at which a convolution is computed. */
enum cost_place { COST_MASTER, COST_WORKER };

struct cost_model {
    /* ns that the master's processor takes for a convolution of this complete geometry, on the threads of one
     * backend, by the fastest kernel that is exact enough for the place, which it names. What a worker takes
     * follows from the profile's rates. Not 0. */
    double (*convolution_ns)(const struct cost_model *model, const struct conv_geometry *geometry,
                             enum cost_place place, enum conv_kernel *kernel);
    const struct profile *profile; /* borrowed */
    void *context;
};

/* Counts: multiply-adds at the profile's rates, and direct kernels. Nothing is timed: the same on every
 * machine. */
struct cost_model cost_model_counted(const struct profile *profile);

/* ns of a worker for what takes the master so long. */
double cost_worker_ns(const struct profile *profile, uint32_t worker, enum rate_kind kind, double master_ns);

#endif
