/* Pooling. */
#include "model/operators.h"
#include "model/windows.h"

#include <string.h>

/* Positions of one axis. In ceil_mode a last window that begins in the padding behind the input does not
 * count: the rule of PyTorch and of ONNX Runtime, which the standard states from operator set 22 on. */
static int64_t pool_extent(const struct windows *w, uint32_t i, bool ceil_mode) {
    int64_t room = w->in[i] + w->pad_begin[i] + w->pad_end[i] - (w->kernel[i] - 1) * w->dilation[i] - 1;
    if (room < 0)
        return 0;
    int64_t out = (room + (ceil_mode ? w->stride[i] - 1 : 0)) / w->stride[i] + 1;
    if (ceil_mode && (out - 1) * w->stride[i] >= w->in[i] + w->pad_begin[i])
        out--;
    return out;
}

static convoy_status pool_lower(struct lowering *l, const struct windows *w, struct layer_desc *desc,
                                bool ceil_mode) {
    convoy_shape x = input_shape(l, 0);
    struct pool_geometry *g = &desc->pool;
    desc->kind = LAYER_POOL;
    desc->outputs[0].shape = (convoy_shape){x.rank, {x.dims[0], x.dims[1]}};
    g->spatial = w->spatial;
    g->batch = x.dims[0];
    g->channels = x.dims[1];
    for (uint32_t i = 0; i < CONV_MAX_SPATIAL; i++)
        g->in[i] = g->kernel[i] = g->stride[i] = g->dilation[i] = g->out[i] = 1;
    for (uint32_t i = 0; i < w->spatial; i++) {
        g->in[i] = w->in[i];
        g->kernel[i] = w->kernel[i];
        g->stride[i] = w->stride[i];
        g->dilation[i] = w->dilation[i];
        g->pad_begin[i] = w->pad_begin[i];
        g->pad_end[i] = w->pad_end[i];
        g->out[i] = desc->outputs[0].shape.dims[2 + i] = pool_extent(w, i, ceil_mode);
        if (g->out[i] < 1)
            return node_fail(l, CONVOY_E_INPUT,
                             "spatial axis %u: a window of %lld is larger than the padded input", i,
                             (long long)w->kernel[i]);
        if (w->pad_begin[i] > (w->kernel[i] - 1) * w->dilation[i] ||
            (g->out[i] - 1) * w->stride[i] >= w->in[i] + w->pad_begin[i])
            return node_fail(l, CONVOY_E_INPUT, "spatial axis %u: a window lies in the padding alone", i);
    }
    return layer_lower(l, desc, NULL);
}

static convoy_status lower_pool(struct lowering *l, struct layer_desc *desc) {
    convoy_shape x = input_shape(l, 0);
    struct windows w;
    bool ceil_mode = attribute_int(l, "ceil_mode", 0) != 0;
    convoy_status status = windows_read(l, &x, NULL, &w);
    return status == CONVOY_OK ? pool_lower(l, &w, desc, ceil_mode) : status;
}

static convoy_status lower_max_pool(struct lowering *l) {
    struct layer_desc desc = {0};
    attribute_int(l, "storage_order", 0); /* of the second output, which is not supported */
    return lower_pool(l, &desc);
}

static convoy_status lower_average_pool(struct lowering *l) {
    struct layer_desc desc = {.pool.average = true};
    desc.pool.count_include_pad = attribute_int(l, "count_include_pad", 0) != 0;
    return lower_pool(l, &desc);
}

/* One window over all spatial axes. */
static convoy_status lower_global(struct lowering *l, struct layer_desc *desc) {
    convoy_shape x = input_shape(l, 0);
    struct windows w = {.spatial = x.rank - 2};
    if (x.rank < 3 || x.rank > 2 + CONV_MAX_SPATIAL)
        return node_fail(l, CONVOY_E_UNSUPPORTED,
                         "the input has %u axes; batch, channels and 1 to %d spatial ones are supported",
                         x.rank, CONV_MAX_SPATIAL);
    for (uint32_t i = 0; i < w.spatial; i++) {
        w.in[i] = w.kernel[i] = x.dims[2 + i];
        w.stride[i] = w.dilation[i] = 1;
    }
    return pool_lower(l, &w, desc, false);
}

static convoy_status lower_global_average_pool(struct lowering *l) {
    return lower_global(l, &(struct layer_desc){.pool.average = true});
}

static convoy_status lower_global_max_pool(struct lowering *l) {
    return lower_global(l, &(struct layer_desc){0});
}

const struct onnx_operator pool_operators[] = {
    OPERATOR("AveragePool", 1, lower_average_pool, 1, 1),
    OPERATOR("GlobalAveragePool", 1, lower_global_average_pool, 1, 1),
    OPERATOR("GlobalMaxPool", 1, lower_global_max_pool, 1, 1),
    OPERATOR("MaxPool", 1, lower_max_pool, 1, 1),
    LAST_OPERATOR,
};
