/* The body of the kernels of unmix.h. Included by unmix_types.h once per type of the operands, after these
 * definitions:
 * - REAL, float or double, of the arithmetic and the results; NAME(x), x with its suffix
 * - OPERAND, REAL or uint16_t; FROM(x), x with the suffix of the operands' type
 * - LANES, the elements of a vector; TALL, 4 or 8, the sums that stay in registers for each of two vectors
 * - NAME(vec) and what is done with it, FROM(load) and FROM(load_lanes), from one of vectors_*.h
 *
 * A tile is two vectors of every operand. They are brought to the scratch (as F and G where paired), which
 * is small enough for the first cache; from there TALL rows at a time are summed in registers, and their
 * results go where they belong, finished. So memory sees each operand and each result once, and the caches
 * little more. A vector holds elements of one line, or several whole lines where these are shorter than a
 * vector. */
#ifndef UNMIX_KERNEL_H
#define UNMIX_KERNEL_H

#include "linalg/unmix.h"

#include <stdbool.h>
#include <stdint.h>

/* What a vector holds: `segments` lines from `line` on, of each the elements [k, k+width). 0: nothing. */
struct unmix_place {
    size_t line, k, segments, width;
    size_t from, to, pattern; /* elements from an operand's, a result's and a pattern's beginning */
};

/* The place after all that `next` has passed, which it passes too. */
static inline struct unmix_place unmix_place_next(const struct unmix_job *job, struct unmix_place *next,
                                                  size_t lanes) {
    struct unmix_place place = *next;
    size_t lines = job->lines - next->line, count = job->count;
    if (next->line >= job->lines)
        return (struct unmix_place){.line = job->lines};
    place.segments = count > lanes / 2 ? 1 : lanes / count < lines ? lanes / count : lines;
    place.width = count - place.k < lanes ? count - place.k : lanes;
    place.from = place.line * job->in_stride + place.k;
    place.to = place.line * job->out_stride + place.k;
    place.pattern = place.line * job->pattern_line + place.k % job->pattern_period;
    next->k += place.width;
    if (next->k == count)
        *next = (struct unmix_place){.line = place.line + place.segments};
    return place;
}

/* How many rows from `row` on are summed at once: 1 where the row is a choice; else a power of 2, at most
 * `most`. */
static inline size_t unmix_rows(const struct unmix_map *map, size_t row, size_t most) {
    size_t end = row, rows = most;
    while (end < map->rows && end - row < most && !(map->choice && map->choice[end] != UNMIX_NO_CHOICE))
        end++;
    while (rows > 1 && rows > end - row)
        rows /= 2;
    return rows;
}

#endif

/* ---- coefficients ---- */

/* Of the rows that are summed at once, column after column, so that those of a column lie together; where
 * paired, F's before G's, halved. */
static void FROM(prepare)(const struct unmix_map *map, void *scratch) {
    size_t columns = map->columns;
    REAL *to = (REAL *)scratch + (map->paired ? 2 : 1) * columns * 2 * LANES;
    for (size_t row = 0, rows; !map->paired && row < map->rows; row += rows) {
        rows = unmix_rows(map, row, TALL);
        for (size_t c = 0; c < columns; c++)
            for (size_t j = row; j < row + rows; j++)
                *to++ = (REAL)map->f[j * columns + c];
    }
    for (size_t row = 0, rows; map->paired && row < map->rows; row += rows) {
        rows = map->rows - row < TALL / 2 ? 2 : TALL / 2;
        for (size_t c = 0; c < columns; c++) {
            for (size_t j = row; j < row + rows; j++)
                *to++ = (REAL)(0.5 * map->f[j * columns + c]);
            for (size_t j = row; j < row + rows; j++)
                *to++ = (REAL)(0.5 * map->g[(2 * (size_t)map->g_pair[j / 2] + j % 2) * columns + c]);
        }
    }
}

/* ---- operands ---- */

/* whole: the vector is full. */
static inline __attribute__((always_inline)) NAME(vec)
    FROM(load_place)(const struct unmix_job *job, const void *operand, const struct unmix_place *place,
                     bool whole) {
    const OPERAND *from = (const OPERAND *)operand + place->from;
    if (whole || place->width == LANES)
        return FROM(load)(from);
    NAME(vec) v = NAME(splat)(0);
    for (size_t s = 0; s < place->segments; s++)
        v = FROM(load_lanes)(v, from + s * job->in_stride, s * place->width, place->width);
    return v;
}

