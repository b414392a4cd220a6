/* ONNX's own operators on quantised numbers. Sums of products of 8-bit integers are computed in float32 and
 * rounded to integers, which they are up to 2^24; beyond, they are off by 6e-8 of the largest. */
#include "model/attributes.h"
#include "model/fusion.h"
#include "model/operators.h"
#include "model/quantization.h"

#include "base/tensor.h"

#include <string.h>

/* --- Between integers and real numbers ------------------------------------------------------------------ */

/* Repeats each position of an axis block times: [.., n, ..] becomes [.., extent, ..]. */
static convoy_status repeat_blocks(struct lowering *l, uint32_t of, uint32_t axis, int64_t block,
                                   int64_t extent, uint32_t *value) {
    convoy_shape list = {1, {extent}};
    convoy_tensor indices;
    uint32_t number = NO_VALUE;
    if (constant_create(l, CONVOY_I64, &list, &indices) != CONVOY_OK)
        return l->status;
    for (int64_t i = 0; i < extent; i++)
        ((int64_t *)indices.data)[i] = i / block;
    constant_add(l, &indices, &number);
    struct layer_desc desc = {
        .kind = LAYER_GATHER, .gather.axis = axis, .outputs = {{.shape = value_shape(l, of)}}};
    desc.outputs[0].shape.dims[axis] = extent;
    return layer_add(l, &desc, NULL, (const uint32_t[]){of, number}, 2, NULL, value);
}

