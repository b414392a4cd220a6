/* How fast a machine computes, by one small convolution of each kind. */
#ifndef RUNTIME_PROBE_RATES_H
#define RUNTIME_PROBE_RATES_H

#include "compute/backend.h"
#include "plan/profile.h"

/* The convolution of a kind, complete, dense. */
struct conv_geometry probe_convolution(enum rate_kind kind);

/* Multiply-adds per ns of the backend with its threads, by direct kernels. Each convolution runs once to warm
 * up, and then three times, of which the median counts; where the first run takes long, less often. Runs are
 * timed by the processor time of this thread. What of the time that passed it got, because others compute on
 * this machine or a control group limits it, is *share (0 to 1), by which the rates are multiplied. Takes
 * some 34 MB. False where a convolution cannot be had, or without memory. */
bool probe_rates_measure(struct backend *backend, struct compute_rates *rates, double *share);

#endif