/* x: [columns][2*LANES], of G behind those of F. */
static inline __attribute__((always_inline)) void
FROM(tile_load)(const struct unmix_job *job, const struct unmix_place *places, REAL *restrict x, bool whole) {
    const struct unmix_map *map = job->map;
    const void *const *in = job->in, *const *end = in + map->columns * (map->paired ? 2 : 1);
    REAL *restrict g = x + map->columns * 2 * LANES;
    for (; !map->paired && in < end; in++)
        for (size_t v = 0; v < 2; v++, x += LANES)
            NAME(store)(x, FROM(load_place)(job, in[0], &places[v], whole));
    for (; in < end; in += 4, x += 2 * 2 * LANES, g += 2 * 2 * LANES)
        for (size_t v = 0; v < 2; v++) {
            NAME(vec) y00 = FROM(load_place)(job, in[0], &places[v], whole);
            NAME(vec) y01 = FROM(load_place)(job, in[1], &places[v], whole);
            NAME(vec) y10 = FROM(load_place)(job, in[2], &places[v], whole);
            NAME(vec) y11 = FROM(load_place)(job, in[3], &places[v], whole);
            NAME(store)(x + v * LANES, NAME(sub)(y00, y11));
            NAME(store)(x + (2 + v) * LANES, NAME(add)(y01, y10));
            NAME(store)(g + v * LANES, NAME(add)(y00, y11));
            NAME(store)(g + (2 + v) * LANES, NAME(sub)(y10, y01));
        }
}

/* ---- results ---- */

/* What is done to finished sums: unmix_job's, ready for use. */
struct FROM(ending) {
    NAME(vec) low, high, slope;
    bool sloped, stream;
};

static inline __attribute__((always_inline)) NAME(vec)
    FROM(finish)(const struct FROM(ending) * ending, NAME(vec) v) {
    v = NAME(at_most)(ending->high, NAME(at_least)(ending->low, v));
    if (!ending->sloped)
        return v;
    /* One of the two is a zero: a sum without rounding. */
    NAME(vec) above = NAME(at_least)(NAME(splat)(0), v), below = NAME(at_most)(NAME(splat)((REAL)-0.0), v);
    return NAME(fma)(ending->slope, below, above);
}

/* `watch`, which begins as zeros: a NaN stays in every lane in which some v was not finite. */
static inline __attribute__((always_inline)) NAME(vec) FROM(watched)(NAME(vec) watch, NAME(vec) v) {
    return NAME(fma)(v, NAME(splat)(0), watch);
}

/* The factors or biases of the first `count` elements of each of `segments` lines at a place; other lanes
 * hold zeros, or those of other elements. */
static inline __attribute__((always_inline)) NAME(vec)
    FROM(pattern)(const struct unmix_job *job, const REAL *from, const struct unmix_place *place,
                  size_t segments, size_t count) {
    if (segments == 1)
        return NAME(load)(from + place->pattern);
    NAME(vec) v = NAME(splat)(0);
    for (size_t s = 0; s < segments; s++)
        v = NAME(load_lanes)(v, from + place->pattern + s * job->pattern_line, s * place->width, count);
    return v;
}

/* Any vector. Returns it before it is clamped; zeros if the part keeps nothing of it. */
static __attribute__((noinline)) NAME(vec)
    FROM(emit_lanes)(const struct unmix_job *job, const struct FROM(ending) * ending,
                     const struct unmix_part *part, const struct unmix_place *place, NAME(vec) v) {
    if (place->k >= part->count || place->line >= part->lines)
        return NAME(splat)(0);
    size_t left = part->count - place->k, count = place->width < left ? place->width : left;
    size_t lines = part->lines - place->line, segments = place->segments < lines ? place->segments : lines;
    REAL *to = (REAL *)part->out + place->to;
    v = NAME(fma)(v, FROM(pattern)(job, part->factor, place, segments, count),
                  FROM(pattern)(job, part->bias, place, segments, count));
    NAME(vec) finished = FROM(finish)(ending, v);
    for (size_t s = 0; s < segments; s++)
        NAME(store_lanes)(to + s * job->out_stride, s * place->width, count, finished);
    return v;
}

/* to[0..left) from a full vector. */
static inline __attribute__((always_inline)) void FROM(put)(REAL *to, size_t left, bool stream, NAME(vec) v) {
    if (left < LANES)
        NAME(store_lanes)(to, 0, left, v);
    else if (stream)
        NAME(store_stream)(to, v);
    else
        NAME(store)(to, v);
}

/* Both vectors of a tile. whole: both are full, the second one continues the first, and there is no slope.
 * Then nothing is called, which would drive all sums out of the registers, and there are few branches: this
 * is inlined for every sum, and a processor that shares its caches runs it at half the speed if it is twice
 * as long. Returns `watch` having seen both. */
