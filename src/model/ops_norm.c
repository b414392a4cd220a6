/* Normalisations. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <math.h>
#include <string.h>

/* --- BatchNormalization --------------------------------------------------------------------------------- */

/* A constant of any floating-point type, one number per channel; fails the node otherwise. */
static const convoy_tensor *per_channel(struct lowering *l, size_t input, const char *what, size_t channels) {
    const convoy_tensor *constant = input_constant(l, input);
    if (!constant)
        node_needs_data(l, "input '%s'", what);
    else if (!dtype_is(constant->dtype, DTYPE_REALS) || constant->shape.rank != 1 ||
             convoy_tensor_elements(constant) != channels)
        node_fail(l, CONVOY_E_INPUT, "input '%s' must be a list of %zu floating-point numbers", what,
                  channels);
    return constant;
}

/* (x - mean) / sqrt(variance + epsilon) · scale + bias as x · weight + shift, in double. */
static convoy_status fill_affine(struct lowering *l, size_t channels, double epsilon,
                                 struct layer_params *params) {
    static const char *const names[] = {"scale", "B", "input_mean", "input_var"};
    const convoy_tensor *inputs[4];
    for (size_t i = 0; i < 4; i++)
        inputs[i] = per_channel(l, 1 + i, names[i], channels);
    convoy_shape shape = {1, {(int64_t)channels}};
    const struct dtype *type = dtype_find(computed_type(input_dtype(l, 0)));
    constant_create(l, type->number, &shape, &params->weights);
    constant_create(l, type->number, &shape, &params->bias);
    if (l->status != CONVOY_OK)
        return l->status;
    for (size_t c = 0; c < channels; c++) {
        double number[4];
        for (size_t i = 0; i < 4; i++)
            number[i] = convoy_tensor_element(inputs[i], c);
        double weight = number[0] / sqrt(number[3] + epsilon);
        type->store((char *)params->weights.data + c * type->bytes, weight);
        type->store((char *)params->bias.data + c * type->bytes, number[1] - number[2] * weight);
    }
    return CONVOY_OK;
}

/* With the statistics that the model has. */
static convoy_status lower_inference(struct lowering *l, const convoy_shape *x, float epsilon) {
    size_t channels = (size_t)x->dims[1];
    struct layer_desc desc = {.kind = LAYER_AFFINE,
                              .affine = {(size_t)x->dims[0], channels, shape_product(x, 2, x->rank)},
                              .outputs = {{.shape = *x}}};
    struct layer_params params = {0};
    fill_affine(l, channels, epsilon, &params);
    return layer_lower(l, &desc, &params); /* releases params if it failed */
}

bool batch_norm_trains(const convoy_model *model, const struct node *node) {
    if (model->opset >= 14) {
        for (size_t i = 0; i < node->attribute_count; i++)
            if (strcmp(node->attributes[i].name, "training_mode") == 0)
                return node->attributes[i].kind == ATTRIBUTE_INT && node->attributes[i].integer != 0;
        return false;
    }
    for (size_t i = 1; i < node->output_count; i++)
        if (node->outputs[i] != NO_VALUE)
            return true;
    return false;
}

/* One number per channel, an input of the node, in a shape that meets x. */
static uint32_t per_channel_add(struct lowering *l, size_t input, const char *what,
                                const convoy_shape *shape) {
    uint32_t value = NO_VALUE;
    convoy_shape has = input_shape(l, input);
    if (has.rank != 1 || has.dims[0] != shape->dims[1])
        node_fail(l, CONVOY_E_INPUT, "input '%s' must be a list of %lld numbers", what,
                  (long long)shape->dims[1]);
    alias_add(l, input_number(l, input), shape, &value);
    return value;
}

/* running · momentum + current · (1 - momentum), as an output of the node. */
static void lower_running(struct lowering *l, size_t output, uint32_t running, uint32_t current,
                          float momentum) {
    uint32_t old = NO_VALUE, new = NO_VALUE, value = NO_VALUE;
    scalar_add(l, computed_type(input_dtype(l, 0)), (double)momentum, &old);
    scalar_add(l, computed_type(input_dtype(l, 0)), (double)(1 - momentum), &new);
    binary_add(l, BINARY_MUL, running, old, &old);
    binary_add(l, BINARY_MUL, current, new, &new);
    binary_add(l, BINARY_ADD, old, new, &value);
    convoy_shape flat = {1, {l->status == CONVOY_OK ? value_shape(l, value).dims[1] : 0}};
    alias_add(l, value, &flat, &value);
    output_set(l, output, value);
}

/* With the statistics of the batch, the variance being that of the population. Of the further outputs there
 * are the running mean and variance. */
