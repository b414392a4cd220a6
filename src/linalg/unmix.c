#include "linalg/unmix.h"

#include "base/memory.h"
#include "linalg/kernels.h"

enum { TILE_BYTES = 128 }; /* of one operand at most: two vectors of the widest kernel */

size_t unmix_scratch_bytes(const struct unmix_map *map) {
    size_t systems = map->paired ? 2 : 1, coefficients, tile, bytes;
    if (!size_mul(map->rows, map->columns, &coefficients) ||
        !size_mul(coefficients, systems * convoy_dtype_bytes(map->dtype), &coefficients) ||
        !size_mul(map->columns, systems * TILE_BYTES, &tile) || !size_add(tile, coefficients, &bytes) ||
        !size_add(bytes, MEMORY_ALIGNMENT - 1, &bytes))
        return 0;
    return bytes - bytes % MEMORY_ALIGNMENT; /* what others put behind it is aligned too */
}

const struct unmix_kernel *unmix_kernels(void) {
    static const struct unmix_kernel kernels[] = {
#ifdef CONVOY_X86
        {"avx512", unmix_prepare_avx512, unmix_avx512, unmix_widen_avx512},
        {"avx2", unmix_prepare_avx2, unmix_avx2, unmix_widen_avx2},
#endif
        {"plain", unmix_prepare_plain, unmix_plain, unmix_widen_plain},
        {0},
    };
    return kernels + kernels_lacking();
}

void unmix_prepare(const struct unmix_map *map, void *scratch) {
    unmix_kernels()->prepare(map, scratch);
}

bool unmix(const struct unmix_job *job) {
    return unmix_kernels()->run(job);
}
