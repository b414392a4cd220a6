/* Operators that give the same elements another shape, and those that make constants. */
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

/* 0 keeps an axis (unless allowzero), -1 takes what is left. */
static convoy_status lower_reshape(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), shape = {0};
    struct int_list list = input_ints(l, 1, "shape");
    bool zero_is_zero = attribute_int(l, "allowzero", 0) != 0;
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

/* Inference: nothing is dropped. */
static convoy_status lower_dropout(struct lowering *l) {
    attribute_float(l, "ratio", 0.5f);
    attribute_int(l, "seed", 0);
    if (l->model->opset < 7 && attribute_int(l, "is_test", 0) == 0)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "training is not supported");
    if (input_number_value(l, 2, "training_mode", 0) != 0)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "training is not supported");
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

/* --- Constants ------------------------------------------------------------------------------------------ */

/* A constant of one axis, or a scalar where scalar is set, as the node's output. */
static convoy_status constant_lower(struct lowering *l, convoy_dtype dtype, bool scalar, const void *elements,
                                    size_t count) {
    convoy_shape shape = {.rank = scalar ? 0 : 1, .dims = {(int64_t)count}};
    convoy_tensor tensor;
    uint32_t value = NO_VALUE;
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_status status = convoy_tensor_create(&tensor, dtype, &shape, l->error);
    if (status != CONVOY_OK)
        return l->status = status;
    if (count)
        memcpy(tensor.data, elements, count * convoy_dtype_bytes(dtype));
    if (constant_add(l, &tensor, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* From operator set 15 on, axes [start, end) alone. */
static convoy_status lower_shape(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t rank = x.rank, start = attribute_int(l, "start", 0), end = attribute_int(l, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    return constant_lower(l, CONVOY_I64, false, x.dims + start, (size_t)(end - start));
}

static convoy_status lower_constant(struct lowering *l) {
    static const struct {
        const char *name;
        enum attribute_kind kind;
    } forms[] = {{"value", ATTRIBUTE_TENSOR},
                 {"value_float", ATTRIBUTE_FLOAT},
                 {"value_floats", ATTRIBUTE_FLOATS},
                 {"value_int", ATTRIBUTE_INT},
                 {"value_ints", ATTRIBUTE_INTS}};
    const struct attribute *a = NULL;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && !a; i++) {
        a = attribute_find(l, forms[i].name);
        if (a && a->kind != forms[i].kind)
            return node_fail(l, CONVOY_E_INPUT, "attribute '%s' has another type than its name says",
                             forms[i].name);
    }
    if (!a)
        return node_fail(l, CONVOY_E_UNSUPPORTED,
                         "holds no value that is supported: a tensor, floats or integers");
    switch (a->kind) {
    case ATTRIBUTE_FLOAT:
        return constant_lower(l, CONVOY_F32, true, &a->number, 1);
    case ATTRIBUTE_FLOATS:
        return constant_lower(l, CONVOY_F32, false, a->floats, a->count);
    case ATTRIBUTE_INT:
        return constant_lower(l, CONVOY_I64, true, &a->integer, 1);
    case ATTRIBUTE_INTS:
        return constant_lower(l, CONVOY_I64, false, a->integers, a->count);
    default:
        break;
    }
    convoy_tensor tensor;
    uint32_t value = NO_VALUE;
    tensor_view(&tensor, &a->tensor, &a->tensor.shape);
    if (constant_add(l, &tensor, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* One element repeated: a pad around nothing, so that the limit on folded constants holds for it. */
static convoy_status lower_constant_of_shape(struct lowering *l) {
    struct int_list list = input_ints(l, 0, "input");
    const struct attribute *a = attribute_find(l, "value");
    if (a && (a->kind != ATTRIBUTE_TENSOR || convoy_tensor_elements(&a->tensor) != 1))
        return node_fail(l, CONVOY_E_INPUT, "attribute 'value' must be a tensor of one element");
    if (l->status == CONVOY_OK && list.count > CONVOY_MAX_RANK)
        node_fail(l, CONVOY_E_UNSUPPORTED, "a shape of %u axes; at most %d are supported", list.count,
                  CONVOY_MAX_RANK);
    convoy_tensor element = {0};
    uint32_t one = NO_VALUE, value = NO_VALUE;
    struct layer_desc desc = {
        .kind = LAYER_PAD, .pad.mode = PAD_EDGE, .outputs = {{.shape = {.rank = list.count}}}};
    convoy_shape unit = {.rank = list.count};
    for (uint32_t i = 0; l->status == CONVOY_OK && i < list.count; i++) {
        desc.outputs[0].shape.dims[i] = list.values[i];
        unit.dims[i] = 1;
        if (list.values[i] < 0)
            node_fail(l, CONVOY_E_INPUT, "the shape asked for holds %lld on axis %u",
                      (long long)list.values[i], i);
    }
    if (l->status != CONVOY_OK)
        return l->status;
    if (a)
        tensor_view(&element, &a->tensor, &unit);
    else
        l->status = convoy_tensor_create(&element, CONVOY_F32, &unit, l->error);
    if (l->status == CONVOY_OK && constant_add(l, &element, &one) == CONVOY_OK &&
        layer_add(l, &desc, NULL, &one, 1, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator shape_operators[] = {
    OPERATOR("Cast", 1, lower_cast, 1, 1),
    OPERATOR("CastLike", 15, lower_cast_like, 2, 2),
    OPERATOR("Constant", 1, lower_constant, 0, 0),
    OPERATOR("ConstantOfShape", 9, lower_constant_of_shape, 1, 1),
    OPERATOR("Dropout", 1, lower_dropout, 1, 3),
    OPERATOR("Flatten", 1, lower_flatten, 1, 1),
    OPERATOR("Identity", 1, lower_identity, 1, 1),
    OPERATOR("Reshape", 1, lower_reshape, 1, 2),
    OPERATOR("Shape", 1, lower_shape, 1, 1),
    OPERATOR("Squeeze", 1, lower_squeeze, 1, 2),
    OPERATOR("Unsqueeze", 1, lower_unsqueeze, 1, 2),
    LAST_OPERATOR,
};
