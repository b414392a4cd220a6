/* The paper's trade-off (FCDCC, arXiv 2411.01579, §V): a worker's share costs λ_up·up + λ_down·down +
 * λ_store·stored. More input parts mean less to send, more filter parts less to store; k_A·k_B = 4δ. */
#include "base/error.h"
#include "study/overhead.h"
#include "study/parts_choice.h"

#include <stdlib.h>

static const struct {
    double ratio;
    const char *text;
} ratios[] = {{0.01, "1:100"}, {0.1, "1:10"}, {1, "1:1"}, {10, "10:1"}, {100, "100:1"}};

double overhead_ratio_at(size_t index, const char **text) {
    const bool there = index < sizeof ratios / sizeof ratios[0];
    *text = there ? ratios[index].text : NULL;
    return there ? ratios[index].ratio : 0;
}

void overhead_lambda(double ratio, double lambda[LAMBDAS]) {
    for (int i = 0; i < LAMBDAS; i++)
        lambda[i] = 0;
    lambda[LAMBDA_UP] = lambda[LAMBDA_DOWN] = ratio;
    lambda[LAMBDA_STORE] = 1;
}

static convoy_status create_parts(const struct overhead *o, const struct study_layer *layer,
                                  struct candidate **parts, size_t *count, convoy_error *error) {
    const struct plan_cluster cluster = {
        .family = o->family, .workers = TRADEOFF_WORKERS, .stragglers = TRADEOFF_STRAGGLERS};
    const convoy_status status = parts_create(&cluster, &layer->geometry, parts, count);
    return status == CONVOY_OK ? status : error_memory(error);
}

static convoy_status layer_rows(const struct overhead *o, const struct study_network *network, size_t index,
                                convoy_error *error) {
    const struct study_layer *layer = &network->layers[index];
    struct candidate *parts = NULL;
    size_t count = 0;
    const char *text;
    const convoy_status status = create_parts(o, layer, &parts, &count, error);
    for (size_t r = 0; status == CONVOY_OK && count && overhead_ratio_at(r, &text) > 0; r++) {
        double lambda[LAMBDAS];
        overhead_lambda(overhead_ratio_at(r, &text), lambda);
        const size_t best = parts_cheapest(parts, count, lambda);
        const double least = candidate_paper_cost(&parts[best], lambda);
        for (size_t i = 0; i < count; i++)
            study_row(o->study, o->study->csv,
                      "tradeoff,%s,%s,%s,%zu,%u,%u,%u,%u,%u,1,,,,,,,,,,,,,,,%.0f,,,,,%g,%.6g,%.6g,%d",
                      o->family->name, network->name, layer->name, study_layer_repeats(network, index),
                      TRADEOFF_WORKERS, TRADEOFF_STRAGGLERS, parts[i].threshold, parts[i].input_parts,
                      parts[i].filter_parts, sizeof(float) * parts[i].cost.stored, ratios[r].ratio,
                      candidate_paper_cost(&parts[i], lambda) / least,
                      candidates_closed_form(&layer->geometry, parts[i].threshold, lambda), i == best);
    }
    free(parts);
    return status;
}

convoy_status overhead_tradeoff_rows(struct overhead *o, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t n = 0; n < OVERHEAD_NETWORKS; n++) {
        const struct study_network *network = &o->networks[n];
        for (size_t i = 0; i < network->count && status == CONVOY_OK; i += study_layer_repeats(network, i))
            status = layer_rows(o, network, i, error);
    }
    return status;
}

convoy_status overhead_tradeoff_data(struct overhead *o, const struct study_layer *layer, const char *block,
                                     convoy_error *error) {
    FILE *figure = o->study->figure;
    struct candidate *parts = NULL;
    size_t count = 0;
    const char *text;
    const convoy_status status = create_parts(o, layer, &parts, &count, error);
    for (size_t r = 0; status == CONVOY_OK && overhead_ratio_at(r, &text) > 0; r++) {
        double lambda[LAMBDAS];
        overhead_lambda(overhead_ratio_at(r, &text), lambda);
        const size_t best = count ? parts_cheapest(parts, count, lambda) : 0;
        fprintf(figure, "$%s%zu << EOD\n", block, r);
        for (size_t i = 0; i < count; i++) /* k_A, cost, cost if it is the least, the closed form's k_A */
            fprintf(figure, "%u %.6g %s %.6g\n", parts[i].input_parts,
                    candidate_paper_cost(&parts[i], lambda) / candidate_paper_cost(&parts[best], lambda),
                    i == best ? "1" : "NaN",
                    candidates_closed_form(&layer->geometry, parts[i].threshold, lambda));
        fprintf(figure, "EOD\n");
    }
    free(parts);
    return status;
}
