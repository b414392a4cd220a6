/* The default rule: of everything that family and layer admit, the partition with the largest threshold, for
 * every worker does 1/δ of the layer; ties by what travels, then by what is stored, then by the
 * multiply-adds, surplus included (FCDCC, arXiv 2411.01579, §V, by enumeration instead of its closed formula,
 * which knows neither rounding nor the unsplit ends).
 *
 * Cost: k_A*k_B is at most 4δ for codes of pairs and n for the others, so some n*ln(n) calls of threshold,
 * whatever the layer's size. */
#include "plan/plan.h"

/* Answers that may be waited for. A code without redundancy needs every worker, and gets that. */
static uint32_t largest_threshold(const struct plan_request *request) {
    if (request->family->needs_all)
        return request->workers;
    return request->workers > request->stragglers ? request->workers - request->stragglers : 0;
}

/* δ of these parts, 0 where family, layer or request do not admit them. */
static uint32_t admitted_threshold(const struct plan_request *request, const struct conv_geometry *layer,
                                   uint32_t input_parts, uint32_t filter_parts) {
    if (partition_refusal(layer, input_parts, filter_parts, request->family->paired))
        return 0;
    uint32_t threshold = request->family->threshold(input_parts, filter_parts, request->workers);
    return threshold <= largest_threshold(request) ? threshold : 0;
}

static struct partition_cost candidate_cost(const struct plan_request *request,
                                            const struct conv_geometry *layer, uint32_t input_parts,
                                            uint32_t filter_parts) {
    struct partition partition;
    /* Cannot fail: partition_refusal admitted the parts. */
    (void)partition_create(&partition, layer, input_parts, filter_parts, NULL);
    return partition_cost(&partition, request->family->pieces(input_parts),
                          request->family->pieces(filter_parts));
}

static bool is_cheaper(const struct partition_cost *a, const struct partition_cost *b) {
    if (a->up + a->down != b->up + b->down)
        return a->up + a->down < b->up + b->down;
    if (a->stored != b->stored)
        return a->stored < b->stored;
    return a->macs < b->macs;
}

static struct plan_layer choose_default(const struct plan_request *request,
                                        const struct conv_geometry *layer) {
    bool paired = request->family->paired;
    /* Of k_A*k_B: 4δ for pairs. Without, n, even where δ is less (of k parts, replication may need more than
     * k answers). */
    int64_t most = paired ? 4 * (int64_t)largest_threshold(request) : request->workers;
    int64_t rows = layer->out[0], channels = layer->out_channels / layer->groups;
    struct plan_layer best = {0};
    struct partition_cost best_cost = {0};
    for (uint32_t a = 1; a <= most && a <= rows; a++) {
        for (uint32_t b = 1; b <= most / a && b <= channels; b++) {
            if (paired && (a == 2 || b == 2))
                continue; /* both halves travel uncoded: never seen to be better than 1 */
            uint32_t threshold = admitted_threshold(request, layer, a, b);
            if (threshold == 0 || threshold < best.threshold)
                continue;
            struct partition_cost cost = candidate_cost(request, layer, a, b);
            if (threshold == best.threshold && !is_cheaper(&cost, &best_cost))
                continue;
            best = (struct plan_layer){
                .coded = true, .input_parts = a, .filter_parts = b, .threshold = threshold};
            best_cost = cost;
        }
    }
    return best;
}

struct plan_layer plan_choose(const struct plan_request *request, const struct conv_geometry *layer) {
    uint32_t a = request->input_parts, b = request->filter_parts;
    if (request->workers == 0)
        return (struct plan_layer){.why_local = "there are no workers"};
    if (largest_threshold(request) == 0)
        return (struct plan_layer){.why_local = "as many stragglers are allowed as there are workers"};
    uint32_t threshold = a && b ? admitted_threshold(request, layer, a, b) : 0;
    if (threshold > 0)
        return (struct plan_layer){
            .coded = true, .input_parts = a, .filter_parts = b, .threshold = threshold};
    struct plan_layer chosen = choose_default(request, layer);
    if (!chosen.coded)
        chosen.why_local = "too few output rows and channels for the parts that this code needs";
    return chosen;
}
