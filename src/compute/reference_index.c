/* Kinds that find elements by indices which are known at run time alone. An index may be negative: it counts
 * from the end of its axis then. */
#include "compute/reference.h"

#include "base/error.h"
#include "base/tensor.h"

#include <stdlib.h>
#include <string.h>

/* *index becomes a position on an axis of so many elements; fails for one outside. */
static convoy_status index_normal(const struct reference_layer *layer, int64_t *index, int64_t extent,
                                  convoy_error *error) {
    if (*index < -extent || *index >= extent)
        return error_set(error, CONVOY_E_INPUT, "%s %s: index %lld into an axis of %lld elements",
                         layer->desc.op, layer->desc.name, (long long)*index, (long long)extent);
    *index += *index < 0 ? extent : 0;
    return CONVOY_OK;
}

/* *to becomes *to op *from, of two elements. */
static void element_combine(convoy_tensor *to, size_t at, const convoy_tensor *from, size_t from_at,
                            enum binary_op op) {
    if (dtype_is(to->dtype, DTYPE_REALS))
        value_store(to, at, binary_of_reals(op, value_at(to, at), value_at(from, from_at)));
    else
        integer_store(to, at,
                      binary_of_integers(op, integer_at(to, at), integer_at(from, from_at),
                                         dtype_is(to->dtype, DTYPE_UNSIGNED)));
}

/* --- Along one axis, the same indices everywhere -------------------------------------------------------- */

convoy_status check_gather(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    const convoy_shape *data = &desc->inputs[0].shape, *indices = &desc->inputs[1].shape;
    uint32_t axis = desc->gather.axis;
    if (axis >= data->rank || data->rank - 1 + indices->rank != desc->outputs[0].shape.rank)
        return kind_refuse(desc, error, "the ranks of data, indices and output do not fit");
    if (!shape_has(&desc->outputs[0].shape, shape_product(data, 0, axis),
                   shape_product(indices, 0, indices->rank), shape_product(data, axis + 1, data->rank)))
        return kind_refuse(desc, error,
                           "the output is not data with the axis replaced by the indices' shape");
    return CONVOY_OK;
}

convoy_status reference_gather(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    uint32_t axis = layer->desc.gather.axis;
    const convoy_shape *shape = &in[0].shape;
    int64_t extent = shape->dims[axis];
    size_t outer = shape_product(shape, 0, axis), count = convoy_tensor_elements(&in[1]);
    size_t run = shape_product(shape, axis + 1, shape->rank) * convoy_dtype_bytes(out->dtype);
    int64_t *positions = calloc(count + 1, sizeof *positions);
    if (!positions)
        return error_memory(error);
    convoy_status status = CONVOY_OK;
    for (size_t k = 0; k < count && status == CONVOY_OK; k++) {
        positions[k] = integer_at(&in[1], k);
        status = index_normal(layer, &positions[k], extent, error);
    }
    char *to = out->data;
    for (size_t o = 0; o < outer && status == CONVOY_OK; o++) {
        const char *from = (const char *)in[0].data + o * (size_t)extent * run;
        for (size_t k = 0; k < count; k++, to += run)
            memory_copy_run(to, from + (size_t)positions[k] * run, run);
    }
    free(positions);
    return status;
}

/* --- Along one axis, an index for each element ---------------------------------------------------------- */

/* Whether the indices fit into the data: of its rank, and on the other axes no longer. */
static bool indices_fit(const convoy_shape *data, const convoy_shape *indices, uint32_t axis) {
    bool fits = indices->rank == data->rank && axis < data->rank;
    for (uint32_t i = 0; fits && i < data->rank; i++)
        fits = i == axis || indices->dims[i] <= data->dims[i];
    return fits;
}

/* A walk through the indices, offset 0 being that of the data at position 0 of the axis. *stride: of the
 * axis. */
static struct walk index_walk(const convoy_shape *data, const convoy_shape *indices, uint32_t axis,
                              ptrdiff_t *stride) {
    struct walk walk = {.rank = indices->rank};
    memcpy(walk.extent, indices->dims, sizeof walk.extent);
    walk_strides(walk.stride[0], data, walk.rank);
    *stride = walk.stride[0][axis];
    walk.stride[0][axis] = 0;
    return walk;
}

