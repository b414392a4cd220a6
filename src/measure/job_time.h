/* What one job costs in all where there is next to nothing to compute: a layer of no size over n worker
 * threads, from its input to its output. */
#ifndef MEASURE_JOB_TIME_H
#define MEASURE_JOB_TIME_H

#include "code/code.h"
#include "transport/fault.h"

#include <convoy/status.h>

#include <stddef.h>

/* The layer: 4 channels of 8 x 8 to 8 channels of 8 x 8 by kernels of 3 x 3, float32. */
struct job_setup {
    const struct code_family *family;
    uint32_t workers, stragglers;       /* n, γ */
    uint32_t input_parts, filter_parts; /* k_A, k_B; 0,0: chosen */
    const struct fault *faults;
    size_t fault_count;
    uint32_t rounds; /* >= 1 */
};

/* Of a job, over all rounds. Wall time in quantiles; CPU time and context switches, of all threads of the
 * process, on average. The stages are averages of wall time. */
struct job_times {
    uint32_t threshold; /* δ */
    double min_ns, median_ns, p90_ns, p99_ns;
    double encode_ns, wait_ns, decode_ns;
    double cpu_ns, switches;
    uint32_t fallbacks; /* rounds whose layer was computed here */
};

/* Runs the layer round after round, one at a time, by oneDNN's kernels. CONVOY_E_USAGE where the setup makes
 * no sense, CONVOY_E_INPUT if the code does not admit the layer, CONVOY_E_MEMORY. Blocks for all rounds.
 */
convoy_status job_times_measure(const struct job_setup *setup, struct job_times *times, convoy_error *error);

#endif
