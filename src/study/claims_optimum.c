/* Claim: an optimal trade-off between what travels and what is stored, k_A in closed form. Beside it all
 * (k_A,k_B) that the layers admit. */
#include "base/error.h"
#include "study/claims.h"
#include "study/parts_choice.h"

#include <math.h>
#include <stdlib.h>

#define MARGIN 1.1 /* what may be more than the least and still counts as optimal */

static const double ratios[] = {0.01, 0.1, 1, 10, 100}; /* λ_up : λ_store */
static const struct cluster_size { uint32_t workers, stragglers; } sizes[] = {{20, 4}, {40, 8}};

struct tally {
    size_t cases;
    size_t inside,
        inside_same;   /* the closed form lies between the admissible k_A; and the nearest is the best */
    size_t same, near; /* the admissible k_A nearest to it is the best; costs up to MARGIN */
    double *excess;    /* [cases]: the cost of the nearest by the least */
};

static void try_case(struct claims *claims, const struct study_layer *layer, const struct cluster_size *size,
                     double ratio, const struct candidate *parts, size_t count, struct tally *tally) {
    const double lambda[LAMBDAS] = {[LAMBDA_UP] = ratio, [LAMBDA_DOWN] = ratio, [LAMBDA_STORE] = 1};
    const double closed = candidates_closed_form(&layer->geometry, parts[0].threshold, lambda);
    const size_t best = parts_cheapest(parts, count, lambda), nearest = parts_nearest(parts, count, closed);
    const double excess =
        candidate_paper_cost(&parts[nearest], lambda) / candidate_paper_cost(&parts[best], lambda);
    struct claim_figure figure = {.of = {.what = "optimum",
                                         .family = code_family_at(0)->name,
                                         .network = layer->network,
                                         .layer = layer->name,
                                         .workers = size->workers,
                                         .threshold = parts[best].threshold,
                                         .input_parts = parts[best].input_parts,
                                         .filter_parts = parts[best].filter_parts},
                                  .stragglers = size->stragglers,
                                  .up_to_store = ratio,
                                  .low = NAN,
                                  .high = NAN};
    const bool inside = closed >= parts[0].input_parts && closed <= parts[count - 1].input_parts;
    figure.quantity = "closed_form_input_parts";
    figure.value = closed;
    claims_row(claims, &figure);
    figure.quantity = "relative_cost_of_nearest";
    figure.value = excess;
    claims_row(claims, &figure);
    fprintf(claims->study->figure, "%.6g %u %.6g\n", closed, parts[best].input_parts, excess);
    tally->inside += inside;
    tally->inside_same += inside && nearest == best;
    tally->same += nearest == best;
    tally->near += excess <= MARGIN;
    tally->excess[tally->cases++] = excess;
}

static convoy_status try_layer(struct claims *claims, const struct study_layer *layer,
                               const struct cluster_size *size, struct tally *tally, convoy_error *error) {
    const struct plan_cluster cluster = {
        .family = code_family_at(0), .workers = size->workers, .stragglers = size->stragglers};
    struct candidate *parts = NULL;
    size_t count = 0;
    if (parts_create(&cluster, &layer->geometry, &parts, &count) != CONVOY_OK)
        return error_memory(error);
    for (size_t r = 0; count > 1 && r < sizeof ratios / sizeof ratios[0]; r++)
        try_case(claims, layer, size, ratios[r], parts, count, tally);
    free(parts);
    return CONVOY_OK;
}

/* Convolutions alone: a product of one row has no input to cut. */
static convoy_status try_network(struct claims *claims, size_t network, struct tally *tally,
                                 convoy_error *error) {
    const struct study_network *of = &claims->networks[network];
    convoy_status status = CONVOY_OK;
    const size_t before = tally->cases;
    fprintf(claims->study->figure, "$optimum%zu << EOD\n", network);
    for (size_t i = 0; i < of->count; i += study_layer_repeats(of, i))
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0] && status == CONVOY_OK; s++)
            if (of->layers[i].geometry.out[0] > 1)
                status = try_layer(claims, &of->layers[i], &sizes[s], tally, error);
    fprintf(claims->study->figure, "EOD\n");
    claims->optimum_cases[network] = tally->cases - before;
    return status;
}

static size_t most_cases(const struct claims *claims) {
    size_t layers = 0;
    for (size_t n = 0; n < CLAIMS_NETWORKS; n++)
        layers += claims->networks[n].count;
    return layers * (sizeof sizes / sizeof sizes[0]) * (sizeof ratios / sizeof ratios[0]);
}

static void conclude(struct claims *claims, const struct tally *tally) {
    const struct statistics s = study_statistics(tally->excess, tally->cases);
    fprintf(claims->sections,
            "## The optimal (k_A,k_B)\n\n"
            "The convolutions of LeNet-5, AlexNet and VGG-16, n = %u and %u, the largest δ ≤ n − γ "
            "that each admits in two ways or more, λ_up : λ_store from 1:100 to 100:1: %zu cases. In "
            "each the paper's closed form gives a real k_A; the admissible k_A nearest to it, by their "
            "ratio, is compared with the cheapest of all admissible (k_A,k_B), k = 1 among them, by "
            "the paper's own objective with nothing left out: overlaps, rounded sizes, what the layer "
            "has rows and channels for. It is the cheapest in %zu cases (in %zu of the %zu in which "
            "the closed form lies between the admissible k_A; in the others it is beyond all), and "
            "costs up to %.0f %% more in %zu; %.3g times the least in the median, %.3g at most. "
            "*Holds* if it costs up to %.0f %% more in all cases; *partly* in most.\n\n",
            sizes[0].workers, sizes[1].workers, tally->cases, tally->same, tally->inside_same, tally->inside,
            (MARGIN - 1) * 100, tally->near, s.median, s.largest, (MARGIN - 1) * 100);
    claims_line(claims, "an optimal trade-off between communication and storage: the best k_A in closed form",
                tally->near == tally->cases      ? "yes"
                : 2 * tally->near > tally->cases ? "partly"
                                                 : "no",
                "the admissible k_A nearest to it is the best one in %zu of %zu cases (%zu of the %zu in "
                "which it lies between admissible ones); at most %.2f times the least cost",
                tally->same, tally->cases, tally->inside_same, tally->inside, s.largest);
}

convoy_status claims_optimum(struct claims *claims, convoy_error *error) {
    struct tally tally = {.excess = calloc(most_cases(claims), sizeof *tally.excess)};
    convoy_status status = tally.excess ? CONVOY_OK : error_memory(error);
    for (size_t n = 0; n < CLAIMS_NETWORKS && status == CONVOY_OK; n++)
        status = try_network(claims, n, &tally, error);
    if (status == CONVOY_OK)
        conclude(claims, &tally);
    free(tally.excess);
    return status;
}
