/* Arrays between float32 and the types of 16 bits, BF16 and F16, by the kernels that code. */
#ifndef LINALG_HALVES_H
#define LINALG_HALVES_H

#include <convoy/tensor.h>

#include <stdbool.h>

/* to[0..count) = from[0..count), which is exact. from is aligned to its elements. */
void halves_widen(convoy_dtype from_dtype, const void *from, size_t count, float *to);

/* The other way, to the nearest even (-0 becomes 0). False where F16 does not hold them (f16_holds). */
bool halves_narrow(const float *from, size_t count, convoy_dtype to_dtype, void *to);

#endif
