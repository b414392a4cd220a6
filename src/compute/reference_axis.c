/* Kinds that go along one axis, the middle of [outer][axis][inner]: where extremes lie, the largest k, sums
 * so far, sequences turned around. */
#include "compute/reference.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

/* --- Order ---------------------------------------------------------------------------------------------- */

/* Whether element a stands before element b of the tensor if the order is from the least, or from the
 * largest. A NaN is larger than any number, as NumPy sorts it. */
static bool stands_before(const convoy_tensor *in, size_t a, size_t b, bool least) {
    if (dtype_is(in->dtype, DTYPE_REALS)) {
        double x = value_at(in, a), y = value_at(in, b);
        if (isnan(x) || isnan(y))
            return least ? !isnan(x) : !isnan(y);
        return least ? x < y : x > y;
    }
    int64_t x = integer_at(in, a), y = integer_at(in, b);
    return binary_of_integers(least ? BINARY_LESS : BINARY_GREATER, x, y,
                              dtype_is(in->dtype, DTYPE_UNSIGNED));
}

convoy_status check_arg(const struct layer_desc *desc, const struct layer_params *params,
                        convoy_error *error) {
    (void)params;
    size_t outer = desc->arg.outer, axis = desc->arg.axis, inner = desc->arg.inner;
    if (!shape_has(&desc->inputs[0].shape, outer, axis, inner) ||
        !shape_has(&desc->outputs[0].shape, outer, 1, inner) || desc->outputs[0].dtype != CONVOY_I64)
        return kind_refuse(desc, error, "the output is not int64 of the input's shape without the axis");
    if (axis == 0 && !shape_has(&desc->outputs[0].shape, 0, 1, 1))
        return kind_refuse(desc, error, "an axis of no elements has no extreme");
    return CONVOY_OK;
}

/* Whether the extreme so far, which lies before the element, gives way to it. A NaN is the extreme of both
 * kinds. */
static bool gives_way(const struct layer_desc *desc, const convoy_tensor *in, size_t best, size_t element) {
    bool least = desc->arg.least, last = desc->arg.last;
    if (!dtype_is(in->dtype, DTYPE_REALS))
        return last ? !stands_before(in, best, element, least) : stands_before(in, element, best, least);
    double x = value_at(in, best), y = value_at(in, element);
    if (isnan(x) || isnan(y))
        return isnan(y) && (last || !isnan(x));
    return (least ? y < x : y > x) || (last && x == y);
}

convoy_status reference_arg(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                            convoy_error *error) {
    (void)error;
    const struct layer_desc *desc = &layer->desc;
    size_t axis = desc->arg.axis, inner = desc->arg.inner;
    int64_t *best = out->data; /* so far; of all positions of inner at once, which lie side by side */
    memset(best, 0, desc->arg.outer * inner * sizeof *best);
    for (size_t o = 0; o < desc->arg.outer; o++, best += inner)
        for (size_t k = 1; k < axis; k++)
            for (size_t i = 0; i < inner; i++) {
                size_t base = o * axis * inner + i;
                if (gives_way(desc, in, base + (size_t)best[i] * inner, base + k * inner))
                    best[i] = (int64_t)k;
            }
    return CONVOY_OK;
}

convoy_status check_top_k(const struct layer_desc *desc, const struct layer_params *params,
                          convoy_error *error) {
    (void)params;
    size_t outer = desc->top_k.outer, axis = desc->top_k.axis, inner = desc->top_k.inner, k = desc->top_k.k;
    bool fits = k <= axis && shape_has(&desc->inputs[0].shape, outer, axis, inner) &&
                shape_has(&desc->outputs[0].shape, outer, k, inner);
    if (fits && desc->output_count > 1)
        fits = desc->outputs[1].dtype == CONVOY_I64 && shape_has(&desc->outputs[1].shape, outer, k, inner);
    if (!fits)
        return kind_refuse(desc, error, "the outputs are not the first k of the axis");
    return CONVOY_OK;
}

/* An element of the axis that is being sorted. */
struct candidate {
    const convoy_tensor *in;
    size_t at; /* in the tensor */
    size_t position;
    bool least;
};

