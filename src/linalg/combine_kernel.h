/* The body of every combine kernel, a small matrix product without packing of the large operand. Included by
 * combine_types.h once per type of the results, after these definitions:
 * - REAL, float or double, of the arithmetic; NAME(x), x with its suffix
 * - RESULT, REAL or uint16_t; TO(x), x with its suffix; WATCHED, whether the peak is of interest
 * - LANES, the elements of a vector; WIDE, the vectors of a tile in length, and TALL, its outputs
 * - NAME(vec) and what is done with it, TO(store) and the like, from one of vectors_*.h
 *
 * Blocking: TALL x WIDE vectors of results stay in registers while all inputs pass by. The length is
 * cut in chunks so that one chunk of all inputs stays in the cache until every output has seen it: operands
 * are read from memory once, results written once. Coefficients are rounded and rearranged once per chunk,
 * which costs outputs*inputs beside the chunk's outputs*inputs*length. Memory: a panel on the stack, whatever
 * the sizes. */

#ifndef COMBINE_KERNEL_H
#define COMBINE_KERNEL_H

#include "linalg/combine.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    PANEL_INPUTS = COMBINE_INPUTS_AT_ONCE,
    CHUNK_BYTES = 128 * 1024, /* of all inputs together: half of a small L2 */
    CHUNK_MAX = 4096          /* elements */
};

static inline size_t size_min(size_t a, size_t b) {
    return a < b ? a : b;
}

#endif

struct TO(panel) {
    size_t inputs;
    bool add;    /* to what is in out */
    bool stream; /* as in combine_job */
    REAL g[PANEL_INPUTS][TALL];
    const char *in[PANEL_INPUTS];
    char *out[TALL];
    NAME(vec) peak; /* the largest magnitudes so far, where WATCHED */
};

/* The larger of the magnitudes, where that matters; a NaN is none. */
static inline __attribute__((always_inline)) NAME(vec) TO(peak_of)(NAME(vec) peak, NAME(vec) v) {
    if (!WATCHED)
        return peak;
    return NAME(at_least)(NAME(absolute)(v), peak);
}

/* outputs x vectors results at byte distances in_at and out_at from the panel's pointers. Returns the peak.
 */
static inline __attribute__((always_inline)) NAME(vec)
    TO(tile)(const struct TO(panel) * panel, size_t outputs, size_t vectors, size_t in_at, size_t out_at,
             NAME(vec) peak) {
    const size_t bytes = LANES * sizeof(REAL), out_bytes = LANES * sizeof(RESULT);
    NAME(vec) sum[TALL][WIDE];
    for (size_t j = 0; j < outputs; j++)
        for (size_t v = 0; v < vectors; v++)
            sum[j][v] = panel->add ? TO(load)(panel->out[j] + out_at + v * out_bytes) : NAME(splat)(0);
    for (size_t i = 0; i < panel->inputs; i++) {
        NAME(vec) x[WIDE];
        for (size_t v = 0; v < vectors; v++)
            x[v] = NAME(load)(panel->in[i] + in_at + v * bytes);
        for (size_t j = 0; j < outputs; j++) {
            NAME(vec) g = NAME(splat)(panel->g[i][j]);
            for (size_t v = 0; v < vectors; v++)
                sum[j][v] = NAME(fma)(g, x[v], sum[j][v]);
        }
    }
    for (size_t j = 0; j < outputs; j++)
        for (size_t v = 0; v < vectors; v++) {
            peak = TO(peak_of)(peak, sum[j][v]);
            if (panel->stream)
                TO(store_stream)(panel->out[j] + out_at + v * out_bytes, sum[j][v]);
            else
                TO(store)(panel->out[j] + out_at + v * out_bytes, sum[j][v]);
        }
    return peak;
}

/* outputs x count results, count < LANES. Returns the peak. */
static inline __attribute__((always_inline)) NAME(vec)
    TO(tile_part)(const struct TO(panel) * panel, size_t outputs, size_t count, size_t in_at, size_t out_at,
                  NAME(vec) peak) {
    NAME(vec) sum[TALL];
    for (size_t j = 0; j < outputs; j++)
        sum[j] =
            panel->add ? TO(load_lanes)(NAME(splat)(0), panel->out[j] + out_at, 0, count) : NAME(splat)(0);
    for (size_t i = 0; i < panel->inputs; i++) {
        NAME(vec) x = NAME(load_lanes)(NAME(splat)(0), panel->in[i] + in_at, 0, count);
        for (size_t j = 0; j < outputs; j++)
            sum[j] = NAME(fma)(NAME(splat)(panel->g[i][j]), x, sum[j]);
    }
    for (size_t j = 0; j < outputs; j++) {
        peak = TO(peak_of)(peak, sum[j]);
        TO(store_lanes)(panel->out[j] + out_at, 0, count, sum[j]);
    }
    return peak;
}