/* *value, a scale or a zero point, in a shape that meets x. */
static convoy_status meet(struct lowering *l, uint32_t x, const struct quantization *by, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_shape shape = value_shape(l, x), own = value_shape(l, *value);
    bool single = shape_product(&own, 0, own.rank) == 1;
    if (single && own.rank > 0) {
        convoy_shape scalar = {0};
        return alias_add(l, *value, &scalar, value);
    }
    if (single)
        return CONVOY_OK;
    uint32_t axis = axis_normal(l, by->axis, shape.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    int64_t extent = shape.dims[axis];
    if (by->block > 0) {
        if (own.rank != shape.rank || own.dims[axis] != (extent + by->block - 1) / by->block)
            return node_fail(l, CONVOY_E_INPUT, "the scales are not one for each block of %lld along axis %u",
                             (long long)by->block, axis);
        return repeat_blocks(l, *value, axis, by->block, extent, value);
    }
    if (own.rank != 1 || own.dims[0] != extent)
        return node_fail(l, CONVOY_E_INPUT,
                         "the scales are not one for each of the %lld positions of axis %u",
                         (long long)extent, axis);
    return along_axis_add(l, *value, axis, shape.rank, value);
}

convoy_status shift_add(struct lowering *l, uint32_t x, struct quantization by, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_dtype dtype = l->network->values[x].dtype;
    bool exact = dtype_find(dtype)->bytes <= 2; /* as float32, before the difference is taken */
    *value = x;
    if (by.zero != NO_VALUE && l->network->values[by.zero].dtype != dtype)
        return node_fail(l, CONVOY_E_INPUT, "a zero point is %s and what it belongs to is %s",
                         convoy_dtype_text(l->network->values[by.zero].dtype), convoy_dtype_text(dtype));
    if (exact)
        cast_add(l, x, CONVOY_F32, value);
    if (by.zero != NO_VALUE) {
        uint32_t zero = by.zero;
        if (exact)
            cast_add(l, zero, CONVOY_F32, &zero);
        meet(l, x, &by, &zero);
        if (l->status == CONVOY_OK)
            binary_add(l, BINARY_SUB, *value, zero, value);
    }
    return exact ? l->status : cast_add(l, *value, CONVOY_F32, value);
}

convoy_status dequantize_add(struct lowering *l, uint32_t x, struct quantization by, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_dtype dtype = l->network->values[by.scale].dtype;
    uint32_t scale = by.scale, shifted = NO_VALUE;
    shift_add(l, x, by, &shifted);
    cast_add(l, scale, CONVOY_F32, &scale);
    meet(l, x, &by, &scale);
    if (l->status == CONVOY_OK)
        binary_add(l, BINARY_MUL, shifted, scale, value);
    return l->status == CONVOY_OK ? cast_add(l, *value, dtype, value) : l->status;
}

convoy_status quantize_add(struct lowering *l, uint32_t x, struct quantization by, convoy_dtype dtype,
                           uint32_t *value) {
    uint32_t scale = by.scale, zero = by.zero, scaled = NO_VALUE;
    if (l->status == CONVOY_OK && !dtype_is(dtype, DTYPE_INTEGERS))
        return node_fail(l, CONVOY_E_UNSUPPORTED, "quantises to %s; integers are supported",
                         convoy_dtype_text(dtype));
    if (l->status != CONVOY_OK)
        return l->status;
    cast_add(l, x, CONVOY_F32, &scaled);
    cast_add(l, scale, CONVOY_F32, &scale);
    meet(l, x, &by, &scale);
    if (l->status == CONVOY_OK)
        binary_add(l, BINARY_DIV, scaled, scale, &scaled);
    activation_add(l, (struct activation){ACTIVATION_ROUND, 0, 0}, scaled, &scaled);
    if (l->status == CONVOY_OK && zero != NO_VALUE) {
        cast_add(l, zero, CONVOY_F32, &zero);
        meet(l, x, &by, &zero);
        if (l->status == CONVOY_OK)
            binary_add(l, BINARY_ADD, scaled, zero, &scaled);
    }
    return l->status == CONVOY_OK ? cast_add(l, scaled, dtype, value) : l->status;
}

/* Attributes of QuantizeLinear and DequantizeLinear, and their inputs 1 and 2. */
static struct quantization quantization_read(struct lowering *l) {
    struct quantization by = {.scale = input_number(l, 1), .zero = input_number(l, 2)};
    by.axis = attribute_int(l, "axis", 1);
    by.block = attribute_int(l, "block_size", 0);
    attribute_int(l, "saturate", 1);  /* of 8-bit floats, which are not supported */
    attribute_int(l, "precision", 0); /* the type of the division, which is float32 here */
    if (by.block < 0)
        node_fail(l, CONVOY_E_INPUT, "block_size is %lld", (long long)by.block);
    return by;
}

static convoy_status lower_quantize(struct lowering *l) {
    struct quantization by = quantization_read(l);
    int64_t number = attribute_int(l, "output_dtype", 0);
    convoy_dtype dtype = by.zero != NO_VALUE ? input_dtype(l, 2) : number ? (convoy_dtype)number : CONVOY_U8;
    uint32_t value = NO_VALUE;
    if (l->status == CONVOY_OK && !dtype_find(number) && number)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "output_dtype %lld is not supported", (long long)number);
    if (quantize_add(l, input_number(l, 0), by, dtype, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status lower_dequantize(struct lowering *l) {
    struct quantization by = quantization_read(l);
    int64_t number = attribute_int(l, "output_dtype", 0);
    uint32_t value = NO_VALUE;
    if (l->status == CONVOY_OK && number && !dtype_is((convoy_dtype)number, DTYPE_REALS))
        return node_fail(l, CONVOY_E_UNSUPPORTED, "output_dtype %lld is not supported", (long long)number);
    if (dequantize_add(l, input_number(l, 0), by, &value) == CONVOY_OK && number)
        cast_add(l, value, (convoy_dtype)number, &value);
    output_set(l, 0, value);
    return l->status;
}

/* The extreme of all elements, and 0. */
static convoy_status extreme_add(struct lowering *l, enum reduce_op reduce, enum binary_op op, uint32_t zero,
                                 uint32_t *value) {
    convoy_shape x = input_shape(l, 0), scalar = {0};
    uint32_t input = input_number(l, 0);
    struct layer_desc desc = {.kind = LAYER_REDUCE, .reduce = {reduce, (UINT32_C(1) << x.rank) - 1}};
    desc.outputs[0].shape.rank = x.rank;
    for (uint32_t i = 0; i < x.rank; i++)
        desc.outputs[0].shape.dims[i] = 1;
    layer_add(l, &desc, NULL, &input, 1, &scalar, value);
    return l->status == CONVOY_OK ? binary_add(l, op, *value, zero, value) : l->status;
}

/* scale = (max(x,0) - min(x,0)) / 255, zero = saturate(round(-min / scale)). */
static convoy_status lower_dynamic_quantize(struct lowering *l) {
    uint32_t nought = NO_VALUE, steps = NO_VALUE, low = NO_VALUE, high = NO_VALUE, value = NO_VALUE;
    struct quantization by = {NO_VALUE, NO_VALUE, 0, 0};
    scalar_add(l, CONVOY_F32, 0, &nought);
    scalar_add(l, CONVOY_F32, 255, &steps);
    extreme_add(l, REDUCE_MIN, BINARY_MIN, nought, &low);
    extreme_add(l, REDUCE_MAX, BINARY_MAX, nought, &high);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_SUB, high, low, &by.scale) == CONVOY_OK)
        binary_add(l, BINARY_DIV, by.scale, steps, &by.scale);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_SUB, nought, low, &low) == CONVOY_OK)
        quantize_add(l, low, (struct quantization){by.scale, NO_VALUE, 0, 0}, CONVOY_U8, &by.zero);
    if (quantize_add(l, input_number(l, 0), by, CONVOY_U8, &value) == CONVOY_OK) {
        output_set(l, 0, value);
        output_set(l, 1, by.scale);
        output_set(l, 2, by.zero);
    }
    return l->status;
}

/* --- Convolutions and products -------------------------------------------------------------------------- */

convoy_status integers_sum(struct lowering *l, uint32_t *sum) {
    const struct network *network = l->network;
    struct network_step *last = network->step_count ? &network->steps[network->step_count - 1] : NULL;
    if (l->status == CONVOY_OK && last && last->outputs[0] == network_root(network, *sum))
        last->desc.exact = true; /* else it was folded, or something lies between */
    return activation_add(l, (struct activation){ACTIVATION_ROUND, 0, 0}, *sum, sum);
}

/* A sum of products in steps of scale_a * scale_b, quantised by y. scale_a meets the sum; scale_b may be a
 * list along the axis of y. */
