/* combine with AVX-512F. Compiled with -mavx512f -mfma. Tiles of 8 x 2 vectors reach 67 multiply-adds a
 * nanosecond where operands lie in the cache, 4 x 4 reach 56 (the processor's limit, 2.6 GHz with two units,
 * is 83). */
#include "linalg/kernels.h"

#include <immintrin.h>

#define TALL 8
#define WIDE 2

typedef __m512 vec_f32;
typedef __m512d vec_f64;

static inline vec_f32 load_f32(const void *from) {
    return _mm512_loadu_ps(from);
}

static inline void store_f32(void *to, vec_f32 v) {
    _mm512_storeu_ps(to, v);
}

static inline void store_stream_f32(void *to, vec_f32 v) {
    if ((uintptr_t)to % sizeof v)
        _mm512_storeu_ps(to, v);
    else
        _mm512_stream_ps(to, v);
}

static inline vec_f32 load_part_f32(const void *from, size_t count) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
}

static inline void store_part_f32(void *to, size_t count, vec_f32 v) {
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), v);
}

static inline vec_f32 splat_f32(float a) {
    return _mm512_set1_ps(a);
}

static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline vec_f64 load_f64(const void *from) {
    return _mm512_loadu_pd(from);
}

static inline void store_f64(void *to, vec_f64 v) {
    _mm512_storeu_pd(to, v);
}

static inline void store_stream_f64(void *to, vec_f64 v) {
    if ((uintptr_t)to % sizeof v)
        _mm512_storeu_pd(to, v);
    else
        _mm512_stream_pd(to, v);
}

static inline vec_f64 load_part_f64(const void *from, size_t count) {
    return _mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), from);
}

static inline void store_part_f64(void *to, size_t count, vec_f64 v) {
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << count) - 1), v);
}

static inline vec_f64 splat_f64(double a) {
    return _mm512_set1_pd(a);
}

static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
    return _mm512_fmadd_pd(a, b, c);
}

/* What was streamed becomes visible before whatever is stored next. */
static inline void stream_end_f32(void) {
    _mm_sfence();
}

static inline void stream_end_f64(void) {
    _mm_sfence();
}

#define REAL    float
#define LANES   16
#define NAME(x) x##_f32
#include "linalg/combine_kernel.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   8
#define NAME(x) x##_f64
#include "linalg/combine_kernel.h"

void combine_avx512(const struct combine_job *job) {
    if (job->dtype == CONVOY_F32)
        combine_f32(job);
    else
        combine_f64(job);
}
