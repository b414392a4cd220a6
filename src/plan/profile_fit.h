/* From what was measured of workers and of the link to what stands in a profile. Passive. */
#ifndef PLAN_PROFILE_FIT_H
#define PLAN_PROFILE_FIT_H

#include "plan/profile.h"

#define FIT_MOST_ROUNDS 7

/* Of one worker; at least one round. */
struct worker_measures {
    struct compute_rates rates[FIT_MOST_ROUNDS]; /* [rounds] */
    uint32_t rounds;
    uint64_t memory_bytes;
};

/* Medians over the rounds. */
struct compute_rates rates_fit(const struct compute_rates *rates, uint32_t rounds);

/* The standard deviation of the logarithm of the times over the rounds, of all kinds together, and at most 1;
 * 0 for fewer than three rounds. */
double deviation_fit(const struct compute_rates *rates, uint32_t rounds);

/* profile->workers: each worker's rates are its medians. Workers whose rates of every kind are within a tenth
 * of those of an earlier one are of its kind, whose rates are their averages; its memory_bytes are the least
 * of theirs (more than PROFILE_MOST_BYTES: no bound). 1 to CONVOY_MAX_WORKERS of them. */
void workers_fit(struct profile *profile, const struct worker_measures *measures, uint32_t count);

/* Bytes per ns of a link that all share, from `bytes` to or from each of `count` workers, the i-th of which
 * was done after done_ns[i] (which are sorted). What counts is the best rate until half of them or more were
 * done: one worker with a slow link of its own does not make the shared one seem slow. */
double link_fit(double bytes, double *done_ns, uint32_t count);

#endif
