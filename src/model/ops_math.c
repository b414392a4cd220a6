/* Arithmetic between tensors, reductions, conversions. */
#include "model/attributes.h"
#include "model/operators.h"

/* --- Two or more inputs --------------------------------------------------------------------------------- */

/* Input 0 op input 1 op input 2 ..., from the left. */
static convoy_status lower_chain(struct lowering *l, enum binary_op op, uint32_t *value) {
    *value = input_number(l, 0);
    for (size_t i = 1; i < l->node->input_count && l->status == CONVOY_OK; i++)
        binary_add(l, op, *value, input_number(l, i), value);
    return l->status;
}

static convoy_status lower_binary(struct lowering *l, enum binary_op op) {
    uint32_t value;
    if (lower_chain(l, op, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

convoy_status lower_add(struct lowering *l) {
    return lower_binary(l, BINARY_ADD);
}

convoy_status lower_sub(struct lowering *l) {
    return lower_binary(l, BINARY_SUB);
}

convoy_status lower_mul(struct lowering *l) {
    return lower_binary(l, BINARY_MUL);
}

convoy_status lower_div(struct lowering *l) {
    return lower_binary(l, BINARY_DIV);
}

convoy_status lower_max(struct lowering *l) {
    return lower_binary(l, BINARY_MAX);
}

convoy_status lower_min(struct lowering *l) {
    return lower_binary(l, BINARY_MIN);
}

convoy_status lower_sum(struct lowering *l) {
    return lower_binary(l, BINARY_ADD);
}

convoy_status lower_mean(struct lowering *l) {
    uint32_t sum = NO_VALUE, count = NO_VALUE, value = NO_VALUE;
    if (lower_chain(l, BINARY_ADD, &sum) == CONVOY_OK &&
        scalar_add(l, (float)l->node->input_count, &count) == CONVOY_OK &&
        binary_add(l, BINARY_DIV, sum, count, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status cast_add(struct lowering *l, uint32_t from, convoy_dtype dtype, uint32_t *value) {
    struct layer_desc desc = {.kind = LAYER_CAST, .dtype = dtype, .output = value_shape(l, from)};
    return layer_add(l, &desc, NULL, &from, 1, NULL, value);
}

/* The exponent may have another type; the result has the base's. */
convoy_status lower_pow(struct lowering *l) {
    uint32_t base = input_number(l, 0), exponent = input_number(l, 1), value = NO_VALUE;
    if (input_dtype(l, 1) != input_dtype(l, 0))
        cast_add(l, exponent, input_dtype(l, 0), &exponent);
    if (binary_add(l, BINARY_POW, base, exponent, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Conversion ----------------------------------------------------------------------------------------- */

convoy_status lower_cast(struct lowering *l) {
    int64_t to = attribute_int(l, "to", 0);
    attribute_int(l, "saturate", 1); /* of 8-bit floats, which are not supported */
    convoy_dtype dtype = to > 0 && to < 256 ? (convoy_dtype)to : 0;
    if (convoy_dtype_bytes(dtype) == 0)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "casts to the element type %lld, which is not supported",
                         (long long)to);
    convoy_shape shape = input_shape(l, 0);
    if (dtype == input_dtype(l, 0))
        return alias_lower(l, &shape);
    uint32_t value = NO_VALUE;
    if (cast_add(l, input_number(l, 0), dtype, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Reductions ----------------------------------------------------------------------------------------- */

/* moved: the operator set from which on axes are an input. */
static convoy_status lower_reduce(struct lowering *l, enum reduce_op op, int64_t moved) {
    convoy_shape x = input_shape(l, 0), shape = {0};
    struct int_list list = option_ints(l, "axes", 1, moved);
    bool keep = attribute_int(l, "keepdims", 1) != 0;
    bool none_is_none = l->model->opset >= moved && attribute_int(l, "noop_with_empty_axes", 0) != 0;
    uint32_t axes = axes_mask(l, &list, x.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    if (list.count == 0 && none_is_none)
        return alias_lower(l, &x);
    if (list.count == 0)
        axes = (UINT32_C(1) << x.rank) - 1;
    struct layer_desc desc = {.kind = LAYER_REDUCE, .reduce = {op, axes}, .output = x};
    for (uint32_t i = 0; i < x.rank; i++) {
        bool gone = axes >> i & 1;
        if (gone && x.dims[i] == 0)
            return node_fail(l, CONVOY_E_UNSUPPORTED, "axis %u, which is reduced, is empty", i);
        if (gone)
            desc.output.dims[i] = 1;
        if (!gone || keep)
            shape.dims[shape.rank++] = desc.output.dims[i];
    }
    uint32_t input = input_number(l, 0), value = NO_VALUE;
    if (layer_add(l, &desc, NULL, &input, 1, &shape, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

convoy_status lower_reduce_mean(struct lowering *l) {
    return lower_reduce(l, REDUCE_MEAN, 18);
}

convoy_status lower_reduce_sum(struct lowering *l) {
    return lower_reduce(l, REDUCE_SUM, 13);
}

convoy_status lower_reduce_max(struct lowering *l) {
    return lower_reduce(l, REDUCE_MAX, 18);
}

convoy_status lower_reduce_min(struct lowering *l) {
    return lower_reduce(l, REDUCE_MIN, 18);
}
