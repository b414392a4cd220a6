/* Normalisations by statistics of the data itself. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

/* Adds x normalised over `inner` elements at a time: (x - mean) / sqrt(variance + epsilon), or, not centered,
 * x / sqrt(mean of squares + epsilon). */
static convoy_status normalize_add(struct lowering *l, uint32_t x, size_t inner, bool centered,
                                   double epsilon, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_shape shape = value_shape(l, x);
    size_t total = shape_product(&shape, 0, shape.rank);
    struct layer_desc desc = {.kind = LAYER_NORMALIZE, .outputs = {{.shape = shape}}};
    desc.normalize.outer = inner ? total / inner : 0;
    desc.normalize.inner = inner;
    desc.normalize.centered = centered;
    desc.normalize.epsilon = epsilon;
    return layer_add(l, &desc, NULL, &x, 1, NULL, value);
}

/* value * scale + bias, by numpy's rule; bias NO_VALUE: none. */
static convoy_status scale_and_shift(struct lowering *l, uint32_t scale, uint32_t bias, uint32_t *value) {
    if (l->status == CONVOY_OK)
        binary_add(l, BINARY_MUL, *value, scale, value);
    if (l->status == CONVOY_OK && bias != NO_VALUE)
        binary_add(l, BINARY_ADD, *value, bias, value);
    return l->status;
}

/* The mean over axes [axis, rank), which stay as axes of 1. */
static convoy_status mean_add(struct lowering *l, uint32_t x, uint32_t axis, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    struct layer_desc desc = {.kind = LAYER_REDUCE, .outputs = {{.shape = value_shape(l, x)}}};
    desc.reduce.op = REDUCE_MEAN;
    for (uint32_t i = axis; i < desc.outputs[0].shape.rank; i++) {
        desc.reduce.axes |= UINT32_C(1) << i;
        desc.outputs[0].shape.dims[i] = 1;
    }
    return layer_add(l, &desc, NULL, &x, 1, NULL, value);
}

/* Mean and 1 / sqrt(variance + epsilon), as outputs 1 and 2 if the node names them: in float32. */
static convoy_status statistics_lower(struct lowering *l, uint32_t axis, double epsilon) {
    if (l->node->output_count < 2 || l->status != CONVOY_OK)
        return l->status;
    uint32_t x = NO_VALUE, mean = NO_VALUE, variance = NO_VALUE, least = NO_VALUE;
    cast_add(l, input_number(l, 0), computed_type(input_dtype(l, 0)), &x);
    mean_add(l, x, axis, &mean);
    output_set(l, 1, mean);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_SUB, x, mean, &x) == CONVOY_OK)
        binary_add(l, BINARY_MUL, x, x, &x);
    mean_add(l, x, axis, &variance);
    scalar_add(l, computed_type(input_dtype(l, 0)), epsilon, &least);
    if (l->status == CONVOY_OK)
        binary_add(l, BINARY_ADD, variance, least, &variance);
    activation_add(l, (struct activation){ACTIVATION_SQRT, 0, 0}, variance, &variance);
    activation_add(l, (struct activation){ACTIVATION_RECIPROCAL, 0, 0}, variance, &variance);
    output_set(l, 2, variance);
    return l->status;
}

/* LayerNormalization, and RMSNormalization, whose parameter is that it is not centered. Over all axes from
 * `axis` on; stash_type, the type of the statistics, is float32 at least. */
static convoy_status lower_layer_norm(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    bool centered = l->op->parameter;
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", -1), x.rank), value = NO_VALUE;
    double epsilon = (double)attribute_float(l, "epsilon", 1e-5f);
    attribute_int(l, "stash_type", 1);
    if (l->status != CONVOY_OK)
        return l->status;
    normalize_add(l, input_number(l, 0), shape_product(&x, axis, x.rank), centered, epsilon, &value);
    scale_and_shift(l, input_number(l, 1), input_number(l, 2), &value);
    output_set(l, 0, value);
    return centered ? statistics_lower(l, axis, epsilon) : l->status;
}

/* Over the positions of each channel of each image. */
static convoy_status lower_instance_norm(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    double epsilon = (double)attribute_float(l, "epsilon", 1e-5f);
    uint32_t scale = NO_VALUE, bias = NO_VALUE, value = NO_VALUE;
    if (x.rank < 2)
        return node_fail(l, CONVOY_E_INPUT, "the input has %u axes; batch and channels are needed", x.rank);
    normalize_add(l, input_number(l, 0), shape_product(&x, 2, x.rank), true, epsilon, &value);
    along_axis_add(l, input_number(l, 1), 1, x.rank, &scale);
    along_axis_add(l, input_number(l, 2), 1, x.rank, &bias);
    scale_and_shift(l, scale, bias, &value);
    output_set(l, 0, value);
    return l->status;
}

/* [groups], one number a group, as [C], one a channel. */
static convoy_status spread_over_groups(struct lowering *l, int64_t groups, int64_t each, uint32_t of,
                                        uint32_t *value) {
    convoy_shape column = {2, {groups, 1}}, list = {1, {groups * each}};
    struct layer_desc desc = {.kind = LAYER_PAD,
                              .pad.mode = PAD_EDGE,
                              .outputs = {{.shape = {2, {groups, each}}}}}; /* repeats axes of 1 */
    if (l->status != CONVOY_OK || value_shape(l, of).rank != 1 || value_shape(l, of).dims[0] != groups)
        return node_fail(l, CONVOY_E_INPUT, "scale and bias must be lists of %lld numbers",
                         (long long)groups);
    alias_add(l, of, &column, value);
    layer_add(l, &desc, NULL, value, 1, NULL, value);
    return alias_add(l, *value, &list, value);
}

