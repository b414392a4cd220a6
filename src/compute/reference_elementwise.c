/* Kinds that treat every element alone. */
#include "compute/reference.h"

#include "base/error.h"
#include "base/tensor.h"

convoy_status check_activation(const struct layer_desc *desc, const struct layer_params *params,
                               convoy_error *error) {
    (void)params;
    const convoy_shape *y = &desc->outputs[0].shape;
    if (!both_have(desc, shape_product(y, 0, y->rank), 1, 1))
        return kind_refuse(desc, error, "input and output have different numbers of elements");
    if (!activation_admits(desc->activation.kind, desc->inputs[0].dtype))
        return error_set(error, CONVOY_E_UNSUPPORTED, "%s %s: no kernel for %s", desc->op, desc->name,
                         convoy_dtype_text(desc->inputs[0].dtype));
    return CONVOY_OK;
}

convoy_status reference_activation(const struct reference_layer *layer, const convoy_tensor *in,
                                   convoy_tensor *out, convoy_error *error) {
    (void)error;
    const struct activation *activation = &layer->desc.activation;
    bool real = dtype_is(out->dtype, DTYPE_REALS);
    size_t total = convoy_tensor_elements(out);
    for (size_t i = 0; i < total; i++)
        if (real)
            value_store(out, i, value_activate(activation, out->dtype, value_at(in, i)));
        else
            integer_store(out, i, activation_apply_integer(activation, out->dtype, integer_at(in, i)));
    return CONVOY_OK;
}

convoy_status check_affine(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    size_t channels = desc->affine.channels;
    if (!both_have(desc, desc->affine.batch, channels, desc->affine.inner) || !params ||
        !is_vector(&params->weights, desc, channels) || !is_vector(&params->bias, desc, channels))
        return kind_refuse(desc, error, "the shapes of inputs, constants and output do not fit together");
    return CONVOY_OK;
}

convoy_status reference_affine(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    (void)error;
    size_t channels = layer->desc.affine.channels, inner = layer->desc.affine.inner, place = 0;
    for (size_t b = 0; b < layer->desc.affine.batch; b++)
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < inner; i++, place++) {
                double value = value_at(in, place) * value_at(&layer->weights, c) + value_at(&layer->bias, c);
                value_store(out, place, value_activate(&layer->desc.activation, out->dtype, value));
            }
    return CONVOY_OK;
}
