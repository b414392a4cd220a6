/* combine in portable C: the compiler's vectors of 16 bytes, which are SSE2 on x86-64 and NEON on aarch64. */
#include "linalg/kernels.h"

#include <string.h>

#define TALL 4
#define WIDE 2

typedef float vec_f32 __attribute__((vector_size(16)));
typedef double vec_f64 __attribute__((vector_size(16)));

static inline vec_f32 load_part_f32(const void *from, size_t count) {
    vec_f32 v = {0};
    memcpy(&v, from, count * sizeof(float));
    return v;
}

static inline vec_f32 load_f32(const void *from) {
    return load_part_f32(from, 4);
}

static inline void store_part_f32(void *to, size_t count, vec_f32 v) {
    memcpy(to, &v, count * sizeof(float));
}

static inline void store_f32(void *to, vec_f32 v) {
    store_part_f32(to, 4, v);
}

static inline void store_stream_f32(void *to, vec_f32 v) {
    store_f32(to, v);
}

static inline void stream_end_f32(void) {}

static inline vec_f32 splat_f32(float a) {
    return (vec_f32){a, a, a, a};
}

static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
    return a * b + c;
}

static inline vec_f64 load_part_f64(const void *from, size_t count) {
    vec_f64 v = {0};
    memcpy(&v, from, count * sizeof(double));
    return v;
}

static inline vec_f64 load_f64(const void *from) {
    return load_part_f64(from, 2);
}

static inline void store_part_f64(void *to, size_t count, vec_f64 v) {
    memcpy(to, &v, count * sizeof(double));
}

static inline void store_f64(void *to, vec_f64 v) {
    store_part_f64(to, 2, v);
}

static inline void store_stream_f64(void *to, vec_f64 v) {
    store_f64(to, v);
}

static inline void stream_end_f64(void) {}

static inline vec_f64 splat_f64(double a) {
    return (vec_f64){a, a};
}

static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
    return a * b + c;
}

#define REAL    float
#define LANES   4
#define NAME(x) x##_f32
#include "linalg/combine_kernel.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   2
#define NAME(x) x##_f64
#include "linalg/combine_kernel.h"

void combine_plain(const struct combine_job *job) {
    if (job->dtype == CONVOY_F32)
        combine_f32(job);
    else
        combine_f64(job);
}
