/* Helpers on tensors and shapes that are not public. */
#ifndef BASE_TENSOR_H
#define BASE_TENSOR_H

#include "base/memory.h"

#include <convoy/tensor.h>

/* Bytes of a dense tensor; false where a dimension is negative, the rank too large, the dtype unknown or the
 * size overflows. */
bool tensor_bytes(convoy_dtype dtype, const convoy_shape *shape, size_t *bytes);

bool shape_equal(const convoy_shape *a, const convoy_shape *b);

/* Product of dims[from..to); the shape is one of a valid tensor. */
size_t shape_product(const convoy_shape *shape, uint32_t from, uint32_t to);

/* *view: the same elements under another shape of as many elements, sharing the owner (one more reference
 * where there is one). */
void tensor_view(convoy_tensor *view, const convoy_tensor *tensor, const convoy_shape *shape);

/* Whether the elements may be read as an array of their C type. What lies in a file lies anywhere. */
bool tensor_is_aligned(const convoy_tensor *tensor);

/* Puts an aligned copy in the place of misaligned elements; leaves others alone. CONVOY_E_MEMORY. */
convoy_status tensor_align(convoy_tensor *tensor, convoy_error *error);

/* buffer_discard of the elements, where they have an owner. */
void tensor_discard(const convoy_tensor *tensor);

/* The first element of a dense float32 or float64 tensor at any address, in row-major order, that is a NaN or
 * an infinity; the number of elements where all are finite, and for every other element type. */
size_t tensor_find_not_finite(const convoy_tensor *tensor);

#endif
