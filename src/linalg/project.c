#include "linalg/project.h"

#include "linalg/halves.h"

#include <string.h>

enum {
    TILE_FLOATS = 1024, /* of sums that stay in the first cache, with as many elements */
    WIDE = 16           /* sums side by side: the lanes of the widest vectors */
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

/* One row of a map in blocks of 1, 8 or 16 channels, which is a constant here. */
static inline void add_blocks(struct tile *tile, const float *row, const float *r, size_t positions,
                              size_t lanes) {
    for (size_t p = 0; p < positions; p++)
        for (size_t l = 0; l < lanes; l++)
            tile->sums[p * lanes + l] += r[l] * row[p * lanes + l];
}

static void add_row(struct tile *tile, const float *row, const float *r, size_t positions, size_t lanes) {
    if (lanes == 16)
        add_blocks(tile, row, r, positions, 16);
    else if (lanes == 8)
        add_blocks(tile, row, r, positions, 8);
    else
        add_blocks(tile, row, r, positions, 1);
}

/* Positions one behind the other, of 1, 8 or 16 lanes each. */
static void project_blocks(const struct project_job *job, float *sums) {
    struct tile tile;
    const size_t lanes = job->lanes, most = TILE_FLOATS / lanes;
    for (size_t p = 0, count; p < job->positions; p += count) {
        count = job->positions - p < most ? job->positions - p : most;
        memset(tile.sums, 0, count * lanes * sizeof(float));
        for (size_t g = 0; g < job->groups; g++)
            for (size_t q = 0; q < job->rows; q++)
                add_row(&tile,
                        widened(job, job->first + g * job->group_stride + q * job->row_stride + p * lanes,
                                count * lanes, tile.wide),
                        job->r + (g * job->rows + q) * lanes, count, lanes);
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
