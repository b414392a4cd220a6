/* unmix in portable C: the compiler's vectors of 16 bytes. */
#include "linalg/kernels.h"
#include "linalg/vectors_plain.h"

#define TALL 4

#define REAL    float
#define LANES   LANES_F32
#define NAME(x) x##_f32
#include "linalg/unmix_kernel.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   LANES_F64
#define NAME(x) x##_f64
#include "linalg/unmix_kernel.h"

void unmix_prepare_plain(const struct unmix_map *map, void *scratch) {
    if (map->dtype == CONVOY_F32)
        prepare_f32(map, scratch);
    else
        prepare_f64(map, scratch);
}

void unmix_plain(const struct unmix_job *job) {
    if (job->map->dtype == CONVOY_F32)
        unmix_f32(job);
    else
        unmix_f64(job);
}
