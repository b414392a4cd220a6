#include "plan/slowness.h"

#include <math.h>

/* Comparisons that fail for NaN. */
static bool is_within(double value, double least, double most) {
    return value >= least && value <= most;
}

bool slowness_is_valid(const struct slowness *slowness) {
    return is_within(slowness->deviation, 0, 2) && is_within(slowness->exponential, 0, 100) &&
           is_within(slowness->stall_share, 0, 1) &&
           is_within(slowness->stall_times, slowness->stall_share > 0 ? 1 : 0, 1e4);
}

bool slowness_is_none(const struct slowness *slowness) {
    return slowness->deviation == 0 && slowness->exponential == 0 && slowness->stall_share == 0;
}

double slowness_draw(const struct slowness *slowness, struct random *random) {
    double times = exp(slowness->deviation * random_normal(random));
    times *= 1 - slowness->exponential * log(1 - random_unit(random));
    return random_unit(random) < slowness->stall_share ? times * slowness->stall_times : times;
}
