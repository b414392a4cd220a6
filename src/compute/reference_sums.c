/* Kinds that sum over an axis: products, softmax. */
#include "compute/reference.h"

#include "base/maximum.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <math.h>

convoy_status check_matmul(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    convoy_shape a, b, y;
    if (!matmul_shapes(desc, &a, &b, &y))
        return kind_refuse(desc, error, "the shapes do not make a product [...,M,K]·[...,K,N] = [...,M,N]");
    return CONVOY_OK;
}

/* A row of the left matrix and a column of the right one: from the elements `left` and `right` on. */
struct series {
    const convoy_tensor *a, *b;
    size_t left, right, stride, length;
};

static double product(const struct series *s) {
    double sum = 0;
    for (size_t k = 0; k < s->length; k++)
        sum += value_at(s->a, s->left + k) * value_at(s->b, s->right + k * s->stride);
    return sum;
}

/* Modulo 2^64. */
static int64_t integer_product(const struct series *s) {
    uint64_t sum = 0;
    for (size_t k = 0; k < s->length; k++)
        sum += (uint64_t)integer_at(s->a, s->left + k) * (uint64_t)integer_at(s->b, s->right + k * s->stride);
    return (int64_t)sum;
}

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
                struct series series = {
                    &in[0],  &in[1], (size_t)walk.offset[0] + r * depth, (size_t)walk.offset[1] + c,
                    columns, depth};
                size_t to = (b * rows + r) * columns + c;
                if (dtype_is(out->dtype, DTYPE_INTEGERS))
                    integer_store(out, to, integer_product(&series));
                else
                    value_store(out, to,
                                value_activate(&layer->desc.activation, out->dtype, product(&series)));
            }
    return CONVOY_OK;
}

convoy_status check_softmax(const struct layer_desc *desc, const struct layer_params *params,
                            convoy_error *error) {
    (void)params;
    if (!both_have(desc, desc->softmax.outer, desc->softmax.axis, desc->softmax.inner))
        return kind_refuse(desc, error, "the shapes of input and output are not [outer,axis,inner]");
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
