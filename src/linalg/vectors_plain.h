/* The compiler's vectors of 16 bytes, which are SSE2 on x86-64 and NEON on aarch64, as the kernels' bodies
 * want them (combine_kernel.h, unmix_kernel.h). */
#ifndef LINALG_VECTORS_PLAIN_H
#define LINALG_VECTORS_PLAIN_H

#include "base/half.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES_F32 4
#define LANES_F64 2

typedef float vec_f32 __attribute__((vector_size(16)));
typedef double vec_f64 __attribute__((vector_size(16)));
typedef int32_t mask_f32 __attribute__((vector_size(16)));
typedef int64_t mask_f64 __attribute__((vector_size(16)));

/* ---- float ---- */

static inline vec_f32 load_f32(const void *from) {
    vec_f32 v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store_f32(void *to, vec_f32 v) {
    memcpy(to, &v, sizeof v);
}

static inline void store_stream_f32(void *to, vec_f32 v) {
    store_f32(to, v);
}

static inline void stream_end_f32(void) {}

/* v with from[0..count) in the lanes from `at` on; nothing else is read. */
static inline vec_f32 load_lanes_f32(vec_f32 v, const void *from, size_t at, size_t count) {
    memcpy((char *)&v + at * sizeof(float), from, count * sizeof(float));
    return v;
}

/* v with the lanes [at, at + count) of w. */
static inline vec_f32 blend_lanes_f32(vec_f32 v, vec_f32 w, size_t at, size_t count) {
    memcpy((char *)&v + at * sizeof(float), (const char *)&w + at * sizeof(float), count * sizeof(float));
    return v;
}

/* to[0..count) from the lanes from `at` on; nothing else is written. */
static inline void store_lanes_f32(void *to, size_t at, size_t count, vec_f32 v) {
    memcpy(to, (const char *)&v + at * sizeof(float), count * sizeof(float));
}

static inline vec_f32 splat_f32(float a) {
    return (vec_f32){a, a, a, a};
}

static inline vec_f32 add_f32(vec_f32 a, vec_f32 b) {
    return a + b;
}

static inline vec_f32 sub_f32(vec_f32 a, vec_f32 b) {
    return a - b;
}

/* a*b + c */
static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
    return a * b + c;
}

/* Lanes of a where the mask is set, else of b. */
static inline vec_f32 choose_f32(mask_f32 mask, vec_f32 a, vec_f32 b) {
    return (vec_f32)((mask & (mask_f32)a) | (~mask & (mask_f32)b));
}

static inline vec_f32 absolute_f32(vec_f32 v) {
    return (vec_f32)((mask_f32)v & INT32_MAX);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f32 at_least_f32(vec_f32 low, vec_f32 v) {
    return choose_f32(v < low, low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f32 at_most_f32(vec_f32 high, vec_f32 v) {
    return choose_f32(v > high, high, v);
}

/* ---- float from and to halves ---- */

typedef uint16_t halves __attribute__((vector_size(8)));

static inline vec_f32 widen_bf16(halves h) {
    return (vec_f32){bf16_value(h[0]), bf16_value(h[1]), bf16_value(h[2]), bf16_value(h[3])};
}

static inline vec_f32 widen_f16(halves h) {
    return (vec_f32){f16_value(h[0]), f16_value(h[1]), f16_value(h[2]), f16_value(h[3])};
}

static inline halves narrow_bf16(vec_f32 v) {
    return (halves){bf16_of(v[0]), bf16_of(v[1]), bf16_of(v[2]), bf16_of(v[3])};
}

static inline halves narrow_f16(vec_f32 v) {
    return (halves){f16_of(v[0]), f16_of(v[1]), f16_of(v[2]), f16_of(v[3])};
}

static inline halves load_halves(const void *from) {
    halves h;
    memcpy(&h, from, sizeof h);
    return h;
}

static inline void store_halves(void *to, halves h) {
    memcpy(to, &h, sizeof h);
}

static inline void store_stream_halves(void *to, halves h) {
    store_halves(to, h);
}

#include "linalg/vectors_halves.h"

/* ---- double ---- */

static inline vec_f64 load_f64(const void *from) {
    vec_f64 v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store_f64(void *to, vec_f64 v) {
    memcpy(to, &v, sizeof v);
}

static inline void store_stream_f64(void *to, vec_f64 v) {
    store_f64(to, v);
}

static inline void stream_end_f64(void) {}

/* v with from[0..count) in the lanes from `at` on; nothing else is read. */
static inline vec_f64 load_lanes_f64(vec_f64 v, const void *from, size_t at, size_t count) {
    memcpy((char *)&v + at * sizeof(double), from, count * sizeof(double));
    return v;
}

/* to[0..count) from the lanes from `at` on; nothing else is written. */
static inline void store_lanes_f64(void *to, size_t at, size_t count, vec_f64 v) {
    memcpy(to, (const char *)&v + at * sizeof(double), count * sizeof(double));
}

static inline vec_f64 splat_f64(double a) {
    return (vec_f64){a, a};
}

static inline vec_f64 add_f64(vec_f64 a, vec_f64 b) {
    return a + b;
}

static inline vec_f64 sub_f64(vec_f64 a, vec_f64 b) {
    return a - b;
}

/* a*b + c */
static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
    return a * b + c;
}

/* Lanes of a where the mask is set, else of b. */
static inline vec_f64 choose_f64(mask_f64 mask, vec_f64 a, vec_f64 b) {
    return (vec_f64)((mask & (mask_f64)a) | (~mask & (mask_f64)b));
}

static inline vec_f64 absolute_f64(vec_f64 v) {
    return (vec_f64)((mask_f64)v & INT64_MAX);
}

/* v < low ? low : v; a NaN in v stays. */
static inline vec_f64 at_least_f64(vec_f64 low, vec_f64 v) {
    return choose_f64(v < low, low, v);
}

/* v > high ? high : v; a NaN in v stays. */
static inline vec_f64 at_most_f64(vec_f64 high, vec_f64 v) {
    return choose_f64(v > high, high, v);
}

#endif
