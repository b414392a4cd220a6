/* A convolution of a backend on memory of its own, to be timed. */
#ifndef COMPUTE_TRIAL_H
#define COMPUTE_TRIAL_H

#include "compute/backend.h"

struct trial {
    struct backend *backend;
    struct layer *layer;
    struct context *context;
    convoy_tensor in, out;
};

/* Prepares the convolution of this complete geometry, float32, by one kernel. False where that cannot be had;
 * trial_end follows in either case. */
bool trial_begin(struct trial *trial, struct backend *backend, const struct conv_geometry *geometry,
                 enum conv_kernel kernel);

/* Leaves the caches as a run of a network does: the weights gone, by reading `other`, the input there.
 * Without it small maps with many channels, whose time is that of reading weights, would seem three times as
 * fast, and Winograd's, four times as many, would win. */
void trial_settle(const struct trial *trial, const struct buffer *other);

/* Runs it once. */
bool trial_run(struct trial *trial);

void trial_end(struct trial *trial);

#endif
