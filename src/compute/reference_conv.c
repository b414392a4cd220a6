/* Y[b,n,y] = activation(sum over c,k of X[b,c,y*s + k*d - p] K[n,c,k] + bias[n] + Z[b,n,y]), Z being the
 * second input if there is one, straight from the definition. */
#include "compute/conv_element.h"
#include "compute/reference.h"

static void one_output(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *y,
                       int64_t b, int64_t n) {
    const convoy_tensor *added = layer->desc.input_count == 2 ? &in[1] : NULL;
    const struct conv_geometry *g = &layer->desc.conv;
    double bias = layer->bias.data ? value_at(&layer->bias, (size_t)n) : 0;
    struct conv_place at = {.image = b, .channel = n};
    for (at.axis[0] = 0; at.axis[0] < g->out[0]; at.axis[0]++)
        for (at.axis[1] = 0; at.axis[1] < g->out[1]; at.axis[1]++)
            for (at.axis[2] = 0; at.axis[2] < g->out[2]; at.axis[2]++) {
                size_t index = conv_output_index(g, &at);
                double sum = conv_element(g, &in[0], &layer->weights, &at) + bias +
                             (added ? value_at(added, index) : 0);
                value_store(y, index, reference_activate(&layer->desc.activation, y->dtype, sum));
            }
}

convoy_status reference_conv(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                             convoy_error *error) {
    (void)error;
    for (int64_t b = 0; b < layer->desc.conv.batch; b++)
        for (int64_t n = 0; n < layer->desc.conv.out_channels; n++)
            one_output(layer, in, out, b, n);
    return CONVOY_OK;
}
