/* The body of every kernel of project.h. Included after LANES_F32, vec_f32, load_f32, store_f32 and fma_f32,
 * from one of vectors_*.h. */
#ifndef LINALG_PROJECT_KERNEL_H
#define LINALG_PROJECT_KERNEL_H

#include "linalg/kernels.h"

/* sums[i] += r[i % PROJECT_PERIOD] * row[i] for i < count. */
static inline void project_row(const float *row, const float *r, size_t count, float *sums) {
    vec_f32 factors[PROJECT_PERIOD / LANES_F32];
    size_t i = 0;
    for (size_t k = 0; k < PROJECT_PERIOD / LANES_F32; k++)
        factors[k] = load_f32(r + k * LANES_F32);
    for (; i + PROJECT_PERIOD <= count; i += PROJECT_PERIOD)
        for (size_t k = 0; k < PROJECT_PERIOD / LANES_F32; k++) {
            size_t at = i + k * LANES_F32;
            store_f32(sums + at, fma_f32(load_f32(row + at), factors[k], load_f32(sums + at)));
        }
    for (; i < count; i++)
        sums[i] += r[i % PROJECT_PERIOD] * row[i];
}

#endif
