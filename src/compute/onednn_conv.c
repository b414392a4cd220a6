#include "compute/layer.h"
#include "compute/onednn.h"

static void add_constants(const struct layer_params *params, struct onednn_recipe *recipe,
                          const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias) {
    recipe->constants[0] = (struct onednn_constant){DNNL_ARG_WEIGHTS, *weights, &params->weights};
    recipe->constant_count = 1;
    if (params->bias.data)
        recipe->constants[recipe->constant_count++] =
            (struct onednn_constant){DNNL_ARG_BIAS, *bias, &params->bias};
}

/* Up to here oneDNN's inner product is faster (fc1 of VGG-16, 411 MB, 3 rows: 27 ms against 35), from there
 * on its matmul (4 rows: 36 ms against 50; 64 rows: 101 against 119). Both read the weights as they lie in
 * the model file; letting oneDNN choose a layout gains up to a fifth from 4 to 16 rows and nothing elsewhere,
 * and would hold them twice. */
#define INNER_PRODUCT_ROWS 3

static bool write_product(const struct conv_product *p, const struct layer_params *params,
                          struct onednn_recipe *recipe) {
    dnnl_memory_desc_t weights, bias;
    const dnnl_dims_t x = {p->rows, p->depth}, y = {p->rows, p->columns};
    if (!onednn_plain(&recipe->inputs[0].plain, 2, x) || !onednn_plain(&recipe->output.plain, 2, y))
        return false;
    const dnnl_memory_desc_t *from = &recipe->inputs[0].plain, *to = &recipe->output.plain;
    const dnnl_memory_desc_t *bias_or_none = params->bias.data ? &bias : NULL;
    if (p->rows <= INNER_PRODUCT_ROWS) {
        const dnnl_dims_t k = {p->columns, p->depth};
        if (!onednn_plain(&weights, 2, k) || !onednn_plain(&bias, 1, &p->columns))
            return false;
        add_constants(params, recipe, &weights, &bias);
        return dnnl_inner_product_forward_desc_init(&recipe->op.product, dnnl_forward_inference, from,
                                                    &weights, bias_or_none, to) == dnnl_success;
    }
    const dnnl_dims_t k = {p->depth, p->columns}, strides = {1, p->depth}, row = {1, p->columns};
    if (dnnl_memory_desc_init_by_strides(&weights, 2, k, dnnl_f32, strides) != dnnl_success ||
        !onednn_plain(&bias, 2, row))
        return false;
    add_constants(params, recipe, &weights, &bias);
    return dnnl_matmul_desc_init(&recipe->op.matmul, from, &weights, bias_or_none, to) == dnnl_success;
}

/* The same as a convolution by kernels of one element along the rows: oneDNN 2.6 has kernels for it that
 * choose how to lay the weights, and are faster than its product from so many rows on (196 rows, 384 to 1536
 * columns: 1.7 ms against 2.4; 784, 192 to 768: 1.6 against 2.7). */
static bool write_rows(const struct conv_product *p, const struct layer_params *params,
                       struct onednn_recipe *recipe) {
    dnnl_memory_desc_t weights, any_weights, bias;
    const dnnl_dims_t x = {1, p->depth, p->rows}, y = {1, p->columns, p->rows}, k = {p->columns, p->depth, 1};
    const dnnl_dims_t ones = {1}, zeros = {0};
    if (dnnl_memory_desc_init_by_tag(&recipe->inputs[0].plain, 3, x, dnnl_f32, dnnl_nwc) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&recipe->output.plain, 3, y, dnnl_f32, dnnl_nwc) != dnnl_success ||
        !onednn_plain(&weights, 3, k) || !onednn_any(&any_weights, 3, k) ||
        !onednn_plain(&bias, 1, &p->columns))
        return false;
    add_constants(params, recipe, &weights, &bias);
    return dnnl_dilated_convolution_forward_desc_init(
               &recipe->op.conv, dnnl_forward_inference, dnnl_convolution_direct, &recipe->inputs[0].plain,
               &any_weights, params->bias.data ? &bias : NULL, &recipe->output.plain, ones, zeros, zeros,
               zeros) == dnnl_success;
}

