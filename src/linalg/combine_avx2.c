/* combine with AVX2 and FMA. Compiled with -mavx2 -mfma. Tiles of 4 x 2 vectors reach 40 multiply-adds a
 * nanosecond, 4 x 3 reach 30. */
#include "linalg/kernels.h"

#include <immintrin.h>

#define TALL 4
#define WIDE 2

typedef __m256 vec_f32;
typedef __m256d vec_f64;

/* All bits set in the first count of 8 lanes of 32 bits. */
static inline __m256i first_lanes(size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vec_f32 load_f32(const void *from) {
    return _mm256_loadu_ps(from);
}

static inline void store_f32(void *to, vec_f32 v) {
    _mm256_storeu_ps(to, v);
}

static inline void store_stream_f32(void *to, vec_f32 v) {
    if ((uintptr_t)to % sizeof v)
        _mm256_storeu_ps(to, v);
    else
        _mm256_stream_ps(to, v);
}

static inline vec_f32 load_part_f32(const void *from, size_t count) {
    return _mm256_maskload_ps(from, first_lanes(count));
}

static inline void store_part_f32(void *to, size_t count, vec_f32 v) {
    _mm256_maskstore_ps(to, first_lanes(count), v);
}

static inline vec_f32 splat_f32(float a) {
    return _mm256_set1_ps(a);
}

static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
    return _mm256_fmadd_ps(a, b, c);
}

static inline vec_f64 load_f64(const void *from) {
    return _mm256_loadu_pd(from);
}

static inline void store_f64(void *to, vec_f64 v) {
    _mm256_storeu_pd(to, v);
}

static inline void store_stream_f64(void *to, vec_f64 v) {
    if ((uintptr_t)to % sizeof v)
        _mm256_storeu_pd(to, v);
    else
        _mm256_stream_pd(to, v);
}

static inline vec_f64 load_part_f64(const void *from, size_t count) {
    return _mm256_maskload_pd(from, first_lanes(2 * count));
}

static inline void store_part_f64(void *to, size_t count, vec_f64 v) {
    _mm256_maskstore_pd(to, first_lanes(2 * count), v);
}

static inline vec_f64 splat_f64(double a) {
    return _mm256_set1_pd(a);
}

static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
    return _mm256_fmadd_pd(a, b, c);
}

/* What was streamed becomes visible before whatever is stored next. */
static inline void stream_end_f32(void) {
    _mm_sfence();
}

static inline void stream_end_f64(void) {
    _mm_sfence();
}

#define REAL    float
#define LANES   8
#define NAME(x) x##_f32
#include "linalg/combine_kernel.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   4
#define NAME(x) x##_f64
#include "linalg/combine_kernel.h"

void combine_avx2(const struct combine_job *job) {
    if (job->dtype == CONVOY_F32)
        combine_f32(job);
    else
        combine_f64(job);
}
