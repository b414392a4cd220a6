/* One axis of another size: each output position is a sum of its neighbours in the input, weighted by a
 * filter around it, linear or cubic (Keys 1981, equation 4). Neighbours beyond the ends count as the last
 * element, or not at all. Weights are made for a number of positions at a time. Sums are in double. */
#include "compute/reference.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

#define MOST_WEIGHTS 65536 /* in memory together; of at least one position */
#define STRIP        256   /* elements of a row that are summed together */

convoy_status check_resize(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    size_t outer = desc->resize.outer, in = desc->resize.in, out = desc->resize.out,
           inner = desc->resize.inner;
    if (!shape_has(&desc->inputs[0].shape, outer, in, inner) ||
        !shape_has(&desc->outputs[0].shape, outer, out, inner))
        return kind_refuse(desc, error, "the shapes of input and output are not [outer,in or out,inner]");
    if (out > 0 && (in < 1 || in > (size_t)KIND_LIMIT || out > (size_t)KIND_LIMIT))
        return kind_refuse(desc, error, "sizes must be 1 to 2^30");
    const struct axis_map *map = &desc->resize.map;
    bool finite = isfinite(map->shift) && isfinite(map->numerator) && isfinite(map->denominator) &&
                  isfinite(map->offset) && isfinite(desc->resize.cubic_a);
    if (out > 0 && (!finite || !(map->denominator > 0) ||
                    !(desc->resize.stretch >= 1 && desc->resize.stretch <= 2 * (double)in) ||
                    (unsigned)desc->resize.filter > RESIZE_CUBIC))
        return kind_refuse(desc, error, "positions must be finite, and the filter at most twice the input");
    return CONVOY_OK;
}

/* --- Weights -------------------------------------------------------------------------------------------- */

/* What an output position is made of: input positions [first, first + count). count 0: of a constant. */
struct row {
    size_t first, count;
};