/* Whether a convolution is the product of its filters [N,C] by dense maps [C,positions], and nothing else. */
static bool is_left_product(const struct layer_desc *desc, const struct layer_params *params) {
    const struct conv_geometry *g = &desc->conv;
    return g->layout == CONV_CHANNELS_FIRST && g->spatial == 1 && g->groups == 1 && g->kernel[0] == 1 &&
           g->stride[0] == 1 && g->pad_begin[0] == 0 && g->pad_end[0] == 0 && !g->in_block && !g->out_block &&
           !desc->inputs[0].block && desc->input_count == 1 && !params->bias.data;
}

/* oneDNN's kernels of convolutions would bring such maps to blocks and back: 8 maps of 196 x 512 by 196
 * filters take them 4.3 ms, its matmul 2.9. */
static bool write_left_product(const struct conv_geometry *g, const struct layer_params *params,
                               struct onednn_recipe *recipe) {
    dnnl_memory_desc_t weights;
    const dnnl_dims_t x = {g->batch, g->in_channels, g->in[0]}, y = {g->batch, g->out_channels, g->in[0]},
                      k = {1, g->out_channels, g->in_channels};
    const int rank = g->batch > 1 ? 3 : 2, skipped = 3 - rank;
    recipe->inputs[0].arg = DNNL_ARG_WEIGHTS;
    if (!onednn_plain(&recipe->inputs[0].plain, rank, x + skipped) ||
        !onednn_plain(&recipe->output.plain, rank, y + skipped) || !onednn_plain(&weights, rank, k + skipped))
        return false;
    recipe->constants[0] = (struct onednn_constant){DNNL_ARG_SRC, weights, &params->weights};
    recipe->constant_count = 1;
    return dnnl_matmul_desc_init(&recipe->op.matmul, &weights, &recipe->inputs[0].plain, NULL,
                                 &recipe->output.plain) == dnnl_success;
}

/* [batch, channels, spatial...] as oneDNN counts axes, lying in memory as the layout says. */
static bool plain_map(dnnl_memory_desc_t *md, const struct conv_geometry *g, int64_t channels,
                      const int64_t *spatial, uint32_t block) {
    dnnl_dims_t dims = {g->batch, channels}, strides;
    int rank = 2 + (int)g->spatial;
    int64_t step = g->layout == CONV_CHANNELS_LAST ? channels : 1;
    for (int i = rank - 1; i >= 2; i--) {
        dims[i] = spatial[i - 2];
        strides[i] = step;
        step *= dims[i];
    }
    if (block)
        return onednn_blocked(md, rank, dims, block);
    strides[1] = g->layout == CONV_CHANNELS_LAST ? 1 : step;
    strides[0] = g->layout == CONV_CHANNELS_LAST ? step : step * channels;
    return dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, strides) == dnnl_success;
}

/* [groups,] N/groups, C/groups, kernel... */
static int filter_dims(const struct conv_geometry *g, int64_t *dims) {
    int rank = 0;
    if (g->groups > 1)
        dims[rank++] = g->groups;
    dims[rank++] = g->out_channels / g->groups;
    dims[rank++] = g->in_channels / g->groups;
    for (uint32_t i = 0; i < g->spatial; i++)
        dims[rank++] = g->kernel[i];
    return rank;
}

/* The layouts of both maps. Kernels exist for channels last and for blocks of channels, hardly for channels
 * first; blocks are what pooling, depthwise kernels and Winograd's algorithm like as well, so they stay from
 * layer to layer. Images of up to three channels are read as they are. */
