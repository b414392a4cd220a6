/* Loads and stores of float vectors as halves, from what the vectors_*.h that includes this knows of whole
 * vectors. */
#ifndef LINALG_VECTORS_HALVES_H
#define LINALG_VECTORS_HALVES_H

#include <string.h>

/* The functions of load_f32, store_f32 and so on for a type of halves. Lanes go through memory, as halves:
 * they are the ends of lines. */
#define HALVES_FUNCTIONS(type)                                                                               \
    static inline vec_f32 load_##type(const void *from) {                                                    \
        return widen_##type(load_halves(from));                                                              \
    }                                                                                                        \
    static inline void store_##type(void *to, vec_f32 v) {                                                   \
        store_halves(to, narrow_##type(v));                                                                  \
    }                                                                                                        \
    static inline void store_stream_##type(void *to, vec_f32 v) {                                            \
        store_stream_halves(to, narrow_##type(v));                                                           \
    }                                                                                                        \
    static inline vec_f32 load_lanes_##type(vec_f32 v, const void *from, size_t at, size_t count) {          \
        uint16_t narrow[LANES_F32] = {0};                                                                    \
        memcpy(narrow + at, from, count * sizeof *narrow);                                                   \
        return blend_lanes_f32(v, load_##type(narrow), at, count);                                           \
    }                                                                                                        \
    static inline void store_lanes_##type(void *to, size_t at, size_t count, vec_f32 v) {                    \
        uint16_t narrow[LANES_F32];                                                                          \
        store_##type(narrow, v);                                                                             \
        memcpy(to, narrow + at, count * sizeof *narrow);                                                     \
    }                                                                                                        \
    static inline void widen_line_##type(const uint16_t *from, size_t count, float *to) {                    \
        size_t t = 0;                                                                                        \
        for (; t + LANES_F32 <= count; t += LANES_F32)                                                       \
            store_f32(to + t, load_##type(from + t));                                                        \
        if (t < count)                                                                                       \
            store_lanes_f32(to + t, 0, count - t, load_lanes_##type(splat_f32(0), from + t, 0, count - t));  \
    }

HALVES_FUNCTIONS(bf16)
HALVES_FUNCTIONS(f16)

#undef HALVES_FUNCTIONS

#endif
