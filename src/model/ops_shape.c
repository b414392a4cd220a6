/* Operators that give the same elements another shape or type. */
#include "base/error.h"
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <string.h>

/* --- Other shapes --------------------------------------------------------------------------------------- */

/* Fails the node unless both shapes have as many elements. */
static convoy_status check_elements(struct lowering *l, const convoy_shape *from, const convoy_shape *to) {
    size_t bytes;
    char text_from[128], text_to[128];
    if (tensor_bytes(CONVOY_U8, to, &bytes) && bytes == shape_product(from, 0, from->rank))
        return CONVOY_OK;
    return node_fail(l, CONVOY_E_INPUT, "shape %s cannot become %s",
                     convoy_shape_text(from, text_from, sizeof text_from),
                     convoy_shape_text(to, text_to, sizeof text_to));
}

/* 0 keeps an axis (unless allowzero), -1 takes what is left. Until operator set 4 the shape is an attribute.
 */
static convoy_status lower_reshape(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), shape = {0};
    struct int_list list = option_ints(l, "shape", 1, 5);
    bool zero_is_zero = l->model->opset >= 14 && attribute_int(l, "allowzero", 0) != 0;
    if (!list.given)
        node_fail(l, CONVOY_E_INPUT, "has no shape");
    if (l->status == CONVOY_OK && list.count > CONVOY_MAX_RANK)
        node_fail(l, CONVOY_E_UNSUPPORTED, "a shape of %u axes; at most %d are supported", list.count,
                  CONVOY_MAX_RANK);
    if (l->status != CONVOY_OK)
        return l->status;
    shape.rank = list.count;
    int64_t *open = NULL;
    size_t known = 1;
    for (uint32_t i = 0; i < list.count; i++) {
        int64_t *dim = &shape.dims[i];
        *dim = list.values[i];
        if (*dim == 0 && !zero_is_zero && i < x.rank)
            *dim = x.dims[i];
        if (*dim == -1 && !open)
            open = dim;
        else if (*dim < 0 || !size_mul(known, (size_t)*dim, &known))
            return node_fail(l, CONVOY_E_INPUT, "the shape asked for holds %lld on axis %u",
                             (long long)list.values[i], i);
    }
    if (open)
        *open = known ? (int64_t)(shape_product(&x, 0, x.rank) / known) : 0;
    convoy_status status = check_elements(l, &x, &shape);
    return status == CONVOY_OK ? alias_lower(l, &shape) : status;
}

static convoy_status lower_flatten(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t axis = attribute_int(l, "axis", 1), at = axis < 0 ? axis + (int64_t)x.rank : axis;
    if (at < 0 || at > (int64_t)x.rank)
        return node_fail(l, CONVOY_E_INPUT, "axis %lld does not exist in a tensor of rank %u",
                         (long long)axis, x.rank);
    convoy_shape shape = {
        2, {(int64_t)shape_product(&x, 0, (uint32_t)at), (int64_t)shape_product(&x, (uint32_t)at, x.rank)}};
    return alias_lower(l, &shape);
}

static convoy_status lower_squeeze(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), shape = {0};
    struct int_list list = option_ints(l, "axes", 1, 13);
    uint32_t axes = axes_mask(l, &list, x.rank);
    for (uint32_t i = 0; i < x.rank; i++) {
        bool gone = list.given ? axes >> i & 1 : x.dims[i] == 1;
        if (gone && x.dims[i] != 1)
            return node_fail(l, CONVOY_E_INPUT, "axis %u has %lld positions and cannot go", i,
                             (long long)x.dims[i]);
        if (!gone)
            shape.dims[shape.rank++] = x.dims[i];
    }
    return l->status == CONVOY_OK ? alias_lower(l, &shape) : l->status;
}

static convoy_status lower_unsqueeze(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), shape = {0};
    struct int_list list = option_ints(l, "axes", 1, 13);
    if (l->status == CONVOY_OK && x.rank + list.count > CONVOY_MAX_RANK)
        node_fail(l, CONVOY_E_UNSUPPORTED, "a shape of %u axes; at most %d are supported",
                  x.rank + list.count, CONVOY_MAX_RANK);
    uint32_t rank = l->status == CONVOY_OK ? x.rank + list.count : 0;
    uint32_t axes = axes_mask(l, &list, rank), from = 0;
    for (; shape.rank < rank; shape.rank++)
        shape.dims[shape.rank] = axes >> shape.rank & 1 || from >= x.rank ? 1 : x.dims[from++];
    return l->status == CONVOY_OK ? alias_lower(l, &shape) : l->status;
}

