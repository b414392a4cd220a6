/* What the machine can do: the rates from which floors come. */
#include "bench/bench.h"

#include "base/copy_rate.h"
#include "base/error.h"
#include "base/processor.h"

#include <stdio.h>
#include <unistd.h>

#include <convoy/version.h>

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

convoy_status bench_machine(struct bench *bench, uint32_t block, struct kernel_times *times,
                            convoy_error *error) {
    struct conv_geometry geometry = suitable;
    bench->copy_rate = copy_rate_measure(bench->runs);
    convoy_status status =
        bench->copy_rate > 0 ? conv_geometry_complete(&geometry, error) : error_memory(error);
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
