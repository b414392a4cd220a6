/* Operators of com.microsoft, which quantisers and optimisers of ONNX Runtime leave in files (its
 * docs/ContribOperators.md). */
#include "model/attributes.h"
#include "model/operators.h"
#include "model/quantization.h"

#include <string.h>

/* Input first, its scale and its zero point as real numbers. */
static convoy_status real_input(struct lowering *l, size_t first, uint32_t *value) {
    struct quantization by = {input_number(l, first + 1), input_number(l, first + 2), 1, 0};
    return dequantize_add(l, input_number(l, first), by, value);
}

/* The node's output, by the scale and the zero point that are inputs `scale` and the next one, in the type of
 * input 0. */
static convoy_status output_quantize(struct lowering *l, uint32_t value, size_t scale, convoy_dtype dtype) {
    struct quantization by = {input_number(l, scale), input_number(l, scale + 1), 1, 0};
    if (quantize_add(l, value, by, dtype, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* A, B and the result, each with scale and zero point. */
static convoy_status lower_qlinear_binary(struct lowering *l) {
    uint32_t a = NO_VALUE, b = NO_VALUE, value = NO_VALUE;
    real_input(l, 0, &a);
    if (real_input(l, 3, &b) == CONVOY_OK)
        binary_add(l, (enum binary_op)l->op->parameter, a, b, &value);
    return output_quantize(l, value, 6, input_dtype(l, 0));
}

static convoy_status lower_qlinear_activation(struct lowering *l) {
    struct activation activation = {(enum activation_kind)l->op->parameter, 0, 0};
    uint32_t value = NO_VALUE;
    if (l->op->alpha.name)
        activation.alpha = attribute_float(l, l->op->alpha.name, l->op->alpha.fallback);
    real_input(l, 0, &value);
    activation_add(l, activation, value, &value);
    return output_quantize(l, value, 3, input_dtype(l, 0));
}

static convoy_status lower_qlinear_global_average_pool(struct lowering *l) {
    bool last = attribute_int(l, "channels_last", 0) != 0;
    convoy_shape x = input_shape(l, 0);
    struct layer_desc desc = {.kind = LAYER_REDUCE, .reduce.op = REDUCE_MEAN, .outputs = {{.shape = x}}};
    uint32_t value = NO_VALUE;
    for (uint32_t i = 1; i < x.rank; i++)
        if (i != (last ? x.rank - 1 : 1)) {
            desc.reduce.axes |= UINT32_C(1) << i;
            desc.outputs[0].shape.dims[i] = 1;
        }
    if (real_input(l, 0, &value) == CONVOY_OK)
        layer_add(l, &desc, NULL, &value, 1, NULL, &value);
    return output_quantize(l, value, 3, input_dtype(l, 0));
}

/* Scale and zero point of the result come first, then those of each input behind it. */
static convoy_status lower_qlinear_concat(struct lowering *l) {
    size_t count = (l->node->input_count - 2) / 3;
    if (l->node->input_count % 3 != 2 || count == 0)
        return node_fail(l, CONVOY_E_INPUT, "%zu inputs; two and three for each tensor are expected",
                         l->node->input_count);
    convoy_shape y = input_shape(l, 2);
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", 1), y.rank), value = NO_VALUE;
    uint32_t *parts = arena_alloc(l->arena, count, sizeof *parts);
    if (!parts)
        return node_fail(l, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < count && l->status == CONVOY_OK; i++) {
        convoy_shape part = input_shape(l, 2 + 3 * i);
        real_input(l, 2 + 3 * i, &parts[i]);
        if (i > 0 &&
            (part.rank != y.rank || __builtin_add_overflow(y.dims[axis], part.dims[axis], &y.dims[axis])))
            node_fail(l, CONVOY_E_INPUT, "tensor %zu does not have the rank of the first", i);
    }
    struct layer_desc desc = {.kind = LAYER_CONCAT, .concat.axis = axis, .outputs = {{.shape = y}}};
    layer_add(l, &desc, NULL, parts, (uint32_t)count, NULL, &value);
    return output_quantize(l, value, 0, input_dtype(l, 2));
}

/* Input a matrix, transposed if the attribute says so. */
static convoy_status matrix_input(struct lowering *l, const char *transposed, uint32_t *value) {
    bool swap = attribute_int(l, transposed, 0) != 0;
    if (l->status != CONVOY_OK || !swap)
        return l->status;
    convoy_shape shape = value_shape(l, *value);
    if (shape.rank != 2)
        return node_fail(l, CONVOY_E_INPUT, "takes matrices, not tensors of %u axes", shape.rank);
    struct layer_desc desc = {.kind = LAYER_TRANSPOSE, .transpose.permutation = {1, 0}};
    desc.outputs[0].shape = (convoy_shape){2, {shape.dims[1], shape.dims[0]}};
    return layer_add(l, &desc, NULL, value, 1, NULL, value);
}

/* alpha * A * B + C in steps of alpha * a_scale * b_scale, as float32 or, with y_scale, quantised. Inputs A,
 * a_scale, a_zero, B, b_scale, b_zero, C (int32), y_scale, y_zero. */
static convoy_status lower_qgemm(struct lowering *l) {
    uint32_t a = NO_VALUE, b = NO_VALUE, scale = NO_VALUE, alpha = NO_VALUE, c = input_number(l, 6),
             value = NO_VALUE;
    int64_t columns = attribute_int(l, "transB", 0) ? 0 : 1;
    scalar_add(l, CONVOY_F32, (double)attribute_float(l, "alpha", 1), &alpha);
    shift_add(l, input_number(l, 0), (struct quantization){NO_VALUE, input_number(l, 2), 0, 0}, &a);
    shift_add(l, input_number(l, 3), (struct quantization){NO_VALUE, input_number(l, 5), columns, 0}, &b);
    matrix_input(l, "transA", &a);
    matrix_input(l, "transB", &b);
    matmul_add(l, a, b, &value);
    integers_sum(l, &value);
    if (c != NO_VALUE && cast_add(l, c, CONVOY_F32, &c) == CONVOY_OK)
        binary_add(l, BINARY_ADD, value, c, &value);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_MUL, alpha, input_number(l, 1), &scale) == CONVOY_OK)
        binary_add(l, BINARY_MUL, scale, input_number(l, 4), &scale);
    if (l->status == CONVOY_OK)
        binary_add(l, BINARY_MUL, value, scale, &value);
    if (input_given(l, 7))
        return output_quantize(l, value, 7, input_given(l, 8) ? input_dtype(l, 8) : input_dtype(l, 0));
    output_set(l, 0, value);
    return l->status;
}

/* A convolution, what is added to it, and an activation. */
static convoy_status lower_fused_conv(struct lowering *l) {
    const char *name = attribute_text(l, "activation", "");
    const struct attribute *parameters = attribute_find(l, "activation_params");
    struct activation activation = {ACTIVATION_NONE, 0, 0};
    uint32_t value = NO_VALUE;
    if (*name && !activation_find(name, &activation))
        return node_fail(l, CONVOY_E_UNSUPPORTED, "activation '%.40s' is not supported", name);
    if (parameters && parameters->kind != ATTRIBUTE_FLOATS)
        return node_fail(l, CONVOY_E_INPUT, "attribute 'activation_params' must be a list of numbers");
    if (parameters && parameters->count > 0)
        activation.alpha = parameters->floats[0];
    if (parameters && parameters->count > 1)
        activation.beta = parameters->floats[1];
    conv_add(l, input_number(l, 0), input_number(l, 1), input_number(l, 2), &value);
    if (l->status == CONVOY_OK && input_given(l, 3))
        binary_add(l, BINARY_ADD, value, input_number(l, 3), &value);
    if (*name)
        activation_add(l, activation, value, &value);
    output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator microsoft_operators[] = {
    OPERATOR("FusedConv", 1, lower_fused_conv, 2, 4),
    OPERATOR("QGemm", 1, lower_qgemm, 6, 9, .optional = 1 << 2 | 1 << 5),
    OPERATOR("QLinearAdd", 1, lower_qlinear_binary, 7, 8, .optional = 1 << 2 | 1 << 5,
             .parameter = BINARY_ADD),
    OPERATOR("QLinearConcat", 1, lower_qlinear_concat, 5, ANY_INPUTS),
    OPERATOR("QLinearGlobalAveragePool", 1, lower_qlinear_global_average_pool, 4, 5, .optional = 1 << 2),
    OPERATOR("QLinearLeakyRelu", 1, lower_qlinear_activation, 4, 5, .optional = 1 << 2,
             .parameter = ACTIVATION_LEAKY_RELU, .alpha = {"alpha", 0.01f}),
    OPERATOR("QLinearMul", 1, lower_qlinear_binary, 7, 8, .optional = 1 << 2 | 1 << 5,
             .parameter = BINARY_MUL),
    OPERATOR("QLinearSigmoid", 1, lower_qlinear_activation, 4, 5, .optional = 1 << 2,
             .parameter = ACTIVATION_SIGMOID),
    LAST_OPERATOR,
};
