/* The vectors of AVX2 as the kernels' bodies want them (combine_kernel.h, unmix_kernel.h). */
#ifndef LINALG_VECTORS_AVX2_H
#define LINALG_VECTORS_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define LANES_F32 8
#define LANES_F64 4

typedef __m256 vec_f32;
typedef __m256d vec_f64;

/* All bits set in `count` of 8 lanes of 32 bits, from lane `at` on. */
static inline __m256i lanes_mask(size_t at, size_t count) {
    static const int32_t ones[24] = {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1};
    __m256i from = _mm256_loadu_si256((const __m256i *)(ones + 8 - at));
    return _mm256_and_si256(from, _mm256_loadu_si256((const __m256i *)(ones + 16 - at - count)));
}

/* ---- float ---- */

static inline vec_f32 load_f32(const void *from) {
    return _mm256_loadu_ps(from);
}

static inline void store_f32(void *to, vec_f32 v) {
    _mm256_storeu_ps(to, v);
}

/* May write around the caches. */
static inline void store_stream_f32(void *to, vec_f32 v) {
    if ((uintptr_t)to % sizeof v)
        _mm256_storeu_ps(to, v);
    else
        _mm256_stream_ps(to, v);
}

/* What was streamed becomes visible before whatever is stored next. */
static inline void stream_end_f32(void) {
    _mm_sfence();
}

/* v with from[0..count) in the lanes from `at` on; nothing else is read. */
static inline vec_f32 load_lanes_f32(vec_f32 v, const void *from, size_t at, size_t count) {
    const void *first = (const void *)((uintptr_t)from - at * sizeof(float));
    __m256i mask = lanes_mask(at, count);
    return _mm256_blendv_ps(v, _mm256_maskload_ps(first, mask), _mm256_castsi256_ps(mask));
}

/* to[0..count) from the lanes from `at` on; nothing else is written. */
static inline void store_lanes_f32(void *to, size_t at, size_t count, vec_f32 v) {
    _mm256_maskstore_ps((void *)((uintptr_t)to - at * sizeof(float)), lanes_mask(at, count), v);
}

static inline vec_f32 splat_f32(float a) {
    return _mm256_set1_ps(a);
}

static inline vec_f32 add_f32(vec_f32 a, vec_f32 b) {
    return _mm256_add_ps(a, b);
}

static inline vec_f32 sub_f32(vec_f32 a, vec_f32 b) {
    return _mm256_sub_ps(a, b);
}

/* a*b + c */
static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
    return _mm256_fmadd_ps(a, b, c);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f32 at_least_f32(vec_f32 low, vec_f32 v) {
    return _mm256_max_ps(low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f32 at_most_f32(vec_f32 high, vec_f32 v) {
    return _mm256_min_ps(high, v);
}

/* ---- double ---- */

static inline vec_f64 load_f64(const void *from) {
    return _mm256_loadu_pd(from);
}

static inline void store_f64(void *to, vec_f64 v) {
    _mm256_storeu_pd(to, v);
}

/* May write around the caches. */
static inline void store_stream_f64(void *to, vec_f64 v) {
    if ((uintptr_t)to % sizeof v)
        _mm256_storeu_pd(to, v);
    else
        _mm256_stream_pd(to, v);
}

/* What was streamed becomes visible before whatever is stored next. */
static inline void stream_end_f64(void) {
    _mm_sfence();
}

/* v with from[0..count) in the lanes from `at` on; nothing else is read. */
static inline vec_f64 load_lanes_f64(vec_f64 v, const void *from, size_t at, size_t count) {
    const void *first = (const void *)((uintptr_t)from - at * sizeof(double));
    __m256i mask = lanes_mask(2 * at, 2 * count);
    return _mm256_blendv_pd(v, _mm256_maskload_pd(first, mask), _mm256_castsi256_pd(mask));
}

/* to[0..count) from the lanes from `at` on; nothing else is written. */
static inline void store_lanes_f64(void *to, size_t at, size_t count, vec_f64 v) {
    _mm256_maskstore_pd((void *)((uintptr_t)to - at * sizeof(double)), lanes_mask(2 * at, 2 * count), v);
}

static inline vec_f64 splat_f64(double a) {
    return _mm256_set1_pd(a);
}

static inline vec_f64 add_f64(vec_f64 a, vec_f64 b) {
    return _mm256_add_pd(a, b);
}

static inline vec_f64 sub_f64(vec_f64 a, vec_f64 b) {
    return _mm256_sub_pd(a, b);
}

/* a*b + c */
static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
    return _mm256_fmadd_pd(a, b, c);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f64 at_least_f64(vec_f64 low, vec_f64 v) {
    return _mm256_max_pd(low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f64 at_most_f64(vec_f64 high, vec_f64 v) {
    return _mm256_min_pd(high, v);
}

#endif
