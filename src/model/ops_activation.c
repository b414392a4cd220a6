/* Functions of one element. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <float.h>
#include <string.h>

static convoy_status activation_lower(struct lowering *l, struct activation activation) {
    struct layer_desc desc = {
        .kind = LAYER_ACTIVATION, .activation = activation, .outputs = {{.shape = input_shape(l, 0)}}};
    return layer_lower(l, &desc, NULL);
}

static float parameter(struct lowering *l, const struct number_attribute *attribute) {
    return attribute->name ? attribute_float(l, attribute->name, attribute->fallback) : attribute->fallback;
}

static convoy_status lower_activation(struct lowering *l) {
    struct activation activation = {.kind = (enum activation_kind)l->op->parameter};
    activation.alpha = parameter(l, &l->op->alpha);
    activation.beta = parameter(l, &l->op->beta);
    return activation_lower(l, activation);
}

/* The largest finite number of a floating-point type. */
static double largest_of(convoy_dtype dtype) {
    return dtype == CONVOY_F64    ? DBL_MAX
           : dtype == CONVOY_F16  ? 65504
           : dtype == CONVOY_BF16 ? 0x1.fep127
                                  : (double)FLT_MAX;
}

/* A bound, which may be left out: the end of the type's range then, which integers cannot pass. */
static void bound_add(struct lowering *l, size_t input, enum binary_op op, double fallback, uint32_t *value) {
    const convoy_shape scalar = {0};
    uint32_t bound = NO_VALUE;
    if (input_given(l, input))
        alias_add(l, input_number(l, input), &scalar, &bound);
    else if (dtype_is(input_dtype(l, 0), DTYPE_REALS))
        scalar_add(l, input_dtype(l, 0), fallback, &bound);
    else
        return;
    binary_add(l, op, *value, bound, value);
}

/* min(max(x, low), high) by layers: bounds in the type of the numbers, known at run time perhaps. */
static convoy_status clip_by_layers(struct lowering *l) {
    uint32_t value = input_number(l, 0);
    convoy_shape shape = input_shape(l, 0);
    double largest = largest_of(input_dtype(l, 0));
    bound_add(l, 1, BINARY_MAX, -largest, &value);
    bound_add(l, 2, BINARY_MIN, largest, &value);
    if (l->status == CONVOY_OK && value == input_number(l, 0))
        return alias_lower(l, &shape);
    output_set(l, 0, value);
    return l->status;
}

/* A bound that is an input is one number of the input's type. */
static convoy_status check_bound(struct lowering *l, size_t input, const char *name) {
    if (!input_given(l, input))
        return l->status;
    convoy_shape shape = input_shape(l, input);
    size_t elements = shape_product(&shape, 0, shape.rank);
    convoy_dtype dtype = input_dtype(l, input), of_x = input_dtype(l, 0);
    if (elements != 1)
        return node_fail(l, CONVOY_E_INPUT, "input '%s' must have one element, not %zu", name, elements);
    if (dtype != of_x)
        return node_fail(l, CONVOY_E_INPUT, "input '%s' is %s and the input is %s; both must have one type",
                         name, convoy_dtype_text(dtype), convoy_dtype_text(of_x));
    return l->status;
}

static bool is_known(const struct lowering *l, size_t input) {
    return !input_given(l, input) || input_constant(l, input);
}

/* Until operator set 10 the bounds are attributes. Those of an activation are float32. */
static convoy_status lower_clip(struct lowering *l) {
    convoy_dtype dtype = input_dtype(l, 0);
    struct activation clip = {.kind = ACTIVATION_CLIP};
    double largest = largest_of(dtype);
    if (l->model->opset < 11) {
        clip.alpha = attribute_float(l, "min", -FLT_MAX);
        clip.beta = attribute_float(l, "max", FLT_MAX);
        return activation_lower(l, clip);
    }
    if (check_bound(l, 1, "min") != CONVOY_OK || check_bound(l, 2, "max") != CONVOY_OK)
        return l->status;
    if (!dtype_is(dtype, DTYPE_REALS) || dtype == CONVOY_F64 || !is_known(l, 1) || !is_known(l, 2))
        return clip_by_layers(l);
    clip.alpha = (float)input_number_value(l, 1, "min", -largest);
    clip.beta = (float)input_number_value(l, 2, "max", largest);
    return activation_lower(l, clip);
}

/* Since operator set 20 two forms. */
static convoy_status lower_gelu(struct lowering *l) {
    bool by_tanh = strcmp(attribute_text(l, "approximate", "none"), "tanh") == 0;
    return activation_lower(l, (struct activation){by_tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU, 0, 0});
}