/* Of equal ones the first stands before the others. */
static int candidates_compare(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    if (stands_before(a->in, a->at, b->at, a->least))
        return -1;
    if (stands_before(a->in, b->at, a->at, a->least))
        return 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

convoy_status reference_top_k(const struct reference_layer *layer, const convoy_tensor *in,
                              convoy_tensor *out, convoy_error *error) {
    const struct layer_desc *desc = &layer->desc;
    size_t axis = desc->top_k.axis, inner = desc->top_k.inner, k = desc->top_k.k;
    size_t element = convoy_dtype_bytes(in->dtype);
    struct candidate *order = calloc(axis + 1, sizeof *order);
    if (!order)
        return error_memory(error);
    for (size_t line = 0; line < desc->top_k.outer * inner; line++) {
        size_t from = line / inner * axis * inner + line % inner,
               to = line / inner * k * inner + line % inner;
        for (size_t i = 0; i < axis; i++)
            order[i] = (struct candidate){in, from + i * inner, i, desc->top_k.least};
        qsort(order, axis, sizeof *order, candidates_compare);
        for (size_t i = 0; i < k; i++) {
            size_t at = to + i * inner;
            memory_copy_run((char *)out[0].data + at * element,
                            (const char *)in->data + order[i].at * element, element);
            if (desc->output_count > 1)
                ((int64_t *)out[1].data)[at] = (int64_t)order[i].position;
        }
    }
    free(order);
    return CONVOY_OK;
}

/* --- Sums ----------------------------------------------------------------------------------------------- */

convoy_status check_cumulative_sum(const struct layer_desc *desc, const struct layer_params *params,
                                   convoy_error *error) {
    (void)params;
    if (!both_have(desc, desc->cumulative.outer, desc->cumulative.axis, desc->cumulative.inner))
        return kind_refuse(desc, error, "the shapes of input and output are not [outer,axis,inner]");
    return CONVOY_OK;
}

/* Integers add up modulo 2^64. */
convoy_status reference_cumulative_sum(const struct reference_layer *layer, const convoy_tensor *in,
                                       convoy_tensor *out, convoy_error *error) {
    (void)error;
    const struct layer_desc *desc = &layer->desc;
    size_t axis = desc->cumulative.axis, inner = desc->cumulative.inner;
    bool real = dtype_is(in->dtype, DTYPE_REALS), exclusive = desc->cumulative.exclusive;
    for (size_t line = 0; line < desc->cumulative.outer * inner; line++) {
        double sum = 0, before = 0;
        uint64_t bits = 0, bits_before = 0;
        for (size_t n = 0; n < axis; n++) {
            size_t k = desc->cumulative.backward ? axis - 1 - n : n;
            size_t at = (line / inner * axis + k) * inner + line % inner;
            if (real) {
                before = sum;
                sum += value_at(in, at);
                value_store(out, at, exclusive ? before : sum);
            } else {
                bits_before = bits;
                bits += (uint64_t)integer_at(in, at);
                integer_store(out, at, (int64_t)(exclusive ? bits_before : bits));
            }
        }
    }
    return CONVOY_OK;
}

/* --- Sequences ------------------------------------------------------------------------------------------ */

convoy_status check_reverse_sequence(const struct layer_desc *desc, const struct layer_params *params,
                                     convoy_error *error) {
    (void)params;
    uint32_t batch = desc->reverse.batch_axis, time = desc->reverse.time_axis;
    const convoy_shape *x = &desc->inputs[0].shape, *y = &desc->outputs[0].shape;
    if (x->rank < 2 || batch > 1 || time > 1 || batch == time || x->rank != y->rank ||
        memcmp(x->dims, y->dims, x->rank * sizeof x->dims[0]) != 0)
        return kind_refuse(desc, error, "batch and time are not the first two axes of input and output");
    if (!shape_has(&desc->inputs[1].shape, (size_t)x->dims[batch], 1, 1))
        return kind_refuse(desc, error, "there are not as many lengths as positions of the batch");
    return CONVOY_OK;
}

convoy_status reference_reverse_sequence(const struct reference_layer *layer, const convoy_tensor *in,
                                         convoy_tensor *out, convoy_error *error) {
    const convoy_shape *x = &layer->inputs[0].shape;
    uint32_t batch = layer->desc.reverse.batch_axis, time = layer->desc.reverse.time_axis;
    size_t run = convoy_dtype_bytes(out->dtype);
    for (uint32_t i = 2; i < x->rank; i++)
        run *= (size_t)x->dims[i];
    size_t step[2] = {(size_t)x->dims[1] * run, run}; /* bytes from one position of an axis to the next */
    for (int64_t b = 0; b < x->dims[batch]; b++) {
        int64_t length = integer_at(&in[1], (size_t)b);
        if (length < 0 || length > x->dims[time])
            return error_set(error, CONVOY_E_INPUT,
                             "%s %s: length %lld of a sequence of at most %lld positions", layer->desc.op,
                             layer->desc.name, (long long)length, (long long)x->dims[time]);
        for (int64_t t = 0; t < x->dims[time]; t++) {
            int64_t source = t < length ? length - 1 - t : t;
            memory_copy_run((char *)out->data + (size_t)b * step[batch] + (size_t)t * step[time],
                            (const char *)in[0].data + (size_t)b * step[batch] + (size_t)source * step[time],
                            run);
        }
    }
    return CONVOY_OK;
}
