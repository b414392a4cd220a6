/* How much longer than usual a worker takes: one description for plans, profiles and simulations. The
 * multiple of the usual time is exp(deviation·N) · (1 + exponential·E) · (stall, in a share of the answers),
 * N standard normal, E standard exponential: small jitter, the nearly memoryless slowness of shared machines,
 * and rare answers that take many times as long. All zero: always the usual time. */
#ifndef PLAN_SLOWNESS_H
#define PLAN_SLOWNESS_H

#include "base/random.h"

#include <stdbool.h>

struct slowness {
    double deviation;   /* of the logarithm of the time; 0..2 */
    double exponential; /* mean of the exponential part, in usual times; 0..100 */
    double stall_share; /* of the answers that stall; 0..1 */
    double stall_times; /* as many usual times does such an answer take; 1..1e4, 0 if there are none */
};

/* Whether all of it is within its range. */
bool slowness_is_valid(const struct slowness *slowness);

/* Whether it is always the usual time. */
bool slowness_is_none(const struct slowness *slowness);

/* A random multiple of the usual time. */
double slowness_draw(const struct slowness *slowness, struct random *random);

#endif
