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

/* sums[p] = Σ r_c map_c[p] over all channels c, in float32. Reads the map once; allocates nothing. */
void project(const struct project_job *job, float *sums);

#endif
