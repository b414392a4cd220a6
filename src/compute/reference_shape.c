/* Kinds that move elements of any type and compute nothing. */
#include "compute/reference.h"

#include "base/tensor.h"

#include <string.h>

void walk_next(struct walk *walk) {
    for (uint32_t i = walk->rank; i-- > 0;) {
        for (int k = 0; k < 3; k++)
            walk->offset[k] += walk->stride[k][i];
        if (++walk->index[i] < walk->extent[i])
            return;
        for (int k = 0; k < 3; k++)
            walk->offset[k] -= walk->stride[k][i] * (ptrdiff_t)walk->extent[i];
        walk->index[i] = 0;
    }
}

void walk_strides(ptrdiff_t *strides, const convoy_shape *shape, uint32_t rank) {
    ptrdiff_t step = 1;
    for (uint32_t i = 0; i < rank; i++) { /* from the last axis */
        bool present = i < shape->rank;
        int64_t extent = present ? shape->dims[shape->rank - 1 - i] : 1;
        strides[rank - 1 - i] = extent == 1 ? 0 : step;
        step *= (ptrdiff_t)extent;
    }
}

/* Fills out with in's elements at offset + sum of index * strides, whole runs at a time where they are
 * contiguous. */
static void move_strided(const convoy_tensor *in, ptrdiff_t offset, const ptrdiff_t *strides,
                         convoy_tensor *out) {
    size_t element = convoy_dtype_bytes(out->dtype), run = 1;
    uint32_t rank = out->shape.rank;
    for (; rank > 0 && (strides[rank - 1] == (ptrdiff_t)run || out->shape.dims[rank - 1] == 1); rank--)
        run *= (size_t)out->shape.dims[rank - 1];
    struct walk walk = {.rank = rank, .offset = {offset, 0}};
    for (uint32_t i = 0; i < rank; i++) {
        walk.extent[i] = out->shape.dims[i];
        walk.stride[0][i] = strides[i];
    }
    size_t runs = shape_product(&out->shape, 0, rank);
    for (size_t i = 0; i < runs; i++, walk_next(&walk))
        memcpy((char *)out->data + i * run * element,
               (const char *)in->data + (size_t)walk.offset[0] * element, run * element);
}

convoy_status check_transpose(const struct layer_desc *desc, const struct layer_params *params,
                              convoy_error *error) {
    (void)params;
    uint32_t seen = 0, rank = desc->outputs[0].shape.rank;
    if (desc->inputs[0].shape.rank != rank)
        return kind_refuse(desc, error, "input and output have different ranks");
    for (uint32_t i = 0; i < rank; i++) {
        uint32_t from = desc->transpose.permutation[i];
        if (from >= rank || seen >> from & 1 ||
            desc->inputs[0].shape.dims[from] != desc->outputs[0].shape.dims[i])
            return kind_refuse(desc, error, "the output is no permutation of the input's axes");
        seen |= 1u << from;
    }
    return CONVOY_OK;
}

convoy_status reference_transpose(const struct reference_layer *layer, const convoy_tensor *in,
                                  convoy_tensor *out, convoy_error *error) {
    (void)error;
    ptrdiff_t from[CONVOY_MAX_RANK], strides[CONVOY_MAX_RANK];
    walk_strides(from, &in->shape, in->shape.rank);
    for (uint32_t i = 0; i < out->shape.rank; i++)
        strides[i] = from[layer->desc.transpose.permutation[i]];
    move_strided(in, 0, strides, out);
    return CONVOY_OK;
}

convoy_status check_slice(const struct layer_desc *desc, const struct layer_params *params,
                          convoy_error *error) {
    (void)params;
    const convoy_shape *in = &desc->inputs[0].shape;
    if (in->rank != desc->outputs[0].shape.rank)
        return kind_refuse(desc, error, "input and output have different ranks");
    for (uint32_t i = 0; i < in->rank; i++) {
        int64_t first = desc->slice.start[i], last;
        if (desc->outputs[0].shape.dims[i] == 0)
            continue;
        if (__builtin_mul_overflow(desc->outputs[0].shape.dims[i] - 1, desc->slice.step[i], &last) ||
            __builtin_add_overflow(first, last, &last) || desc->slice.step[i] == 0 || first < 0 || last < 0 ||
            first >= in->dims[i] || last >= in->dims[i])
            return kind_refuse(desc, error, "the slice leaves its input");
    }
    return CONVOY_OK;
}

convoy_status reference_slice(const struct reference_layer *layer, const convoy_tensor *in,
                              convoy_tensor *out, convoy_error *error) {
    (void)error;
    if (convoy_tensor_elements(out) == 0)
        return CONVOY_OK;
    ptrdiff_t strides[CONVOY_MAX_RANK], offset = 0;
    walk_strides(strides, &in->shape, in->shape.rank);
    for (uint32_t i = 0; i < out->shape.rank; i++) {
        offset += (ptrdiff_t)layer->desc.slice.start[i] * strides[i];
        strides[i] *= (ptrdiff_t)layer->desc.slice.step[i];
    }
    move_strided(in, offset, strides, out);
    return CONVOY_OK;
}