convoy_status check_gather_elements(const struct layer_desc *desc, const struct layer_params *params,
                                    convoy_error *error) {
    (void)params;
    if (!indices_fit(&desc->inputs[0].shape, &desc->inputs[1].shape, desc->gather.axis) ||
        !shape_equal(&desc->inputs[1].shape, &desc->outputs[0].shape))
        return kind_refuse(desc, error, "the indices do not fit into the data");
    return CONVOY_OK;
}

convoy_status reference_gather_elements(const struct reference_layer *layer, const convoy_tensor *in,
                                        convoy_tensor *out, convoy_error *error) {
    const convoy_shape *data = &layer->inputs[0].shape;
    uint32_t axis = layer->desc.gather.axis;
    size_t total = convoy_tensor_elements(out), element = convoy_dtype_bytes(out->dtype);
    ptrdiff_t stride;
    struct walk walk = index_walk(data, &layer->inputs[1].shape, axis, &stride);
    for (size_t i = 0; i < total; i++, walk_next(&walk)) {
        int64_t index = integer_at(&in[1], i);
        convoy_status status = index_normal(layer, &index, data->dims[axis], error);
        if (status != CONVOY_OK)
            return status;
        memory_copy_run((char *)out->data + i * element,
                        (const char *)in[0].data + (size_t)(walk.offset[0] + index * stride) * element,
                        element);
    }
    return CONVOY_OK;
}

/* Whether the elements of the data can be combined as asked for. */
static convoy_status check_combination(const struct layer_desc *desc, convoy_error *error) {
    enum binary_op op = desc->scatter.op;
    if (!desc->scatter.combines)
        return CONVOY_OK;
    if (op != BINARY_ADD && op != BINARY_MUL && op != BINARY_MAX && op != BINARY_MIN)
        return kind_refuse(desc, error, "no such reduction");
    if (!dtype_is(desc->inputs[0].dtype, DTYPE_REALS | DTYPE_INTEGERS))
        return error_set(error, CONVOY_E_UNSUPPORTED, "%s %s: no reduction of %s", desc->op, desc->name,
                         convoy_dtype_text(desc->inputs[0].dtype));
    return CONVOY_OK;
}

convoy_status check_scatter_elements(const struct layer_desc *desc, const struct layer_params *params,
                                     convoy_error *error) {
    (void)params;
    if (!indices_fit(&desc->inputs[0].shape, &desc->inputs[1].shape, desc->scatter.axis) ||
        !shape_equal(&desc->inputs[1].shape, &desc->inputs[2].shape) ||
        !shape_equal(&desc->inputs[0].shape, &desc->outputs[0].shape))
        return kind_refuse(desc, error, "the indices or updates do not fit into the data");
    return check_combination(desc, error);
}

convoy_status reference_scatter_elements(const struct reference_layer *layer, const convoy_tensor *in,
                                         convoy_tensor *out, convoy_error *error) {
    const convoy_shape *data = &layer->inputs[0].shape;
    uint32_t axis = layer->desc.scatter.axis;
    size_t total = convoy_tensor_elements(&in[1]), element = convoy_dtype_bytes(out->dtype);
    ptrdiff_t stride;
    struct walk walk = index_walk(data, &layer->inputs[1].shape, axis, &stride);
    memcpy(out->data, in[0].data, convoy_tensor_elements(out) * element);
    for (size_t i = 0; i < total; i++, walk_next(&walk)) {
        int64_t index = integer_at(&in[1], i);
        convoy_status status = index_normal(layer, &index, data->dims[axis], error);
        if (status != CONVOY_OK)
            return status;
        size_t to = (size_t)(walk.offset[0] + index * stride);
        if (layer->desc.scatter.combines)
            element_combine(out, to, &in[2], i, layer->desc.scatter.op);
        else
            memory_copy_run((char *)out->data + to * element, (const char *)in[2].data + i * element,
                            element);
    }
    return CONVOY_OK;
}

/* --- Indices of several axes at once -------------------------------------------------------------------- */

/* The data seen from tuples of indices, [batch][tuples][length], into [batch][axes that are indexed][run]. */
struct tuples {
    size_t batch, count; /* of tuples, in each part of the batch */
    uint32_t first, length;
    size_t whole, run; /* elements of a part of the batch, and of what a tuple names */
};

