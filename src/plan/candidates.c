#include "plan/candidates.h"

#include <math.h>
#include <stdlib.h>

struct conv_geometry candidate_geometry(const struct conv_geometry *layer, const struct code_family *family,
                                        uint32_t input_parts, uint32_t filter_parts, uint32_t in_block,
                                        uint32_t out_block) {
    struct conv_geometry laid = *layer;
    conv_lay_in_blocks(&laid, in_block, out_block);
    if (laid.out_block && partition_refusal(&laid, input_parts, filter_parts, family->parts_step))
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
    if (partition_refusal(layer, input_parts, filter_parts, family->parts_step))
        return false;
    struct code_shape shape;
    if (!family->admit(family, input_parts, filter_parts, cluster->workers, &shape) ||
        shape.threshold > candidates_most_threshold(cluster))
        return false;
    struct partition partition;
    struct conv_geometry laid =
        candidate_geometry(layer, family, input_parts, filter_parts, cluster->block, cluster->block);
    *candidate = (struct candidate){
        .input_parts = input_parts,
        .filter_parts = filter_parts,
        .input_pieces = shape.input_pieces,
        .filter_pieces = shape.filter_pieces,
        .threshold = shape.threshold,
        .decode_macs = shape.decode_macs,
    };
    if (partition_create(&partition, &laid, input_parts, filter_parts, NULL) != CONVOY_OK ||
        partition_task(&partition, candidate->input_pieces, candidate->filter_pieces, &candidate->task,
                       NULL) != CONVOY_OK)
        return false;
    candidate->cost = partition_cost(&partition, candidate->input_pieces, candidate->filter_pieces);
    return true;
}

convoy_status candidates_create(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                                struct candidate **out, size_t *out_count) {
    const int64_t most = (int64_t)cluster->family->most_pieces * cluster->workers; /* of k_A·k_B */
    const uint32_t useful = cluster->family->useful_parts;
    int64_t rows = layer->out[0], channels = layer->out_channels / layer->groups;
    struct candidate *candidates = NULL, candidate;
    size_t count = 0, capacity = 0;
    for (uint32_t a = 1; a <= most && a <= rows; a++)
        for (uint32_t b = 1; b <= most / a && b <= channels; b++) {
            if ((a > 1 && a < useful) || (b > 1 && b < useful) ||
                !candidate_of(cluster, layer, a, b, &candidate))
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
