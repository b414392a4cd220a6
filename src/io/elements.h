/* The elements of an array as a file holds them, and the one place that decides how they become a model's. */
#ifndef IO_ELEMENTS_H
#define IO_ELEMENTS_H

#include "base/dtype.h"
#include "base/memory.h"

#include <convoy/tensor.h>

/* Elements in row-major order, or with the first axis running fastest; data may lie at any address. */
struct elements {
    const struct dtype *type;
    convoy_shape shape;
    bool big_endian, column_major;
    const void *data;
    struct buffer *owner; /* a counted reference to the memory of data; NULL: the data is borrowed */
};

/* Bytes of that many elements; false if a dimension is negative or the size overflows. */
bool elements_size(const struct dtype *type, const convoy_shape *shape, size_t *bytes);

/* False where elements of type bool are neither 0 nor 1. */
bool elements_valid(const struct elements *elements);

/* Copies the elements into a new row-major tensor of dtype. Floating-point numbers are rounded to a
 * floating-point dtype, to the nearest, ties to even; a finite one that would become infinite is refused.
 * Everything else must be the same number afterwards: integers in a floating-point dtype, and any number in
 * an integer dtype or bool (0 and 1). The sentence gives the element's place in row-major order, from 0, and
 * its value. CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status elements_to_tensor(convoy_tensor *tensor, const struct elements *elements, convoy_dtype dtype,
                                 convoy_error *error);

/* Drops the reference to the memory. Takes empty ones and NULL. */
void elements_release(struct elements *elements);

#endif
