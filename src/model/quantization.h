/* Numbers that stand for integers: real = (integer - zero point) * scale. */
#ifndef MODEL_QUANTIZATION_H
#define MODEL_QUANTIZATION_H

#include "model/lowering.h"

/* Where scales and zero points belong: one number for all elements, a list along an axis, or, if block is not
 * 0, a tensor with one number for each block of so many positions along the axis. */
struct quantization {
    uint32_t scale, zero; /* values; zero NO_VALUE: 0 */
    int64_t axis, block;
};

/* (x - zero) * scale, in the type of the scale. */
convoy_status dequantize_add(struct lowering *lowering, uint32_t x, struct quantization by, uint32_t *value);

/* round(x / scale) + zero, ties to even, saturated to the type. */
convoy_status quantize_add(struct lowering *lowering, uint32_t x, struct quantization by, convoy_dtype dtype,
                           uint32_t *value);

/* x - zero as float32: exact for integers of 8 and 16 bits. */
convoy_status shift_add(struct lowering *lowering, uint32_t x, struct quantization by, uint32_t *value);

/* *sum, a sum of products of integers, as the integer that it is: kernels (Winograd's) and codes leave
 * fractions. */
convoy_status integers_sum(struct lowering *lowering, uint32_t *sum);

#endif