convoy_status check_concat(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    uint32_t axis = desc->concat.axis;
    int64_t total = 0;
    for (uint32_t k = 0; k < desc->input_count && axis < desc->outputs[0].shape.rank; k++) {
        convoy_shape shape = desc->inputs[k].shape;
        if (shape.rank != desc->outputs[0].shape.rank)
            return kind_refuse(desc, error, "the inputs have different ranks");
        if (__builtin_add_overflow(total, shape.dims[axis], &total))
            return kind_refuse(desc, error, "too large");
        shape.dims[axis] = desc->outputs[0].shape.dims[axis];
        if (!shape_equal(&shape, &desc->outputs[0].shape))
            return kind_refuse(desc, error,
                               "the inputs differ in more than the axis along which they are joined");
    }
    if (axis >= desc->outputs[0].shape.rank || total != desc->outputs[0].shape.dims[axis])
        return kind_refuse(desc, error, "the inputs do not add up to the output");
    return CONVOY_OK;
}

convoy_status reference_concat(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    (void)error;
    uint32_t axis = layer->desc.concat.axis;
    size_t outer = shape_product(&out->shape, 0, axis);
    size_t inner = shape_product(&out->shape, axis + 1, out->shape.rank) * convoy_dtype_bytes(out->dtype);
    size_t row = inner * (size_t)out->shape.dims[axis], done = 0; /* bytes */
    for (uint32_t k = 0; k < layer->desc.input_count; k++) {
        size_t part = inner * (size_t)in[k].shape.dims[axis];
        for (size_t o = 0; o < outer && part; o++)
            memcpy((char *)out->data + o * row + done, (const char *)in[k].data + o * part, part);
        done += part;
    }
    return CONVOY_OK;
}

convoy_status check_pad(const struct layer_desc *desc, const struct layer_params *params,
                        convoy_error *error) {
    (void)params;
    const convoy_shape *in = &desc->inputs[0].shape;
    if ((unsigned)desc->pad.mode >= PAD_MODES)
        return kind_refuse(desc, error, "no such mode");
    if (in->rank != desc->outputs[0].shape.rank)
        return kind_refuse(desc, error, "input and output have different ranks");
    for (uint32_t i = 0; i < in->rank; i++) {
        if (desc->pad.begin[i] < -KIND_LIMIT || desc->pad.begin[i] > KIND_LIMIT)
            return kind_refuse(desc, error, "pads must be within 2^30");
        if (desc->pad.mode != PAD_CONSTANT && in->dims[i] == 0 && desc->outputs[0].shape.dims[i] != 0)
            return kind_refuse(desc, error, "an empty axis can be padded with a constant alone");
    }
    return CONVOY_OK;
}

/* Where position p of an axis of n elements reads from; -1: the constant. */
static int64_t pad_source(enum pad_mode mode, int64_t p, int64_t n) {
    if (p >= 0 && p < n)
        return p;
    if (mode == PAD_CONSTANT)
        return -1;
    if (mode == PAD_EDGE || n == 1)
        return p < 0 ? 0 : n - 1;
    int64_t period = mode == PAD_WRAP ? n : 2 * (n - 1), q = p % period;
    q = q < 0 ? q + period : q;
    return q < n ? q : period - q;
}

/* One row (the last axis) of out, whose first element is out[to], from the row of in that begins at from; -1:
 * all constant. What lies within the input is copied in one go. */
static void pad_row(const struct layer_desc *desc, const convoy_tensor *in, int64_t from, convoy_tensor *out,
                    size_t to) {
    size_t element = convoy_dtype_bytes(out->dtype);
    uint32_t last = out->shape.rank - 1;
    int64_t begin = desc->pad.begin[last], extent = in->shape.dims[last], count;
    for (int64_t i = 0; i < out->shape.dims[last]; i += count) {
        int64_t p = from < 0 ? -1 : pad_source(desc->pad.mode, i - begin, extent);
        count = p >= 0 && p == i - begin ? extent - p : 1;
        count = count < out->shape.dims[last] - i ? count : out->shape.dims[last] - i;
        if (p < 0)
            memory_copy_run((char *)out->data + (to + (size_t)i) * element, desc->pad.element, element);
        else
            memory_copy_run((char *)out->data + (to + (size_t)i) * element,
                            (const char *)in->data + (size_t)(from + p) * element, (size_t)count * element);
    }
}

convoy_status reference_pad(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                            convoy_error *error) {
    (void)error;
    const convoy_shape *shape = &out->shape;
    if (shape->rank == 0) {
        memcpy(out->data, in->data, convoy_dtype_bytes(out->dtype));
        return CONVOY_OK;
    }
    struct walk walk = {.rank = shape->rank - 1};
    memcpy(walk.extent, shape->dims, sizeof walk.extent);
    size_t rows = shape_product(shape, 0, walk.rank);
    for (size_t r = 0; r < rows; r++, walk_next(&walk)) {
        int64_t from = 0;
        for (uint32_t k = 0; k < walk.rank && from >= 0; k++) {
            int64_t p =
                pad_source(layer->desc.pad.mode, walk.index[k] - layer->desc.pad.begin[k], in->shape.dims[k]);
            from = p < 0 ? -1 : from * in->shape.dims[k] + p;
        }
        if (from > 0)
            from *= in->shape.dims[walk.rank];
        pad_row(&layer->desc, in, from, out, r * (size_t)shape->dims[walk.rank]);
    }
    return CONVOY_OK;
}
