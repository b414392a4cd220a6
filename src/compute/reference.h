/* Inside of the reference backend: what the functions of its kinds (kinds.c) share. */
#ifndef COMPUTE_REFERENCE_H
#define COMPUTE_REFERENCE_H

#include "base/memory.h"
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
kind_check check_activation, check_affine, check_arg, check_binary, check_cast, check_concat, check_conv,
    check_conv_transpose, check_cumulative_sum, check_gather, check_gather_elements, check_gather_nd,
    check_grid_sample, check_lrn, check_matmul, check_normalize, check_pad, check_pool, check_reduce,
    check_resize, check_reverse_sequence, check_roi, check_scatter_elements, check_scatter_nd, check_slice,
    check_softmax, check_top_k, check_transpose, check_unpool, check_where;
reference_kernel reference_activation, reference_affine, reference_arg, reference_binary, reference_cast,
    reference_concat, reference_conv, reference_conv_transpose, reference_cumulative_sum, reference_gather,
    reference_gather_elements, reference_gather_nd, reference_grid_sample, reference_lrn, reference_matmul,
    reference_normalize, reference_pad, reference_pool, reference_reduce, reference_resize,
    reference_reverse_sequence, reference_roi, reference_scatter_elements, reference_scatter_nd,
    reference_slice, reference_softmax, reference_top_k, reference_transpose, reference_unpool,
    reference_where;

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

/* a op b; the operation is one for the type of the numbers. Integers have 64 bits, which is_unsigned tells
 * how to read; divisors are not 0. (reference_binary.c) */
double binary_of_reals(enum binary_op op, double a, double b);
int64_t binary_of_integers(enum binary_op op, int64_t a, int64_t b, bool is_unsigned);

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
