#include "base/tensor.h"
#include "compute/onednn.h"

struct eltwise {
    dnnl_alg_kind_t kind;
    float alpha, beta;
};

/* Where alpha and beta of an operation of oneDNN come from. */
enum parameters { OWN, ALPHA, ALPHA_BETA };

/* The activations that one operation of oneDNN computes, to its precision in float32. Not among them: its
 * logarithm, which of 1/4 is off by 1e-6. */
static const struct {
    dnnl_alg_kind_t operation; /* 0: none */
    enum parameters parameters;
    float alpha; /* OWN */
} operations[ACTIVATIONS] = {
    [ACTIVATION_RELU] = {dnnl_eltwise_relu, OWN, 0},
    [ACTIVATION_CLIP] = {dnnl_eltwise_clip, ALPHA_BETA, 0},
    [ACTIVATION_LEAKY_RELU] = {dnnl_eltwise_relu, ALPHA, 0},
    [ACTIVATION_SIGMOID] = {dnnl_eltwise_logistic, OWN, 0},
    [ACTIVATION_TANH] = {dnnl_eltwise_tanh, OWN, 0},
    [ACTIVATION_ELU] = {dnnl_eltwise_elu, ALPHA, 0},
    [ACTIVATION_EXP] = {dnnl_eltwise_exp, OWN, 0},
    [ACTIVATION_SQRT] = {dnnl_eltwise_sqrt, OWN, 0},
    [ACTIVATION_ABS] = {dnnl_eltwise_abs, OWN, 0},
    [ACTIVATION_NEG] = {dnnl_eltwise_linear, OWN, -1},
    [ACTIVATION_SOFTPLUS] = {dnnl_eltwise_soft_relu, OWN, 0},
    [ACTIVATION_HARD_SWISH] = {dnnl_eltwise_hardswish, OWN, 0},
    [ACTIVATION_SWISH] = {dnnl_eltwise_swish, ALPHA, 0},
    [ACTIVATION_MISH] = {dnnl_eltwise_mish, OWN, 0},
    [ACTIVATION_GELU] = {dnnl_eltwise_gelu_erf, OWN, 0},
    [ACTIVATION_GELU_TANH] = {dnnl_eltwise_gelu_tanh, OWN, 0},
};

/* The activation as at most two of oneDNN's, one after the other; their number, or -1. */
static int find_eltwise(const struct activation *a, struct eltwise steps[2]) {
    if (a->kind == ACTIVATION_NONE)
        return 0;
    if (a->kind == ACTIVATION_HARD_SIGMOID) {
        steps[0] = (struct eltwise){dnnl_eltwise_linear, a->alpha, a->beta};
        steps[1] = (struct eltwise){dnnl_eltwise_clip, 0, 1};
        return 2;
    }
    if (!operations[a->kind].operation || (a->kind == ACTIVATION_CLIP && a->alpha > a->beta))
        return -1;
    enum parameters parameters = operations[a->kind].parameters;
    steps[0] = (struct eltwise){operations[a->kind].operation,
                                parameters == OWN ? operations[a->kind].alpha : a->alpha,
                                parameters == ALPHA_BETA ? a->beta : 0};
    return 1;
}

bool onednn_has_activation(const struct activation *activation) {
    struct eltwise steps[2];
    return find_eltwise(activation, steps) == 1;
}

bool onednn_fuse_activation(dnnl_post_ops_t post_ops, const struct activation *activation) {
    struct eltwise steps[2];
    int count = find_eltwise(activation, steps);
    for (int i = 0; i < count; i++)
        if (dnnl_post_ops_append_eltwise(post_ops, 1, steps[i].kind, steps[i].alpha, steps[i].beta) !=
            dnnl_success)
            return false;
    return count >= 0;
}

bool onednn_activation(const struct layer_desc *desc, const struct layer_params *params,
                       struct onednn_recipe *recipe) {
    (void)params;
    struct eltwise steps[2];
    if (find_eltwise(&desc->activation, steps) != 1)
        return false;
    const dnnl_dims_t line = {
        (int64_t)shape_product(&desc->outputs[0].shape, 0, desc->outputs[0].shape.rank)};
    dnnl_memory_desc_t lies;
    const dnnl_memory_desc_t *taken = onednn_taken(desc, recipe, &lies);
    int rank = taken ? taken->ndims : 1;
    const int64_t *dims = taken ? taken->dims : line;
    recipe->activation.kind = ACTIVATION_NONE; /* it is the layer itself */
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    return onednn_plain(&recipe->inputs[0].plain, rank, dims) &&
           onednn_plain(&recipe->output.plain, rank, dims) &&
           dnnl_eltwise_forward_desc_init(&recipe->op.eltwise, dnnl_forward_inference, steps[0].kind,
                                          taken ? taken : &recipe->inputs[0].plain, steps[0].alpha,
                                          steps[0].beta) == dnnl_success;
}

