/* The rules are those of ONNX's operators of the same names (operator sets 1 to 24); a and b are their
 * attributes, alpha and beta of struct activation. Comparisons are written so that a NaN stays one. */
#include "base/activation.h"

#include "base/dtype.h"

#include <math.h>

#define SQRT_HALF      0.70710678118654752440
#define SQRT_2_OVER_PI 0.79788456080286535588

/* log(1 + exp(v)) is v in float64 from here on. */
#define SOFTPLUS_IS_LINEAR 40

/* min(max(v,low),high): if low > high, high, as ONNX has it. */
static double clip(double v, double low, double high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

static double sigmoid(double v) {
    return 1 / (1 + exp(-v));
}

static double softplus(double v) {
    return v > SOFTPLUS_IS_LINEAR ? v : log1p(exp(v));
}

static double shrink(double v, double a, double b) {
    return v < -a ? v + b : v > a ? v - b : isnan(v) ? v : 0;
}

/* One function of a double with its parameters, which not every one of them uses. */
#define FUNCTION(NAME, RESULT)                                                                               \
    static double NAME##_of(double v, double a, double b) {                                                  \
        (void)a;                                                                                             \
        (void)b;                                                                                             \
        return RESULT;                                                                                       \
    }

FUNCTION(none, v)
FUNCTION(relu, v < 0 ? 0 : v)
FUNCTION(clip, clip(v, a, b))
FUNCTION(leaky_relu, v < 0 ? a * v : v)
FUNCTION(thresholded_relu, v <= a ? 0 : v)
FUNCTION(sigmoid, sigmoid(v))
FUNCTION(tanh, tanh(v))
FUNCTION(elu, v < 0 ? a * expm1(v) : v)
FUNCTION(selu, b *(v < 0 ? a * expm1(v) : v))
FUNCTION(celu, v < 0 ? a * expm1(v / a) : v)
FUNCTION(hard_sigmoid, clip(a *v + b, 0, 1))
FUNCTION(hard_swish, v *clip(v / 6 + 0.5, 0, 1))
FUNCTION(swish, v *sigmoid(a *v))
FUNCTION(mish, v *tanh(softplus(v)))
FUNCTION(gelu, v / 2 * (1 + erf(v * SQRT_HALF)))
FUNCTION(gelu_tanh, v / 2 * (1 + tanh(SQRT_2_OVER_PI * (v + 0.044715 * v * v * v))))
FUNCTION(softplus, softplus(v))
FUNCTION(softsign, v / (1 + fabs(v)))
FUNCTION(shrink, shrink(v, a, b))
FUNCTION(exp, exp(v))
FUNCTION(log, log(v))
FUNCTION(sqrt, sqrt(v))
FUNCTION(reciprocal, 1 / v)
FUNCTION(abs, fabs(v))
FUNCTION(neg, -v)
FUNCTION(sign, v > 0 ? 1 : v < 0 ? -1 : v)
FUNCTION(floor, floor(v))
FUNCTION(ceil, ceil(v))
FUNCTION(round, rint(v)) /* ties to even */
FUNCTION(erf, erf(v))
FUNCTION(sin, sin(v))
FUNCTION(cos, cos(v))
FUNCTION(tan, tan(v))
FUNCTION(asin, asin(v))
FUNCTION(acos, acos(v))
FUNCTION(atan, atan(v))
FUNCTION(sinh, sinh(v))
FUNCTION(cosh, cosh(v))
FUNCTION(asinh, asinh(v))
FUNCTION(acosh, acosh(v))
FUNCTION(atanh, atanh(v))

/* Integers. The class tells how the 64 bits of a uint64 are meant. */
static int64_t relu_integer(int64_t v, enum dtype_class class) {
    return class == DTYPE_SIGNED && v < 0 ? 0 : v;
}