static double filter(const struct layer_desc *desc, double distance) {
    double a = desc->resize.cubic_a, d = fabs(distance);
    if (desc->resize.filter == RESIZE_LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* Neighbours on either side that the filter reaches. */
static int64_t filter_reach(const struct layer_desc *desc) {
    return (int64_t)ceil(desc->resize.stretch * (desc->resize.filter == RESIZE_LINEAR ? 1 : 2));
}

/* Makes the sum 1, which it is not if the filter is stretched or cut off. */
static void normalise(double *weights, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    for (size_t i = 0; i < count; i++)
        weights[i] /= sum;
}

/* Drops neighbours without weight at both ends, so that nothing that is not finite comes from them. */
static void trim(struct row *row, double *weights) {
    size_t lead = 0;
    while (row->count > 1 && weights[row->count - 1] == 0)
        row->count--;
    while (lead + 1 < row->count && weights[lead] == 0)
        lead++;
    row->first += lead;
    row->count -= lead;
    memmove(weights, weights + lead, row->count * sizeof *weights);
}

/* The weights of one output position, [2*reach]. */
static struct row row_make(const struct layer_desc *desc, size_t position, double *weights) {
    double at = axis_map_at(&desc->resize.map, (double)position), last = (double)(desc->resize.in - 1);
    if (desc->resize.extrapolate && !(at >= 0 && at <= last))
        return (struct row){0, 0};
    int64_t reach = filter_reach(desc), end = (int64_t)desc->resize.in - 1;
    /* So far outside all neighbours are the same. */
    at = !(at > (double)-reach) ? (double)-reach : at > last + (double)reach ? last + (double)reach : at;
    int64_t base = (int64_t)ceil(at) - 1, from = base + 1 - reach, to = base + reach;
    int64_t first = from < 0 ? 0 : from > end ? end : from, behind = to < 0 ? 0 : to > end ? end : to;
    struct row row = {(size_t)first, (size_t)(behind - first + 1)};
    for (size_t i = 0; i < row.count; i++)
        weights[i] = 0;
    for (int64_t i = from; i <= to; i++) {
        int64_t element = i < 0 ? 0 : i > end ? end : i;
        if (element == i || !desc->resize.exclude_outside)
            weights[element - first] += filter(desc, ((double)i - at) / desc->resize.stretch);
    }
    if (desc->resize.stretch > 1 || desc->resize.exclude_outside)
        normalise(weights, row.count);
    trim(&row, weights);
    return row;
}

/* --- Sums ----------------------------------------------------------------------------------------------- */

/* For one type of element: the output at a position from its input, both with rows of inner elements. */
#define SUM_ROWS(NAME, TYPE)                                                                                 \
    static void NAME(const void *input, void *output, size_t inner, const double *weights, size_t count) {   \
        const TYPE *x = input;                                                                               \
        TYPE *y = output;                                                                                    \
        if (inner == 1) {                                                                                    \
            double sum = 0;                                                                                  \
            for (size_t k = 0; k < count; k++)                                                               \
                sum += weights[k] * (double)x[k];                                                            \
            *y = (TYPE)sum;                                                                                  \
            return;                                                                                          \
        }                                                                                                    \
        for (size_t at = 0; at < inner; at += STRIP) {                                                       \
            double sums[STRIP] = {0};                                                                        \
            size_t length = inner - at < STRIP ? inner - at : STRIP;                                         \
            for (size_t k = 0; k < count; k++)                                                               \
                for (size_t i = 0; i < length; i++)                                                          \
                    sums[i] += weights[k] * (double)x[k * inner + at + i];                                   \
            for (size_t i = 0; i < length; i++)                                                              \
                y[at + i] = (TYPE)sums[i];                                                                   \
        }                                                                                                    \
    }

SUM_ROWS(sum_rows_f32, float)
SUM_ROWS(sum_rows_f64, double)

/* Positions [from, to), whose rows and weights are made. */
static void positions_run(const struct layer_desc *desc, const convoy_tensor *in, convoy_tensor *out,
                          size_t from, size_t to, const struct row *rows, const double *weights,
                          size_t stride) {
    size_t inner = desc->resize.inner, element = convoy_dtype_bytes(out->dtype), row_bytes = inner * element;
    for (size_t o = 0; o < desc->resize.outer; o++)
        for (size_t p = from; p < to; p++) {
            const struct row *row = &rows[p - from];
            const char *x = (const char *)in->data + (o * desc->resize.in + row->first) * row_bytes;
            size_t place = o * desc->resize.out + p;
            if (row->count > 0)
                (out->dtype == CONVOY_F32 ? sum_rows_f32
                                          : sum_rows_f64)(x, (char *)out->data + place * row_bytes, inner,
                                                          weights + (p - from) * stride, row->count);
            for (size_t i = 0; i < inner && row->count == 0; i++)
                value_store(out, place * inner + i, desc->resize.value);
        }
}

convoy_status reference_resize(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    const struct layer_desc *desc = &layer->desc;
    size_t total = desc->resize.out;
    if (desc->resize.outer == 0 || total == 0 || desc->resize.inner == 0)
        return CONVOY_OK;
    size_t stride = 2 * (size_t)filter_reach(desc), together = MOST_WEIGHTS / stride + 1;
    together = together < total ? together : total;
    struct row *rows = calloc(together, sizeof *rows);
    double *weights = calloc(together * stride, sizeof *weights);
    if (!rows || !weights) {
        free(rows);
        free(weights);
        return error_memory(error);
    }
    for (size_t from = 0; from < total; from += together) {
        size_t to = total - from < together ? total : from + together;
        for (size_t p = from; p < to; p++)
            rows[p - from] = row_make(desc, p, weights + (p - from) * stride);
        positions_run(desc, in, out, from, to, rows, weights, stride);
    }
    free(rows);
    free(weights);
    return CONVOY_OK;
}
