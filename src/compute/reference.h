/* Inside of the reference backend: what the functions of its kinds (kinds.c) share. */
#ifndef COMPUTE_REFERENCE_H
#define COMPUTE_REFERENCE_H

#include "compute/kinds.h"

#include <string.h>

struct reference_layer {
    struct layer base;
    reference_kernel *compute;
    struct layer_desc desc;
    convoy_tensor weights, bias; /* own their memory */
    struct value_desc inputs[];  /* desc.inputs */
};

/* Each in the file of its noun. */
kind_check check_conv, check_pool, check_lrn, check_activation, check_affine, check_binary, check_cast,
    check_matmul, check_softmax, check_reduce, check_concat, check_transpose, check_pad, check_slice,
    check_gather, check_where, check_normalize;
reference_kernel reference_conv, reference_pool, reference_lrn, reference_activation, reference_affine,
    reference_binary, reference_cast, reference_matmul, reference_softmax, reference_reduce, reference_concat,
    reference_transpose, reference_pad, reference_slice, reference_gather, reference_where,
    reference_normalize;
kind_check check_conv_transpose, check_unpool, check_roi, check_grid_sample, check_resize;
reference_kernel reference_conv_transpose, reference_unpool, reference_roi, reference_grid_sample,
    reference_resize;

/* Element i of a tensor as a double. The tensor may be misaligned, as weights in a model file are. */
static inline double value_at(const convoy_tensor *tensor, size_t i) {
    if (tensor->dtype == CONVOY_F32) { /* most often */
        float narrow;
        memcpy(&narrow, (const char *)tensor->data + i * sizeof narrow, sizeof narrow);
        return (double)narrow;
    }
    const struct dtype *dtype = dtype_find(tensor->dtype);
    return dtype->load((const char *)tensor->data + i * dtype->bytes);
}

static inline void value_store(const convoy_tensor *tensor, size_t i, double value) {
    const struct dtype *dtype = dtype_find(tensor->dtype);
    dtype->store((char *)tensor->data + i * dtype->bytes, value);
}

/* The same of an integer or bool; uint64 as its bits. */
static inline int64_t integer_at(const convoy_tensor *tensor, size_t i) {
    const struct dtype *dtype = dtype_find(tensor->dtype);
    return dtype->load_integer((const char *)tensor->data + i * dtype->bytes);
}

static inline void integer_store(const convoy_tensor *tensor, size_t i, int64_t value) {
    const struct dtype *dtype = dtype_find(tensor->dtype);
    dtype->store_integer((char *)tensor->data + i * dtype->bytes, value);
}

/* A floating-point sum through the activation: of float32 rounded before. */
static inline double value_activate(const struct activation *activation, convoy_dtype dtype, double value) {
    return dtype == CONVOY_F32 ? (double)activation_apply(activation, (float)value)
                               : activation_apply_wide(activation, value);
}

/* An index that counts through extents row-major and drags offsets into up to three tensors along. */
struct walk {
    uint32_t rank;
    int64_t extent[CONVOY_MAX_RANK], index[CONVOY_MAX_RANK];
    ptrdiff_t stride[3][CONVOY_MAX_RANK]; /* in elements; 0 repeats an axis */
    ptrdiff_t offset[3];
};

/* The next position; after the last one all offsets are where they began. */
void walk_next(struct walk *walk);

/* Row-major strides of shape as seen from an output of the given rank (numpy: aligned at the right, axes of 1
 * repeat). */
void walk_strides(ptrdiff_t *strides, const convoy_shape *shape, uint32_t rank);

#endif
