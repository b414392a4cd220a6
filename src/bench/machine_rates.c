/* What the machine can do: the rates from which floors come. */
#include "bench/bench.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/processor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <convoy/version.h>

enum { COPY_BYTES = 64 << 20, MOST_RUNS = 64 };

/* A layer that suits the kernels: many channels, rows that fill the vectors. */
static const struct conv_geometry suitable = {.spatial = 2,
                                              .batch = 1,
                                              .groups = 1,
                                              .in_channels = 256,
                                              .out_channels = 256,
                                              .in = {56, 56},
                                              .kernel = {3, 3},
                                              .stride = {1, 1},
                                              .dilation = {1, 1},
                                              .pad_begin = {1, 1},
                                              .pad_end = {1, 1}};

static convoy_status measure_copy(struct bench *bench, convoy_error *error) {
    char *from = memory_aligned(COPY_BYTES), *to = memory_aligned(COPY_BYTES);
    double ns[MOST_RUNS];
    uint32_t runs = bench->runs < MOST_RUNS ? bench->runs : MOST_RUNS;
    if (!from || !to) {
        free(from);
        free(to);
        return error_memory(error);
    }
    memset(from, 1, COPY_BYTES);
    memset(to, 2, COPY_BYTES);
    for (uint32_t run = 0; run < runs; run++) {
        uint64_t start_ns = clock_now_ns();
        memcpy(to, from, COPY_BYTES);
        ns[run] = (double)(clock_now_ns() - start_ns);
        from[run] = to[COPY_BYTES - 1 - run]; /* so that no copy is left out */
    }
    bench->copy_rate = 2.0 * COPY_BYTES / bench_median(ns, runs);
    free(from);
    free(to);
    return CONVOY_OK;
}

convoy_status bench_machine(struct bench *bench, uint32_t block, struct kernel_times *times,
                            convoy_error *error) {
    convoy_status status = measure_copy(bench, error);
    struct conv_geometry geometry = suitable;
    if (status == CONVOY_OK)
        status = conv_geometry_complete(&geometry, error);
    if (status != CONVOY_OK)
        return status;
    conv_lay_in_blocks(&geometry, block, block);
    uint64_t ns = kernel_times_of(times, &geometry, CONV_DIRECT);
    if (ns == 0)
        return error_memory(error);
    bench->mac_rate = (double)conv_macs(&geometry) / (double)ns;
    bench_take(bench, "machine", "memcpy", "GB/s", bench->copy_rate, 0);
    bench_take(bench, "machine", "direct convolution", "GMAC/s", bench->mac_rate, 0);
    return CONVOY_OK;
}

const char *convoy_bench_machine(char *text, size_t size) {
    char processor[256];
    snprintf(text, size, "%s, %ld processors; Convoy %s, compiler %s",
             processor_name(processor, sizeof processor), sysconf(_SC_NPROCESSORS_ONLN), CONVOY_VERSION,
             __VERSION__);
    return text;
}
