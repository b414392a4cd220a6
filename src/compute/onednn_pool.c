#include "compute/onednn.h"

bool onednn_windows_meet(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                         int64_t pad) {
    for (int64_t o = 0; o < out; o++) {
        int64_t origin = o * stride - pad, k = origin < 0 ? (dilation - 1 - origin) / dilation : 0;
        if (k >= kernel || origin + k * dilation >= in) /* the first tap that is not before the input */
            return false;
    }
    return true;
}

/* Taps of a window that may lie in the padding, besides as many as the input has. */
#define WIDEST_MARGIN 16

bool onednn_pool(const struct layer_desc *desc, const struct layer_params *params,
                 struct onednn_recipe *recipe) {
    (void)params;
    const struct pool_geometry *g = &desc->pool;
    bool average = g->op == POOL_AVERAGE;
    if (g->op == POOL_LP)
        return false;
    dnnl_dims_t in = {g->batch, g->channels}, out = {g->batch, g->channels}, dilation = {0}, pad_end = {0};
    dnnl_dims_t stride, kernel, pad_begin;
    onednn_widen(stride, g->stride);
    onednn_widen(kernel, g->kernel);
    onednn_widen(pad_begin, g->pad_begin);
    for (uint32_t i = 0; i < g->spatial; i++) {
        /* The end pad that the given output implies: beyond the operator's own where its size was rounded up.
         */
        int64_t reach = (g->kernel[i] - 1) * g->dilation[i] + 1;
        int64_t needed = (g->out[i] - 1) * g->stride[i] + reach - g->in[i] - g->pad_begin[i];
        /* oneDNN divides by the taps that it counts. Its plain loops look at every tap, also at 2^30 of them
         * that lie in the padding. */
        if (g->kernel[i] > 2 * g->in[i] + WIDEST_MARGIN ||
            !onednn_windows_meet(g->in[i], g->out[i], g->kernel[i], g->stride[i], g->dilation[i],
                                 g->pad_begin[i]) ||
            (average && g->count_include_pad && needed > g->pad_end[i]))
            return false;
        pad_end[i] = needed > 0 ? needed : 0;
        dilation[i] = g->dilation[i] - 1;
        in[2 + i] = g->in[i];
        out[2 + i] = g->out[i];
    }
    int rank = 2 + (int)g->spatial;
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    dnnl_alg_kind_t kind = !average               ? dnnl_pooling_max
                           : g->count_include_pad ? dnnl_pooling_avg_include_padding
                                                  : dnnl_pooling_avg_exclude_padding;
    if (!onednn_plain(&recipe->inputs[0].plain, rank, in) || !onednn_plain(&recipe->output.plain, rank, out))
        return false;
    dnnl_memory_desc_t lies, y = recipe->output.plain;
    const dnnl_memory_desc_t *taken = onednn_taken(desc, recipe, &lies);
    if (taken && !onednn_any(&y, rank, out))
        return false;
    return dnnl_pooling_v2_forward_desc_init(&recipe->op.pool, dnnl_forward_inference, kind,
                                             taken ? taken : &recipe->inputs[0].plain, &y, stride, kernel,
                                             dilation, pad_begin, pad_end) == dnnl_success;
}

bool onednn_lrn(const struct layer_desc *desc, const struct layer_params *params,
                struct onednn_recipe *recipe) {
    (void)params;
    /* oneDNN's windows are symmetric: of 4 channels it would take 3. */
    if (desc->lrn.size % 2 == 0)
        return false;
    const dnnl_dims_t dims = {(int64_t)desc->lrn.batch, (int64_t)desc->lrn.channels, (int64_t)desc->lrn.inner,
                              1};
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    return onednn_plain(&recipe->inputs[0].plain, 4, dims) && onednn_plain(&recipe->output.plain, 4, dims) &&
           dnnl_lrn_forward_desc_init(&recipe->op.lrn, dnnl_forward_inference, dnnl_lrn_across_channels,
                                      &recipe->inputs[0].plain, desc->lrn.size, desc->lrn.alpha,
                                      desc->lrn.beta, desc->lrn.bias) == dnnl_success;
}

