/* What coding costs a layer, stage by stage, and the paper's trade-off between what travels and what is
 * stored. */
#include "study/overhead.h"

static const char *const names[OVERHEAD_NETWORKS] = {"lenet5", "alexnet", "vgg16", "resnet18", "resnet50"};

/* γ is a fifth of n where n is varied; where δ is, n − δ. */
static void choose_points(struct overhead *o) {
    static const uint32_t workers[] = {5, 10, 20, 40, 60}, thresholds[] = {4, 8, 12, 16, 20};
    const bool quick = o->study->options->quick;
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++)
        if (!quick || workers[i] == OVERHEAD_WORKERS || workers[i] == 60 || workers[i] == 5)
            o->by_workers[o->workers_points++] =
                (struct cost_setup){.family = o->family, .workers = workers[i], .stragglers = workers[i] / 5};
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++)
        if (!quick || thresholds[i] % 8 == 0 || thresholds[i] == 4)
            o->by_threshold[o->threshold_points++] =
                (struct cost_setup){.family = o->family,
                                    .workers = OVERHEAD_WORKERS,
                                    .stragglers = OVERHEAD_WORKERS - thresholds[i]};
}

convoy_status study_overhead(struct study *study, convoy_error *error) {
    struct overhead overhead = {.study = study, .family = code_family_at(0)};
    study->width = 1500;
    study->height = 950;
    choose_points(&overhead);
    samples_begin(study);
    convoy_status status = cost_table_create(&overhead.table, study, study->options->quick ? 5 : 15, error);
    if (status == CONVOY_OK)
        status = study_networks_fill(overhead.networks, names, OVERHEAD_NETWORKS, error);
    if (status == CONVOY_OK)
        status = overhead_rows(&overhead, error);
    if (status == CONVOY_OK)
        status = overhead_tradeoff_rows(&overhead, error);
    if (status == CONVOY_OK)
        status = overhead_figure(&overhead, error);
    if (status == CONVOY_OK)
        status = overhead_page(&overhead, error);
    study_networks_clear(overhead.networks, OVERHEAD_NETWORKS);
    cost_table_destroy(&overhead.table);
    return status;
}
