/* Kinds that sum over axes: products, softmax, reductions. */
#include "compute/reference.h"

#include "base/maximum.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <math.h>

convoy_status reference_matmul(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    (void)error;
    convoy_shape a, b_shape, y;
    matmul_shapes(&layer->desc, &a, &b_shape, &y);
    uint32_t rank = y.rank;
    size_t rows = (size_t)y.dims[rank - 2], columns = (size_t)y.dims[rank - 1],
           depth = (size_t)a.dims[rank - 1];
    struct walk walk = {.rank = rank - 2};
    for (uint32_t i = 0; i < rank - 2; i++)
        walk.extent[i] = y.dims[i];
    walk_strides(walk.stride[0], &a, rank);
    walk_strides(walk.stride[1], &b_shape, rank);
    size_t batches = shape_product(&y, 0, rank - 2);
    for (size_t b = 0; b < batches; b++, walk_next(&walk))
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++) {
                double sum = 0;
                for (size_t k = 0; k < depth; k++)
                    sum += value_at(&in[0], (size_t)walk.offset[0] + r * depth + k) *
                           value_at(&in[1], (size_t)walk.offset[1] + k * columns + c);
                value_store(out, (b * rows + r) * columns + c,
                            reference_activate(&layer->desc.activation, out->dtype, sum));
            }
    return CONVOY_OK;
}

/* exp(v - largest) / sum of those; as a logarithm v - largest - log(sum). */
convoy_status reference_softmax(const struct reference_layer *layer, const convoy_tensor *in,
                                convoy_tensor *out, convoy_error *error) {
    (void)error;
    size_t length = layer->desc.softmax.axis, inner = layer->desc.softmax.inner;
    for (size_t o = 0; o < layer->desc.softmax.outer; o++)
        for (size_t i = 0; i < inner; i++) {
            size_t base = o * length * inner + i;
            double largest = -INFINITY, sum = 0;
            for (size_t k = 0; k < length; k++)
                largest = max_or_nan(largest, value_at(in, base + k * inner));
            for (size_t k = 0; k < length; k++)
                sum += exp(value_at(in, base + k * inner) - largest);
            for (size_t k = 0; k < length; k++) {
                double value = value_at(in, base + k * inner) - largest;
                value_store(out, base + k * inner,
                            layer->desc.softmax.logarithm ? value - log(sum) : exp(value) / sum);
            }
        }
    return CONVOY_OK;
}

convoy_status reference_reduce(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    (void)error;
    const convoy_shape *shape = &layer->inputs[0];
    ptrdiff_t strides[CONVOY_MAX_RANK];
    walk_strides(strides, shape, shape->rank);
    /* kept counts through the output, reduced through the elements that one output element stands for */
    struct walk kept = {0}, reduced = {0};
    size_t outputs = 1, terms = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        bool gone = layer->desc.reduce.axes >> i & 1;
        struct walk *walk = gone ? &reduced : &kept;
        walk->extent[walk->rank] = shape->dims[i];
        walk->stride[0][walk->rank++] = strides[i];
        *(gone ? &terms : &outputs) *= (size_t)shape->dims[i];
    }
    enum reduce_op op = layer->desc.reduce.op;
    for (size_t o = 0; o < outputs; o++, walk_next(&kept)) {
        double result = op == REDUCE_MAX ? -INFINITY : op == REDUCE_MIN ? INFINITY : 0;
        for (size_t t = 0; t < terms; t++, walk_next(&reduced)) {
            double value = value_at(in, (size_t)(kept.offset[0] + reduced.offset[0]));
            result = op == REDUCE_MAX   ? fmax(result, value)
                     : op == REDUCE_MIN ? fmin(result, value)
                                        : result + value;
        }
        value_store(out, o, op == REDUCE_MEAN ? result / (double)terms : result);
    }
    return CONVOY_OK;
}
