/* Arithmetic and comparisons between tensors. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <math.h>
#include <string.h>

/* Before operator set 7 the second operand met the first at `axis`, not at the right, and only where
 * `broadcast` says so. *value: it in a shape that meets the first by numpy's rule. */
static convoy_status legacy_broadcast(struct lowering *l, uint32_t *value) {
    bool broadcast = attribute_int(l, "broadcast", 0) != 0;
    convoy_shape a = input_shape(l, 0), b = value_shape(l, *value), shape = {.rank = a.rank};
    int64_t at = attribute_int(l, "axis", (int64_t)a.rank - (int64_t)b.rank);
    at = at < 0 ? at + (int64_t)a.rank : at;
    if (l->status != CONVOY_OK || !broadcast || b.rank == a.rank)
        return l->status;
    if (at < 0 || at + (int64_t)b.rank > (int64_t)a.rank)
        return node_fail(l, CONVOY_E_INPUT, "axis %lld does not place %u axes among %u", (long long)at,
                         b.rank, a.rank);
    for (uint32_t i = 0; i < a.rank; i++)
        shape.dims[i] = (int64_t)i >= at && i < (uint32_t)at + b.rank ? b.dims[i - (uint32_t)at] : 1;
    return alias_add(l, *value, &shape, value);
}

/* Input 0 op input 1 op input 2 ..., from the left. */
static convoy_status chain_add(struct lowering *l, enum binary_op op, uint32_t *value) {
    *value = input_number(l, 0);
    for (size_t i = 1; i < l->node->input_count && l->status == CONVOY_OK; i++)
        binary_add(l, op, *value, input_number(l, i), value);
    return l->status;
}