/* oneDNN sums in float32, one term after the other: of 12,000 the sum is off by 2e-5. */
#define MOST_TERMS 256

/* The mean over all positions of a map is pooling by one window, which takes the map as it lies and a tenth
 * of the time of oneDNN's reduction. */
static bool write_mean(const struct layer_desc *desc, struct onednn_recipe *recipe) {
    const convoy_shape *x = &desc->inputs[0].shape;
    const dnnl_dims_t ones = {1, 1, 1}, zeros = {0}, out = {x->dims[0], x->dims[1], 1, 1, 1};
    dnnl_dims_t kernel = {0};
    for (uint32_t i = 2; i < x->rank; i++)
        kernel[i - 2] = x->dims[i];
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    dnnl_memory_desc_t lies, y;
    if (!onednn_plain(&recipe->inputs[0].plain, (int)x->rank, x->dims) ||
        !onednn_plain(&recipe->output.plain, (int)x->rank, out))
        return false;
    const dnnl_memory_desc_t *taken = onednn_taken(desc, recipe, &lies);
    y = recipe->output.plain;
    if (taken && !onednn_any(&y, (int)x->rank, out))
        return false;
    return dnnl_pooling_v2_forward_desc_init(&recipe->op.pool, dnnl_forward_inference,
                                             dnnl_pooling_avg_exclude_padding,
                                             taken ? taken : &recipe->inputs[0].plain, &y, ones, kernel,
                                             zeros, zeros, zeros) == dnnl_success;
}

/* Sums and means of few; the largest and the smallest would lose a NaN. */
bool onednn_reduce(const struct layer_desc *desc, const struct layer_params *params,
                   struct onednn_recipe *recipe) {
    (void)params;
    enum reduce_op op = desc->reduce.op;
    const convoy_shape *x = &desc->inputs[0].shape;
    if (op == REDUCE_MEAN && x->rank > 2 && x->rank <= 5 && desc->reduce.axes == (UINT32_C(1) << x->rank) - 4)
        return write_mean(desc, recipe);
    convoy_shape y = *x;
    int64_t terms = 1;
    for (uint32_t i = 0; i < x->rank; i++)
        if (desc->reduce.axes >> i & 1) {
            terms *= x->dims[i];
            y.dims[i] = 1;
        }
    if ((op != REDUCE_SUM && op != REDUCE_MEAN) || desc->reduce.axes == 0 || terms > MOST_TERMS)
        return false;
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    return onednn_plain(&recipe->inputs[0].plain, (int)x->rank, x->dims) &&
           onednn_plain(&recipe->output.plain, (int)y.rank, y.dims) &&
           dnnl_reduction_desc_init(&recipe->op.reduce,
                                    op == REDUCE_SUM ? dnnl_reduction_sum : dnnl_reduction_mean,
                                    &recipe->inputs[0].plain, &recipe->output.plain, 0, 0) == dnnl_success;
}

/* Without centering oneDNN 2.6 has none. */
bool onednn_normalize(const struct layer_desc *desc, const struct layer_params *params,
                      struct onednn_recipe *recipe) {
    if (!desc->normalize.centered)
        return false;
    const dnnl_dims_t dims = {(int64_t)desc->normalize.outer, (int64_t)desc->normalize.inner};
    dnnl_memory_desc_t row;
    unsigned flags = 0;
    if (!onednn_plain(&row, 1, dims + 1))
        return false;
    if (params && params->weights.data) {
        recipe->constants[recipe->constant_count++] =
            (struct onednn_constant){DNNL_ARG_SCALE, row, &params->weights};
        flags |= dnnl_use_scale;
    }
    if (params && params->bias.data) {
        recipe->constants[recipe->constant_count++] =
            (struct onednn_constant){DNNL_ARG_SHIFT, row, &params->bias};
        flags |= dnnl_use_shift;
    }
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    return onednn_plain(&recipe->inputs[0].plain, 2, dims) && onednn_plain(&recipe->output.plain, 2, dims) &&
           dnnl_layer_normalization_forward_desc_init(&recipe->op.normalize, dnnl_forward_inference,
                                                      &recipe->inputs[0].plain, NULL,
                                                      (float)desc->normalize.epsilon, flags) == dnnl_success;
}
