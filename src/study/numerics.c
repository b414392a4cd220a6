/* The study of numerics: condition numbers, noise gain and decoding errors of all families at equal work.
 * Sets are exhaustive where they are few, else likely losses and drawn ones (study_sets.h). Layers are coded
 * and decoded by the functions that the master and the workers use (coded_error.h). */
#include "study/numerics.h"

#include "base/error.h"
#include "study/equal_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sets: all of them up to so many; else so many drawn ones. */
enum { SETS_MOST = 100000, DRAWN = 2000, DRAWN_QUICK = 200 };

/* Workers and threshold. With two workers lost, whatever n, one sees how κ grows with n alone: layers are not
 * computed for what is there for this. */
static const struct cluster {
    uint32_t workers, threshold;
    bool with_layers, quick;
} clusters[] = {{5, 4, true, true},    {10, 8, true, true},   {20, 16, true, true},  {31, 28, true, true},
                {40, 32, true, true},  {48, 32, true, true},  {60, 32, true, true},  {6, 4, false, true},
                {18, 16, false, true}, {26, 24, false, true}, {34, 32, false, true}, {50, 48, false, false},
                {66, 64, false, false}};

#define CLUSTERS (sizeof clusters / sizeof clusters[0])

const convoy_dtype numerics_frames[NUMERICS_FRAMES] = {CONVOY_F64, CONVOY_F32, CONVOY_F16, CONVOY_BF16};
const double numerics_noises[NUMERICS_NOISES] = {80, 90, 100, 110, 120};

const char *numerics_frames_name(convoy_dtype frames) {
    return frames == CONVOY_F64   ? "f64"
           : frames == CONVOY_F32 ? "f32"
           : frames == CONVOY_F16 ? "f16"
                                  : "bf16";
}

const char *numerics_loss_name(enum numerics_loss loss) {
    static const char *const names[NUMERICS_LOSSES] = {"typical", "neighbours", "worst"};
    return names[loss];
}

/* One code of a family on a cluster. */
static convoy_status add_code(struct numerics *numerics, const struct code_family *family,
                              const struct cluster *cluster, bool spread, const struct study_sets *sets) {
    struct numerics_code *code = &numerics->codes[numerics->count++];
    *code = (struct numerics_code){.family = family,
                                   .placed = !family->on_circle ? "-"
                                             : spread           ? "spread"
                                                                : "plain",
                                   .workers = cluster->workers,
                                   .threshold = cluster->threshold,
                                   .with_layers = cluster->with_layers,
                                   .placement = placement_plain(cluster->workers),
                                   .sets = sets};
    code->compared = equal_work_any_threshold(family) &&
                     equal_work_parts(family, NULL, cluster->workers, cluster->threshold, &code->input_parts,
                                      &code->filter_parts);
    if (!code->compared)
        return CONVOY_OK;
    code->found = calloc(sets->count, sizeof *code->found);
    if (!code->found)
        return CONVOY_E_MEMORY;
    return spread ? placement_spread(code->workers, code->workers - code->threshold, &code->placement)
                  : CONVOY_OK;
}

static convoy_status add_cluster(struct numerics *numerics, const struct cluster *cluster) {
    const convoy_study_options *options = numerics->study->options;
    struct study_sets *sets = &numerics->sets[numerics->clusters];
    convoy_status status = study_sets_create(sets, cluster->workers, cluster->threshold, SETS_MOST,
                                             options->quick ? DRAWN_QUICK : DRAWN, options->seed);
    if (status != CONVOY_OK)
        return status;
    numerics->clusters++;
    const struct code_family *family;
    for (size_t f = 0; (family = code_family_at(f)) && status == CONVOY_OK; f++) {
        if (!cluster->with_layers && !equal_work_any_threshold(family))
            continue;
        status = add_code(numerics, family, cluster, false, sets);
        if (status == CONVOY_OK && family->on_circle)
            status = add_code(numerics, family, cluster, true, sets);
    }
    return status;
}

/* All codes. Up to two for each family on each cluster. */
static convoy_status add_codes(struct numerics *numerics, convoy_error *error) {
    size_t families = 0;
    while (code_family_at(families))
        families++;
    numerics->sets = calloc(CLUSTERS, sizeof *numerics->sets);
    numerics->codes = calloc(2 * families * CLUSTERS, sizeof *numerics->codes);
    convoy_status status = numerics->sets && numerics->codes ? CONVOY_OK : CONVOY_E_MEMORY;
    for (size_t c = 0; c < CLUSTERS && status == CONVOY_OK; c++)
        if (!numerics->study->options->quick || clusters[c].quick)
            status = add_cluster(numerics, &clusters[c]);
    return status == CONVOY_OK ? status : error_memory(error);
}

static void clear(struct numerics *numerics) {
    for (size_t i = 0; i < numerics->count; i++) {
        free(numerics->codes[i].found);
        free(numerics->codes[i].errors);
    }
    for (size_t i = 0; i < numerics->clusters; i++)
        study_sets_destroy(&numerics->sets[i]);
    free(numerics->codes);
    free(numerics->sets);
}

convoy_status study_numerics(struct study *study, convoy_error *error) {
    struct numerics numerics = {.study = study};
    convoy_status status = add_codes(&numerics, error);
    if (status == CONVOY_OK)
        status = numerics_condition(&numerics, error);
    if (status == CONVOY_OK)
        status = numerics_layers(&numerics, error);
    if (status == CONVOY_OK)
        status = numerics_rows(&numerics, error);
    if (status == CONVOY_OK) {
        numerics_page(&numerics);
        numerics_findings(&numerics);
        numerics_figure(&numerics);
    }
    clear(&numerics);
    return status;
}
