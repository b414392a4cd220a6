/* How fast a machine computes, by one small convolution of each kind. */
#ifndef RUNTIME_PROBE_RATES_H
#define RUNTIME_PROBE_RATES_H

#include "compute/backend.h"
#include "plan/profile.h"

/* The convolution of a kind, complete, dense. */
struct conv_geometry probe_convolution(enum rate_kind kind);

/* Multiply-adds per ns of wall time of the backend with its threads, by direct kernels. Each convolution runs
 * once to warm up, and then three times, of which the median counts; where the first run takes long, less
 * often. Takes some 34 MB. False where a convolution cannot be had, or without memory. */
bool probe_rates_measure(struct backend *backend, struct compute_rates *rates);

#endif
