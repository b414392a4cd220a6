/* unmix in portable C: the compiler's vectors of 16 bytes. */
#include "linalg/kernels.h"
#include "linalg/vectors_plain.h"

#define TALL 4

#include "linalg/unmix_types.h"

void unmix_prepare_plain(const struct unmix_map *map, void *scratch) {
    prepare_any(map, scratch);
}

bool unmix_plain(const struct unmix_job *job) {
    return unmix_any(job);
}

void unmix_widen_plain(convoy_dtype from_dtype, const void *from, size_t count, float *to) {
    widen_any(from_dtype, from, count, to);
}