#define FUNCTION(NAME, FIRST_OPSET, KIND, ...)                                                               \
    OPERATOR(NAME, FIRST_OPSET, lower_activation, 1, 1, .parameter = KIND, __VA_ARGS__)

const struct onnx_operator activation_operators[] = {
    FUNCTION("Abs", 1, ACTIVATION_ABS),
    FUNCTION("Acos", 7, ACTIVATION_ACOS),
    FUNCTION("Acosh", 9, ACTIVATION_ACOSH),
    FUNCTION("Asin", 7, ACTIVATION_ASIN),
    FUNCTION("Asinh", 9, ACTIVATION_ASINH),
    FUNCTION("Atan", 7, ACTIVATION_ATAN),
    FUNCTION("Atanh", 9, ACTIVATION_ATANH),
    FUNCTION("BitwiseNot", 18, ACTIVATION_BITWISE_NOT),
    FUNCTION("Ceil", 1, ACTIVATION_CEIL),
    FUNCTION("Celu", 12, ACTIVATION_CELU, .alpha = {"alpha", 1}),
    OPERATOR("Clip", 1, lower_clip, 1, 3),
    FUNCTION("Cos", 7, ACTIVATION_COS),
    FUNCTION("Cosh", 9, ACTIVATION_COSH),
    FUNCTION("Elu", 1, ACTIVATION_ELU, .alpha = {"alpha", 1}),
    FUNCTION("Erf", 9, ACTIVATION_ERF),
    FUNCTION("Exp", 1, ACTIVATION_EXP),
    FUNCTION("Floor", 1, ACTIVATION_FLOOR),
    OPERATOR("Gelu", 20, lower_gelu, 1, 1),
    FUNCTION("HardSigmoid", 1, ACTIVATION_HARD_SIGMOID, .alpha = {"alpha", 0.2f}, .beta = {"beta", 0.5f}),
    FUNCTION("HardSwish", 14, ACTIVATION_HARD_SWISH),
    FUNCTION("LeakyRelu", 1, ACTIVATION_LEAKY_RELU, .alpha = {"alpha", 0.01f}),
    FUNCTION("Log", 1, ACTIVATION_LOG),
    FUNCTION("Mish", 18, ACTIVATION_MISH),
    FUNCTION("Neg", 1, ACTIVATION_NEG),
    FUNCTION("Not", 1, ACTIVATION_NOT),
    FUNCTION("Reciprocal", 1, ACTIVATION_RECIPROCAL),
    FUNCTION("Relu", 1, ACTIVATION_RELU),
    FUNCTION("Round", 11, ACTIVATION_ROUND),
    FUNCTION("Selu", 1, ACTIVATION_SELU, .alpha = {"alpha", 1.67326319217681884765625f},
             .beta = {"gamma", 1.05070102214813232421875f}),
    FUNCTION("Shrink", 9, ACTIVATION_SHRINK, .alpha = {"lambd", 0.5f}, .beta = {"bias", 0}),
    FUNCTION("Sigmoid", 1, ACTIVATION_SIGMOID),
    FUNCTION("Sign", 9, ACTIVATION_SIGN),
    FUNCTION("Sin", 7, ACTIVATION_SIN),
    FUNCTION("Sinh", 9, ACTIVATION_SINH),
    FUNCTION("Softplus", 1, ACTIVATION_SOFTPLUS),
    FUNCTION("Softsign", 1, ACTIVATION_SOFTSIGN),
    FUNCTION("Sqrt", 1, ACTIVATION_SQRT),
    FUNCTION("Swish", 24, ACTIVATION_SWISH, .alpha = {"alpha", 1}),
    FUNCTION("Tan", 7, ACTIVATION_TAN),
    FUNCTION("Tanh", 1, ACTIVATION_TANH),
    FUNCTION("ThresholdedRelu", 10, ACTIVATION_THRESHOLDED_RELU, .alpha = {"alpha", 1}),
    LAST_OPERATOR,
};

bool activation_find(const char *name, struct activation *activation) {
    for (const struct onnx_operator *op = activation_operators; op->name; op++)
        if (strcmp(op->name, name) == 0 && op->lower == lower_activation) {
            *activation = (struct activation){(enum activation_kind)op->parameter, op->alpha.fallback,
                                              op->beta.fallback};
            return true;
        }
    *activation = (struct activation){ACTIVATION_CLIP, -FLT_MAX, FLT_MAX};
    return strcmp(name, "Clip") == 0;
}