static bool choose_maps(const struct layer_desc *desc, const struct onednn_recipe *recipe,
                        dnnl_memory_desc_t *x, dnnl_memory_desc_t *y) {
    const struct conv_geometry *g = &desc->conv;
    int rank = 2 + (int)g->spatial;
    const dnnl_memory_desc_t *plain_x = &recipe->inputs[0].plain, *plain_y = &recipe->output.plain;
    *x = *plain_x;
    *y = *plain_y;
    if (g->layout == CONV_CHANNELS_LAST)
        return recipe->variant == ONEDNN_DENSE;
    if (recipe->variant != ONEDNN_BLOCKED)
        return onednn_any(x, rank, plain_x->dims) && onednn_any(y, rank, plain_y->dims);
    bool image = g->in_channels <= 3 && !desc->inputs[0].block;
    return (image || onednn_blocked(x, rank, plain_x->dims, onednn_block())) &&
           onednn_blocked(y, rank, plain_y->dims, onednn_block());
}

static bool write_windows(const struct layer_desc *desc, const struct layer_params *params,
                          struct onednn_recipe *recipe) {
    const struct conv_geometry *g = &desc->conv;
    dnnl_memory_desc_t x, y, weights, any_weights, bias;
    dnnl_dims_t filters, stride, pad_begin, pad_end, dilation = {0};
    int filter_rank = filter_dims(g, filters);
    for (uint32_t i = 0; i < g->spatial; i++)
        dilation[i] = g->dilation[i] - 1;
    onednn_widen(stride, g->stride);
    onednn_widen(pad_begin, g->pad_begin);
    onednn_widen(pad_end, g->pad_end);
    if (!plain_map(&recipe->inputs[0].plain, g, g->in_channels, g->in, g->in_block) ||
        !plain_map(&recipe->output.plain, g, g->out_channels, g->out, g->out_block) ||
        !onednn_plain(&weights, filter_rank, filters) || !onednn_any(&any_weights, filter_rank, filters) ||
        !onednn_plain(&bias, 1, &g->out_channels) || !choose_maps(desc, recipe, &x, &y))
        return false;
    add_constants(params, recipe, &weights, &bias);
    return dnnl_dilated_convolution_forward_desc_init(
               &recipe->op.conv, dnnl_forward_inference,
               recipe->variant == ONEDNN_WINOGRAD ? dnnl_convolution_winograd : dnnl_convolution_direct, &x,
               &any_weights, params->bias.data ? &bias : NULL, &y, stride, dilation, pad_begin,
               pad_end) == dnnl_success;
}

/* Whether oneDNN 2.6 adds correctly. Its kernels for channels last forget the sum where a window lies in the
 * padding altogether, and crash where an activation follows whose constants are in a table: all but ReLU. */
static bool may_add(const struct layer_desc *desc) {
    enum activation_kind activation = desc->activation.kind;
    const struct conv_geometry *g = &desc->conv;
    bool may = activation == ACTIVATION_NONE || activation == ACTIVATION_RELU;
    for (uint32_t i = 0; i < g->spatial && may; i++)
        may = onednn_windows_meet(g->in[i], g->out[i], g->kernel[i], g->stride[i], g->dilation[i],
                                  g->pad_begin[i]);
    return may;
}

bool onednn_conv(const struct layer_desc *desc, const struct layer_params *params,
                 struct onednn_recipe *recipe) {
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    recipe->adds = desc->input_count == 2 && may_add(desc);
    recipe->adds_after = desc->input_count == 2 && !recipe->adds;
    if (recipe->adds && dnnl_post_ops_append_sum(recipe->post_ops, 1) != dnnl_success)
        return false;
    struct conv_product product;
    if (conv_is_product(&desc->conv, &product))
        return recipe->variant == ONEDNN_ROWS    ? write_rows(&product, params, recipe)
               : recipe->variant == ONEDNN_DENSE ? write_product(&product, params, recipe)
                                                 : false;
    if (recipe->variant == ONEDNN_DENSE && is_left_product(desc, params))
        return write_left_product(&desc->conv, params, recipe);
    return recipe->variant != ONEDNN_ROWS && write_windows(desc, params, recipe);
}
