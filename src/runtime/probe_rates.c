#include "runtime/probe_rates.h"

#include "base/clock.h"
#include "base/median.h"
#include "base/memory.h"
#include "compute/trial.h"

#include <string.h>

enum { TIMED_RUNS = 3 };

/* Runs of one kind end when they have taken so long: on a slow machine one has to do. */
#define LONG_NS (150 * NS_PER_MS)

/* What is read between two runs, as a network reads the weights of other layers. */
#define OTHER_BYTES ((size_t)16 << 20)

/* 26 to 29 million multiply-adds; fewer where memory limits the rate. The product's matrix has 16 MiB. */
static const struct conv_geometry convolutions[RATE_KINDS] = {
    [RATE_CONVOLUTION] = {.spatial = 2,
                          .batch = 1,
                          .groups = 1,
                          .in_channels = 64,
                          .out_channels = 64,
                          .in = {28, 28},
                          .kernel = {3, 3},
                          .stride = {1, 1},
                          .dilation = {1, 1},
                          .pad_begin = {1, 1},
                          .pad_end = {1, 1}},
    [RATE_POINTWISE] = {.spatial = 2,
                        .batch = 1,
                        .groups = 1,
                        .in_channels = 128,
                        .out_channels = 256,
                        .in = {28, 28},
                        .kernel = {1, 1},
                        .stride = {1, 1},
                        .dilation = {1, 1}},
    [RATE_DEPTHWISE] = {.spatial = 2,
                        .batch = 1,
                        .groups = 192,
                        .in_channels = 192,
                        .out_channels = 192,
                        .in = {56, 56},
                        .kernel = {3, 3},
                        .stride = {1, 1},
                        .dilation = {1, 1},
                        .pad_begin = {1, 1},
                        .pad_end = {1, 1}},
    [RATE_PRODUCT] = {.layout = CONV_CHANNELS_LAST,
                      .spatial = 1,
                      .batch = 1,
                      .groups = 1,
                      .in_channels = 2048,
                      .out_channels = 2048,
                      .in = {1},
                      .kernel = {1},
                      .stride = {1},
                      .dilation = {1}},
};

struct conv_geometry probe_convolution(enum rate_kind kind) {
    struct conv_geometry geometry = convolutions[kind];
    conv_geometry_complete(&geometry, NULL); /* which the test sees succeed */
    return geometry;
}

/* ns of a run; 0 where there is none. */
static double measure(struct trial *trial, const struct buffer *other) {
    double ns[TIMED_RUNS] = {0};
    uint64_t all_ns = 0;
    size_t runs = 0;
    for (int run = 0; run <= TIMED_RUNS && (run == 0 || all_ns < LONG_NS); run++) {
        trial_settle(trial, other);
        uint64_t start_ns = clock_thread_ns();
        if (!trial_run(trial))
            return 0;
        uint64_t spent_ns = clock_thread_ns() - start_ns + 1;
        all_ns += spent_ns;
        runs = run == 1 ? 0 : runs; /* the first run warms up, and counts if it is the only one */
        ns[runs++] = (double)spent_ns;
    }
    return median(ns, runs);
}

bool probe_rates_measure(struct backend *backend, struct compute_rates *rates, double *share) {
    struct compute_rates measured;
    const uint64_t start_ns = clock_now_ns(), start_thread_ns = clock_thread_ns();
    struct buffer *other = buffer_create(OTHER_BYTES);
    bool good = other;
    if (good)
        memset(other->data, 1, other->bytes);
    for (int kind = 0; good && kind < RATE_KINDS; kind++) {
        struct conv_geometry geometry = probe_convolution((enum rate_kind)kind);
        struct trial trial;
        conv_lay_in_blocks(&geometry, backend->block, backend->block);
        double ns = trial_begin(&trial, backend, &geometry, CONV_DIRECT) ? measure(&trial, other) : 0;
        trial_end(&trial);
        good = ns > 0;
        measured.macs_per_ns[kind] = (double)conv_macs(&geometry) / (good ? ns : 1);
    }
    buffer_release(&other);
    if (!good)
        return false;
    double got = (double)(clock_thread_ns() - start_thread_ns) / (double)(clock_now_ns() - start_ns + 1);
    *share = got < 1 ? got : 1;
    for (int kind = 0; kind < RATE_KINDS; kind++)
        rates->macs_per_ns[kind] = measured.macs_per_ns[kind] * *share;
    return true;
}
