/* Y[b,n,y] = activation(sum over c, x, k where x*s + k*d - p = y of X[b,c,x] K[c,n,k] + bias[n]), gathered
 * for each element of the output. */
#include "compute/reference.h"

#include "base/tensor.h"

convoy_status check_conv_transpose(const struct layer_desc *desc, const struct layer_params *params,
                                   convoy_error *error) {
    struct conv_transpose_geometry g = desc->conv_transpose;
    convoy_status status = conv_transpose_complete(&g, error);
    if (status != CONVOY_OK)
        return status;
    if (memcmp(&g, &desc->conv_transpose, sizeof g))
        return kind_refuse(desc, error, "its geometry was not completed");
    convoy_shape x = conv_transpose_input_shape(&g), k = conv_transpose_filter_shape(&g),
                 y = conv_transpose_output_shape(&g);
    if (!shape_equal(&desc->inputs[0].shape, &x) || !shape_equal(&desc->outputs[0].shape, &y))
        return kind_refuse(desc, error, "the shapes of input and output are not those of its geometry");
    if (!params || !is_vector(&params->weights, desc, shape_product(&k, 0, k.rank)))
        return kind_refuse(desc, error, "the weights are not [C,N/groups,kernel] of the layer's type");
    if (params->bias.data && !is_vector(&params->bias, desc, (size_t)g.out_channels))
        return kind_refuse(desc, error, "the bias is not one number of the layer's type per output channel");
    return CONVOY_OK;
}

/* The position of the input that tap k of its window brings to position y of the output; -1: none. */
static int64_t source(const struct conv_transpose_geometry *g, uint32_t axis, int64_t y, int64_t k) {
    int64_t z = y + g->pad_begin[axis] - k * g->dilation[axis];
    return z >= 0 && z % g->stride[axis] == 0 && z / g->stride[axis] < g->in[axis] ? z / g->stride[axis] : -1;
}

/* One input channel's part of an element: x_base and w_base are where channel and filter begin. */
static double channel_sum(const struct conv_transpose_geometry *g, const convoy_tensor *x, int64_t x_base,
                          const convoy_tensor *filters, int64_t w_base, const int64_t *at) {
    double sum = 0;
    for (int64_t i = 0; i < g->kernel[0]; i++) {
        int64_t z0 = source(g, 0, at[0], i);
        for (int64_t j = 0; j < g->kernel[1] && z0 >= 0; j++) {
            int64_t z1 = source(g, 1, at[1], j);
            for (int64_t k = 0; k < g->kernel[2] && z1 >= 0; k++) {
                int64_t z2 = source(g, 2, at[2], k);
                if (z2 >= 0)
                    sum += value_at(x, (size_t)(x_base + (z0 * g->in[1] + z1) * g->in[2] + z2)) *
                           value_at(filters, (size_t)(w_base + (i * g->kernel[1] + j) * g->kernel[2] + k));
            }
        }
    }
    return sum;
}

static double element(const struct conv_transpose_geometry *g, const convoy_tensor *x,
                      const convoy_tensor *filters, int64_t b, int64_t n, const int64_t *at) {
    int64_t depth = g->in_channels / g->groups, width = g->out_channels / g->groups;
    int64_t map = g->in[0] * g->in[1] * g->in[2], taps = g->kernel[0] * g->kernel[1] * g->kernel[2];
    double sum = 0;
    for (int64_t i = 0; i < depth; i++) {
        int64_t c = n / width * depth + i;
        sum += channel_sum(g, x, (b * g->in_channels + c) * map, filters, (c * width + n % width) * taps, at);
    }
    return sum;
}

convoy_status reference_conv_transpose(const struct reference_layer *layer, const convoy_tensor *in,
                                       convoy_tensor *out, convoy_error *error) {
    (void)error;
    const struct conv_transpose_geometry *g = &layer->desc.conv_transpose;
    size_t place = 0;
    int64_t at[CONV_MAX_SPATIAL];
    for (int64_t b = 0; b < g->batch; b++)
        for (int64_t n = 0; n < g->out_channels; n++) {
            double bias = layer->bias.data ? value_at(&layer->bias, (size_t)n) : 0;
            for (at[0] = 0; at[0] < g->out[0]; at[0]++)
                for (at[1] = 0; at[1] < g->out[1]; at[1]++)
                    for (at[2] = 0; at[2] < g->out[2]; at[2]++) {
                        double sum = element(g, in, &layer->weights, b, n, at) + bias;
                        value_store(out, place++, value_activate(&layer->desc.activation, out->dtype, sum));
                    }
        }
    return CONVOY_OK;
}
