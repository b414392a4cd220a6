/* The default rule: of everything that family and layer admit, the partition with the largest threshold, for
 * every worker does 1/δ of the layer; ties by the kernel's time where it is known, else by what travels, then
 * by what is stored, then by the multiply-adds, surplus included (FCDCC, arXiv 2411.01579, §V, by enumeration
 * instead of its closed formula, which knows neither rounding nor the unsplit ends).
 *
 * Cost: k_A*k_B is at most 4δ for codes of pairs and n for the others, so some n*ln(n) calls of threshold,
 * whatever the layer's size. */
#include "plan/plan.h"

#include <math.h>

/* Coding and checking what travels, for each element of float32; how it was measured: docs/performance.md,
 * "On workers". */
#define CODING_NS_PER_ELEMENT 0.9

struct conv_geometry plan_geometry(const struct conv_geometry *layer, const struct code_family *family,
                                   uint32_t input_parts, uint32_t filter_parts, uint32_t in_block,
                                   uint32_t out_block) {
    struct conv_geometry laid = *layer;
    conv_lay_in_blocks(&laid, in_block, out_block);
    if (laid.out_block && partition_refusal(&laid, input_parts, filter_parts, family->paired))
        laid.out_block = 0;
    return laid;
}

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

/* What a candidate costs each worker. */
struct candidate_cost {
    struct partition_cost partition;
    double ns; /* of the kernel, and of coding what travels; only where kernels are timed */
    enum conv_kernel kernel;
};

/* Cannot fail where partition_refusal admitted the parts. */
static struct candidate_cost candidate_cost(const struct plan_request *request,
                                            const struct conv_geometry *layer, uint32_t input_parts,
                                            uint32_t filter_parts) {
    struct conv_geometry laid = plan_geometry(layer, request->family, input_parts, filter_parts,
                                              request->block, request->block),
                         task;
    uint32_t input_pieces = request->family->pieces(input_parts);
    uint32_t filter_pieces = request->family->pieces(filter_parts);
    struct partition partition;
    (void)partition_create(&partition, &laid, input_parts, filter_parts, NULL);
    struct candidate_cost cost = {.partition = partition_cost(&partition, input_pieces, filter_pieces)};
    if (!request->time)
        return cost;
    cost.ns = INFINITY; /* not known: behind all that are; among its like what travels decides */
    if (partition_task(&partition, input_pieces, filter_pieces, &task, NULL) != CONVOY_OK)
        return cost;
    uint64_t kernel_ns = request->time(request->time_context, &task, &cost.kernel);
    if (kernel_ns)
        cost.ns = (double)kernel_ns + CODING_NS_PER_ELEMENT * (cost.partition.up + cost.partition.down);
    return cost;
}

static bool is_cheaper(const struct candidate_cost *cost_a, const struct candidate_cost *cost_b) {
    const struct partition_cost *a = &cost_a->partition, *b = &cost_b->partition;
    if (cost_a->ns != cost_b->ns)
        return cost_a->ns < cost_b->ns;
    if (a->up + a->down != b->up + b->down)
        return a->up + a->down < b->up + b->down;
    if (a->stored != b->stored)
        return a->stored < b->stored;
    return a->macs < b->macs;
}

/* Calls take for everything that is admitted, in one order, with its δ. */
static void for_candidates(const struct plan_request *request, const struct conv_geometry *layer,
                           void (*take)(void *context, uint32_t input_parts, uint32_t filter_parts,
                                        uint32_t threshold),
                           void *context) {
    bool paired = request->family->paired;
    /* Of k_A*k_B: 4δ for pairs. Without, n, even where δ is less (of k parts, replication may need more than
     * k answers). */
    int64_t most = paired ? 4 * (int64_t)largest_threshold(request) : request->workers;
    int64_t rows = layer->out[0], channels = layer->out_channels / layer->groups;
    for (uint32_t a = 1; a <= most && a <= rows; a++)
        for (uint32_t b = 1; b <= most / a && b <= channels; b++) {
            if (paired && (a == 2 || b == 2))
                continue; /* both halves travel uncoded: never seen to be better than 1 */
            uint32_t threshold = admitted_threshold(request, layer, a, b);
            if (threshold)
                take(context, a, b, threshold);
        }
}

/* The search for the best candidate: first for its δ, then among those that have it. */
struct search {
    const struct plan_request *request;
    const struct conv_geometry *layer;
    uint32_t threshold;
    struct plan_layer best;
    struct candidate_cost cost;
};

static void note_threshold(void *context, uint32_t input_parts, uint32_t filter_parts, uint32_t threshold) {
    struct search *search = context;
    (void)input_parts;
    (void)filter_parts;
    search->threshold = threshold > search->threshold ? threshold : search->threshold;
}

static void note_cost(void *context, uint32_t input_parts, uint32_t filter_parts, uint32_t threshold) {
    struct search *search = context;
    if (threshold < search->threshold)
        return;
    struct candidate_cost cost = candidate_cost(search->request, search->layer, input_parts, filter_parts);
    if (search->best.coded && !is_cheaper(&cost, &search->cost))
        return;
    search->best = (struct plan_layer){.coded = true,
                                       .input_parts = input_parts,
                                       .filter_parts = filter_parts,
                                       .threshold = threshold,
                                       .asked = search->request->asked ? search->request->asked
                                                                       : search->request->workers,
                                       .kernel = cost.kernel};
    search->cost = cost;
}

struct plan_layer plan_choose(const struct plan_request *request, const struct conv_geometry *layer) {
    uint32_t a = request->input_parts, b = request->filter_parts;
    if (request->workers == 0)
        return (struct plan_layer){.why_local = "there are no workers"};
    if (largest_threshold(request) == 0)
        return (struct plan_layer){.why_local = "as many stragglers are allowed as there are workers"};
    struct search search = {.request = request, .layer = layer};
    uint32_t threshold = a && b ? admitted_threshold(request, layer, a, b) : 0;
    if (threshold > 0) {
        note_cost(&search, a, b, threshold);
        return search.best;
    }
    for_candidates(request, layer, note_threshold, &search);
    for_candidates(request, layer, note_cost, &search);
    if (!search.best.coded)
        search.best.why_local = "too few output rows and channels for the parts that this code needs";
    return search.best;
}
