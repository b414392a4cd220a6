/* The loops of lines_kernel.h with AVX2. Compiled with -mavx2. */
#include "linalg/kernels.h"

#define REAL    float
#define NAME(x) x##_f32
#include "linalg/lines_kernel.h"
#undef REAL
#undef NAME

#define REAL    double
#define NAME(x) x##_f64
#include "linalg/lines_kernel.h"

void lines_split_avx2(const struct line_split *job) {
    job->dtype == CONVOY_F32 ? split_f32(job) : split_f64(job);
}

void lines_finish_avx2(const struct line_finish *job) {
    job->dtype == CONVOY_F32 ? finish_f32(job) : finish_f64(job);
}
