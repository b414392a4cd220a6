#include "measure/job_time.h"

#include "base/clock.h"
#include "base/error.h"
#include "measure/layer_cluster.h"

#include <stdlib.h>
#include <sys/resource.h>

#define WARM_ROUNDS 100 /* before those that are counted */
#define DEADLINE_NS (10 * NS_PER_S)

static convoy_status start(struct layer_cluster **cluster, const struct job_setup *setup,
                           struct conv_geometry *layer, convoy_error *error) {
    *layer = (struct conv_geometry){.spatial = 2,
                                    .batch = 1,
                                    .groups = 1,
                                    .in_channels = 4,
                                    .out_channels = 8,
                                    .in = {8, 8},
                                    .kernel = {3, 3},
                                    .stride = {1, 1},
                                    .dilation = {1, 1},
                                    .pad_begin = {1, 1},
                                    .pad_end = {1, 1}};
    const struct layer_cluster_setup whole = {.layer = layer,
                                              .family = setup->family,
                                              .workers = setup->workers,
                                              .stragglers = setup->stragglers,
                                              .input_parts = setup->input_parts,
                                              .filter_parts = setup->filter_parts,
                                              .fallback = true,
                                              .deadline_ns = DEADLINE_NS,
                                              .faults = setup->faults,
                                              .fault_count = setup->fault_count};
    const convoy_status status = conv_geometry_complete(layer, error);
    return status == CONVOY_OK ? layer_cluster_create(cluster, &whole, error) : status;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * (double)NS_PER_S + (double)now.tv_nsec;
}

static double switches_now(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_nvcsw + (double)usage.ru_nivcsw;
}

/* spans: [rounds], scratch */
static convoy_status time_rounds(struct layer_cluster *cluster, uint32_t rounds, double *spans,
                                 struct job_times *times, convoy_error *error) {
    convoy_layer_report report = {0};
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; status == CONVOY_OK && i < WARM_ROUNDS; i++)
        status = layer_cluster_run(cluster, &report, error);
    if (status != CONVOY_OK)
        return status;
    if (!report.family)
        return error_set(error, CONVOY_E_INPUT, "the code does not admit the layer: %s", report.why_local);
    *times = (struct job_times){.threshold = report.threshold};
    double cpu_ns = cpu_now_ns(), switches = switches_now();
    for (uint32_t i = 0; status == CONVOY_OK && i < rounds; i++) {
        uint64_t start_ns = clock_now_ns();
        status = layer_cluster_run(cluster, &report, error);
        spans[i] = (double)(clock_now_ns() - start_ns);
        times->encode_ns += report.encode_ms * (double)NS_PER_MS / rounds;
        times->wait_ns += report.wait_ms * (double)NS_PER_MS / rounds;
        times->decode_ns += report.decode_ms * (double)NS_PER_MS / rounds;
        times->fallbacks += report.fallback;
    }
    times->cpu_ns = (cpu_now_ns() - cpu_ns) / rounds;
    times->switches = (switches_now() - switches) / rounds;
    qsort(spans, rounds, sizeof *spans, compare);
    times->min_ns = spans[0];
    times->median_ns = spans[rounds / 2];
    times->p90_ns = spans[(size_t)rounds * 9 / 10];
    times->p99_ns = spans[(size_t)rounds * 99 / 100];
    return status;
}

convoy_status job_times_measure(const struct job_setup *setup, struct job_times *times, convoy_error *error) {
    struct layer_cluster *cluster = NULL;
    struct conv_geometry layer;
    double *spans = calloc(setup->rounds, sizeof *spans);
    convoy_status status = spans ? start(&cluster, setup, &layer, error) : error_memory(error);
    if (status == CONVOY_OK)
        status = time_rounds(cluster, setup->rounds, spans, times, error);
    layer_cluster_destroy(&cluster);
    free(spans);
    return status;
}
