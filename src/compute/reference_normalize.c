/* v = (x - mean) / sqrt(variance + epsilon) over [inner] elements at a time, or x / sqrt(mean of squares +
 * epsilon); times weights, plus bias. */
#include "compute/reference.h"

#include <math.h>

convoy_status check_normalize(const struct layer_desc *desc, const struct layer_params *params,
                              convoy_error *error) {
    if (!both_have(desc, desc->normalize.outer, desc->normalize.inner, 1))
        return kind_refuse(desc, error, "the shapes of input and output are not [outer,inner]");
    const convoy_tensor *constants[] = {params ? &params->weights : NULL, params ? &params->bias : NULL};
    for (int i = 0; i < 2; i++)
        if (constants[i] && constants[i]->data && !is_vector(constants[i], desc, desc->normalize.inner))
            return kind_refuse(desc, error, "weights or bias are not [inner] of the layer's type");
    return CONVOY_OK;
}

convoy_status reference_normalize(const struct reference_layer *layer, const convoy_tensor *in,
                                  convoy_tensor *out, convoy_error *error) {
    (void)error;
    size_t inner = layer->desc.normalize.inner;
    for (size_t o = 0; o < layer->desc.normalize.outer; o++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < inner && layer->desc.normalize.centered; i++)
            mean += value_at(in, o * inner + i) / (double)inner;
        for (size_t i = 0; i < inner; i++) {
            double v = value_at(in, o * inner + i) - mean;
            squares += v * v / (double)inner;
        }
        double factor = 1 / sqrt(squares + layer->desc.normalize.epsilon);
        for (size_t i = 0; i < inner; i++) {
            double scale = layer->weights.data ? value_at(&layer->weights, i) : 1,
                   bias = layer->bias.data ? value_at(&layer->bias, i) : 0;
            value_store(out, o * inner + i, (value_at(in, o * inner + i) - mean) * factor * scale + bias);
        }
    }
    return CONVOY_OK;
}
