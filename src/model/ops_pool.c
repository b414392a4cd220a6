/* Pooling. */
#include "base/tensor.h"
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

/* desc has what belongs to the function; a second output gets the shape of the first. */
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
    desc->outputs[1].shape = desc->outputs[0].shape;
    return layer_lower(l, desc, NULL);
}

static convoy_status lower_pool(struct lowering *l, struct layer_desc *desc) {
    convoy_shape x = input_shape(l, 0);
    struct windows w;
    bool ceil_mode = attribute_int(l, "ceil_mode", 0) != 0;
    convoy_status status = windows_read(l, &x, NULL, &w);
    return status == CONVOY_OK ? pool_lower(l, &w, desc, ceil_mode) : status;
}

/* The second output, since operator set 8: where in the flattened input the maxima are. */
static convoy_status lower_max_pool(struct lowering *l) {
    struct layer_desc desc = {
        .pool.op = POOL_MAX, .output_count = 1, .outputs = {{0}, {.dtype = CONVOY_I64}}};
    int64_t order = attribute_int(l, "storage_order", 0);
    if (order != 0 && order != 1)
        return node_fail(l, CONVOY_E_INPUT, "storage_order is %lld; 0 (row major) or 1 is expected",
                         (long long)order);
    desc.pool.column_major = order == 1;
    if (l->node->output_count > 1 && l->node->outputs[1] != NO_VALUE)
        desc.output_count = 2;
    return lower_pool(l, &desc);
}

static convoy_status lower_average_pool(struct lowering *l) {
    struct layer_desc desc = {.pool.op = POOL_AVERAGE};
    desc.pool.count_include_pad = attribute_int(l, "count_include_pad", 0) != 0;
    return lower_pool(l, &desc);
}

/* p, a whole number since operator set 2. */
static struct layer_desc norm_read(struct lowering *l) {
    double p = l->model->opset < 2 ? (double)attribute_float(l, "p", 2) : (double)attribute_int(l, "p", 2);
    if (!(p > 0))
        node_fail(l, CONVOY_E_INPUT, "p is %g; more than 0 is expected", p);
    return (struct layer_desc){.pool = {.op = POOL_LP, .p = p}};
}

static convoy_status lower_lp_pool(struct lowering *l) {
    struct layer_desc desc = norm_read(l);
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
    return lower_global(l, &(struct layer_desc){.pool.op = POOL_AVERAGE});
}

static convoy_status lower_global_max_pool(struct lowering *l) {
    return lower_global(l, &(struct layer_desc){.pool.op = POOL_MAX});
}

static convoy_status lower_global_lp_pool(struct lowering *l) {
    struct layer_desc desc = norm_read(l);
    return lower_global(l, &desc);
}

/* --- MaxUnpool ------------------------------------------------------------------------------------------ */

/* The shape of what was pooled, in which indices count: as small as it can have been. */
static convoy_status pooled_shape(struct lowering *l, convoy_shape *shape) {
    struct windows w;
    *shape = input_shape(l, 0);
    if (windows_read(l, shape, NULL, &w) != CONVOY_OK)
        return l->status;
    for (uint32_t i = 0; i < w.spatial; i++) {
        int64_t *dim = &shape->dims[2 + i];
        *dim = (w.in[i] - 1) * w.stride[i] + w.kernel[i] - w.pad_begin[i] - w.pad_end[i];
        if (*dim < 1)
            return node_fail(l, CONVOY_E_INPUT, "spatial axis %u: pads %lld and %lld leave nothing", i,
                             (long long)w.pad_begin[i], (long long)w.pad_end[i]);
    }
    return CONVOY_OK;
}

/* The shape that is given, or, if none is, the least one. */
static convoy_status unpooled_shape(struct lowering *l, const convoy_shape *least, convoy_shape *shape) {
    struct int_list given = input_ints(l, 2, "output_shape");
    *shape = *least;
    if (!given.given || l->status != CONVOY_OK)
        return l->status;
    bool fits = given.count == least->rank;
    for (uint32_t i = 0; i < least->rank && fits; i++) {
        shape->dims[i] = given.values[i];
        fits = i < 2 ? given.values[i] == least->dims[i] : given.values[i] >= least->dims[i];
    }
    char text[128];
    return fits ? CONVOY_OK
                : node_fail(l, CONVOY_E_INPUT, "output_shape must be %s, or larger along spatial axes",
                            convoy_shape_text(least, text, sizeof text));
}

/* What is larger than it need be has zeros behind the last position of each axis. */
static convoy_status lower_max_unpool(struct lowering *l) {
    struct layer_desc desc = {.kind = LAYER_UNPOOL}, pad = {.kind = LAYER_PAD, .pad.mode = PAD_CONSTANT};
    uint32_t inputs[] = {input_number(l, 0), input_number(l, 1)}, value = NO_VALUE;
    if (pooled_shape(l, &desc.outputs[0].shape) != CONVOY_OK ||
        unpooled_shape(l, &desc.outputs[0].shape, &pad.outputs[0].shape) != CONVOY_OK)
        return l->status;
    bool larger = !shape_equal(&desc.outputs[0].shape, &pad.outputs[0].shape);
    layer_add(l, &desc, NULL, inputs, 2, NULL, &value);
    if (larger && l->status == CONVOY_OK)
        layer_add(l, &pad, NULL, &value, 1, NULL, &value);
    output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator pool_operators[] = {
    OPERATOR("AveragePool", 1, lower_average_pool, 1, 1),
    OPERATOR("GlobalAveragePool", 1, lower_global_average_pool, 1, 1),
    OPERATOR("GlobalLpPool", 1, lower_global_lp_pool, 1, 1),
    OPERATOR("GlobalMaxPool", 1, lower_global_max_pool, 1, 1),
    OPERATOR("LpPool", 1, lower_lp_pool, 1, 1),
    OPERATOR("MaxPool", 1, lower_max_pool, 1, 1),
    OPERATOR("MaxUnpool", 9, lower_max_unpool, 2, 3),
    LAST_OPERATOR,
};