/* Over the channels of a group and their positions. scale and bias belong to groups before operator set 21,
 * to channels from then on. */
static convoy_status lower_group_norm(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t groups = attribute_int(l, "num_groups", 0);
    double epsilon = (double)attribute_float(l, "epsilon", 1e-5f);
    uint32_t scale = input_number(l, 1), bias = input_number(l, 2), value = NO_VALUE;
    attribute_int(l, "stash_type", 1);
    if (x.rank < 2 || groups < 1 || x.dims[1] % groups != 0)
        return node_fail(l, CONVOY_E_INPUT,
                         "num_groups is %lld; a divisor of the number of channels is expected",
                         (long long)groups);
    if (l->model->opset < 21) {
        spread_over_groups(l, groups, x.dims[1] / groups, scale, &scale);
        spread_over_groups(l, groups, x.dims[1] / groups, bias, &bias);
    }
    size_t inner = (size_t)(x.dims[1] / groups) * shape_product(&x, 2, x.rank);
    normalize_add(l, input_number(l, 0), inner, true, epsilon, &value);
    along_axis_add(l, scale, 1, x.rank, &scale);
    along_axis_add(l, bias, 1, x.rank, &bias);
    scale_and_shift(l, scale, bias, &value);
    output_set(l, 0, value);
    return l->status;
}

/* A reduction over some axes, which stay as axes of 1. */
static convoy_status reduce_add(struct lowering *l, enum reduce_op op, uint32_t axes, uint32_t x,
                                uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    struct layer_desc desc = {
        .kind = LAYER_REDUCE, .reduce = {op, axes}, .outputs = {{.shape = value_shape(l, x)}}};
    for (uint32_t i = 0; i < desc.outputs[0].shape.rank; i++)
        if (axes >> i & 1)
            desc.outputs[0].shape.dims[i] = 1;
    return layer_add(l, &desc, NULL, &x, 1, NULL, value);
}

/* (x - mean) / (deviation + 1e-9) over the axes. */
static convoy_status lower_mean_variance_norm(struct lowering *l) {
    convoy_shape shape = input_shape(l, 0);
    struct int_list list = attribute_ints(l, "axes");
    if (!list.given)
        list = (struct int_list){true, 3, {0, 2, 3}};
    uint32_t axes = axes_mask(l, &list, shape.rank), x = input_number(l, 0), mean = NO_VALUE,
             deviation = NO_VALUE, least = NO_VALUE;
    if (reduce_add(l, REDUCE_MEAN, axes, x, &mean) == CONVOY_OK &&
        binary_add(l, BINARY_SUB, x, mean, &x) == CONVOY_OK)
        binary_add(l, BINARY_MUL, x, x, &deviation);
    reduce_add(l, REDUCE_MEAN, axes, deviation, &deviation);
    activation_add(l, (struct activation){ACTIVATION_SQRT, 0, 0}, deviation, &deviation);
    scalar_add(l, computed_type(input_dtype(l, 0)), 1e-9, &least);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_ADD, deviation, least, &deviation) == CONVOY_OK)
        binary_add(l, BINARY_DIV, x, deviation, &x);
    output_set(l, 0, x);
    return l->status;
}

/* x / norm along an axis; 0 if the norm is 0. */
static convoy_status lower_lp_norm(struct lowering *l) {
    convoy_shape shape = input_shape(l, 0);
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", -1), shape.rank), x = input_number(l, 0),
             norm = NO_VALUE, nought = NO_VALUE, none = NO_VALUE, value = NO_VALUE;
    int64_t p = attribute_int(l, "p", 2);
    if (l->status == CONVOY_OK && p != 1 && p != 2)
        return node_fail(l, CONVOY_E_INPUT, "p is %lld; 1 or 2 is expected", (long long)p);
    reduce_add(l, p == 1 ? REDUCE_L1 : REDUCE_L2, UINT32_C(1) << axis, x, &norm);
    scalar_add(l, input_dtype(l, 0), 0, &nought);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_EQUAL, norm, nought, &none) == CONVOY_OK &&
        binary_add(l, BINARY_DIV, x, norm, &value) == CONVOY_OK)
        where_add(l, none, nought, value, &value);
    output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator layer_norm_operators[] = {
    OPERATOR("GroupNormalization", 18, lower_group_norm, 3, 3),
    OPERATOR("InstanceNormalization", 1, lower_instance_norm, 3, 3),
    OPERATOR("LayerNormalization", 17, lower_layer_norm, 2, 3, .parameter = true),
    OPERATOR("LpNormalization", 1, lower_lp_norm, 1, 1),
    OPERATOR("MeanVarianceNormalization", 9, lower_mean_variance_norm, 1, 1),
    OPERATOR("RMSNormalization", 23, lower_layer_norm, 2, 2, .parameter = false),
    LAST_OPERATOR,
};
