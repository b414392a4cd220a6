/* Encoding of filters, which are equilibrated first: every output channel's filter is multiplied by a power
 * of two that brings all of them to about one size, and decoding undoes it. Without that, small channels
 * would be added to large ones before rounding and lose their digits (docs/scheme.md, "Channels of unlike
 * size"). */
#ifndef CODE_FILTER_ENCODER_H
#define CODE_FILTER_ENCODER_H

#include "base/conv.h"

#include <convoy/status.h>

/* Filters [channels][elements] of dtype (F32 or F64), at any address, the output channels of all groups
 * together. factors[c] of dtype [channels] becomes 1/s_c, s_c = 2^⌊log2(L / ‖K_c‖)⌋, L being the largest
 * ‖K_c‖, an L2 norm, of all, but at most 2^127 (float32) or 2^511 (float64); s_c is at most 2^100, which
 * it is for channels of zeros, and 1 for those larger than L. The filters are finite. One pass over the
 * filters; allocates nothing; thread-safe. */
void equilibrate(convoy_dtype dtype, const void *filters, size_t channels, size_t elements, void *factors);

/* The coded filters of some workers. */
struct filter_job {
    convoy_dtype dtype;         /* F32 or F64 */
    const struct axis_cut *cut; /* partition.filter: [groups][channels][elements], in `parts` windows */
    uint32_t workers;
    uint32_t pieces;     /* of each worker */
    const double *rows;  /* [workers][pieces][parts]: coefficients, of the family's filter_rows */
    const void *filters; /* [groups][channels][elements] at any address */
    const void *factors; /* [groups*channels] of dtype, of equilibrate */
    void *const *out;    /* [workers]: each [groups][pieces][length][elements] */
};

/* out of worker w = sum over parts of rows * s_c * the part's filter c, without a copy of scaled filters: the
 * power of two joins the coefficient. CONVOY_E_MEMORY. Thread-safe. Cost: workers*pieces*parts
 * multiply-adds per element of a window. */
convoy_status encode_filters(const struct filter_job *job);

#endif
