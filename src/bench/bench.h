/* What the files of this room share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "compute/kernel_times.h"

#include <convoy/bench.h>

/* One measurement of everything. */
struct bench {
    const convoy_model *model;
    const convoy_shape *input_shapes;
    const convoy_options *options;
    uint32_t runs;
    void (*take)(void *context, const convoy_bench_figure *figure);
    void *context;
    double copy_rate; /* bytes/ns, read plus written, one thread */
    double mac_rate;  /* multiply-adds/ns, one thread */
    double floor_ms;  /* of all coded layers */
};

void bench_take(const struct bench *bench, const char *part, const char *name, const char *unit, double value,
                double floor);

/* Sets the two rates. (machine_rates.c) CONVOY_E_MEMORY. */
convoy_status bench_machine(struct bench *bench, uint32_t block, struct kernel_times *times,
                            convoy_error *error);

/* kernel, share, encode and decode; sets floor_ms. (layer_times.c) */
convoy_status bench_layers(struct bench *bench, struct backend *backend, struct kernel_times *times,
                           convoy_error *error);

/* network. (network_times.c) */
convoy_status bench_network(struct bench *bench, convoy_error *error);

#endif
