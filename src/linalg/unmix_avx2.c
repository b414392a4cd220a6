/* unmix with AVX2 and FMA. Compiled with -mavx2 -mfma -mf16c. */
#include "linalg/kernels.h"
#include "linalg/vectors_avx2.h"

#define TALL 4

#include "linalg/unmix_types.h"

void unmix_prepare_avx2(const struct unmix_map *map, void *scratch) {
    prepare_any(map, scratch);
}

bool unmix_avx2(const struct unmix_job *job) {
    return unmix_any(job);
}

void unmix_widen_avx2(convoy_dtype from_dtype, const void *from, size_t count, float *to) {
    widen_any(from_dtype, from, count, to);
}
