/* Claim: any δ of n answers give the layer. All sets of survivors of small clusters are decoded, for every
 * family, every n, and all parts that family and layer admit. */
#include "base/error.h"
#include "plan/candidates.h"
#include "study/claims.h"
#include "study/set_tally.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_WORKERS 3

/* Rows and channels enough for all parts with δ up to 8. */
static const struct conv_geometry small_layer = {.spatial = 2,
                                                 .batch = 1,
                                                 .groups = 1,
                                                 .in_channels = 2,
                                                 .out_channels = 16,
                                                 .in = {16, 4},
                                                 .kernel = {3, 3},
                                                 .stride = {1, 1},
                                                 .dilation = {1, 1},
                                                 .pad_begin = {1, 1},
                                                 .pad_end = {1, 1}};

static convoy_status tally_parts(const struct claims *claims, const struct study_operands *operands,
                                 const struct plan_cluster *cluster, const struct candidate *parts,
                                 struct set_tally *tally, convoy_error *error) {
    const struct placement placement = placement_plain(cluster->workers);
    struct code code;
    struct coded_sample sample;
    convoy_status status = code_create(&code, cluster->family, parts->input_parts, parts->filter_parts,
                                       &placement, claims->study->options->seed, error);
    if (status != CONVOY_OK)
        return status;
    const struct coded_setup setup = {
        .code = &code, .operands = operands, .frames = CONVOY_F64, .scaled = true};
    status = coded_sample_create(&sample, &setup, error);
    if (status == CONVOY_OK) {
        status = set_tally_add(tally, &sample, error);
        coded_sample_destroy(&sample);
    }
    code_destroy(&code);
    return status;
}

/* All parts for this many workers. */
static convoy_status tally_cluster(const struct claims *claims, const struct study_operands *operands,
                                   const struct plan_cluster *cluster, struct set_tally *tally, size_t *codes,
                                   convoy_error *error) {
    struct candidate *parts = NULL;
    size_t count = 0;
    convoy_status status = candidates_create(cluster, &operands->layer, &parts, &count);
    if (status != CONVOY_OK)
        return error_memory(error);
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        status = study_goes_on(claims->study, error);
        if (status == CONVOY_OK)
            status = tally_parts(claims, operands, cluster, &parts[i], tally, error);
    }
    *codes += count;
    free(parts);
    return status;
}

static void write_family(struct claims *claims, const struct code_family *family, uint32_t most, size_t codes,
                         const struct set_tally *tally) {
    struct claim_figure figure = {.of = {.what = "any set", .family = family->name, .workers = most},
                                  .quantity = "sets",
                                  .value = (double)tally->sets,
                                  .low = NAN,
                                  .high = NAN};
    claims_row(claims, &figure);
    figure.quantity = "sets_decoded";
    figure.value = (double)tally->decoded;
    claims_row(claims, &figure);
    figure.quantity = "largest_relative_error";
    figure.value = tally->largest_error;
    claims_row(claims, &figure);
    figure.quantity = "largest_condition";
    figure.value = tally->largest_condition;
    claims_row(claims, &figure);
    fprintf(claims->sections, "| `%s` | %zu | %zu | %zu | %.2g | %.3g |\n", family->name, codes, tally->sets,
            tally->decoded, tally->largest_condition, tally->largest_error);
}

static convoy_status tally_family(struct claims *claims, const struct study_operands *operands,
                                  const struct code_family *family, uint32_t most, struct set_tally *tally,
                                  convoy_error *error) {
    size_t codes = 0;
    convoy_status status = CONVOY_OK;
    char what[64];
    snprintf(what, sizeof what, "all sets of survivors, %s", family->name);
    for (uint32_t n = LEAST_WORKERS; n <= most && status == CONVOY_OK; n++) {
        const struct plan_cluster cluster = {.family = family, .workers = n};
        status = study_step(claims->study, what, n - LEAST_WORKERS, most - LEAST_WORKERS + 1, error);
        if (status == CONVOY_OK)
            status = tally_cluster(claims, operands, &cluster, tally, &codes, error);
    }
    if (status == CONVOY_OK)
        write_family(claims, family, most, codes, tally);
    return status;
}

convoy_status claims_sets(struct claims *claims, convoy_error *error) {
    const uint32_t most = claims->study->options->quick ? 6 : 8;
    const struct code_family *family;
    struct conv_geometry geometry = small_layer;
    struct study_operands operands = {0};
    struct set_tally first = {0};
    convoy_status status = conv_geometry_complete(&geometry, error);
    if (status == CONVOY_OK)
        status = study_operands_create(&operands, &geometry, false, claims->study->options->seed, error);
    fprintf(claims->sections,
            "## Any δ of n\n\n"
            "n = %d to %u, all (k_A,k_B) with δ ≤ n that a layer of 16 rows and 16 channels admits, "
            "and of each all sets of δ workers, in float64. A set counts as decoded if the output is "
            "off by at most %g (‖Ŷ−Y‖_F/‖Y‖_F).\n\n"
            "| code | codes | sets | decoded | largest κ | largest error |\n|---|---|---|---|---|---|\n",
            LEAST_WORKERS, most, SET_TALLY_ERROR);
    for (size_t i = 0; status == CONVOY_OK && (family = code_family_at(i)); i++) {
        struct set_tally tally = {0};
        status = tally_family(claims, &operands, family, most, &tally, error);
        if (i == 0)
            first = tally;
    }
    fprintf(claims->sections, "\n*Holds* if every set of the paper's code, `%s`, is decoded.\n\n",
            code_family_at(0)->name);
    claims_line(claims, "any δ of the n workers' results give the layer",
                first.decoded == first.sets ? "yes" : "no",
                "%zu of %zu sets of survivors decoded, all of n ≤ %u; largest error %.1e (float64)",
                first.decoded, first.sets, most, first.largest_error);
    study_operands_destroy(&operands);
    return status;
}
