/* Constants and layers that many operators are made of. */
#include "base/tensor.h"
#include "model/lowering.h"

#include <string.h>

convoy_status elements_add(struct lowering *l, convoy_dtype dtype, const convoy_shape *shape,
                           const void *elements, uint32_t *value) {
    convoy_tensor tensor;
    if (constant_create(l, dtype, shape, &tensor) != CONVOY_OK)
        return l->status;
    size_t bytes = convoy_tensor_elements(&tensor) * convoy_dtype_bytes(dtype);
    if (bytes)
        memcpy(tensor.data, elements, bytes);
    return constant_add(l, &tensor, value);
}

convoy_status counting_add(struct lowering *l, const convoy_shape *shape, uint32_t axis, int64_t first,
                           uint32_t *value) {
    convoy_shape line = {.rank = shape->rank};
    convoy_tensor tensor;
    for (uint32_t i = 0; i < line.rank; i++)
        line.dims[i] = i == axis ? shape->dims[i] : 1;
    if (constant_create(l, CONVOY_I64, &line, &tensor) != CONVOY_OK)
        return l->status;
    for (int64_t i = 0; i < line.dims[axis]; i++)
        ((int64_t *)tensor.data)[i] = first + i;
    return constant_add(l, &tensor, value);
}

convoy_status expand_add(struct lowering *l, uint32_t of, const convoy_shape *shape, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    *value = of;
    convoy_shape x = value_shape(l, of);
    if (shape_equal(&x, shape))
        return CONVOY_OK;
    struct value_desc in = {.shape = {.rank = shape->rank}};
    for (uint32_t i = 0; i < shape->rank; i++)
        in.shape.dims[i] = i + x.rank >= shape->rank ? x.dims[i + x.rank - shape->rank] : 1;
    struct layer_desc desc = {
        .kind = LAYER_PAD, .pad.mode = PAD_EDGE, .inputs = &in, .outputs = {{.shape = *shape}}};
    return layer_add(l, &desc, NULL, &of, 1, NULL, value);
}

convoy_status cast_add(struct lowering *l, uint32_t from, convoy_dtype dtype, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    *value = from;
    if (l->network->values[from].dtype == dtype)
        return CONVOY_OK;
    struct layer_desc desc = {.kind = LAYER_CAST,
                              .outputs = {{.dtype = dtype, .shape = value_shape(l, from)}}};
    return layer_add(l, &desc, NULL, &from, 1, NULL, value);
}

convoy_status activation_add(struct lowering *l, struct activation activation, uint32_t of, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    struct layer_desc desc = {
        .kind = LAYER_ACTIVATION, .activation = activation, .outputs = {{.shape = value_shape(l, of)}}};
    return layer_add(l, &desc, NULL, &of, 1, NULL, value);
}

bool shape_meet(convoy_shape *shape, const convoy_shape *other) {
    convoy_shape shorter = shape->rank < other->rank ? *shape : *other;
    if (shape->rank < other->rank)
        *shape = *other;
    uint32_t shift = shape->rank - shorter.rank;
    for (uint32_t i = 0; i < shorter.rank; i++) {
        int64_t *dim = &shape->dims[i + shift];
        if (*dim == 1)
            *dim = shorter.dims[i];
        else if (shorter.dims[i] != 1 && shorter.dims[i] != *dim)
            return false;
    }
    return true;
}

/* The shape of some values that meet; fails the node if they do not. */
static convoy_status shapes_meet(struct lowering *l, const uint32_t *values, size_t count,
                                 convoy_shape *shape) {
    *shape = value_shape(l, values[0]);
    for (size_t i = 1; i < count; i++) {
        convoy_shape before = *shape, other = value_shape(l, values[i]);
        char text_a[128], text_b[128];
        if (!shape_meet(shape, &other))
            return node_fail(l, CONVOY_E_INPUT, "shapes %s and %s do not broadcast",
                             convoy_shape_text(&before, text_a, sizeof text_a),
                             convoy_shape_text(&other, text_b, sizeof text_b));
    }
    return CONVOY_OK;
}

convoy_status binary_add(struct lowering *l, enum binary_op op, uint32_t a, uint32_t b, uint32_t *value) {
    const uint32_t inputs[] = {a, b};
    struct layer_desc desc = {.kind = LAYER_BINARY, .binary = op};
    if (binary_compares(op))
        desc.outputs[0].dtype = CONVOY_BOOL;
    if (l->status != CONVOY_OK || shapes_meet(l, inputs, 2, &desc.outputs[0].shape) != CONVOY_OK)
        return l->status;
    return layer_add(l, &desc, NULL, inputs, 2, NULL, value);
}

convoy_status where_add(struct lowering *l, uint32_t condition, uint32_t a, uint32_t b, uint32_t *value) {
    const uint32_t inputs[] = {condition, a, b};
    struct layer_desc desc = {.kind = LAYER_WHERE};
    if (l->status != CONVOY_OK || shapes_meet(l, inputs, 3, &desc.outputs[0].shape) != CONVOY_OK)
        return l->status;
    desc.outputs[0].dtype = l->network->values[a].dtype;
    return layer_add(l, &desc, NULL, inputs, 3, NULL, value);
}

convoy_status along_axis_add(struct lowering *l, uint32_t of, uint32_t axis, uint32_t rank, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_shape list = value_shape(l, of), shape = {.rank = rank};
    *value = of;
    if (list.rank != 1 || rank < 2 || axis >= rank)
        return CONVOY_OK;
    for (uint32_t i = 0; i < rank; i++)
        shape.dims[i] = i == axis ? list.dims[0] : 1;
    return alias_add(l, of, &shape, value);
}
