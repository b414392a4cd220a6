/* Floats of 16 bits and float32: IEEE 754 binary16 (5 bits of exponent, 10 of fraction) and bfloat16, the
 * upper half of a float32 (8 and 7). To the nearest, ties to even; a NaN stays one, quiet, with what fits of
 * its payload; bit by bit what processors with instructions for it do. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t bf16_of(float value) {
    uint32_t bits = float_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float bf16_value(uint16_t half) {
    return float_of_bits((uint32_t)half << 16);
}

static inline uint16_t f16_of(float value) {
    uint32_t bits = float_bits(value), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size > 0x7f800000)
        size = 0x7e00 | (size >> 13 & 0x3ff);
    else if (size >= 0x477ff000) /* 65520, halfway between the largest finite number and 2^16 */
        size = 0x7c00;
    else if (size < 0x38800000) /* below 2^-14 the quantum stays 2^-24, as it is from 0.5 on for float32 */
        size = float_bits(float_of_bits(size) + 0.5F) - 0x3f000000;
    else
        size = (size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13;
    return (uint16_t)(sign | size);
}

static inline float f16_value(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7fff;
    if (size < 0x400)
        size = float_bits((float)size * 0x1p-24F);
    else if (size < 0x7c00)
        size = (size << 13) + 0x38000000;
    else
        size = size << 13 | 0x7f800000 | (size > 0x7c00 ? 0x400000 : 0);
    return float_of_bits(sign | size);
}

/* Whether numbers of which the largest has this magnitude keep their digits as binary16, relative to that: it
 * does not become infinite, and the quantum of subnormal numbers is small beside it. */
static inline bool f16_holds(float peak) {
    return peak == 0 || (peak >= 0x1p-14F && peak < 65520);
}

#endif