static convoy_status lower_training(struct lowering *l, const convoy_shape *x, float epsilon,
                                    float momentum) {
    struct layer_desc mean_desc = {
        .kind = LAYER_REDUCE, .reduce = {REDUCE_MEAN, 0}, .outputs = {{.shape = *x}}};
    struct layer_desc root_desc = {.kind = LAYER_ACTIVATION, .activation = {ACTIVATION_SQRT, 0, 0}};
    for (uint32_t i = 0; i < x->rank; i++) {
        if (i != 1 && x->dims[i] == 0)
            return node_fail(l, CONVOY_E_INPUT, "the statistics of no elements are asked for");
        mean_desc.reduce.axes |= i == 1 ? 0 : UINT32_C(1) << i;
        mean_desc.outputs[0].shape.dims[i] = i == 1 ? x->dims[1] : 1;
    }
    const convoy_shape shape = root_desc.outputs[0].shape = mean_desc.outputs[0].shape; /* [1,C,1,...] */
    struct layer_desc variance_desc = mean_desc;
    uint32_t mean = NO_VALUE, variance = NO_VALUE, value = input_number(l, 0), root = NO_VALUE;
    uint32_t scale = per_channel_add(l, 1, "scale", &shape), shift = per_channel_add(l, 2, "B", &shape),
             running_mean = per_channel_add(l, 3, "input_mean", &shape),
             running_variance = per_channel_add(l, 4, "input_var", &shape);
    layer_add(l, &mean_desc, NULL, &value, 1, NULL, &mean);
    binary_add(l, BINARY_SUB, value, mean, &value);
    binary_add(l, BINARY_MUL, value, value, &variance);
    layer_add(l, &variance_desc, NULL, &variance, 1, NULL, &variance);
    scalar_add(l, computed_type(input_dtype(l, 0)), (double)epsilon, &root);
    binary_add(l, BINARY_ADD, variance, root, &root);
    layer_add(l, &root_desc, NULL, &root, 1, NULL, &root);
    binary_add(l, BINARY_DIV, scale, root, &scale);
    binary_add(l, BINARY_MUL, value, scale, &value);
    binary_add(l, BINARY_ADD, value, shift, &value);
    output_set(l, 0, value);
    lower_running(l, 1, running_mean, mean, momentum);
    lower_running(l, 2, running_variance, variance, momentum);
    return l->status;
}

/* Since operator set 14 an attribute says that the node trains; before that, outputs besides the first. */
static convoy_status lower_batch_normalization(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    float epsilon = attribute_float(l, "epsilon", 1e-5f), momentum = attribute_float(l, "momentum", 0.9f);
    if (l->model->opset >= 14)
        attribute_int(l, "training_mode", 0);
    if (l->model->opset < 7 && attribute_int(l, "is_test", 0) == 0)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "training is not supported");
    if (attribute_int(l, "spatial", 1) != 1)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "statistics per element (spatial = 0) are not supported");
    if (x.rank < 2)
        return node_fail(l, CONVOY_E_INPUT, "the input has %u axes; batch and channels are needed", x.rank);
    return batch_norm_trains(l->model, l->node) ? lower_training(l, &x, epsilon, momentum)
                                                : lower_inference(l, &x, epsilon);
}

/* --- LRN ------------------------------------------------------------------------------------------------ */

static convoy_status lower_lrn(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct layer_desc desc = {.kind = LAYER_LRN, .outputs = {{.shape = x}}};
    desc.lrn.size = attribute_int(l, "size", 0);
    desc.lrn.alpha = attribute_float(l, "alpha", 1e-4f);
    desc.lrn.beta = attribute_float(l, "beta", 0.75f);
    desc.lrn.bias = attribute_float(l, "bias", 1);
    if (x.rank < 2 || desc.lrn.size < 1 || desc.lrn.size > INT32_MAX)
        return node_fail(l, CONVOY_E_INPUT, "takes batch and channels, and a size of at least 1");
    desc.lrn.batch = (size_t)x.dims[0];
    desc.lrn.channels = (size_t)x.dims[1];
    desc.lrn.inner = shape_product(&x, 2, x.rank);
    return layer_lower(l, &desc, NULL);
}

/* --- Softmax -------------------------------------------------------------------------------------------- */

/* Until operator set 12 over all axes from `axis` on, taken as one; then over that axis alone. */
static convoy_status lower_softmax(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    bool flat = l->model->opset < 13;
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", flat ? 1 : -1), x.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    struct layer_desc desc = {.kind = LAYER_SOFTMAX, .outputs = {{.shape = x}}};
    desc.softmax.outer = shape_product(&x, 0, axis);
    desc.softmax.axis = flat ? shape_product(&x, axis, x.rank) : (size_t)x.dims[axis];
    desc.softmax.inner = flat ? 1 : shape_product(&x, axis + 1, x.rank);
    desc.softmax.logarithm = l->op->parameter;
    return layer_lower(l, &desc, NULL);
}

const struct onnx_operator norm_operators[] = {
    OPERATOR("BatchNormalization", 1, lower_batch_normalization, 5, 5),
    OPERATOR("LRN", 1, lower_lrn, 1, 1),
    OPERATOR("LogSoftmax", 1, lower_softmax, 1, 1, .parameter = true),
    OPERATOR("Softmax", 1, lower_softmax, 1, 1, .parameter = false),
    LAST_OPERATOR,
};
