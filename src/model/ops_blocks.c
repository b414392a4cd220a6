/* Blocks of a map that become channels, and channels that become blocks. */
#include "model/attributes.h"
#include "model/operators.h"

/* The node's first input, seen as [N,...] of six axes, in another order of its axes, as `shape`. */
static convoy_status rearrange(struct lowering *l, const convoy_shape *seen, const uint32_t order[6],
                               const convoy_shape *shape) {
    struct layer_desc desc = {.kind = LAYER_TRANSPOSE, .outputs = {{.shape = {.rank = 6}}}};
    uint32_t value = NO_VALUE;
    for (uint32_t i = 0; i < 6; i++) {
        desc.transpose.permutation[i] = order[i];
        desc.outputs[0].shape.dims[i] = seen->dims[order[i]];
    }
    alias_add(l, input_number(l, 0), seen, &value);
    if (l->status == CONVOY_OK && layer_add(l, &desc, NULL, &value, 1, shape, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* Reads the size of blocks; fails the node if the input has no axes for them. */
static int64_t block_size(struct lowering *l) {
    int64_t size = attribute_int(l, "blocksize", 0);
    if (input_shape(l, 0).rank != 4)
        node_fail(l, CONVOY_E_INPUT, "the input has %u axes; [N,C,H,W] is expected", input_shape(l, 0).rank);
    if (size < 1 || size > INT32_MAX)
        node_fail(l, CONVOY_E_INPUT, "blocksize is %lld; 1 or more is expected", (long long)size);
    return size;
}

/* The channels of a block are [row,column,channel] in mode DCR, and [channel,row,column] in CRD. */
static convoy_status lower_depth_to_space(struct lowering *l) {
    int64_t b = block_size(l);
    static const char *const modes[] = {"DCR", "CRD", NULL};
    unsigned mode = attribute_choice(l, "mode", modes, "DCR");
    convoy_shape x = input_shape(l, 0);
    if (l->status != CONVOY_OK)
        return l->status;
    int64_t n = x.dims[0], c = x.dims[1] / (b * b), h = x.dims[2], w = x.dims[3], height, width;
    if (x.dims[1] % (b * b) != 0 || __builtin_mul_overflow(h, b, &height) ||
        __builtin_mul_overflow(w, b, &width))
        return node_fail(l, CONVOY_E_INPUT, "%lld channels are no blocks of %lld x %lld",
                         (long long)x.dims[1], (long long)b, (long long)b);
    const convoy_shape seen[] = {{6, {n, b, b, c, h, w}}, {6, {n, c, b, b, h, w}}};
    static const uint32_t orders[2][6] = {{0, 3, 4, 1, 5, 2}, {0, 1, 4, 2, 5, 3}};
    return rearrange(l, &seen[mode], orders[mode], &(convoy_shape){4, {n, c, height, width}});
}

static convoy_status lower_space_to_depth(struct lowering *l) {
    int64_t b = block_size(l), channels = 0;
    convoy_shape x = input_shape(l, 0);
    if (l->status != CONVOY_OK)
        return l->status;
    int64_t n = x.dims[0], c = x.dims[1], h = x.dims[2] / b, w = x.dims[3] / b;
    if (x.dims[2] % b != 0 || x.dims[3] % b != 0 || __builtin_mul_overflow(c, b * b, &channels))
        return node_fail(l, CONVOY_E_INPUT, "maps of %lld x %lld are not divided by blocks of %lld",
                         (long long)x.dims[2], (long long)x.dims[3], (long long)b);
    static const uint32_t order[6] = {0, 3, 5, 1, 2, 4};
    return rearrange(l, &(convoy_shape){6, {n, c, h, b, w, b}}, order,
                     &(convoy_shape){4, {n, channels, h, w}});
}

const struct onnx_operator block_operators[] = {
    OPERATOR("DepthToSpace", 1, lower_depth_to_space, 1, 1),
    OPERATOR("SpaceToDepth", 1, lower_space_to_depth, 1, 1),
    LAST_OPERATOR,
};
