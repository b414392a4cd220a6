/* unmix with AVX-512F. Compiled with -mavx512f -mfma. At δ = 8, operands in the cache, 50 multiply-adds a
 * nanosecond; AVX2 27, plain C 11. */
#include "linalg/kernels.h"
#include "linalg/vectors_avx512.h"

#define TALL 8

#include "linalg/unmix_types.h"

void unmix_prepare_avx512(const struct unmix_map *map, void *scratch) {
    prepare_any(map, scratch);
}

bool unmix_avx512(const struct unmix_job *job) {
    return unmix_any(job);
}

void unmix_widen_avx512(convoy_dtype from_dtype, const void *from, size_t count, float *to) {
    widen_any(from_dtype, from, count, to);
}
