/* Whole inferences, alone and on workers, in turns. */
#include "bench/bench.h"

#include "base/error.h"
#include "base/median.h"
#include "base/random.h"
#include "model/graph.h"

#include <stdlib.h>
#include <sys/resource.h>

/* Times of the runs of one session. */
struct runs {
    convoy_session *session;
    double *wall_ms, *cpu_ms; /* [bench->runs] */
};

static double cpu_ms(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static convoy_status run_once(struct runs *runs, const convoy_tensor *inputs, uint32_t run,
                              convoy_result **result, convoy_error *error) {
    double before_ms = cpu_ms();
    convoy_status status = convoy_session_run(runs->session, inputs, result, error);
    if (status != CONVOY_OK)
        return status;
    runs->cpu_ms[run] = cpu_ms() - before_ms;
    runs->wall_ms[run] = (*result)->ms;
    return CONVOY_OK;
}

/* What the layers that workers compute take in the network alone: as they are, and n/δ times (CPU time). */
struct coded_part {
    double *wall_ms, *shares_cpu_ms; /* [bench->runs] */
    uint32_t degraded;               /* runs */
};

/* Where the master computes a layer itself in every run, there is nothing to measure. */
static convoy_status check_coded(const struct bench *bench, struct coded_part *part,
                                 const convoy_result *coded, convoy_error *error) {
    part->degraded += coded->degraded;
    if (part->degraded <= bench->runs)
        return CONVOY_OK;
    size_t i = 0;
    while (!coded->layers[i].fallback)
        i++;
    return error_set(error, CONVOY_E_WORKERS,
                     "layer %s is computed by the master in every run (%s): no time of the workers'",
                     coded->layers[i].name, coded->layers[i].why_local);
}

static void take_coded_part(struct coded_part *part, uint32_t run, const struct runs *alone,
                            const convoy_result *result, const convoy_result *coded, uint32_t workers) {
    double wall_ms = 0, shares_ms = 0;
    for (size_t i = 0; i < result->layer_count; i++) {
        if (!coded->layers[i].coded)
            continue;
        wall_ms += result->layers[i].wall_ms;
        shares_ms += result->layers[i].wall_ms * workers / coded->layers[i].threshold;
    }
    part->wall_ms[run] = wall_ms;
    part->shares_cpu_ms[run] = shares_ms * alone->cpu_ms[run] / alone->wall_ms[run];
}

/* In turns; the first run of each, which touches memory for the first time, does not count. */
static convoy_status run_all(const struct bench *bench, struct runs *alone, struct runs *coded,
                             struct coded_part *part, const convoy_tensor *inputs, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (uint32_t run = 0; run <= bench->runs && status == CONVOY_OK; run++) {
        uint32_t slot = run ? run - 1 : 0;
        convoy_result *a = NULL, *c = NULL;
        status = run_once(alone, inputs, slot, &a, error);
        if (status == CONVOY_OK)
            status = run_once(coded, inputs, slot, &c, error);
        if (status == CONVOY_OK)
            take_coded_part(part, slot, alone, a, c, bench->options->workers);
        if (status == CONVOY_OK)
            status = check_coded(bench, part, c, error);
        convoy_result_destroy(&a);
        convoy_result_destroy(&c);
    }
    return status;
}

static void take_network(const struct bench *bench, struct runs *alone, struct runs *coded,
                         struct coded_part *part) {
    uint32_t runs = bench->runs;
    bench_take(bench, "network", "alone, wall", "ms", median(alone->wall_ms, runs), bench->floor_ms);
    bench_take(bench, "network", "alone, CPU", "ms", median(alone->cpu_ms, runs), bench->floor_ms);
    bench_take(bench, "network", "on workers, wall", "ms", median(coded->wall_ms, runs),
               median(part->wall_ms, runs));
    bench_take(bench, "network", "on workers, CPU", "ms", median(coded->cpu_ms, runs),
               median(part->shares_cpu_ms, runs));
}

static void release_inputs(convoy_tensor *inputs, size_t count) {
    for (size_t i = 0; inputs && i < count; i++)
        convoy_tensor_release(&inputs[i]);
}

convoy_status convoy_bench_inputs(const convoy_model *model, const convoy_shape *input_shapes, uint64_t seed,
                                  convoy_tensor *inputs, convoy_error *error) {
    const convoy_value_info *infos;
    struct random random;
    if (!model || (model->input_count > 0 && (!input_shapes || !inputs)))
        return error_null(error, __func__);
    const size_t count = convoy_model_inputs(model, &infos);
    random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        const convoy_status status =
            convoy_tensor_create(&inputs[i], infos[i].dtype, &input_shapes[i], error);
        if (status != CONVOY_OK) {
            release_inputs(inputs, i);
            return status;
        }
        const size_t elements = convoy_tensor_elements(&inputs[i]);
        for (size_t k = 0; inputs[i].dtype == CONVOY_F32 && k < elements; k++)
            ((float *)inputs[i].data)[k] = (float)(2 * random_unit(&random) - 1);
    }
    return CONVOY_OK;
}

static convoy_status open_runs(const struct bench *bench, struct runs *runs, bool local,
                               convoy_error *error) {
    convoy_options options = *bench->options;
    options.local = local;
    if (local)
        options.verify = CONVOY_VERIFY_OFF; /* there are no answers */
    runs->wall_ms = calloc(bench->runs, sizeof *runs->wall_ms);
    runs->cpu_ms = calloc(bench->runs, sizeof *runs->cpu_ms);
    if (!runs->wall_ms || !runs->cpu_ms)
        return error_memory(error);
    return convoy_session_create(&runs->session, bench->model, bench->input_shapes, &options, error);
}

static void close_runs(struct runs *runs) {
    convoy_session_destroy(&runs->session);
    free(runs->wall_ms);
    free(runs->cpu_ms);
}

convoy_status bench_network(struct bench *bench, convoy_error *error) {
    const convoy_value_info *infos;
    size_t count = convoy_model_inputs(bench->model, &infos);
    convoy_tensor *inputs = calloc(count + 1, sizeof *inputs);
    struct runs alone = {0}, coded = {0};
    struct coded_part part = {.wall_ms = calloc(bench->runs, sizeof(double)),
                              .shares_cpu_ms = calloc(bench->runs, sizeof(double))};
    bool memory = inputs && part.wall_ms && part.shares_cpu_ms;
    convoy_status status =
        memory ? convoy_bench_inputs(bench->model, bench->input_shapes, bench->options->seed, inputs, error)
               : error_memory(error);
    if (status == CONVOY_OK)
        status = open_runs(bench, &alone, true, error);
    if (status == CONVOY_OK)
        status = open_runs(bench, &coded, false, error);
    if (status == CONVOY_OK)
        status = run_all(bench, &alone, &coded, &part, inputs, error);
    if (status == CONVOY_OK)
        take_network(bench, &alone, &coded, &part);
    close_runs(&alone);
    close_runs(&coded);
    free(part.wall_ms);
    free(part.shares_cpu_ms);
    release_inputs(inputs, count);
    free(inputs);
    return status;
}