/* Both shapes over the axes of the output, neighbours that are broadcast alike merged into one: oneDNN's
 * kernels know few patterns. Returns the number of axes. */
static int merge_axes(const struct layer_desc *desc, int64_t *a, int64_t *b, int64_t *y) {
    int rank = 0;
    a[0] = b[0] = y[0] = 1;
    int before = -1;
    for (uint32_t i = 0; i < desc->outputs[0].shape.rank; i++) {
        int64_t extent = desc->outputs[0].shape.dims[i], of[2];
        for (int k = 0; k < 2; k++) {
            uint32_t missing = desc->outputs[0].shape.rank - desc->inputs[k].shape.rank;
            of[k] = i < missing ? 1 : desc->inputs[k].shape.dims[i - missing];
        }
        if (extent == 1)
            continue;
        int pattern = (of[0] == 1) + 2 * (of[1] == 1);
        if (pattern != before) {
            a[rank] = b[rank] = y[rank] = 1;
            rank++;
        }
        before = pattern;
        a[rank - 1] *= of[0];
        b[rank - 1] *= of[1];
        y[rank - 1] *= extent;
    }
    return rank ? rank : 1;
}

/* Functions of two numbers that oneDNN has; dnnl_alg_kind_undef: none. Its maximum and minimum of a NaN and a
 * number are the number if the NaN comes first. */
static const dnnl_alg_kind_t binary_operations[BINARY_OPS] = {
    [BINARY_ADD] = dnnl_binary_add,
    [BINARY_SUB] = dnnl_binary_sub,
    [BINARY_MUL] = dnnl_binary_mul,
    [BINARY_DIV] = dnnl_binary_div,
};

/* A number for each channel, [1,C,1,...], of a map in such blocks: dense, and as oneDNN 2.6 has a kernel for
 * it. */
static bool describe_channels(const dnnl_memory_desc_t *map, uint32_t block, dnnl_memory_desc_t *dense,
                              dnnl_memory_desc_t *laid) {
    dnnl_dims_t dims;
    for (int i = 0; i < map->ndims; i++)
        dims[i] = i == 1 ? map->dims[1] : 1;
    return onednn_plain(dense, map->ndims, dims) && onednn_blocked(laid, map->ndims, dims, block);
}

/* A map in blocks with a number for each channel of its only image: [C,1,...] or [1,C,1,...]. */
static bool write_by_channels(const struct layer_desc *desc, dnnl_alg_kind_t kind, uint32_t map,
                              struct onednn_recipe *recipe) {
    dnnl_memory_desc_t lies, channels;
    const dnnl_memory_desc_t *md = onednn_given(desc, map, &lies);
    const convoy_shape *shape = &desc->inputs[map].shape, *other = &desc->inputs[1 - map].shape;
    const uint32_t missing = shape->rank - other->rank;
    if (!md || !shape_equal(shape, &desc->outputs[0].shape) || shape->dims[0] != 1 || missing > 1 ||
        other->dims[1 - missing] != shape->dims[1] ||
        shape_product(other, 0, other->rank) != (size_t)shape->dims[1] ||
        !describe_channels(md, desc->inputs[map].block, &recipe->inputs[1].plain, &channels))
        return false;
    recipe->inputs[0].index = map;
    recipe->inputs[1].index = 1 - map;
    return onednn_plain(&recipe->inputs[0].plain, md->ndims, md->dims) &&
           onednn_plain(&recipe->output.plain, md->ndims, md->dims) &&
           dnnl_binary_desc_init(&recipe->op.binary, kind, md, &channels, md) == dnnl_success;
}

/* Two tensors of one shape in the layout of one of them; false where the shapes differ. */
static bool write_alike(const struct layer_desc *desc, dnnl_alg_kind_t kind, struct onednn_recipe *recipe) {
    dnnl_memory_desc_t lies;
    const dnnl_memory_desc_t *md = onednn_given(desc, 0, &lies);
    md = md ? md : onednn_given(desc, 1, &lies);
    if (!md || !shape_equal(&desc->inputs[0].shape, &desc->outputs[0].shape) ||
        !shape_equal(&desc->inputs[1].shape, &desc->outputs[0].shape))
        return false;
    return onednn_plain(&recipe->inputs[0].plain, md->ndims, md->dims) &&
           onednn_plain(&recipe->inputs[1].plain, md->ndims, md->dims) &&
           onednn_plain(&recipe->output.plain, md->ndims, md->dims) &&
           dnnl_binary_desc_init(&recipe->op.binary, kind, md, md, md) == dnnl_success;
}

