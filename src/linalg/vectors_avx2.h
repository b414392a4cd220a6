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

/* v with the lanes [at, at + count) of w. */
static inline vec_f32 blend_lanes_f32(vec_f32 v, vec_f32 w, size_t at, size_t count) {
    return _mm256_blendv_ps(v, w, _mm256_castsi256_ps(lanes_mask(at, count)));
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

static inline vec_f32 absolute_f32(vec_f32 v) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f32 at_least_f32(vec_f32 low, vec_f32 v) {
    return _mm256_max_ps(low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f32 at_most_f32(vec_f32 high, vec_f32 v) {
    return _mm256_min_ps(high, v);
}

/* ---- float from and to halves ---- */

typedef __m128i halves;

static inline vec_f32 widen_bf16(halves h) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

static inline vec_f32 widen_f16(halves h) {
    return _mm256_cvtph_ps(h);
}

/* As bf16_of, to the nearest even; a NaN becomes quiet. */
static inline halves narrow_bf16(vec_f32 v) {
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    rounded = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}

static inline halves narrow_f16(vec_f32 v) {
    return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
}

static inline halves load_halves(const void *from) {
    return _mm_loadu_si128(from);
}

static inline void store_halves(void *to, halves h) {
    _mm_storeu_si128(to, h);
}

/* May write around the caches. */
static inline void store_stream_halves(void *to, halves h) {
    if ((uintptr_t)to % sizeof h)
        _mm_storeu_si128(to, h);
    else
        _mm_stream_si128(to, h);
}

#include "linalg/vectors_halves.h"

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

static inline vec_f64 absolute_f64(vec_f64 v) {
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), v);
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
