#include "bench/bench.h"

#include <convoy/plan.h>

#include "base/error.h"
#include "measure/job_time.h"
#include "model/graph.h"
#include "session/session.h"

#define JOB_ROUNDS 1000

void bench_take(const struct bench *bench, const char *part, const char *name, const char *unit, double value,
                double floor) {
    const convoy_bench_figure figure = {part, name, unit, value, floor};
    bench->take(bench->context, &figure);
}

/* What a job costs where there is nothing to compute. Left out where the code does not admit so small a
 * layer. */
static convoy_status bench_job(const struct bench *bench, convoy_error *error) {
    const struct code_family *family = NULL;
    convoy_status status = session_code_open(&family, bench->options, error);
    if (status != CONVOY_OK)
        return status;
    const struct job_setup setup = {.family = family,
                                    .workers = bench->options->workers,
                                    .stragglers = bench->options->stragglers,
                                    .rounds = JOB_ROUNDS};
    struct job_times times;
    status = job_times_measure(&setup, &times, error);
    code_family_destroy(&family);
    if (status == CONVOY_OK) {
        bench_take(bench, "job", "wall", "us", times.median_ns / 1e3, 0);
        bench_take(bench, "job", "CPU", "us", times.cpu_ns / 1e3, 0);
    }
    return status == CONVOY_E_INPUT ? CONVOY_OK : status;
}

convoy_status convoy_bench(const convoy_model *model, const convoy_shape *input_shapes,
                           const convoy_options *options, uint32_t runs,
                           void (*take)(void *context, const convoy_bench_figure *figure), void *context,
                           convoy_error *error) {
    if (!model || (!input_shapes && model->input_count > 0) || !options || !take)
        return error_null(error, __func__);
    convoy_options settled = *options;
    struct bench bench = {.model = model,
                          .input_shapes = input_shapes,
                          .options = &settled,
                          .runs = runs,
                          .take = take,
                          .context = context};
    struct backend *backend = NULL;
    struct kernel_times *times = NULL;
    if (runs < 1)
        return error_set(error, CONVOY_E_USAGE, "at least one run is needed");
    convoy_status status = convoy_options_settle(&settled, model, input_shapes, error);
    if (status == CONVOY_OK)
        status = backend_create(&backend, "onednn", 1, error);
    if (status == CONVOY_OK)
        status = kernel_times_create(&times, backend, options->trial_folder, NULL, error);
    if (status == CONVOY_OK && options->retrial)
        kernel_times_forget(times);
    if (status == CONVOY_OK)
        status = bench_machine(&bench, backend->block, times, error);
    if (status == CONVOY_OK)
        status = bench_job(&bench, error);
    if (status == CONVOY_OK)
        status = bench_layers(&bench, backend, times, error);
    kernel_times_destroy(&times); /* which keeps them for the sessions */
    if (status == CONVOY_OK)
        status = bench_network(&bench, error);
    if (backend)
        backend->ops->destroy(&backend);
    return status;
}
