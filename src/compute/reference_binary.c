/* Functions of two elements, with numpy's broadcasting. The rules are those of ONNX's operators of the same
 * names. */
#include "base/error.h"
#include "base/maximum.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "compute/reference.h"

#include <math.h>

/* --- Floating point ------------------------------------------------------------------------------------- */

static double add_of(double a, double b) {
    return a + b;
}

static double sub_of(double a, double b) {
    return a - b;
}

static double mul_of(double a, double b) {
    return a * b;
}

static double div_of(double a, double b) {
    return a / b;
}

/* The remainder with the sign of the divisor, as Python has it. */
static double mod_of(double a, double b) {
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double min_of(double a, double b) {
    return a < b || isnan(a) ? a : b;
}

static double prelu_of(double a, double b) {
    return a < 0 ? a * b : a;
}

static double equal_of(double a, double b) {
    return a == b;
}

static double less_of(double a, double b) {
    return a < b;
}

static double less_or_equal_of(double a, double b) {
    return a <= b;
}

static double greater_of(double a, double b) {
    return a > b;
}

static double greater_or_equal_of(double a, double b) {
    return a >= b;
}

/* --- Integers and bool: wrap around as numpy does ------------------------------------------------------- */

/* Of 64 bits, which is_unsigned tells how to read. Divisors are not 0. */
typedef int64_t integer_function(int64_t a, int64_t b, bool is_unsigned);

static bool is_less(int64_t a, int64_t b, bool is_unsigned) {
    return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

static int64_t add_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t sub_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t mul_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* Towards zero. */
static int64_t div_integer(int64_t a, int64_t b, bool is_unsigned) {
    if (is_unsigned)
        return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; /* INT64_MIN / -1 would trap */
}

/* The remainder with the sign of the dividend, as C has it. */
static int64_t remainder_integer(int64_t a, int64_t b, bool is_unsigned) {
    if (is_unsigned)
        return (int64_t)((uint64_t)a % (uint64_t)b);
    return b == -1 ? 0 : a % b;
}

static int64_t mod_integer(int64_t a, int64_t b, bool is_unsigned) {
    int64_t r = remainder_integer(a, b, is_unsigned);
    return !is_unsigned && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* A negative exponent gives 1/base, towards zero. */
static int64_t pow_integer(int64_t base, int64_t exponent, bool is_unsigned) {
    if (!is_unsigned && exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    uint64_t result = 1, factor = (uint64_t)base;
    for (uint64_t left = (uint64_t)exponent; left; left >>= 1, factor *= factor)
        if (left & 1)
            result *= factor;
    return (int64_t)result;
}

static int64_t max_integer(int64_t a, int64_t b, bool is_unsigned) {
    return is_less(a, b, is_unsigned) ? b : a;
}

static int64_t min_integer(int64_t a, int64_t b, bool is_unsigned) {
    return is_less(b, a, is_unsigned) ? b : a;
}

static int64_t prelu_integer(int64_t a, int64_t b, bool is_unsigned) {
    return !is_unsigned && a < 0 ? mul_integer(a, b, false) : a;
}

static int64_t and_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return a & b;
}

static int64_t or_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return a | b;
}

static int64_t xor_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return a ^ b;
}

static int64_t shift_left_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (uint64_t)b < 64 ? (int64_t)((uint64_t)a << b) : 0;
}

static int64_t shift_right_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return (uint64_t)b < 64 ? (int64_t)((uint64_t)a >> b) : 0;
}

static int64_t equal_integer(int64_t a, int64_t b, bool is_unsigned) {
    (void)is_unsigned;
    return a == b;
}

static int64_t less_integer(int64_t a, int64_t b, bool is_unsigned) {
    return is_less(a, b, is_unsigned);
}

static int64_t less_or_equal_integer(int64_t a, int64_t b, bool is_unsigned) {
    return !is_less(b, a, is_unsigned);
}

static int64_t greater_integer(int64_t a, int64_t b, bool is_unsigned) {
    return is_less(b, a, is_unsigned);
}

static int64_t greater_or_equal_integer(int64_t a, int64_t b, bool is_unsigned) {
    return !is_less(a, b, is_unsigned);
}

/* --- The table ------------------------------------------------------------------------------------------ */

#define NUMBERS (DTYPE_FLOAT | DTYPE_INTEGERS)

