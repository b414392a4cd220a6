#include "study/equal_work.h"

#include "partition/partition.h"

bool equal_work_any_threshold(const struct code_family *family) {
    return !family->suffices && !family->needs_all;
}

static bool is_useful(const struct code_family *family, uint32_t parts) {
    return parts == 1 || parts >= family->useful_parts;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* Whether (a,b) is better than the best so far. */
static bool is_better(uint32_t a, uint32_t b, uint32_t best_a, uint32_t best_b) {
    const uint64_t parts = (uint64_t)a * b, best = (uint64_t)best_a * best_b;
    if (parts != best)
        return parts > best;
    return larger(a, b) < larger(best_a, best_b); /* k_A grows: of two that mirror each other the first has
                                                     the smaller one */
}

/* Whether the layer can be cut so; strictly: in no more slices than it takes for slices so small. */
static bool is_possible(const struct conv_geometry *layer, uint32_t a, uint32_t b, uint32_t step,
                        bool strictly) {
    if (layer && strictly)
        return !partition_refusal(layer, a, b, step);
    return !layer || (a <= layer->out[0] && b <= layer->out_channels / layer->groups);
}

static bool search(const struct code_family *family, const struct conv_geometry *layer, uint32_t workers,
                   uint32_t threshold, bool strictly, uint32_t *input_parts, uint32_t *filter_parts) {
    const uint32_t most = family->most_pieces * threshold;
    uint32_t best_a = 0, best_b = 0;
    for (uint32_t a = 1; a <= most; a++)
        for (uint32_t b = 1; b <= most / a; b++)
            if (code_threshold(family, a, b, workers) == threshold && is_useful(family, a) &&
                is_useful(family, b) && is_better(a, b, best_a, best_b) &&
                is_possible(layer, a, b, family->parts_step, strictly)) {
                best_a = a;
                best_b = b;
            }
    if (best_a == 0)
        return false;
    *input_parts = best_a;
    *filter_parts = best_b;
    return true;
}

bool equal_work_parts(const struct code_family *family, const struct conv_geometry *layer, uint32_t workers,
                      uint32_t threshold, uint32_t *input_parts, uint32_t *filter_parts) {
    return search(family, layer, workers, threshold, true, input_parts, filter_parts) ||
           search(family, layer, workers, threshold, false, input_parts, filter_parts);
}