/* False, and *t without tuples, if the shapes do not make this. */
static bool tuples_of(struct tuples *t, const convoy_shape *data, const convoy_shape *indices,
                      uint32_t batch_axes) {
    *t = (struct tuples){0};
    if (batch_axes >= data->rank || batch_axes >= indices->rank)
        return false;
    int64_t length = indices->dims[indices->rank - 1];
    if (length < 1 || length > (int64_t)(data->rank - batch_axes))
        return false;
    for (uint32_t i = 0; i < batch_axes; i++)
        if (data->dims[i] != indices->dims[i])
            return false;
    *t = (struct tuples){.batch = shape_product(data, 0, batch_axes),
                         .count = shape_product(indices, batch_axes, indices->rank - 1),
                         .first = batch_axes,
                         .length = (uint32_t)length,
                         .whole = shape_product(data, batch_axes, data->rank),
                         .run = shape_product(data, batch_axes + (uint32_t)length, data->rank)};
    return true;
}

/* *at: the first element of what tuple number `tuple` of all names. */
static convoy_status tuple_find(const struct reference_layer *layer, const struct tuples *t,
                                const convoy_tensor *indices, size_t tuple, size_t *at, convoy_error *error) {
    const convoy_shape *data = &layer->inputs[0].shape;
    size_t position = 0;
    for (uint32_t k = 0; k < t->length; k++) {
        int64_t extent = data->dims[t->first + k], index = integer_at(indices, tuple * t->length + k);
        convoy_status status = index_normal(layer, &index, extent, error);
        if (status != CONVOY_OK)
            return status;
        position = position * (size_t)extent + (size_t)index;
    }
    *at = tuple / t->count * t->whole + position * t->run;
    return CONVOY_OK;
}

convoy_status check_gather_nd(const struct layer_desc *desc, const struct layer_params *params,
                              convoy_error *error) {
    (void)params;
    struct tuples t;
    size_t rows;
    if (!tuples_of(&t, &desc->inputs[0].shape, &desc->inputs[1].shape, desc->gather_nd.batch_axes) ||
        !size_mul(t.batch, t.count, &rows) || !shape_has(&desc->outputs[0].shape, rows, t.run, 1))
        return kind_refuse(desc, error, "the indices or the output do not fit the data");
    return CONVOY_OK;
}

convoy_status reference_gather_nd(const struct reference_layer *layer, const convoy_tensor *in,
                                  convoy_tensor *out, convoy_error *error) {
    struct tuples t;
    tuples_of(&t, &layer->inputs[0].shape, &layer->inputs[1].shape, layer->desc.gather_nd.batch_axes);
    size_t element = convoy_dtype_bytes(out->dtype), run = t.run * element;
    for (size_t i = 0; i < t.batch * t.count; i++) {
        size_t from = 0;
        convoy_status status = tuple_find(layer, &t, &in[1], i, &from, error);
        if (status != CONVOY_OK)
            return status;
        memory_copy_run((char *)out->data + i * run, (const char *)in[0].data + from * element, run);
    }
    return CONVOY_OK;
}

convoy_status check_scatter_nd(const struct layer_desc *desc, const struct layer_params *params,
                               convoy_error *error) {
    (void)params;
    struct tuples t;
    if (!tuples_of(&t, &desc->inputs[0].shape, &desc->inputs[1].shape, 0) ||
        !shape_has(&desc->inputs[2].shape, t.count, t.run, 1) ||
        !shape_equal(&desc->inputs[0].shape, &desc->outputs[0].shape))
        return kind_refuse(desc, error, "the indices or updates do not fit into the data");
    return check_combination(desc, error);
}

convoy_status reference_scatter_nd(const struct reference_layer *layer, const convoy_tensor *in,
                                   convoy_tensor *out, convoy_error *error) {
    struct tuples t;
    tuples_of(&t, &layer->inputs[0].shape, &layer->inputs[1].shape, 0);
    size_t element = convoy_dtype_bytes(out->dtype), run = t.run * element;
    memcpy(out->data, in[0].data, convoy_tensor_elements(out) * element);
    for (size_t i = 0; i < t.count; i++) {
        size_t to = 0;
        convoy_status status = tuple_find(layer, &t, &in[1], i, &to, error);
        if (status != CONVOY_OK)
            return status;
        for (size_t k = 0; layer->desc.scatter.combines && k < t.run; k++)
            element_combine(out, to + k, &in[2], i * t.run + k, layer->desc.scatter.op);
        if (!layer->desc.scatter.combines)
            memory_copy_run((char *)out->data + to * element, (const char *)in[2].data + i * run, run);
    }
    return CONVOY_OK;
}