static const struct {
    double (*real)(double a, double b);
    integer_function *integer;
    unsigned classes; /* of the operands */
    bool compares;    /* the result is bool; else of the operands' type */
    bool divides;
} rows[BINARY_OPS] = {
    [BINARY_ADD] = {add_of, add_integer, NUMBERS, false, false},
    [BINARY_SUB] = {sub_of, sub_integer, NUMBERS, false, false},
    [BINARY_MUL] = {mul_of, mul_integer, NUMBERS, false, false},
    [BINARY_DIV] = {div_of, div_integer, NUMBERS, false, true},
    [BINARY_MAX] = {max_or_nan, max_integer, NUMBERS, false, false},
    [BINARY_MIN] = {min_of, min_integer, NUMBERS, false, false},
    [BINARY_POW] = {pow, pow_integer, NUMBERS, false, false},
    [BINARY_MOD] = {mod_of, mod_integer, NUMBERS, false, true},
    [BINARY_REMAINDER] = {fmod, remainder_integer, NUMBERS, false, true},
    [BINARY_PRELU] = {prelu_of, prelu_integer, NUMBERS, false, false},
    [BINARY_AND] = {NULL, and_integer, DTYPE_INTEGERS | DTYPE_BOOL, false, false},
    [BINARY_OR] = {NULL, or_integer, DTYPE_INTEGERS | DTYPE_BOOL, false, false},
    [BINARY_XOR] = {NULL, xor_integer, DTYPE_INTEGERS | DTYPE_BOOL, false, false},
    [BINARY_SHIFT_LEFT] = {NULL, shift_left_integer, DTYPE_UNSIGNED, false, false},
    [BINARY_SHIFT_RIGHT] = {NULL, shift_right_integer, DTYPE_UNSIGNED, false, false},
    [BINARY_EQUAL] = {equal_of, equal_integer, NUMBERS | DTYPE_BOOL, true, false},
    [BINARY_LESS] = {less_of, less_integer, NUMBERS, true, false},
    [BINARY_LESS_OR_EQUAL] = {less_or_equal_of, less_or_equal_integer, NUMBERS, true, false},
    [BINARY_GREATER] = {greater_of, greater_integer, NUMBERS, true, false},
    [BINARY_GREATER_OR_EQUAL] = {greater_or_equal_of, greater_or_equal_integer, NUMBERS, true, false},
};

double binary_of_reals(enum binary_op op, double a, double b) {
    return rows[op].real(a, b);
}

int64_t binary_of_integers(enum binary_op op, int64_t a, int64_t b, bool is_unsigned) {
    return rows[op].integer(a, b, is_unsigned);
}

bool binary_compares(enum binary_op op) {
    return rows[op].compares;
}

convoy_status check_binary(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    convoy_dtype operands = desc->inputs[0].dtype, result = desc->outputs[0].dtype;
    if ((unsigned)desc->binary >= BINARY_OPS)
        return kind_refuse(desc, error, "no such function of two numbers");
    if (!dtype_is(operands, rows[desc->binary].classes))
        return error_set(error, CONVOY_E_UNSUPPORTED, "%s %s: no kernel for %s", desc->op, desc->name,
                         convoy_dtype_text(operands));
    if (result != (binary_compares(desc->binary) ? CONVOY_BOOL : operands))
        return kind_refuse(desc, error, "the result has another type than the function's");
    if (desc->activation.kind != ACTIVATION_NONE && !dtype_is(result, DTYPE_FLOAT))
        return kind_refuse(desc, error, "no activation for integers can be applied to a result");
    const convoy_shape *y = &desc->outputs[0].shape;
    if (!shape_broadcasts(&desc->inputs[0].shape, y, 0) || !shape_broadcasts(&desc->inputs[1].shape, y, 0))
        return kind_refuse(desc, error, "the shapes of inputs and output do not fit together");
    return CONVOY_OK;
}

convoy_status reference_binary(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    enum binary_op op = layer->desc.binary;
    struct walk walk = {.rank = out->shape.rank};
    memcpy(walk.extent, out->shape.dims, sizeof walk.extent);
    walk_strides(walk.stride[0], &layer->inputs[0].shape, walk.rank);
    walk_strides(walk.stride[1], &layer->inputs[1].shape, walk.rank);
    bool real = dtype_is(in->dtype, DTYPE_FLOAT), is_unsigned = dtype_is(in->dtype, DTYPE_UNSIGNED);
    size_t total = convoy_tensor_elements(out);
    for (size_t i = 0; i < total; i++, walk_next(&walk)) {
        size_t a = (size_t)walk.offset[0], b = (size_t)walk.offset[1];
        if (real) {
            double value = rows[op].real(value_at(&in[0], a), value_at(&in[1], b));
            value_store(out, i, value_activate(&layer->desc.activation, out->dtype, value));
            continue;
        }
        int64_t right = integer_at(&in[1], b);
        if (rows[op].divides && right == 0)
            return error_set(error, CONVOY_E_INPUT, "%s %s: an integer is divided by zero", layer->desc.op,
                             layer->desc.name);
        integer_store(out, i, rows[op].integer(integer_at(&in[0], a), right, is_unsigned));
    }
    return CONVOY_OK;
}
