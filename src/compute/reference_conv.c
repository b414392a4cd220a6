/* Y[b,n,y] = activation(sum over c,k of X[b,c,y*s + k*d - p] K[n,c,k] + bias[n] + Z[b,n,y]), Z being the
 * second input if there is one, straight from the definition. */
#include "base/tensor.h"
#include "compute/conv_element.h"
#include "compute/reference.h"

convoy_status check_conv(const struct layer_desc *desc, const struct layer_params *params,
                         convoy_error *error) {
    struct conv_geometry g = desc->conv;
    convoy_status status = conv_geometry_complete(&g, error);
    if (status != CONVOY_OK)
        return status;
    if (g.layout != CONV_CHANNELS_FIRST && g.layout != CONV_CHANNELS_LAST)
        return kind_refuse(desc, error, "the layout is neither channels first nor channels last");
    convoy_shape x = conv_input_shape(&g), k = conv_filter_shape(&g), y = conv_output_shape(&g);
    if (memcmp(&g, &desc->conv, sizeof g))
        return kind_refuse(desc, error, "its geometry was not completed");
    if (!shape_has(&desc->inputs[0].shape, shape_product(&x, 0, x.rank), 1, 1) ||
        !shape_has(&desc->outputs[0].shape, shape_product(&y, 0, y.rank), 1, 1))
        return kind_refuse(desc, error, "the shapes of input and output are not those of its geometry");
    if (desc->input_count == 2 && !shape_equal(&desc->inputs[1].shape, &desc->outputs[0].shape))
        return kind_refuse(desc, error, "what is added has not the shape of the output");
    if (!params || !is_vector(&params->weights, desc, shape_product(&k, 0, k.rank)))
        return kind_refuse(desc, error, "the weights are not [N,C/groups,kernel] of the layer's type");
    if (params->bias.data && !is_vector(&params->bias, desc, (size_t)g.out_channels))
        return kind_refuse(desc, error, "the bias is not one number of the layer's type per output channel");
    return CONVOY_OK;
}

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
                value_store(y, index, value_activate(&layer->desc.activation, y->dtype, sum));
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
