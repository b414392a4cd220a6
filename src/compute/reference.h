/* Inside of the reference backend: one function per kind of layer, and what they share. */
#ifndef COMPUTE_REFERENCE_H
#define COMPUTE_REFERENCE_H

#include "compute/backend.h"

#include <string.h>

struct reference_layer;

/* Computes *out; description, tensors and constants were checked to agree. *error is filled on failure. */
typedef convoy_status reference_kernel(const struct reference_layer *layer, const convoy_tensor *in,
                                       convoy_tensor *out, convoy_error *error);

struct reference_layer {
    struct layer base;
    reference_kernel *kernel;
    struct layer_desc desc;
    convoy_tensor weights, bias; /* own their memory */
    convoy_shape inputs[];       /* desc.inputs */
};

reference_kernel reference_conv;                                           /* reference_conv.c */
reference_kernel reference_pool, reference_lrn;                            /* reference_pool.c */
reference_kernel reference_activation, reference_binary, reference_affine; /* reference_elementwise.c */
reference_kernel reference_cast;                                           /* reference_cast.c */
reference_kernel reference_matmul, reference_softmax, reference_reduce;    /* reference_sums.c */
reference_kernel reference_concat, reference_transpose, reference_pad, reference_slice,
    reference_gather; /* reference_shape.c */

/* Element i of a float32 or float64 tensor, which may be misaligned, as weights in a model file are. */
static inline double value_at(const convoy_tensor *tensor, size_t i) {
    double wide;
    float narrow;
    if (tensor->dtype == CONVOY_F64) {
        memcpy(&wide, (const char *)tensor->data + i * sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, (const char *)tensor->data + i * sizeof narrow, sizeof narrow);
    return narrow;
}

static inline void value_store(const convoy_tensor *tensor, size_t i, double value) {
    if (tensor->dtype == CONVOY_F64)
        ((double *)tensor->data)[i] = value;
    else
        ((float *)tensor->data)[i] = (float)value;
}

/* The value through the activation, in the precision of dtype. */
double reference_activate(const struct activation *activation, convoy_dtype dtype, double value);

/* Element i of a tensor of any dtype; conversion as CAST does: towards zero and saturating for integers, to
 * the nearest for floats, "not zero" for bool. */
void reference_store_any(const convoy_tensor *tensor, size_t i, double value);

/* An index that counts through extents row-major and drags offsets into two tensors along. */
struct walk {
    uint32_t rank;
    int64_t extent[CONVOY_MAX_RANK], index[CONVOY_MAX_RANK];
    ptrdiff_t stride[2][CONVOY_MAX_RANK]; /* in elements; 0 repeats an axis */
    ptrdiff_t offset[2];
};

/* The next position; after the last one all offsets are where they began. */
void walk_next(struct walk *walk);

/* Row-major strides of shape as seen from an output of the given rank (numpy: aligned at the right, axes of 1
 * repeat). */
void walk_strides(ptrdiff_t *strides, const convoy_shape *shape, uint32_t rank);

#endif