static inline __attribute__((always_inline)) void TO(run)(struct TO(panel) * panel, size_t outputs,
                                                          size_t length, size_t in_at, size_t out_at) {
    NAME(vec) peak = panel->peak;
    size_t t = 0;
    for (; t + WIDE * LANES <= length; t += WIDE * LANES)
        peak = TO(tile)(panel, outputs, WIDE, in_at + t * sizeof(REAL), out_at + t * sizeof(RESULT), peak);
    for (; t + LANES <= length; t += LANES)
        peak = TO(tile)(panel, outputs, 1, in_at + t * sizeof(REAL), out_at + t * sizeof(RESULT), peak);
    if (t < length)
        peak = TO(tile_part)(panel, outputs, length - t, in_at + t * sizeof(REAL),
                             out_at + t * sizeof(RESULT), peak);
    panel->peak = peak;
}

/* Fills the panel with inputs [i0, i0+inputs) and outputs [j0, j0+outputs) of the job. */
static void TO(panel_fill)(struct TO(panel) * panel, const struct combine_job *job, size_t j0, size_t outputs,
                           size_t i0, size_t inputs) {
    panel->inputs = inputs;
    panel->add = i0 > 0;
    panel->stream = job->stream && i0 + inputs == job->inputs;
    for (size_t i = 0; i < inputs; i++)
        panel->in[i] = job->in ? (const char *)job->in[i0 + i]
                               : (const char *)job->first + (i0 + i) * job->step * sizeof(REAL);
    for (size_t j = 0; j < outputs; j++) {
        const double *g = job->g + (j0 + j) * job->g_stride + i0;
        for (size_t i = 0; i < inputs; i++)
            panel->g[i][j] = (REAL)g[i];
        panel->out[j] = (char *)job->out[j0 + j] + job->out_offset * sizeof(RESULT);
    }
}

/* Repeats [r0,r1) and positions [t0,t1) for the panel's outputs. */
static void TO(panel_run)(struct TO(panel) * panel, const struct combine_job *job, size_t outputs, size_t r0,
                          size_t r1, size_t t0, size_t t1) {
    for (size_t r = r0; r < r1; r++) {
        size_t in_at = (r * job->in_stride + t0) * sizeof(REAL),
               out_at = (r * job->out_stride + t0) * sizeof(RESULT);
        switch (outputs) {
        case 1:
            TO(run)(panel, 1, t1 - t0, in_at, out_at);
            break;
        case 2:
            TO(run)(panel, 2, t1 - t0, in_at, out_at);
            break;
        case 4:
            TO(run)(panel, 4, t1 - t0, in_at, out_at);
            break;
        default:
            TO(run)(panel, TALL, t1 - t0, in_at, out_at);
            break;
        }
    }
}

/* As combine_repeated. */
static float TO(combine)(const struct combine_job *job) {
    size_t chunk = size_min(CHUNK_MAX, CHUNK_BYTES / sizeof(REAL) / (job->inputs + 1));
    chunk = chunk < WIDE * LANES ? WIDE * LANES : chunk - chunk % (WIDE * LANES);
    size_t repeats = job->length >= chunk ? 1 : chunk / (job->length + !job->length);
    struct TO(panel) panel;
    panel.peak = NAME(splat)(0);
    for (size_t r = 0; r < job->repeats; r += repeats)
        for (size_t t = 0; t < job->length; t += chunk)
            for (size_t j = 0, outputs; j < job->outputs; j += outputs) {
                size_t i = 0, left = job->outputs - j;
                outputs = left >= TALL ? TALL : left >= 4 ? 4 : left >= 2 ? 2 : 1; /* as panel_run has */
                do {
                    TO(panel_fill)(&panel, job, j, outputs, i, size_min(PANEL_INPUTS, job->inputs - i));
                    TO(panel_run)
                    (&panel, job, outputs, r, size_min(r + repeats, job->repeats), t,
                     size_min(t + chunk, job->length));
                    i += PANEL_INPUTS;
                } while (i < job->inputs);
            }
    if (job->stream)
        NAME(stream_end)();
    REAL peaks[LANES];
    NAME(store)(peaks, panel.peak);
    REAL peak = 0;
    for (size_t i = 0; i < LANES; i++)
        peak = peaks[i] > peak ? peaks[i] : peak;
    return (float)peak;
}
