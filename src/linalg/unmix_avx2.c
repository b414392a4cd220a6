/* unmix with AVX2 and FMA. Compiled with -mavx2 -mfma. */
#include "linalg/kernels.h"
#include "linalg/vectors_avx2.h"

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

void unmix_prepare_avx2(const struct unmix_map *map, void *scratch) {
    if (map->dtype == CONVOY_F32)
        prepare_f32(map, scratch);
    else
        prepare_f64(map, scratch);
}

void unmix_avx2(const struct unmix_job *job) {
    if (job->map->dtype == CONVOY_F32)
        unmix_f32(job);
    else
        unmix_f64(job);
}