static convoy_status requantize(struct lowering *l, uint32_t sum, uint32_t scale_a, uint32_t scale_b,
                                struct quantization y, uint32_t *value) {
    if (integers_sum(l, &sum) != CONVOY_OK)
        return l->status;
    convoy_dtype dtype = l->network->values[y.zero].dtype;
    meet(l, sum, &y, &scale_b);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_MUL, scale_a, scale_b, &scale_a) == CONVOY_OK)
        binary_add(l, BINARY_MUL, sum, scale_a, &sum);
    return quantize_add(l, sum, y, dtype, value);
}

/* Inputs x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, B: integers in steps of x_scale * w_scale.
 * Scales and zero points of w: one, or one for each of its filters. */
static convoy_status lower_qlinear_conv(struct lowering *l) {
    uint32_t x = NO_VALUE, w = NO_VALUE, bias = input_number(l, 8), scale = input_number(l, 1),
             value = NO_VALUE;
    shift_add(l, input_number(l, 0), (struct quantization){NO_VALUE, input_number(l, 2), 0, 0}, &x);
    shift_add(l, input_number(l, 3), (struct quantization){NO_VALUE, input_number(l, 5), 0, 0}, &w);
    if (bias != NO_VALUE)
        cast_add(l, bias, CONVOY_F32, &bias);
    conv_add(l, x, w, bias, &value);
    struct quantization y = {input_number(l, 6), input_number(l, 7), 1, 0};
    if (l->status == CONVOY_OK)
        meet(l, value, &y, &scale);
    if (requantize(l, value, scale, input_number(l, 4), y, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* Inputs a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero. Scales of a: one, or one a row; of b: one,
 * or one a column. */
static convoy_status lower_qlinear_matmul(struct lowering *l) {
    uint32_t a = NO_VALUE, b = NO_VALUE, value = NO_VALUE, scale_a = input_number(l, 1);
    convoy_shape shape = input_shape(l, 0);
    shift_add(l, input_number(l, 0),
              (struct quantization){NO_VALUE, input_number(l, 2), (int64_t)shape.rank - 2, 0}, &a);
    shift_add(l, input_number(l, 3), (struct quantization){NO_VALUE, input_number(l, 5), -1, 0}, &b);
    matmul_add(l, a, b, &value);
    if (l->status == CONVOY_OK && shape.rank >= 2)
        along_axis_add(l, scale_a, shape.rank - 2, shape.rank, &scale_a);
    struct quantization y = {input_number(l, 6), input_number(l, 7), -1, 0};
    if (requantize(l, value, scale_a, input_number(l, 4), y, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status output_sum(struct lowering *l, uint32_t sum) {
    integers_sum(l, &sum);
    if (cast_add(l, sum, CONVOY_I32, &sum) == CONVOY_OK)
        output_set(l, 0, sum);
    return l->status;
}

/* Inputs x, w, x_zero, w_zero: the sum as int32. */
static convoy_status lower_conv_integer(struct lowering *l) {
    uint32_t x = NO_VALUE, w = NO_VALUE, value = NO_VALUE;
    shift_add(l, input_number(l, 0), (struct quantization){NO_VALUE, input_number(l, 2), 0, 0}, &x);
    shift_add(l, input_number(l, 1), (struct quantization){NO_VALUE, input_number(l, 3), 0, 0}, &w);
    conv_add(l, x, w, NO_VALUE, &value);
    return output_sum(l, value);
}

static convoy_status lower_matmul_integer(struct lowering *l) {
    uint32_t a = NO_VALUE, b = NO_VALUE, value = NO_VALUE;
    int64_t rank = input_shape(l, 0).rank;
    shift_add(l, input_number(l, 0), (struct quantization){NO_VALUE, input_number(l, 2), rank - 2, 0}, &a);
    shift_add(l, input_number(l, 1), (struct quantization){NO_VALUE, input_number(l, 3), -1, 0}, &b);
    matmul_add(l, a, b, &value);
    return output_sum(l, value);
}

const struct onnx_operator quantize_operators[] = {
    OPERATOR("ConvInteger", 10, lower_conv_integer, 2, 4),
    OPERATOR("DequantizeLinear", 10, lower_dequantize, 2, 3),
    OPERATOR("DynamicQuantizeLinear", 11, lower_dynamic_quantize, 1, 1),
    OPERATOR("MatMulInteger", 10, lower_matmul_integer, 2, 4),
    OPERATOR("QLinearConv", 10, lower_qlinear_conv, 8, 9),
    OPERATOR("QLinearMatMul", 10, lower_qlinear_matmul, 8, 8),
    OPERATOR("QuantizeLinear", 10, lower_quantize, 2, 3),
    LAST_OPERATOR,
};

/* The same of com.microsoft, which had them for 16 bits before ONNX. */
const struct onnx_operator microsoft_quantize_operators[] = {
    OPERATOR("DequantizeLinear", 1, lower_dequantize, 2, 3),
    OPERATOR("QuantizeLinear", 1, lower_quantize, 2, 3),
    LAST_OPERATOR,
};