static convoy_status lower_identity(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    return alias_lower(l, &x);
}

/* Ones in the shape of the input: a mask of what was kept. Bool since operator set 10, before of the input's
 * type. */
static convoy_status lower_mask(struct lowering *l) {
    convoy_shape shape = input_shape(l, 0);
    uint32_t one = NO_VALUE, mask = NO_VALUE;
    scalar_add(l, l->model->opset < 10 ? input_dtype(l, 0) : CONVOY_BOOL, 1, &one);
    if (expand_add(l, one, &shape, &mask) == CONVOY_OK)
        output_set(l, 1, mask);
    return l->status;
}

/* Inference: nothing is dropped, whatever is_test said before operator set 7. */
static convoy_status lower_dropout(struct lowering *l) {
    if (l->model->opset < 7)
        attribute_int(l, "is_test", 0);
    if (l->model->opset < 12)
        attribute_float(l, "ratio", 0.5f);
    else
        attribute_int(l, "seed", 0);
    if (input_number_value(l, 2, "training_mode", 0) != 0 && input_number_value(l, 1, "ratio", 0.5) != 0)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "training is not supported");
    if (l->node->output_count > 1 && l->node->outputs[1] != NO_VALUE)
        lower_mask(l);
    return lower_identity(l);
}

/* --- Types ---------------------------------------------------------------------------------------------- */

/* The type that a Cast makes: before operator set 6 by the name that ONNX has for it. 0: none of ours. */
static convoy_dtype cast_type(struct lowering *l, int64_t *number) {
    static const char *const names[] = {
        [CONVOY_F32] = "FLOAT",   [CONVOY_U8] = "UINT8",   [CONVOY_I8] = "INT8",    [CONVOY_U16] = "UINT16",
        [CONVOY_I16] = "INT16",   [CONVOY_I32] = "INT32",  [CONVOY_I64] = "INT64",  [CONVOY_BOOL] = "BOOL",
        [CONVOY_F16] = "FLOAT16", [CONVOY_F64] = "DOUBLE", [CONVOY_U32] = "UINT32", [CONVOY_U64] = "UINT64"};
    *number = 0;
    if (l->model->opset >= 6)
        *number = attribute_int(l, "to", 0);
    else
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i] && strcmp(attribute_text(l, "to", ""), names[i]) == 0)
                *number = (int64_t)i;
    return dtype_find(*number) ? (convoy_dtype)*number : 0;
}

static convoy_status cast_lower(struct lowering *l, convoy_dtype dtype) {
    convoy_shape shape = input_shape(l, 0);
    uint32_t value = NO_VALUE;
    if (l->status == CONVOY_OK && dtype == input_dtype(l, 0))
        return alias_lower(l, &shape);
    if (cast_add(l, input_number(l, 0), dtype, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status lower_cast(struct lowering *l) {
    int64_t number;
    convoy_dtype dtype = cast_type(l, &number);
    attribute_int(l, "saturate", 1); /* of 8-bit floats, which are not supported */
    if (!dtype)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "casts to the element type %lld, which is not supported",
                         (long long)number);
    return cast_lower(l, dtype);
}

/* To the type of the second input. */
static convoy_status lower_cast_like(struct lowering *l) {
    attribute_int(l, "saturate", 1); /* as above */
    return cast_lower(l, input_dtype(l, 1));
}

const struct onnx_operator shape_operators[] = {
    OPERATOR("Cast", 1, lower_cast, 1, 1),
    OPERATOR("CastLike", 15, lower_cast_like, 2, 2),
    OPERATOR("Dropout", 1, lower_dropout, 1, 3),
    OPERATOR("Flatten", 1, lower_flatten, 1, 1),
    OPERATOR("Identity", 1, lower_identity, 1, 1),
    OPERATOR("Reshape", 1, lower_reshape, 1, 2),
    OPERATOR("Squeeze", 1, lower_squeeze, 1, 2),
    OPERATOR("Unsqueeze", 1, lower_unsqueeze, 1, 2),
    LAST_OPERATOR,
};
