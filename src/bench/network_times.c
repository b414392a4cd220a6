/* Whole inferences, alone and on workers, in turns. */
#include "bench/bench.h"

#include "base/error.h"
#include "base/random.h"
#include "base/tensor.h"

#include <stdlib.h>
#include <sys/resource.h>

/* Times of the runs of one session. */
struct runs {
    convoy_session *session;
    double *wall_ms, *cpu_ms; /* [bench->runs] */
    double coded_ms, rest_ms; /* of the last run: layers that are coded on workers, and the others */
    double coded_times_n_over_delta_ms;
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

/* Splits the time of the network alone by what the other session codes. */
static void split(struct runs *alone, const convoy_result *result, const convoy_result *coded,
                  uint32_t workers) {
    alone->coded_ms = alone->rest_ms = alone->coded_times_n_over_delta_ms = 0;
    for (size_t i = 0; i < result->layer_count && i < coded->layer_count; i++) {
        double ms = result->layers[i].wall_ms;
        if (!coded->layers[i].coded) {
            alone->rest_ms += ms;
            continue;
        }
        alone->coded_ms += ms;
        alone->coded_times_n_over_delta_ms += ms * workers / coded->layers[i].threshold;
    }
}

/* In turns; the first run of each, which touches memory for the first time, does not count. */
static convoy_status run_all(const struct bench *bench, struct runs *alone, struct runs *coded,
                             const convoy_tensor *inputs, convoy_error *error) {
    double *split_ms[2] = {calloc(bench->runs, sizeof(double)), calloc(bench->runs, sizeof(double))};
    convoy_status status = split_ms[0] && split_ms[1] ? CONVOY_OK : error_memory(error);
    for (uint32_t run = 0; run <= bench->runs && status == CONVOY_OK; run++) {
        uint32_t slot = run ? run - 1 : 0;
        convoy_result *a = NULL, *c = NULL;
        status = run_once(alone, inputs, slot, &a, error);
        if (status == CONVOY_OK)
            status = run_once(coded, inputs, slot, &c, error);
        if (status == CONVOY_OK) {
            split(alone, a, c, bench->options->workers);
            split_ms[0][slot] = alone->coded_ms;
            split_ms[1][slot] =
                alone->coded_times_n_over_delta_ms * alone->cpu_ms[slot] / alone->wall_ms[slot];
        }
        convoy_result_destroy(&a);
        convoy_result_destroy(&c);
    }
    if (status == CONVOY_OK) {
        alone->coded_ms = bench_median(split_ms[0], bench->runs);
        alone->coded_times_n_over_delta_ms = bench_median(split_ms[1], bench->runs);
    }
    free(split_ms[0]);
    free(split_ms[1]);
    return status;
}

static convoy_status make_inputs(const struct bench *bench, convoy_tensor *inputs, size_t count,
                                 convoy_error *error) {
    const convoy_value_info *infos;
    struct random random;
    random_seed(&random, bench->options->seed);
    convoy_model_inputs(bench->model, &infos);
    for (size_t i = 0; i < count; i++) {
        convoy_status status =
            convoy_tensor_create(&inputs[i], infos[i].dtype, &bench->input_shapes[i], error);
        if (status != CONVOY_OK)
            return status;
        size_t elements = convoy_tensor_elements(&inputs[i]);
        for (size_t k = 0; inputs[i].dtype == CONVOY_F32 && k < elements; k++)
            ((float *)inputs[i].data)[k] = (float)(2 * random_unit(&random) - 1);
    }
    return CONVOY_OK;
}

static convoy_status open_runs(const struct bench *bench, struct runs *runs, bool local,
                               convoy_error *error) {
    convoy_options options = *bench->options;
    options.local = local;
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
    convoy_status status = inputs ? make_inputs(bench, inputs, count, error) : error_memory(error);
    if (status == CONVOY_OK)
        status = open_runs(bench, &alone, true, error);
    if (status == CONVOY_OK)
        status = open_runs(bench, &coded, false, error);
    if (status == CONVOY_OK)
        status = run_all(bench, &alone, &coded, inputs, error);
    if (status == CONVOY_OK) {
        bench_take(bench, "network", "alone, wall", "ms", bench_median(alone.wall_ms, bench->runs),
                   bench->floor_ms);
        bench_take(bench, "network", "alone, CPU", "ms", bench_median(alone.cpu_ms, bench->runs),
                   bench->floor_ms);
        bench_take(bench, "network", "on workers, wall", "ms", bench_median(coded.wall_ms, bench->runs),
                   alone.coded_ms);
        bench_take(bench, "network", "on workers, CPU", "ms", bench_median(coded.cpu_ms, bench->runs),
                   alone.coded_times_n_over_delta_ms);
    }
    close_runs(&alone);
    close_runs(&coded);
    for (size_t i = 0; inputs && i < count; i++)
        convoy_tensor_release(&inputs[i]);
    free(inputs);
    return status;
}
