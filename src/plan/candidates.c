#include "plan/candidates.h"

#include <math.h>
#include <stdlib.h>

struct conv_geometry candidate_geometry(const struct conv_geometry *layer, const struct code_family *family,
                                        uint32_t input_parts, uint32_t filter_parts, uint32_t in_block,
                                        uint32_t out_block) {
    struct conv_geometry laid = *layer;
    conv_lay_in_blocks(&laid, in_block, out_block);
    if (laid.out_block && partition_refusal(&laid, input_parts, filter_parts, family->paired))
        laid.out_block = 0;
    return laid;
}

uint32_t candidates_most_threshold(const struct plan_cluster *cluster) {
    if (cluster->family->needs_all)
        return cluster->workers;
    return cluster->workers > cluster->stragglers ? cluster->workers - cluster->stragglers : 0;
}

bool candidate_of(const struct plan_cluster *cluster, const struct conv_geometry *layer, uint32_t input_parts,
                  uint32_t filter_parts, struct candidate *candidate) {
    const struct code_family *family = cluster->family;
    if (partition_refusal(layer, input_parts, filter_parts, family->paired))
        return false;
    struct partition partition;
    struct conv_geometry laid =
        candidate_geometry(layer, family, input_parts, filter_parts, cluster->block, cluster->block);
    *candidate = (struct candidate){
        .input_parts = input_parts,
        .filter_parts = filter_parts,
        .input_pieces = family->pieces(input_parts),
        .filter_pieces = family->pieces(filter_parts),
        .threshold = family->threshold(input_parts, filter_parts, cluster->workers),
    };
    if (candidate->threshold == 0 || candidate->threshold > candidates_most_threshold(cluster) ||
        partition_create(&partition, &laid, input_parts, filter_parts, NULL) != CONVOY_OK ||
        partition_task(&partition, candidate->input_pieces, candidate->filter_pieces, &candidate->task,
                       NULL) != CONVOY_OK)
        return false;
    candidate->cost = partition_cost(&partition, candidate->input_pieces, candidate->filter_pieces);
    return true;
}

convoy_status candidates_create(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                                struct candidate **out, size_t *out_count) {
    bool paired = cluster->family->paired;
    /* Of k_A·k_B: 4δ for pairs. Without, n, even where δ is less (of k parts, replication may need more than
     * k answers). */
    int64_t most = paired ? 4 * (int64_t)candidates_most_threshold(cluster) : cluster->workers;
    int64_t rows = layer->out[0], channels = layer->out_channels / layer->groups;
    struct candidate *candidates = NULL, candidate;
    size_t count = 0, capacity = 0;
    for (uint32_t a = 1; a <= most && a <= rows; a++)
        for (uint32_t b = 1; b <= most / a && b <= channels; b++) {
            if ((paired && (a == 2 || b == 2)) || !candidate_of(cluster, layer, a, b, &candidate))
                continue;
            if (count == capacity) {
                capacity = capacity ? 2 * capacity : 32;
                struct candidate *more = realloc(candidates, capacity * sizeof *candidates);
                if (!more) {
                    free(candidates);
                    return CONVOY_E_MEMORY;
                }
                candidates = more;
            }
            candidates[count++] = candidate;
        }
    *out = candidates;
    *out_count = count;
    return CONVOY_OK;
}

convoy_status candidates_any(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                             bool *any) {
    struct candidate *candidates = NULL;
    size_t count = 0;
    convoy_status status = candidates_create(cluster, layer, &candidates, &count);
    free(candidates);
    *any = count > 0;
    return status;
}

double candidate_paper_cost(const struct candidate *candidate, const double lambda[LAMBDAS]) {
    const struct partition_cost *cost = &candidate->cost;
    return lambda[LAMBDA_UP] * cost->up + lambda[LAMBDA_DOWN] * cost->down +
           lambda[LAMBDA_STORE] * cost->stored + lambda[LAMBDA_COMP] * cost->macs;
}

double candidates_closed_form(const struct conv_geometry *g, uint32_t threshold,
                              const double lambda[LAMBDAS]) {
    double across = 1, kernel = 1; /* W; K_H·K_W */
    for (uint32_t axis = 0; axis < g->spatial; axis++) {
        across *= axis ? (double)g->in[axis] : 1;
        kernel *= (double)g->kernel[axis];
    }
    double up = lambda[LAMBDA_UP] * (double)g->batch * across * (double)g->out[0] * (double)g->stride[0];
    double store = lambda[LAMBDA_STORE] * (double)(g->out_channels / g->groups) * kernel;
    return store > 0 ? sqrt(up * 4 * threshold / store) : (double)NAN;
}