static convoy_status lower_chain(struct lowering *l) {
    uint32_t value;
    if (chain_add(l, (enum binary_op)l->op->parameter, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status binary_lower(struct lowering *l, enum binary_op op) {
    uint32_t second = input_number(l, 1), value = NO_VALUE;
    if (l->model->opset < 7)
        legacy_broadcast(l, &second);
    if (l->status == CONVOY_OK && binary_add(l, op, input_number(l, 0), second, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status lower_binary(struct lowering *l) {
    return binary_lower(l, (enum binary_op)l->op->parameter);
}

/* The functions of bits take bool as well, which logical operators alone do, and integers, which bitwise ones
 * do. */
static convoy_status lower_bits(struct lowering *l, unsigned classes, const char *words) {
    if (!dtype_is(input_dtype(l, 0), classes))
        return node_fail(l, CONVOY_E_UNSUPPORTED, "of %s; %s are supported",
                         convoy_dtype_text(input_dtype(l, 0)), words);
    return lower_binary(l);
}

static convoy_status lower_logical(struct lowering *l) {
    return lower_bits(l, DTYPE_BOOL, "operands of bool");
}

static convoy_status lower_bitwise(struct lowering *l) {
    return lower_bits(l, DTYPE_INTEGERS, "operands of integers");
}

static convoy_status lower_mean(struct lowering *l) {
    uint32_t sum = NO_VALUE, count = NO_VALUE, value = NO_VALUE;
    if (chain_add(l, BINARY_ADD, &sum) == CONVOY_OK &&
        scalar_add(l, input_dtype(l, 0), (double)l->node->input_count, &count) == CONVOY_OK &&
        binary_add(l, BINARY_DIV, sum, count, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* fmod = 1: the remainder has the sign of the dividend. */
static convoy_status lower_mod(struct lowering *l) {
    return binary_lower(l, attribute_int(l, "fmod", 0) ? BINARY_REMAINDER : BINARY_MOD);
}

static convoy_status lower_bit_shift(struct lowering *l) {
    const char *direction = attribute_text(l, "direction", "");
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return node_fail(l, CONVOY_E_INPUT, "direction is '%.20s'; LEFT or RIGHT is expected", direction);
    return binary_lower(l, *direction == 'L' ? BINARY_SHIFT_LEFT : BINARY_SHIFT_RIGHT);
}

/* The type in which powers are computed. Halves are widened by the layer, their exponents here. */
static convoy_dtype power_type(convoy_dtype base, convoy_dtype exponent) {
    if (base == exponent || dtype_is(base, DTYPE_REALS))
        return computed_type(base);
    if (dtype_is(exponent, DTYPE_REALS))
        return CONVOY_F64;
    return exponent == CONVOY_U64 ? CONVOY_U64
                                  : CONVOY_I64; /* modulo 2^64, and so modulo any smaller power of 2 */
}

/* The exponent may have another type; the result has the base's. */
static convoy_status lower_pow(struct lowering *l) {
    convoy_dtype type = input_dtype(l, 0), common = power_type(type, input_dtype(l, 1));
    uint32_t base = input_number(l, 0), exponent = input_number(l, 1), value = NO_VALUE;
    if (l->model->opset < 7)
        legacy_broadcast(l, &exponent);
    if (!dtype_is(type, DTYPE_HALF))
        cast_add(l, base, common, &base);
    cast_add(l, exponent, common, &exponent);
    binary_add(l, BINARY_POW, base, exponent, &value);
    if (cast_add(l, value, type, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* The slope meets x, whose shape the result has, by numpy's rule from the right; before operator set 7 a
 * slope [C] belongs to the channels. */
static convoy_status lower_prelu(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), slope = input_shape(l, 1), shape = {.rank = x.rank};
    uint32_t second = input_number(l, 1), value = NO_VALUE;
    bool per_channel = l->model->opset < 7 && slope.rank == 1 && x.rank > 1 &&
                       (slope.dims[0] == x.dims[1] || slope.dims[0] == 1);
    for (uint32_t i = 0; i < x.rank; i++)
        shape.dims[i] = i == 1 ? slope.dims[0] : 1;
    if (per_channel)
        alias_add(l, second, &shape, &second);
    if (binary_add(l, BINARY_PRELU, input_number(l, 0), second, &value) != CONVOY_OK)
        return l->status;
    shape = value_shape(l, value);
    if (!shape_equal(&shape, &x))
        return node_fail(l, CONVOY_E_INPUT, "the slope does not broadcast to the input");
    output_set(l, 0, value);
    return l->status;
}

static convoy_status lower_where(struct lowering *l) {
    uint32_t value = NO_VALUE;
    if (where_add(l, input_number(l, 0), input_number(l, 1), input_number(l, 2), &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status need_reals(struct lowering *l) {
    if (!dtype_is(input_dtype(l, 0), DTYPE_REALS))
        node_fail(l, CONVOY_E_UNSUPPORTED, "of %s; floating-point numbers are supported",
                  convoy_dtype_text(input_dtype(l, 0)));
    return l->status;
}

/* A NaN is the number that is not equal to itself. */
static convoy_status lower_is_nan(struct lowering *l) {
    uint32_t x = input_number(l, 0), value = NO_VALUE;
    need_reals(l);
    binary_add(l, BINARY_EQUAL, x, x, &value);
    struct layer_desc desc = {.kind = LAYER_ACTIVATION, .activation = {ACTIVATION_NOT, 0, 0}};
    desc.outputs[0].shape = input_shape(l, 0);
    if (layer_add(l, &desc, NULL, &value, 1, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status lower_is_inf(struct lowering *l) {
    bool negative = attribute_int(l, "detect_negative", 1) != 0,
         positive = attribute_int(l, "detect_positive", 1) != 0;
    uint32_t x = input_number(l, 0), limit = NO_VALUE, value = NO_VALUE;
    struct layer_desc size = {.kind = LAYER_ACTIVATION, .activation = {ACTIVATION_ABS, 0, 0}};
    size.outputs[0].shape = input_shape(l, 0);
    need_reals(l);
    if (negative && positive)
        layer_add(l, &size, NULL, &x, 1, NULL, &x);
    double infinity = (double)INFINITY;
    scalar_add(l, input_dtype(l, 0),
               !positive && negative ? -infinity
               : !positive           ? (double)NAN
                                     : infinity,
               &limit);
    if (l->status == CONVOY_OK && binary_add(l, BINARY_EQUAL, x, limit, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

#define FUNCTION(NAME, FIRST_OPSET, OP) OPERATOR(NAME, FIRST_OPSET, lower_binary, 2, 2, .parameter = OP)
#define LOGICAL(NAME, OP)               OPERATOR(NAME, 1, lower_logical, 2, 2, .parameter = OP)
#define BITWISE(NAME, OP)               OPERATOR(NAME, 18, lower_bitwise, 2, 2, .parameter = OP)
#define CHAIN(NAME, OP)                 OPERATOR(NAME, 1, lower_chain, 1, ANY_INPUTS, .parameter = OP)

const struct onnx_operator math_operators[] = {
    FUNCTION("Add", 1, BINARY_ADD),
    LOGICAL("And", BINARY_AND),
    OPERATOR("BitShift", 11, lower_bit_shift, 2, 2),
    BITWISE("BitwiseAnd", BINARY_AND),
    BITWISE("BitwiseOr", BINARY_OR),
    BITWISE("BitwiseXor", BINARY_XOR),
    FUNCTION("Div", 1, BINARY_DIV),
    FUNCTION("Equal", 1, BINARY_EQUAL),
    FUNCTION("Greater", 1, BINARY_GREATER),
    FUNCTION("GreaterOrEqual", 12, BINARY_GREATER_OR_EQUAL),
    OPERATOR("IsInf", 10, lower_is_inf, 1, 1),
    OPERATOR("IsNaN", 9, lower_is_nan, 1, 1),
    FUNCTION("Less", 1, BINARY_LESS),
    FUNCTION("LessOrEqual", 12, BINARY_LESS_OR_EQUAL),
    CHAIN("Max", BINARY_MAX),
    OPERATOR("Mean", 1, lower_mean, 1, ANY_INPUTS),
    CHAIN("Min", BINARY_MIN),
    OPERATOR("Mod", 10, lower_mod, 2, 2),
    FUNCTION("Mul", 1, BINARY_MUL),
    LOGICAL("Or", BINARY_OR),
    OPERATOR("PRelu", 1, lower_prelu, 2, 2),
    OPERATOR("Pow", 1, lower_pow, 2, 2),
    FUNCTION("Sub", 1, BINARY_SUB),
    CHAIN("Sum", BINARY_ADD),
    OPERATOR("Where", 9, lower_where, 3, 3),
    LOGICAL("Xor", BINARY_XOR),
    LAST_OPERATOR,
};
