/* Transposed convolutions by oneDNN's deconvolution. */
#include "compute/onednn.h"

/* The filters [C,N/groups,kernel...] as oneDNN counts axes: [groups,] N/groups, C/groups, kernel... */
static bool describe_filters(const struct conv_transpose_geometry *g, dnnl_memory_desc_t *plain,
                             dnnl_memory_desc_t *any) {
    dnnl_dims_t dims, strides;
    int64_t wide = g->out_channels / g->groups, depth = g->in_channels / g->groups, taps = 1;
    int first = g->groups > 1 ? 1 : 0, rank = first + 2 + (int)g->spatial;
    for (int i = rank - 1; i >= first + 2; i--) {
        dims[i] = g->kernel[i - first - 2];
        strides[i] = taps;
        taps *= dims[i];
    }
    dims[first] = wide;
    strides[first] = taps;
    dims[first + 1] = depth;
    strides[first + 1] = wide * taps;
    if (first) {
        dims[0] = g->groups;
        strides[0] = depth * wide * taps;
    }
    return dnnl_memory_desc_init_by_strides(plain, rank, dims, dnnl_f32, strides) == dnnl_success &&
           onednn_any(any, rank, dims);
}

/* The layouts of both maps: blocks of channels where they are wanted, or what oneDNN likes. */
static bool choose_maps(const struct onednn_recipe *recipe, dnnl_memory_desc_t *x, dnnl_memory_desc_t *y) {
    const dnnl_memory_desc_t *plain_x = &recipe->inputs[0].plain, *plain_y = &recipe->output.plain;
    int rank = plain_x->ndims;
    if (recipe->variant != ONEDNN_BLOCKED)
        return onednn_any(x, rank, plain_x->dims) && onednn_any(y, rank, plain_y->dims);
    return onednn_blocked(x, rank, plain_x->dims, onednn_block()) &&
           onednn_blocked(y, rank, plain_y->dims, onednn_block());
}

bool onednn_deconv(const struct layer_desc *desc, const struct layer_params *params,
                   struct onednn_recipe *recipe) {
    const struct conv_transpose_geometry *g = &desc->conv_transpose;
    const convoy_shape in = conv_transpose_input_shape(g), out = conv_transpose_output_shape(g);
    dnnl_memory_desc_t x, y, weights, any_weights, bias;
    dnnl_dims_t stride, pad_begin, pad_end = {0}, dilation = {0};
    onednn_widen(stride, g->stride);
    onednn_widen(pad_begin, g->pad_begin);
    for (uint32_t i = 0; i < g->spatial; i++) {
        pad_end[i] = conv_transpose_reach(g, i) - g->pad_begin[i] - g->out[i];
        dilation[i] = g->dilation[i] - 1;
    }
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    if (!onednn_plain(&recipe->inputs[0].plain, (int)in.rank, in.dims) ||
        !onednn_plain(&recipe->output.plain, (int)out.rank, out.dims) ||
        !describe_filters(g, &weights, &any_weights) || !onednn_plain(&bias, 1, &g->out_channels) ||
        !choose_maps(recipe, &x, &y))
        return false;
    recipe->constants[0] = (struct onednn_constant){DNNL_ARG_WEIGHTS, weights, &params->weights};
    recipe->constants[1] = (struct onednn_constant){DNNL_ARG_BIAS, bias, &params->bias};
    recipe->constant_count = params->bias.data ? 2 : 1;
    return dnnl_dilated_deconvolution_forward_desc_init(
               &recipe->op.deconv, dnnl_forward_inference, dnnl_deconvolution_direct, &x, &any_weights,
               params->bias.data ? &bias : NULL, &y, stride, dilation, pad_begin, pad_end) == dnnl_success;
}
