/* combine with AVX2 and FMA. Compiled with -mavx2 -mfma. Tiles of 4 x 2 vectors reach 40 multiply-adds a
 * nanosecond, 4 x 3 reach 30. */
#include "linalg/kernels.h"
#include "linalg/vectors_avx2.h"

#define TALL 4
#define WIDE 2

#define REAL    float
#define LANES   LANES_F32
#define NAME(x) x##_f32
#include "linalg/combine_kernel.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   LANES_F64
#define NAME(x) x##_f64
#include "linalg/combine_kernel.h"

void combine_avx2(const struct combine_job *job) {
    if (job->dtype == CONVOY_F32)
        combine_f32(job);
    else
        combine_f64(job);
}
