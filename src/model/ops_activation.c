/* Functions of one element. */
#include "model/attributes.h"
#include "model/operators.h"

#include <float.h>

static convoy_status lower_activation(struct lowering *l, enum activation_kind kind, float alpha,
                                      float beta) {
    struct layer_desc desc = {
        .kind = LAYER_ACTIVATION, .activation = {kind, alpha, beta}, .output = input_shape(l, 0)};
    return layer_lower(l, &desc, NULL);
}

convoy_status lower_relu(struct lowering *l) {
    return lower_activation(l, ACTIVATION_RELU, 0, 0);
}

convoy_status lower_leaky_relu(struct lowering *l) {
    return lower_activation(l, ACTIVATION_LEAKY_RELU, attribute_float(l, "alpha", 0.01f), 0);
}

convoy_status lower_elu(struct lowering *l) {
    return lower_activation(l, ACTIVATION_ELU, attribute_float(l, "alpha", 1), 0);
}

convoy_status lower_hard_sigmoid(struct lowering *l) {
    float alpha = attribute_float(l, "alpha", 0.2f), beta = attribute_float(l, "beta", 0.5f);
    return lower_activation(l, ACTIVATION_HARD_SIGMOID, alpha, beta);
}

convoy_status lower_clip(struct lowering *l) {
    bool attributes = l->model->opset < 11;
    float low =
        attributes ? attribute_float(l, "min", -FLT_MAX) : (float)input_number_value(l, 1, "min", -FLT_MAX);
    float high =
        attributes ? attribute_float(l, "max", FLT_MAX) : (float)input_number_value(l, 2, "max", FLT_MAX);
    return lower_activation(l, ACTIVATION_CLIP, low, high);
}

/* x · max(0, min(1, x/6 + 1/2)) */
convoy_status lower_hard_swish(struct lowering *l) {
    struct layer_desc desc = {.kind = LAYER_ACTIVATION,
                              .activation = {ACTIVATION_HARD_SIGMOID, 1.0f / 6, 0.5f},
                              .output = input_shape(l, 0)};
    uint32_t x = input_number(l, 0), gate = NO_VALUE, value = NO_VALUE;
    layer_add(l, &desc, NULL, &x, 1, NULL, &gate);
    binary_add(l, BINARY_MUL, x, gate, &value);
    output_set(l, 0, value);
    return l->status;
}

convoy_status lower_sigmoid(struct lowering *l) {
    return lower_activation(l, ACTIVATION_SIGMOID, 0, 0);
}

convoy_status lower_tanh(struct lowering *l) {
    return lower_activation(l, ACTIVATION_TANH, 0, 0);
}

convoy_status lower_exp(struct lowering *l) {
    return lower_activation(l, ACTIVATION_EXP, 0, 0);
}

convoy_status lower_log(struct lowering *l) {
    return lower_activation(l, ACTIVATION_LOG, 0, 0);
}

convoy_status lower_sqrt(struct lowering *l) {
    return lower_activation(l, ACTIVATION_SQRT, 0, 0);
}

convoy_status lower_abs(struct lowering *l) {
    return lower_activation(l, ACTIVATION_ABS, 0, 0);
}

convoy_status lower_neg(struct lowering *l) {
    return lower_activation(l, ACTIVATION_NEG, 0, 0);
}

convoy_status lower_softplus(struct lowering *l) {
    return lower_activation(l, ACTIVATION_SOFTPLUS, 0, 0);
}
