/* Functions of one number, as operators of their own and as what a layer applies last. */
#ifndef BASE_ACTIVATION_H
#define BASE_ACTIVATION_H

#include <convoy/tensor.h>

#include <stdbool.h>

/* What each computes of v stands in activation.c. */
enum activation_kind {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_CLIP,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_THRESHOLDED_RELU,
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_ELU,
    ACTIVATION_SELU,
    ACTIVATION_CELU,
    ACTIVATION_HARD_SIGMOID,
    ACTIVATION_HARD_SWISH,
    ACTIVATION_SWISH,
    ACTIVATION_MISH,
    ACTIVATION_GELU,
    ACTIVATION_GELU_TANH,
    ACTIVATION_SOFTPLUS,
    ACTIVATION_SOFTSIGN,
    ACTIVATION_SHRINK,
    ACTIVATION_EXP,
    ACTIVATION_LOG,
    ACTIVATION_SQRT,
    ACTIVATION_RECIPROCAL,
    ACTIVATION_ABS,
    ACTIVATION_NEG,
    ACTIVATION_SIGN,
    ACTIVATION_FLOOR,
    ACTIVATION_CEIL,
    ACTIVATION_ROUND,
    ACTIVATION_ERF,
    ACTIVATION_SIN,
    ACTIVATION_COS,
    ACTIVATION_TAN,
    ACTIVATION_ASIN,
    ACTIVATION_ACOS,
    ACTIVATION_ATAN,
    ACTIVATION_SINH,
    ACTIVATION_COSH,
    ACTIVATION_ASINH,
    ACTIVATION_ACOSH,
    ACTIVATION_ATANH,
    ACTIVATION_NOT,
    ACTIVATION_BITWISE_NOT,
    ACTIVATIONS
};

struct activation {
    enum activation_kind kind;
    float alpha, beta;
};

/* One float32 through an activation. The plain definition, and the one that decoding uses. A NaN stays one.
 */
float activation_apply(const struct activation *activation, float value);

/* activation_apply of count elements from x to y, which may be x; what is cheap in loops of vectors. Some are
 * off by a rounding of float32 from activation_apply. */
void activation_apply_all(const struct activation *activation, const float *x, float *y, size_t count);

/* Whether that is a loop of vectors; else each element is a call. */
bool activation_is_quick(enum activation_kind kind);

/* activation_apply in float64. */
double activation_apply_wide(const struct activation *activation, double value);

/* The same of an integer or bool of this type, which is one that activation_admits; to be stored modulo
 * 2^bits. */
int64_t activation_apply_integer(const struct activation *activation, convoy_dtype dtype, int64_t value);

/* Whether the activation is defined for elements of this type. */
bool activation_admits(enum activation_kind kind, convoy_dtype dtype);

#endif
