/* Normalisations. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <math.h>

/* --- BatchNormalization --------------------------------------------------------------------------------- */

/* A constant of float32, one number per channel; fails the node otherwise. */
static const float *per_channel(struct lowering *l, size_t input, const char *what, size_t channels) {
    const convoy_tensor *constant = input_elements(l, input);
    if (!constant)
        node_fail(l, CONVOY_E_UNSUPPORTED, "input '%s' depends on the data; only constants are supported",
                  what);
    else if (constant->dtype != CONVOY_F32 || constant->shape.rank != 1 ||
             convoy_tensor_elements(constant) != channels)
        node_fail(l, CONVOY_E_INPUT, "input '%s' must be a list of %zu numbers of float32", what, channels);
    return constant ? constant->data : NULL;
}

/* (x - mean) / sqrt(variance + epsilon) · scale + bias as x · weight + shift, in double. */
static convoy_status fill_affine(struct lowering *l, size_t channels, double epsilon,
                                 struct layer_params *params) {
    static const char *const names[] = {"scale", "B", "input_mean", "input_var"};
    const float *inputs[4];
    for (size_t i = 0; i < 4; i++)
        inputs[i] = per_channel(l, 1 + i, names[i], channels);
    convoy_shape shape = {1, {(int64_t)channels}};
    if (l->status == CONVOY_OK)
        l->status = convoy_tensor_create(&params->weights, CONVOY_F32, &shape, l->error);
    if (l->status == CONVOY_OK)
        l->status = convoy_tensor_create(&params->bias, CONVOY_F32, &shape, l->error);
    if (l->status != CONVOY_OK)
        return l->status;
    float *weights = params->weights.data, *bias = params->bias.data;
    for (size_t c = 0; c < channels; c++) {
        double weight = inputs[0][c] / sqrt((double)inputs[3][c] + epsilon);
        weights[c] = (float)weight;
        bias[c] = (float)(inputs[1][c] - inputs[2][c] * weight);
    }
    return CONVOY_OK;
}

convoy_status lower_batch_normalization(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    float epsilon = attribute_float(l, "epsilon", 1e-5f);
    attribute_float(l, "momentum", 0.9f); /* of training */
    if (attribute_int(l, "training_mode", 0) != 0 || attribute_int(l, "spatial", 1) != 1)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "training and statistics per element are not supported");
    if (x.rank < 2)
        return node_fail(l, CONVOY_E_INPUT, "the input has %u axes; batch and channels are needed", x.rank);
    size_t channels = (size_t)x.dims[1];
    struct layer_desc desc = {.kind = LAYER_AFFINE,
                              .affine = {(size_t)x.dims[0], channels, shape_product(&x, 2, x.rank)},
                              .output = x};
    struct layer_params params = {0};
    fill_affine(l, channels, epsilon, &params);
    return layer_lower(l, &desc, &params); /* releases params where it failed */
}

/* --- LRN ------------------------------------------------------------------------------------------------ */

convoy_status lower_lrn(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct layer_desc desc = {.kind = LAYER_LRN, .output = x};
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
static convoy_status lower_softmax_kind(struct lowering *l, bool logarithm) {
    convoy_shape x = input_shape(l, 0);
    bool flat = l->model->opset < 13;
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", flat ? 1 : -1), x.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    struct layer_desc desc = {.kind = LAYER_SOFTMAX, .output = x};
    desc.softmax.outer = shape_product(&x, 0, axis);
    desc.softmax.axis = flat ? shape_product(&x, axis, x.rank) : (size_t)x.dims[axis];
    desc.softmax.inner = flat ? 1 : shape_product(&x, axis + 1, x.rank);
    desc.softmax.logarithm = logarithm;
    return layer_lower(l, &desc, NULL);
}

convoy_status lower_softmax(struct lowering *l) {
    return lower_softmax_kind(l, false);
}

convoy_status lower_log_softmax(struct lowering *l) {
    return lower_softmax_kind(l, true);
}
