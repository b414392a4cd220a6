/* Encoding: coded pieces from the windows of an operand, in one pass and without a copy of the windows. */
#ifndef CODE_ENCODER_H
#define CODE_ENCODER_H

#include "base/conv.h"

/* out[j] of out_dtype [outer][length][inner] = sum over windows a of rows[j*parts + a] * window a of source
 * [outer][extent][inner]; positions outside the source are zeros. dtype F32 or F64; out_dtype the same, or
 * BF16 or F16 where it is F32, rounded once. Works for the input's slices (APCP) and the filters' groups
 * (KCCP) alike. Any alignment; allocates nothing. Returns the largest magnitude of all outputs where
 * out_dtype is F16, else 0 (combine.h). */
float encode(convoy_dtype dtype, convoy_dtype out_dtype, const struct axis_cut *cut, uint32_t outputs,
             const double *rows, const void *source, void *const *out);

/* Bytes of one output of encode. */
size_t encoded_bytes(convoy_dtype out_dtype, const struct axis_cut *cut);

#endif
