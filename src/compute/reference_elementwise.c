/* Kinds that treat every element alone. */
#include "compute/reference.h"

#include "base/error.h"
#include "base/tensor.h"

#include <math.h>
#include <string.h>

/* activation_apply in double precision. */
static double activate_double(const struct activation *activation, double v) {
    double alpha = activation->alpha, beta = activation->beta;
    switch (activation->kind) {
    case ACTIVATION_NONE:
        return v;
    case ACTIVATION_RELU:
        return v < 0 ? 0 : v;
    case ACTIVATION_CLIP:
        return v < alpha ? alpha : v > beta ? beta : v;
    case ACTIVATION_LEAKY_RELU:
        return v < 0 ? alpha * v : v;
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-v));
    case ACTIVATION_TANH:
        return tanh(v);
    case ACTIVATION_ELU:
        return v < 0 ? alpha * expm1(v) : v;
    case ACTIVATION_HARD_SIGMOID:
        return fmin(fmax(alpha * v + beta, 0), 1);
    case ACTIVATION_EXP:
        return exp(v);
    case ACTIVATION_LOG:
        return log(v);
    case ACTIVATION_SQRT:
        return sqrt(v);
    case ACTIVATION_ABS:
        return fabs(v);
    case ACTIVATION_NEG:
        return -v;
    case ACTIVATION_SOFTPLUS:
        return v > 40 ? v : log1p(exp(v));
    }
    return v;
}

double reference_activate(const struct activation *activation, convoy_dtype dtype, double value) {
    return dtype == CONVOY_F64 ? activate_double(activation, value)
                               : (double)activation_apply(activation, (float)value);
}

convoy_status reference_activation(const struct reference_layer *layer, const convoy_tensor *in,
                                   convoy_tensor *out, convoy_error *error) {
    (void)error;
    size_t total = convoy_tensor_elements(out);
    for (size_t i = 0; i < total; i++)
        value_store(out, i, reference_activate(&layer->desc.activation, out->dtype, value_at(in, i)));
    return CONVOY_OK;
}

convoy_status reference_affine(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    (void)error;
    size_t channels = layer->desc.affine.channels, inner = layer->desc.affine.inner, place = 0;
    for (size_t b = 0; b < layer->desc.affine.batch; b++)
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < inner; i++, place++) {
                double value = value_at(in, place) * value_at(&layer->weights, c) + value_at(&layer->bias, c);
                value_store(out, place, reference_activate(&layer->desc.activation, out->dtype, value));
            }
    return CONVOY_OK;
}

static double binary_double(enum binary_op op, double a, double b) {
    switch (op) {
    case BINARY_ADD:
        return a + b;
    case BINARY_SUB:
        return a - b;
    case BINARY_MUL:
        return a * b;
    case BINARY_DIV:
        return a / b;
    case BINARY_MAX:
        return a > b || isnan(a) ? a : b;
    case BINARY_MIN:
        return a < b || isnan(a) ? a : b;
    case BINARY_POW:
        return pow(a, b);
    }
    return 0;
}

/* Wraps around as numpy does; a negative exponent gives 1/base, towards zero. */
static int64_t power_int64(int64_t base, int64_t exponent) {
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    uint64_t result = 1, factor = (uint64_t)base;
    for (; exponent; exponent >>= 1, factor *= factor)
        if (exponent & 1)
            result *= factor;
    return (int64_t)result;
}

/* b is not 0 for BINARY_DIV. */
static int64_t binary_int64(enum binary_op op, int64_t a, int64_t b) {
    switch (op) {
    case BINARY_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case BINARY_SUB:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case BINARY_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case BINARY_DIV:
        return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; /* INT64_MIN / -1 would trap */
    case BINARY_MAX:
        return a > b ? a : b;
    case BINARY_MIN:
        return a < b ? a : b;
    case BINARY_POW:
        return power_int64(a, b);
    }
    return 0;
}

convoy_status reference_binary(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    enum binary_op op = layer->desc.binary;
    struct walk walk = {.rank = out->shape.rank};
    memcpy(walk.extent, out->shape.dims, sizeof walk.extent);
    walk_strides(walk.stride[0], &layer->inputs[0], walk.rank);
    walk_strides(walk.stride[1], &layer->inputs[1], walk.rank);
    size_t total = convoy_tensor_elements(out);
    for (size_t i = 0; i < total; i++, walk_next(&walk)) {
        size_t a = (size_t)walk.offset[0], b = (size_t)walk.offset[1];
        if (out->dtype != CONVOY_I64) {
            double value = binary_double(op, value_at(&in[0], a), value_at(&in[1], b));
            value_store(out, i, reference_activate(&layer->desc.activation, out->dtype, value));
            continue;
        }
        int64_t right = ((const int64_t *)in[1].data)[b];
        if (op == BINARY_DIV && right == 0)
            return error_set(error, CONVOY_E_INPUT, "%s %s: an integer is divided by zero", layer->desc.op,
                             layer->desc.name);
        ((int64_t *)out->data)[i] = binary_int64(op, ((const int64_t *)in[0].data)[a], right);
    }
    return CONVOY_OK;
}
