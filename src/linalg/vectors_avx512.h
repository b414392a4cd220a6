/* The vectors of AVX-512F as the kernels' bodies want them (combine_kernel.h, unmix_kernel.h). */
#ifndef LINALG_VECTORS_AVX512_H
#define LINALG_VECTORS_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define LANES_F32 16
#define LANES_F64 8

typedef __m512 vec_f32;
typedef __m512d vec_f64;

static inline __mmask16 lanes_mask(size_t at, size_t count) {
    return (__mmask16)(((1u << count) - 1) << at);
}

/* ---- float ---- */

static inline vec_f32 load_f32(const void *from) {
    return _mm512_loadu_ps(from);
}

static inline void store_f32(void *to, vec_f32 v) {
    _mm512_storeu_ps(to, v);
}

/* May write around the caches. */
static inline void store_stream_f32(void *to, vec_f32 v) {
    if ((uintptr_t)to % sizeof v)
        _mm512_storeu_ps(to, v);
    else
        _mm512_stream_ps(to, v);
}

/* What was streamed becomes visible before whatever is stored next. */
static inline void stream_end_f32(void) {
    _mm_sfence();
}

/* v with from[0..count) in the lanes from `at` on; nothing else is read. */
static inline vec_f32 load_lanes_f32(vec_f32 v, const void *from, size_t at, size_t count) {
    const void *first = (const void *)((uintptr_t)from - at * sizeof(float));
    return _mm512_mask_loadu_ps(v, lanes_mask(at, count), first);
}

/* v with the lanes [at, at + count) of w. */
static inline vec_f32 blend_lanes_f32(vec_f32 v, vec_f32 w, size_t at, size_t count) {
    return _mm512_mask_mov_ps(v, lanes_mask(at, count), w);
}

/* to[0..count) from the lanes from `at` on; nothing else is written. */
static inline void store_lanes_f32(void *to, size_t at, size_t count, vec_f32 v) {
    _mm512_mask_storeu_ps((void *)((uintptr_t)to - at * sizeof(float)), lanes_mask(at, count), v);
}

static inline vec_f32 splat_f32(float a) {
    return _mm512_set1_ps(a);
}

static inline vec_f32 add_f32(vec_f32 a, vec_f32 b) {
    return _mm512_add_ps(a, b);
}

static inline vec_f32 sub_f32(vec_f32 a, vec_f32 b) {
    return _mm512_sub_ps(a, b);
}

/* a*b + c */
static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline vec_f32 absolute_f32(vec_f32 v) {
    return _mm512_abs_ps(v);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f32 at_least_f32(vec_f32 low, vec_f32 v) {
    return _mm512_max_ps(low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f32 at_most_f32(vec_f32 high, vec_f32 v) {
    return _mm512_min_ps(high, v);
}

/* ---- float from and to halves ---- */

typedef __m256i halves;

static inline vec_f32 widen_bf16(halves h) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

static inline vec_f32 widen_f16(halves h) {
    return _mm512_cvtph_ps(h);
}

/* As bf16_of, to the nearest even; a NaN becomes quiet. */
static inline halves narrow_bf16(vec_f32 v) {
    __m512i bits = _mm512_castps_si512(v);
    __m512i rounded = _mm512_add_epi32(bits, _mm512_set1_epi32(0x8000));
    __mmask16 tie = _mm512_testn_epi32_mask(rounded, _mm512_set1_epi32(0xffff));
    rounded = _mm512_mask_and_epi32(rounded, tie, rounded, _mm512_set1_epi32(~0x10000));
    __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

static inline halves narrow_f16(vec_f32 v) {
    return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
}

static inline halves load_halves(const void *from) {
    return _mm256_loadu_si256(from);
}

static inline void store_halves(void *to, halves h) {
    _mm256_storeu_si256(to, h);
}

/* May write around the caches. */
static inline void store_stream_halves(void *to, halves h) {
    if ((uintptr_t)to % sizeof h)
        _mm256_storeu_si256(to, h);
    else
        _mm256_stream_si256(to, h);
}

#include "linalg/vectors_halves.h"

/* ---- double ---- */

static inline vec_f64 load_f64(const void *from) {
    return _mm512_loadu_pd(from);
}

static inline void store_f64(void *to, vec_f64 v) {
    _mm512_storeu_pd(to, v);
}

/* May write around the caches. */
static inline void store_stream_f64(void *to, vec_f64 v) {
    if ((uintptr_t)to % sizeof v)
        _mm512_storeu_pd(to, v);
    else
        _mm512_stream_pd(to, v);
}

/* What was streamed becomes visible before whatever is stored next. */
static inline void stream_end_f64(void) {
    _mm_sfence();
}

/* v with from[0..count) in the lanes from `at` on; nothing else is read. */
static inline vec_f64 load_lanes_f64(vec_f64 v, const void *from, size_t at, size_t count) {
    const void *first = (const void *)((uintptr_t)from - at * sizeof(double));
    return _mm512_mask_loadu_pd(v, (__mmask8)lanes_mask(at, count), first);
}

/* to[0..count) from the lanes from `at` on; nothing else is written. */
static inline void store_lanes_f64(void *to, size_t at, size_t count, vec_f64 v) {
    _mm512_mask_storeu_pd((void *)((uintptr_t)to - at * sizeof(double)), (__mmask8)lanes_mask(at, count), v);
}

static inline vec_f64 splat_f64(double a) {
    return _mm512_set1_pd(a);
}

static inline vec_f64 add_f64(vec_f64 a, vec_f64 b) {
    return _mm512_add_pd(a, b);
}

static inline vec_f64 sub_f64(vec_f64 a, vec_f64 b) {
    return _mm512_sub_pd(a, b);
}

/* a*b + c */
static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
    return _mm512_fmadd_pd(a, b, c);
}

static inline vec_f64 absolute_f64(vec_f64 v) {
    return _mm512_abs_pd(v);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f64 at_least_f64(vec_f64 low, vec_f64 v) {
    return _mm512_max_pd(low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f64 at_most_f64(vec_f64 high, vec_f64 v) {
    return _mm512_min_pd(high, v);
}

#endif
