/* Measures the machines of a cluster for a profile: probes (runtime/probe.h) to its workers, and the same
 * here. docs/planning.md says how. */
#ifndef RUNTIME_CALIBRATION_H
#define RUNTIME_CALIBRATION_H

#include "plan/profile.h"
#include "runtime/cluster.h"

struct calibration_options {
    struct backend *backend;    /* of the master; borrowed */
    uint32_t shared_processors; /* not 0: the workers share so many with the master, and are measured one
                                   after the other, since each would slow the others down */
    uint64_t deadline_ns;       /* by clock_now_ns; what takes longer counts as no answer */
};

/* Fills the profile, but its name. Nothing else is asked of the cluster meanwhile, or times are wrong. A
 * worker that leaves a probe unanswered for five seconds, for twenty if it measures, is left out.
 * CONVOY_E_WORKERS where fewer than n - γ are left at the end; CONVOY_E_MEMORY. */
convoy_status cluster_calibrate(struct cluster *cluster, const struct calibration_options *options,
                                struct profile *profile, convoy_error *error);

#endif
