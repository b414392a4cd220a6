/* Sums over the channels of a map with a coefficient for each channel, at every position: what checks of
 * answers are made of (code/projection.h). */
#ifndef LINALG_PROJECT_H
#define LINALG_PROJECT_H

#include <convoy/tensor.h>

/* Element (g, q, p, l) of the map, g < groups, q < rows, p < positions, l < lanes, lies at first +
 * g*group_stride + q*row_stride + p*position_stride + l, and belongs to channel (g*rows + q)*lanes + l.
 * Strides count elements.
 */
struct project_job {
    convoy_dtype dtype; /* of map: F32, BF16 or F16 */
    const void *map;    /* aligned to its elements */
    const float *r;     /* [groups*rows*lanes] */
    size_t groups, rows, positions, lanes;
    size_t first, group_stride, row_stride, position_stride;
};

/* The kernels by name in order of preference, ended by a NULL name; those that this processor lacks are left
 * out. run: sums[i] += r[i % PROJECT_PERIOD] * row[i] for i < count. For tests and timing. */
#define PROJECT_PERIOD 16
struct project_kernel {
    const char *name;
    void (*run)(const float *row, const float *r, size_t count, float *sums);
};
const struct project_kernel *project_kernels(void);

/* sums[p] = Σ r_c map_c[p] over all channels c, in float32. Reads the map once; allocates nothing. */
void project(const struct project_job *job, float *sums);

#endif
