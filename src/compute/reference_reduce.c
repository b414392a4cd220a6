/* Reductions over any axes: sums and extremes of what a function makes of each element. */
#include "compute/reference.h"

#include "base/maximum.h"
#include "base/tensor.h"

#include <math.h>

convoy_status check_reduce(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    if ((unsigned)desc->reduce.op >= REDUCE_OPS)
        return kind_refuse(desc, error, "no such reduction");
    const convoy_shape *in = &desc->inputs[0].shape;
    size_t kept = 1;
    for (uint32_t i = 0; i < in->rank; i++)
        if (!(desc->reduce.axes >> i & 1))
            kept *= (size_t)in->dims[i];
    if ((in->rank < 32 && desc->reduce.axes >> in->rank) || !shape_has(&desc->outputs[0].shape, kept, 1, 1))
        return kind_refuse(desc, error, "the output is not the input without the reduced axes");
    return CONVOY_OK;
}

/* The elements that one element of the output stands for: in[base + offsets of terms]. */
struct part {
    const convoy_tensor *in;
    size_t base, count;
    struct walk terms; /* at its beginning; every pass leaves it there */
};

static double least(double a, double b) {
    return a < b || isnan(a) ? a : b;
}

static double pass(struct part *part, enum reduce_op op, double shift) {
    double result = op == REDUCE_MAX ? -INFINITY : op == REDUCE_MIN ? INFINITY : op == REDUCE_PROD ? 1 : 0;
    for (size_t t = 0; t < part->count; t++, walk_next(&part->terms)) {
        double v = value_at(part->in, part->base + (size_t)part->terms.offset[0]);
        switch (op) {
        case REDUCE_MAX:
            result = max_or_nan(result, v);
            break;
        case REDUCE_MIN:
            result = least(result, v);
            break;
        case REDUCE_PROD:
            result *= v;
            break;
        case REDUCE_L1:
            result += fabs(v);
            break;
        case REDUCE_L2:
        case REDUCE_SUM_SQUARE:
            result += v * v;
            break;
        case REDUCE_LOG_SUM_EXP:
            result += exp(v - shift);
            break;
        default:
            result += v;
        }
    }
    return result;
}

static double reduce(struct part *part, enum reduce_op op) {
    double shift = op == REDUCE_LOG_SUM_EXP ? pass(part, REDUCE_MAX, 0) : 0;
    shift = isinf(shift) ? 0 : shift; /* infinities stay what they are */
    double result = pass(part, op, shift);
    switch (op) {
    case REDUCE_MEAN:
        return result / (double)part->count;
    case REDUCE_L2:
        return sqrt(result);
    case REDUCE_LOG_SUM:
        return log(result);
    case REDUCE_LOG_SUM_EXP:
        return shift + log(result);
    default:
        return result;
    }
}

/* Sums and products modulo 2^64; the extremes of none are the ends of the type. */
static int64_t reduce_integers(struct part *part, enum reduce_op op) {
    const struct dtype *type = dtype_find(part->in->dtype);
    bool is_unsigned = type->class != DTYPE_SIGNED;
    uint64_t sum = op == REDUCE_PROD;
    int64_t extreme = op == REDUCE_MAX ? (int64_t)(0 - type->below) : (int64_t)type->above;
    for (size_t t = 0; t < part->count; t++, walk_next(&part->terms)) {
        int64_t v = integer_at(part->in, part->base + (size_t)part->terms.offset[0]);
        bool above = is_unsigned ? (uint64_t)v > (uint64_t)extreme : v > extreme;
        if (v != extreme && above == (op == REDUCE_MAX))
            extreme = v;
        uint64_t bits = (uint64_t)v;
        sum = op == REDUCE_PROD         ? sum * bits
              : op == REDUCE_SUM_SQUARE ? sum + bits * bits
              : op == REDUCE_L1         ? sum + (!is_unsigned && v < 0 ? 0 - bits : bits)
                                        : sum + bits;
    }
    return op == REDUCE_MAX || op == REDUCE_MIN ? extreme : (int64_t)sum;
}

static bool is_exact(enum reduce_op op) {
    return op == REDUCE_SUM || op == REDUCE_MAX || op == REDUCE_MIN || op == REDUCE_PROD || op == REDUCE_L1 ||
           op == REDUCE_SUM_SQUARE;
}

convoy_status reference_reduce(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    (void)error;
    const convoy_shape *shape = &layer->inputs[0].shape;
    ptrdiff_t strides[CONVOY_MAX_RANK];
    walk_strides(strides, shape, shape->rank);
    struct walk kept = {0}; /* counts through the output */
    struct part part = {.in = in, .count = 1};
    size_t outputs = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        bool gone = layer->desc.reduce.axes >> i & 1;
        struct walk *walk = gone ? &part.terms : &kept;
        walk->extent[walk->rank] = shape->dims[i];
        walk->stride[0][walk->rank++] = strides[i];
        *(gone ? &part.count : &outputs) *= (size_t)shape->dims[i];
    }
    enum reduce_op op = layer->desc.reduce.op;
    bool integers = !dtype_is(in->dtype, DTYPE_FLOAT) && is_exact(op);
    for (size_t o = 0; o < outputs; o++, walk_next(&kept)) {
        part.base = (size_t)kept.offset[0];
        if (integers)
            integer_store(out, o, reduce_integers(&part, op));
        else
            value_store(out, o, reduce(&part, op));
    }
    return CONVOY_OK;
}
