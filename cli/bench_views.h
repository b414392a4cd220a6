/* What convoy bench measures, and prints. */
#ifndef CLI_BENCH_VIEWS_H
#define CLI_BENCH_VIEWS_H

#include "bench_options.h"

/* Whole inferences (latency.h), over sessions of their own. Returns the exit status. (bench_latency.c) */
int bench_show_latency(struct bench_options *options, const convoy_model *model);

/* The figures of convoy_bench. Returns the exit status. (bench_layers.c) */
int bench_show_layers(struct bench_options *options, const convoy_model *model);

#endif
