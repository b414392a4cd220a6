/* How fast this machine runs a model, each figure beside its floor. */
#ifndef CONVOY_BENCH_H
#define CONVOY_BENCH_H

#include <convoy/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One figure. Strings are borrowed during the call. */
typedef struct convoy_bench_figure {
    const char *part; /* "machine", "job", "kernel", "share", "encode", "decode", "network" */
    const char *name; /* of the layer, or what is measured */
    const char *unit; /* "ms", "us", "GB/s", "GMAC/s" */
    double value;
    double floor; /* what a perfect program would take here, in the same unit; 0: there is none */
} convoy_bench_figure;

/* Measures and calls take with each figure, in this order:
 *
 * "machine": the rates from which the floors come: memcpy (read plus written), and the multiply-adds of a
 * direct convolution that suits the kernels, both on one thread.
 *
 * "job": a layer of no size on n worker threads: what a job costs besides computing, wall and CPU time.
 *
 * For each layer that the plan codes, and then for "all" of them; nothing where it codes none:
 *
 * "kernel": the layer whole, by its fastest kernel, on one thread, in CPU time; floor: the larger of its
 * multiply-adds and of its bytes at these rates (Winograd's algorithm may go below).
 *
 * "share": δ times one worker's convolution of the layer, in CPU time; floor: the figure before.
 *
 * "encode": its input coded for all n workers, one thread; floor: memcpy of as many bytes.
 *
 * "decode": its output from δ answers; floor: memcpy of as many bytes.
 *
 * "network": wall and CPU time of an inference alone and on n worker threads of this process, in turns;
 * floors: for the network alone those of its layers; on workers the coded layers' time in the network alone,
 * for the CPU time times n/δ.
 *
 * Times are medians over `runs`, except that of kernels the best of a few trials is kept
 * (options->trial_folder). Of the options it takes workers, stragglers, parts, code, placement, precision,
 * threads, seed and trials; the inputs are random. Code and precision are settled once for all
 * (convoy_options_settle). Takes some seconds. CONVOY_E_USAGE, CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED,
 * CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_bench(const convoy_model *model, const convoy_shape *input_shapes,
                                      const convoy_options *options, uint32_t runs,
                                      void (*take)(void *context, const convoy_bench_figure *figure),
                                      void *context, convoy_error *error);

/* Inputs to measure the model with, of these shapes, one for each model input: float32 elements are random,
 * by the seed, from -1 to 1; all others are zeros, which every index and every count may be. Fills inputs[],
 * each to be released. CONVOY_E_USAGE for a shape with an open axis, CONVOY_E_MEMORY; then nothing is to be
 * released. */
CONVOY_API convoy_status convoy_bench_inputs(const convoy_model *model, const convoy_shape *input_shapes,
                                             uint64_t seed, convoy_tensor *inputs, convoy_error *error);

/* The machine and the build in one line: processor, how many, libraries, version. text is returned. */
CONVOY_API const char *convoy_bench_machine(char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