static inline __attribute__((always_inline)) NAME(vec)
    FROM(emit)(const struct unmix_job *job, const struct FROM(ending) * ending, const struct unmix_part *part,
               const struct unmix_place *places, NAME(vec) v, NAME(vec) w, NAME(vec) watch, bool whole) {
    if (!whole) {
        watch = FROM(watched)(watch, FROM(emit_lanes)(job, ending, part, &places[0], v));
        return FROM(watched)(watch, FROM(emit_lanes)(job, ending, part, &places[1], w));
    }
    if (places->line >= part->lines || places->k >= part->count)
        return watch;
    const REAL *factor = part->factor, *bias = part->bias;
    size_t left = part->count - places->k;
    REAL *to = (REAL *)part->out + places->to;
    v = NAME(fma)(v, NAME(load)(factor + places[0].pattern), NAME(load)(bias + places[0].pattern));
    FROM(put)(to, left, ending->stream, NAME(at_most)(ending->high, NAME(at_least)(ending->low, v)));
    watch = FROM(watched)(watch, v);
    if (left <= LANES)
        return watch;
    w = NAME(fma)(w, NAME(load)(factor + places[1].pattern), NAME(load)(bias + places[1].pattern));
    FROM(put)
    (to + LANES, left - LANES, ending->stream, NAME(at_most)(ending->high, NAME(at_least)(ending->low, w)));
    return FROM(watched)(watch, w);
}

/* The results of `rows` rows. Returns `watch` having seen them, as all that follows. */
static inline __attribute__((always_inline)) NAME(vec)
    FROM(rows_run)(const struct unmix_job *job, const struct FROM(ending) * ending,
                   const struct unmix_part *parts, size_t rows, const REAL *panel, const REAL *x,
                   const struct unmix_place *places, NAME(vec) watch, bool whole) {
    NAME(vec) v[TALL], w[TALL];
    for (size_t j = 0; j < rows; j++)
        v[j] = w[j] = NAME(splat)(0);
    for (size_t c = job->map->columns; c > 0; c--, panel += rows, x += 2 * LANES) {
        NAME(vec) x_v = NAME(load)(x), x_w = NAME(load)(x + LANES);
        for (size_t j = 0; j < rows; j++) {
            NAME(vec) a = NAME(splat)(panel[j]);
            v[j] = NAME(fma)(a, x_v, v[j]);
            w[j] = NAME(fma)(a, x_w, w[j]);
        }
    }
    for (size_t j = 0; j < rows; j++)
        watch = FROM(emit)(job, ending, &parts[j], places, v[j], w[j], watch, whole);
    return watch;
}

/* The four results of the pair of rows re, re+1. */
static inline __attribute__((always_inline)) NAME(vec)
    FROM(pair_emit)(const struct unmix_job *job, const struct FROM(ending) * ending,
                    const struct unmix_part *parts, const struct unmix_place *places, NAME(vec) f[][2],
                    NAME(vec) g[][2], size_t re, NAME(vec) watch, bool whole) {
    size_t im = re + 1;
    parts += 2 * re;
    watch = FROM(emit)(job, ending, &parts[0], places, NAME(add)(f[re][0], g[re][0]),
                       NAME(add)(f[re][1], g[re][1]), watch, whole);
    watch = FROM(emit)(job, ending, &parts[1], places, NAME(add)(f[im][0], g[im][0]),
                       NAME(add)(f[im][1], g[im][1]), watch, whole);
    watch = FROM(emit)(job, ending, &parts[2], places, NAME(sub)(f[im][0], g[im][0]),
                       NAME(sub)(f[im][1], g[im][1]), watch, whole);
    return FROM(emit)(job, ending, &parts[3], places, NAME(sub)(g[re][0], f[re][0]),
                      NAME(sub)(g[re][1], f[re][1]), watch, whole);
}

/* The results of `rows` rows, 2 or 4, of both systems: four for each pair of rows. */
static inline __attribute__((always_inline)) NAME(vec)
    FROM(pairs_run)(const struct unmix_job *job, const struct FROM(ending) * ending,
                    const struct unmix_part *parts, size_t rows, const REAL *panel, const REAL *x,
                    const struct unmix_place *places, NAME(vec) watch, bool whole) {
    NAME(vec) f[4][2], g[4][2];
    for (size_t j = 0; j < rows; j++)
        f[j][0] = f[j][1] = g[j][0] = g[j][1] = NAME(splat)(0);
    const REAL *y = x + job->map->columns * 2 * LANES;
    for (size_t c = job->map->columns; c > 0; c--, panel += 2 * rows, x += 2 * LANES, y += 2 * LANES) {
        NAME(vec) x0 = NAME(load)(x), x1 = NAME(load)(x + LANES);
        NAME(vec) y0 = NAME(load)(y), y1 = NAME(load)(y + LANES);
        for (size_t j = 0; j < rows; j++) {
            NAME(vec) a = NAME(splat)(panel[j]), b = NAME(splat)(panel[rows + j]);
            f[j][0] = NAME(fma)(a, x0, f[j][0]);
            f[j][1] = NAME(fma)(a, x1, f[j][1]);
            g[j][0] = NAME(fma)(b, y0, g[j][0]);
            g[j][1] = NAME(fma)(b, y1, g[j][1]);
        }
    }
    watch = FROM(pair_emit)(job, ending, parts, places, f, g, 0, watch, whole);
    if (rows == 4)
        watch = FROM(pair_emit)(job, ending, parts, places, f, g, 2, watch, whole);
    return watch;
}

