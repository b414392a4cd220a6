#include "study/straggler_runs.h"

#include "base/clock.h"
#include "base/random.h"
#include "measure/layer_cluster.h"

#define DEADLINE_NS (10 * NS_PER_S)

void straggler_draw(uint64_t seed, uint32_t workers, uint32_t count, bool *late) {
    struct random random;
    random_seed(&random, seed);
    for (uint32_t w = 0; w < workers; w++)
        late[w] = false;
    while (count) {
        const size_t worker = (size_t)random_below(&random, workers);
        count -= !late[worker];
        late[worker] = true;
    }
}

convoy_status straggler_runs_measure(const struct straggler_setup *setup, double *ms,
                                     struct straggler_runs *runs, convoy_error *error) {
    struct fault faults[STRAGGLER_MOST_WORKERS];
    struct layer_cluster_setup whole = {.layer = setup->layer,
                                        .family = setup->family,
                                        .workers = setup->workers,
                                        .stragglers = setup->stragglers,
                                        .input_parts = setup->input_parts,
                                        .filter_parts = setup->filter_parts,
                                        .spread = true,
                                        .fallback = setup->fallback,
                                        .all_ready = true,
                                        .deadline_ns = DEADLINE_NS,
                                        .faults = faults};
    struct layer_cluster *cluster = NULL;
    for (uint32_t w = 0; w < setup->workers; w++)
        if (setup->late[w])
            faults[whole.fault_count++] =
                (struct fault){.worker = w, .kind = FAULT_DELAY, .delay_ns = setup->delay_ns};
    *runs = (struct straggler_runs){.coded = true};
    convoy_status status = layer_cluster_create(&cluster, &whole, error);
    for (uint32_t i = 0; i < setup->runs && status == CONVOY_OK; i++) {
        convoy_layer_report report;
        status = study_goes_on(setup->study, error);
        if (status != CONVOY_OK)
            break;
        const uint64_t start_ns = clock_now_ns();
        status = layer_cluster_run(cluster, &report, error);
        ms[i] = (double)(clock_now_ns() - start_ns) / (double)NS_PER_MS;
        runs->coded = runs->coded && report.family;
        runs->here += report.fallback;
    }
    layer_cluster_destroy(&cluster);
    if (status != CONVOY_E_WORKERS)
        return status;
    runs->failed = true;
    return CONVOY_OK;
}
