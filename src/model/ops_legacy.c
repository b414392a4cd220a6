/* Operators that were experimental in operator set 1 and are in old files still. They were never changed and
 * never became standard. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

/* A number that has no default. */
static float required_float(struct lowering *l, const char *name) {
    if (!attribute_find(l, name))
        node_fail(l, CONVOY_E_INPUT, "attribute '%s' is missing; it has no default", name);
    return attribute_float(l, name, 0);
}

/* --- x · scale + bias ----------------------------------------------------------------------------------- */

/* *tensor: [count] of the type in which the node's input is computed, of numbers or, if there are none, of a
 * fallback. */
static void numbers_make(struct lowering *l, const float *numbers, size_t count, double fallback,
                         convoy_tensor *tensor) {
    const struct dtype *type = dtype_find(computed_type(input_dtype(l, 0)));
    convoy_shape shape = {1, {(int64_t)count}};
    constant_create(l, type->number, &shape, tensor);
    for (size_t i = 0; i < count && l->status == CONVOY_OK; i++)
        type->store((char *)tensor->data + i * type->bytes, numbers ? (double)numbers[i] : fallback);
}

/* x as [outer,channels,inner] times scale plus a bias for each channel; biases NULL: bias for all. */
static convoy_status affine_lower(struct lowering *l, size_t outer, size_t channels, size_t inner,
                                  float scale, const float *biases, float bias) {
    struct layer_desc desc = {
        .kind = LAYER_AFFINE, .affine = {outer, channels, inner}, .outputs = {{.shape = input_shape(l, 0)}}};
    struct layer_params params = {0};
    numbers_make(l, NULL, channels, (double)scale, &params.weights);
    numbers_make(l, biases, channels, (double)bias, &params.bias);
    return layer_lower(l, &desc, &params); /* releases params if it failed */
}

/* The same for all elements. */
static convoy_status all_lower(struct lowering *l, float scale, float bias) {
    convoy_shape x = input_shape(l, 0);
    return affine_lower(l, 1, 1, shape_product(&x, 0, x.rank), scale, NULL, bias);
}

static convoy_status lower_affine(struct lowering *l) {
    float alpha = attribute_float(l, "alpha", 1), beta = attribute_float(l, "beta", 0);
    return all_lower(l, alpha, beta);
}

static convoy_status lower_scale(struct lowering *l) {
    return all_lower(l, attribute_float(l, "scale", 1), 0);
}

static convoy_status lower_image_scaler(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    float scale = attribute_float(l, "scale", 1);
    const struct attribute *bias = attribute_floats(l, "bias");
    if (x.rank < 2 || (bias && bias->count != (size_t)x.dims[1]))
        return node_fail(l, CONVOY_E_INPUT, "takes [N,C,H,W] and one bias for each of the C channels");
    return affine_lower(l, (size_t)x.dims[0], (size_t)x.dims[1], shape_product(&x, 2, x.rank), scale,
                        bias ? bias->floats : NULL, 0);
}

/* --- alpha · f(beta · x) -------------------------------------------------------------------------------- */

static convoy_status lower_scaled_activation(struct lowering *l) {
    convoy_dtype type = input_dtype(l, 0);
    float alpha = required_float(l, "alpha"), beta = required_float(l, "beta");
    uint32_t outer = NO_VALUE, inner = NO_VALUE, value = input_number(l, 0);
    scalar_add(l, computed_type(type), (double)alpha, &outer);
    scalar_add(l, computed_type(type), (double)beta, &inner);
    cast_add(l, value, computed_type(type), &value);
    binary_add(l, BINARY_MUL, value, inner, &value);
    activation_add(l, (struct activation){.kind = (enum activation_kind)l->op->parameter}, value, &value);
    binary_add(l, BINARY_MUL, value, outer, &value);
    if (cast_add(l, value, type, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Crop ----------------------------------------------------------------------------------------------- */

/* border: left, top, right, bottom. If scale, [height,width], is given, the right and bottom follow from it.
 */
static convoy_status lower_crop(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct int_list border = attribute_ints(l, "border"), scale = attribute_ints(l, "scale");
    struct layer_desc desc = {.kind = LAYER_SLICE, .outputs = {{.shape = x}}};
    if (l->status != CONVOY_OK)
        return l->status;
    if (x.rank != 4 || (border.given && border.count != 4) || (scale.given && scale.count != 2) ||
        (!border.given && !scale.given))
        return node_fail(l, CONVOY_E_INPUT,
                         "takes [N,C,H,W], a border of four numbers and a scale of two, or one of these");
    for (uint32_t i = 0; i < 4; i++)
        desc.slice.step[i] = 1;
    for (uint32_t i = 0; i < 2; i++) { /* height, width */
        int64_t before = border.values[1 - i], behind = border.values[3 - i],
                *dim = &desc.outputs[0].shape.dims[2 + i];
        bool inside = before >= 0 && before <= *dim;
        int64_t left = inside ? *dim - before : 0; /* positions */
        inside = inside && (scale.given ? scale.values[i] >= 0 && scale.values[i] <= left
                                        : behind >= 0 && behind <= left);
        if (!inside)
            return node_fail(l, CONVOY_E_INPUT, "spatial axis %u: a map of %lld positions is too small", i,
                             (long long)*dim);
        desc.slice.start[2 + i] = before;
        *dim = scale.given ? scale.values[i] : left - behind;
    }
    return layer_lower(l, &desc, NULL);
}

const struct onnx_operator legacy_operators[] = {
    OPERATOR("Affine", 1, lower_affine, 1, 1),
    OPERATOR("Crop", 1, lower_crop, 1, 1),
    OPERATOR("ImageScaler", 1, lower_image_scaler, 1, 1),
    OPERATOR("ParametricSoftplus", 1, lower_scaled_activation, 1, 1, .parameter = ACTIVATION_SOFTPLUS),
    OPERATOR("Scale", 1, lower_scale, 1, 1),
    OPERATOR("ScaledTanh", 1, lower_scaled_activation, 1, 1, .parameter = ACTIVATION_TANH),
    LAST_OPERATOR,
};
