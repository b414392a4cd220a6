#include "study/parts_choice.h"

#include <math.h>

const double parts_travel[LAMBDAS] = {[LAMBDA_UP] = 1, [LAMBDA_DOWN] = 1};

convoy_status parts_create(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                           struct candidate **out, size_t *out_count) {
    struct candidate *parts = NULL;
    size_t count = 0, kept = 0;
    uint32_t most = 0;
    const convoy_status status = candidates_create(cluster, layer, &parts, &count);
    if (status != CONVOY_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        most = parts[i].threshold > most ? parts[i].threshold : most;
    for (size_t i = 0; i < count; i++)
        if (parts[i].threshold == most)
            parts[kept++] = parts[i];
    *out = parts;
    *out_count = kept;
    return CONVOY_OK;
}

size_t parts_cheapest(const struct candidate *parts, size_t count, const double lambda[LAMBDAS]) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        const double cost = candidate_paper_cost(&parts[i], lambda);
        const double least = candidate_paper_cost(&parts[best], lambda);
        if (cost < least || (cost <= least && parts[i].cost.stored < parts[best].cost.stored))
            best = i;
    }
    return best;
}

size_t parts_nearest(const struct candidate *parts, size_t count, double input_parts) {
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        const double own = parts[i].input_parts > 1 ? parts[i].input_parts : 2;
        const double distance = fabs(log(own / input_parts));
        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return best;
}