/* ---- a job ---- */

static inline __attribute__((always_inline)) NAME(vec)
    FROM(tile_run)(const struct unmix_job *job, const struct FROM(ending) * ending, const REAL *panel,
                   REAL *x, const struct unmix_place *places, bool whole) {
    const struct unmix_map *map = job->map;
    size_t columns = map->columns;
    NAME(vec) watch = NAME(splat)(0);
    FROM(tile_load)(job, places, x, whole);
    for (size_t row = 0, rows; map->paired && row < map->rows; row += rows, panel += 2 * rows * columns) {
        rows = map->rows - row < TALL / 2 ? 2 : TALL / 2;
        if (rows == 2)
            watch = FROM(pairs_run)(job, ending, job->parts + 2 * row, 2, panel, x, places, watch, whole);
        else
            watch =
                FROM(pairs_run)(job, ending, job->parts + 2 * row, TALL / 2, panel, x, places, watch, whole);
    }
    for (size_t row = 0, rows; !map->paired && row < map->rows; row += rows, panel += rows * columns) {
        const struct unmix_part *parts = job->parts + row;
        rows = unmix_rows(map, row, TALL);
        if (map->choice && map->choice[row] != UNMIX_NO_CHOICE) {
            const REAL *chosen = x + (size_t)map->choice[row] * 2 * LANES;
            watch = FROM(emit)(job, ending, parts, places, NAME(load)(chosen), NAME(load)(chosen + LANES),
                               watch, whole);
        } else if (rows == 1) {
            watch = FROM(rows_run)(job, ending, parts, 1, panel, x, places, watch, whole);
        } else if (rows == 2) {
            watch = FROM(rows_run)(job, ending, parts, 2, panel, x, places, watch, whole);
        } else if (rows == 4) {
            watch = FROM(rows_run)(job, ending, parts, 4, panel, x, places, watch, whole);
        } else {
            watch = FROM(rows_run)(job, ending, parts, TALL, panel, x, places, watch, whole);
        }
    }
    return watch;
}

static __attribute__((noinline)) NAME(vec)
    FROM(tile_whole)(const struct unmix_job *job, const struct FROM(ending) * ending, const REAL *panel,
                     REAL *x, const struct unmix_place *places) {
    return FROM(tile_run)(job, ending, panel, x, places, true);
}

static __attribute__((noinline)) NAME(vec)
    FROM(tile_part)(const struct unmix_job *job, const struct FROM(ending) * ending, const REAL *panel,
                    REAL *x, const struct unmix_place *places) {
    return FROM(tile_run)(job, ending, panel, x, places, false);
}

static bool FROM(unmix)(const struct unmix_job *job) {
    const struct unmix_map *map = job->map;
    size_t systems = map->paired ? 2 : 1;
    /* The tile first: it is what must be aligned. */
    REAL *x = job->scratch;
    const REAL *panel = x + systems * map->columns * 2 * LANES;
    const struct FROM(ending) ending = {
        .low = NAME(splat)((REAL)job->low),
        .high = NAME(splat)((REAL)job->high),
        .slope = NAME(splat)((REAL)job->slope),
        .sloped = job->slope != 1,
        .stream = job->stream,
    };
    NAME(vec) watch = NAME(splat)(0);
    struct unmix_place next = {0};
    while (job->count && next.line < job->lines) {
        struct unmix_place places[2];
        places[0] = unmix_place_next(job, &next, LANES);
        places[1] = unmix_place_next(job, &next, LANES);
        if (!ending.sloped && places[0].width == LANES && places[1].width == LANES &&
            places[1].k == places[0].k + LANES)
            watch = NAME(add)(watch, FROM(tile_whole)(job, &ending, panel, x, places));
        else
            watch = NAME(add)(watch, FROM(tile_part)(job, &ending, panel, x, places));
    }
    if (job->stream)
        NAME(stream_end)();
    REAL seen[LANES];
    bool finite = true;
    NAME(store)(seen, watch);
    for (size_t i = 0; i < LANES; i++)
        finite = finite && seen[i] == 0;
    return finite;
}