static int64_t abs_integer(int64_t v, enum dtype_class class) {
    return class == DTYPE_SIGNED && v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

static int64_t neg_integer(int64_t v, enum dtype_class class) {
    (void)class;
    return (int64_t)(0 - (uint64_t)v);
}

static int64_t sign_integer(int64_t v, enum dtype_class class) {
    return class == DTYPE_SIGNED && v < 0 ? -1 : v != 0;
}

static int64_t not_integer(int64_t v, enum dtype_class class) {
    (void)class;
    return !v;
}

static int64_t bitwise_not_integer(int64_t v, enum dtype_class class) {
    (void)class;
    return ~v;
}

static const struct {
    double (*real)(double v, double a, double b);
    int64_t (*integer)(int64_t v, enum dtype_class class);
    unsigned classes; /* of integers and bool, for which it is defined */
} rows[ACTIVATIONS] = {
    [ACTIVATION_NONE] = {none_of, NULL, 0},
    [ACTIVATION_RELU] = {relu_of, relu_integer, DTYPE_INTEGERS},
    [ACTIVATION_CLIP] = {clip_of, NULL, 0},
    [ACTIVATION_LEAKY_RELU] = {leaky_relu_of, NULL, 0},
    [ACTIVATION_THRESHOLDED_RELU] = {thresholded_relu_of, NULL, 0},
    [ACTIVATION_SIGMOID] = {sigmoid_of, NULL, 0},
    [ACTIVATION_TANH] = {tanh_of, NULL, 0},
    [ACTIVATION_ELU] = {elu_of, NULL, 0},
    [ACTIVATION_SELU] = {selu_of, NULL, 0},
    [ACTIVATION_CELU] = {celu_of, NULL, 0},
    [ACTIVATION_HARD_SIGMOID] = {hard_sigmoid_of, NULL, 0},
    [ACTIVATION_HARD_SWISH] = {hard_swish_of, NULL, 0},
    [ACTIVATION_SWISH] = {swish_of, NULL, 0},
    [ACTIVATION_MISH] = {mish_of, NULL, 0},
    [ACTIVATION_GELU] = {gelu_of, NULL, 0},
    [ACTIVATION_GELU_TANH] = {gelu_tanh_of, NULL, 0},
    [ACTIVATION_SOFTPLUS] = {softplus_of, NULL, 0},
    [ACTIVATION_SOFTSIGN] = {softsign_of, NULL, 0},
    [ACTIVATION_SHRINK] = {shrink_of, NULL, 0},
    [ACTIVATION_EXP] = {exp_of, NULL, 0},
    [ACTIVATION_LOG] = {log_of, NULL, 0},
    [ACTIVATION_SQRT] = {sqrt_of, NULL, 0},
    [ACTIVATION_RECIPROCAL] = {reciprocal_of, NULL, 0},
    [ACTIVATION_ABS] = {abs_of, abs_integer, DTYPE_INTEGERS},
    [ACTIVATION_NEG] = {neg_of, neg_integer, DTYPE_SIGNED},
    [ACTIVATION_SIGN] = {sign_of, sign_integer, DTYPE_INTEGERS},
    [ACTIVATION_FLOOR] = {floor_of, NULL, 0},
    [ACTIVATION_CEIL] = {ceil_of, NULL, 0},
    [ACTIVATION_ROUND] = {round_of, NULL, 0},
    [ACTIVATION_ERF] = {erf_of, NULL, 0},
    [ACTIVATION_SIN] = {sin_of, NULL, 0},
    [ACTIVATION_COS] = {cos_of, NULL, 0},
    [ACTIVATION_TAN] = {tan_of, NULL, 0},
    [ACTIVATION_ASIN] = {asin_of, NULL, 0},
    [ACTIVATION_ACOS] = {acos_of, NULL, 0},
    [ACTIVATION_ATAN] = {atan_of, NULL, 0},
    [ACTIVATION_SINH] = {sinh_of, NULL, 0},
    [ACTIVATION_COSH] = {cosh_of, NULL, 0},
    [ACTIVATION_ASINH] = {asinh_of, NULL, 0},
    [ACTIVATION_ACOSH] = {acosh_of, NULL, 0},
    [ACTIVATION_ATANH] = {atanh_of, NULL, 0},
    [ACTIVATION_NOT] = {NULL, not_integer, DTYPE_BOOL},
    [ACTIVATION_BITWISE_NOT] = {NULL, bitwise_not_integer, DTYPE_INTEGERS},
};

float activation_apply(const struct activation *activation, float v) {
    return (float)activation_apply_wide(activation, (double)v);
}

/* min(max(v,low),high) of float32, without a branch. */
static inline float clip_narrow(float v, float low, float high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

/* rint of float32, in what every processor's vectors do: 2^23 more, every number is an integer. From 2^23 on
 * they are that already; an infinity and a NaN stay, and -0.3 becomes -0. */
static inline float round_narrow(float v) {
    const float shift = copysignf(fabsf(v) < 0x1p23f ? 0x1p23f : 0, v);
    return copysignf(v + shift - shift, v);
}

void activation_apply_all(const struct activation *activation, const float *x, float *y, size_t count) {
    const float a = activation->alpha, b = activation->beta;
    switch (activation->kind) {
    case ACTIVATION_RELU:
        for (size_t i = 0; i < count; i++)
            y[i] = x[i] < 0 ? 0 : x[i];
        break;
    case ACTIVATION_CLIP:
        for (size_t i = 0; i < count; i++)
            y[i] = clip_narrow(x[i], a, b);
        break;
    case ACTIVATION_HARD_SIGMOID:
        for (size_t i = 0; i < count; i++)
            y[i] = clip_narrow(a * x[i] + b, 0, 1);
        break;
    case ACTIVATION_HARD_SWISH:
        for (size_t i = 0; i < count; i++)
            y[i] = x[i] * clip_narrow(x[i] / 6 + 0.5f, 0, 1);
        break;
    case ACTIVATION_ROUND:
        for (size_t i = 0; i < count; i++)
            y[i] = round_narrow(x[i]);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            y[i] = activation_apply(activation, x[i]);
    }
}

bool activation_is_quick(enum activation_kind kind) {
    return kind == ACTIVATION_NONE || kind == ACTIVATION_RELU || kind == ACTIVATION_CLIP ||
           kind == ACTIVATION_LEAKY_RELU || kind == ACTIVATION_HARD_SIGMOID ||
           kind == ACTIVATION_HARD_SWISH || kind == ACTIVATION_ROUND;
}

double activation_apply_wide(const struct activation *activation, double v) {
    return rows[activation->kind].real(v, (double)activation->alpha, (double)activation->beta);
}

int64_t activation_apply_integer(const struct activation *activation, convoy_dtype dtype, int64_t v) {
    return rows[activation->kind].integer(v, dtype_find(dtype)->class);
}

bool activation_admits(enum activation_kind kind, convoy_dtype dtype) {
    if ((unsigned)kind >= ACTIVATIONS)
        return false;
    return (rows[kind].real && dtype_is(dtype, DTYPE_REALS)) || dtype_is(dtype, rows[kind].classes);
}
