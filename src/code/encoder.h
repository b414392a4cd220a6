/* Encoding: coded pieces from the windows of an operand, in one pass and without a copy of the windows. */
#ifndef CODE_ENCODER_H
#define CODE_ENCODER_H

#include "base/conv.h"

/* out[j] [outer][length][inner] = sum over windows a of rows[j*parts + a] * window a of source
 * [outer][extent][inner]; positions outside the source are zeros. dtype F32 or F64. Works for the input's
 * slices (APCP) and the filters' groups (KCCP) alike. Any alignment; allocates nothing. */
void encode(convoy_dtype dtype, const struct axis_cut *cut, uint32_t outputs, const double *rows,
            const void *source, void *const *out);

/* Bytes of one output of encode. */
size_t encoded_bytes(convoy_dtype dtype, const struct axis_cut *cut);

#endif
