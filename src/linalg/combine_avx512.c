/* combine with AVX-512F. Compiled with -mavx512f -mfma. Tiles of 8 x 2 vectors reach 67 multiply-adds a
 * nanosecond where operands lie in the cache, 4 x 4 reach 56 (the processor's limit, 2.6 GHz with two units,
 * is 83). */
#include "linalg/kernels.h"
#include "linalg/vectors_avx512.h"

#define TALL 8
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

void combine_avx512(const struct combine_job *job) {
    if (job->dtype == CONVOY_F32)
        combine_f32(job);
    else
        combine_f64(job);
}
