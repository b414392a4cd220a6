#include "linalg/project.h"

#include "linalg/halves.h"
#include "linalg/kernels.h"

#include <string.h>

enum {
    TILE_FLOATS = 1024, /* of sums that stay in the first cache, with as many elements */
    WIDE = PROJECT_PERIOD
};

/* Sums of one tile: of `width` lanes for each position. */
struct tile {
    float sums[TILE_FLOATS], wide[TILE_FLOATS];
};

/* The elements from `at` on as float32: where they lie, or widened. */
static const float *widened(const struct project_job *job, size_t at, size_t count, float *wide) {
    if (job->dtype == CONVOY_F32)
        return (const float *)job->map + at;
    halves_widen(job->dtype, (const uint16_t *)job->map + at, count, wide);
    return wide;
}

const struct project_kernel *project_kernels(void) {
    static const struct project_kernel kernels[] = {
#ifdef CONVOY_X86
        {"avx512", project_row_avx512},
        {"avx2", project_row_avx2},
#endif
        {"plain", project_row_plain},
        {0},
    };
    return kernels + kernels_lacking();
}

/* r of one row's lanes, repeated. */
static void repeat(float *pattern, const float *r, size_t lanes) {
    for (size_t i = 0; i < PROJECT_PERIOD; i++)
        pattern[i] = r[i % lanes];
}

/* Positions one behind the other, of 1, 8 or 16 lanes each. */
static void project_blocks(const struct project_job *job, float *sums) {
    const struct project_kernel *kernel = project_kernels();
    const size_t lanes = job->lanes, most = TILE_FLOATS / lanes;
    struct tile tile;
    float pattern[PROJECT_PERIOD];
    for (size_t p = 0, count; p < job->positions; p += count) {
        count = job->positions - p < most ? job->positions - p : most;
        memset(tile.sums, 0, count * lanes * sizeof(float));
        for (size_t g = 0; g < job->groups; g++)
            for (size_t q = 0; q < job->rows; q++) {
                size_t at = job->first + g * job->group_stride + q * job->row_stride + p * lanes;
                repeat(pattern, job->r + (g * job->rows + q) * lanes, lanes);
                kernel->run(widened(job, at, count * lanes, tile.wide), pattern, count * lanes, tile.sums);
            }
        for (size_t i = 0; i < count; i++) {
            sums[p + i] = 0;
            for (size_t l = 0; l < lanes; l++)
                sums[p + i] += tile.sums[i * lanes + l];
        }
    }
}

/* Any number of lanes at a position, and any distance between positions: channels last. */
static float project_lanes(const struct project_job *job, size_t p) {
    float sums[WIDE] = {0}, sum = 0, wide[TILE_FLOATS];
    for (size_t g = 0; g < job->groups; g++)
        for (size_t q = 0; q < job->rows; q++) {
            const float *r = job->r + (g * job->rows + q) * job->lanes;
            size_t from = job->first + g * job->group_stride + q * job->row_stride + p * job->position_stride;
            for (size_t l = 0, count; l < job->lanes; l += count) {
                count = job->lanes - l < TILE_FLOATS ? job->lanes - l : TILE_FLOATS;
                const float *row = widened(job, from + l, count, wide);
                size_t i = 0;
                for (; i + WIDE <= count; i += WIDE)
                    for (size_t k = 0; k < WIDE; k++)
                        sums[k] += r[l + i + k] * row[i + k];
                for (; i < count; i++)
                    sums[i % WIDE] += r[l + i] * row[i];
            }
        }
    for (size_t k = 0; k < WIDE; k++)
        sum += sums[k];
    return sum;
}

void project(const struct project_job *job, float *sums) {
    const size_t lanes = job->lanes;
    if (job->position_stride == lanes && (lanes == 1 || lanes == 8 || lanes == 16)) {
        project_blocks(job, sums);
        return;
    }
    for (size_t p = 0; p < job->positions; p++)
        sums[p] = project_lanes(job, p);
}
