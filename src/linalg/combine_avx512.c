/* combine with AVX-512F. Compiled with -mavx512f -mfma. Tiles of 8 x 2 vectors reach 67 multiply-adds a
 * nanosecond where operands lie in the cache, 4 x 4 reach 56 (the processor's limit, 2.6 GHz with two units,
 * is 83). */
#include "linalg/kernels.h"
#include "linalg/vectors_avx512.h"

#define TALL 8
#define WIDE 2

#include "linalg/combine_types.h"

float combine_avx512(const struct combine_job *job) {
    return combine_any(job);
}