bool onednn_binary(const struct layer_desc *desc, const struct layer_params *params,
                   struct onednn_recipe *recipe) {
    (void)params;
    const dnnl_alg_kind_t kind = binary_operations[desc->binary];
    const bool commutes = desc->binary != BINARY_SUB && desc->binary != BINARY_DIV;
    dnnl_dims_t dims[2], y;
    if (kind == dnnl_alg_kind_undef)
        return false;
    recipe->input_count = 2;
    recipe->inputs[0] = (struct onednn_operand){.arg = DNNL_ARG_SRC_0, .index = 0};
    recipe->inputs[1] = (struct onednn_operand){.arg = DNNL_ARG_SRC_1, .index = 1};
    recipe->output.arg = DNNL_ARG_DST;
    bool laid_out = desc->inputs[0].block || desc->inputs[1].block;
    if (recipe->variant == ONEDNN_BLOCKED && laid_out)
        return write_alike(desc, kind, recipe) || write_by_channels(desc, kind, 0, recipe) ||
               (commutes && write_by_channels(desc, kind, 1, recipe));
    int rank = merge_axes(desc, dims[0], dims[1], y);
    /* The second operand may be broadcast, the first may not. */
    bool whole[2] = {true, true};
    for (int i = 0; i < rank; i++)
        for (int k = 0; k < 2; k++)
            whole[k] = whole[k] && dims[k][i] == y[i];
    if (!whole[0] && !(commutes && whole[1]))
        return false;
    recipe->inputs[0].index = whole[0] ? 0 : 1;
    recipe->inputs[1].index = whole[0] ? 1 : 0;
    return onednn_plain(&recipe->inputs[0].plain, rank, dims[recipe->inputs[0].index]) &&
           onednn_plain(&recipe->inputs[1].plain, rank, dims[recipe->inputs[1].index]) &&
           onednn_plain(&recipe->output.plain, rank, y) &&
           dnnl_binary_desc_init(&recipe->op.binary, kind, &recipe->inputs[0].plain, &recipe->inputs[1].plain,
                                 &recipe->output.plain) == dnnl_success;
}

/* A product by [1,channels,1], and the sum with another one as a post-operation. */
static bool write_affine(const struct layer_params *params, const dnnl_memory_desc_t *map,
                         const dnnl_memory_desc_t *dense, const dnnl_memory_desc_t *channels,
                         struct onednn_recipe *recipe) {
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC_0;
    recipe->output.arg = DNNL_ARG_DST;
    recipe->constants[0] = (struct onednn_constant){DNNL_ARG_SRC_1, *dense, &params->weights};
    recipe->constants[1] =
        (struct onednn_constant){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, *dense, &params->bias};
    recipe->constant_count = 2;
    return onednn_plain(&recipe->inputs[0].plain, map->ndims, map->dims) &&
           onednn_plain(&recipe->output.plain, map->ndims, map->dims) &&
           dnnl_post_ops_append_binary(recipe->post_ops, dnnl_binary_add, channels) == dnnl_success &&
           dnnl_binary_desc_init(&recipe->op.binary, dnnl_binary_mul, map, channels, map) == dnnl_success;
}

bool onednn_affine(const struct layer_desc *desc, const struct layer_params *params,
                   struct onednn_recipe *recipe) {
    const dnnl_dims_t dims = {(int64_t)desc->affine.batch, (int64_t)desc->affine.channels,
                              (int64_t)desc->affine.inner};
    const dnnl_dims_t per_channel = {1, (int64_t)desc->affine.channels, 1};
    dnnl_memory_desc_t lies, map, dense, laid;
    const dnnl_memory_desc_t *md = recipe->variant == ONEDNN_BLOCKED ? onednn_given(desc, 0, &lies) : NULL;
    if (md && md->dims[1] == dims[1] && describe_channels(md, desc->inputs[0].block, &dense, &laid))
        return write_affine(params, md, &dense, &laid, recipe);
    int rank =
        desc->affine.inner == 1 ? 2 : 3; /* of [33,23,1] oneDNN 2.6 computes the post-operation wrongly */
    return onednn_plain(&map, rank, dims) && onednn_plain(&dense, rank, per_channel) &&
           write_affine(params, &map, &dense, &dense, recipe);
}

bool onednn_softmax(const struct layer_desc *desc, const struct layer_params *params,
                    struct onednn_recipe *recipe) {
    (void)params;
    /* oneDNN 2.6 is slower than plain loops over an axis with others inside it (24 ms against 4 over
     * [21][128*128]), and imprecise with logarithms (1.4e-6 where 0 is right). */
    if (desc->softmax.inner != 1 || desc->softmax.logarithm)
        return false;
    const dnnl_dims_t dims = {(int64_t)desc->softmax.outer, (int64_t)desc->softmax.axis};
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    return onednn_plain(&recipe->inputs[0].plain, 2, dims) && onednn_plain(&recipe->output.plain, 2, dims) &&
           dnnl_softmax_v2_forward_desc_init(&recipe->op.softmax, dnnl_forward_inference,
                                             dnnl_softmax_accurate, &recipe->inputs[0].plain,
                                             &recipe->output.plain, 1) == dnnl_success;
}
