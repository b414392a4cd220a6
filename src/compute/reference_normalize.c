/* v = (x - mean) / sqrt(variance + epsilon) over [inner] elements at a time, or x / sqrt(mean of squares +
 * epsilon). */
#include "compute/reference.h"

#include <math.h>

convoy_status check_normalize(const struct layer_desc *desc, const struct layer_params *params,
                              convoy_error *error) {
    (void)params;
    if (!both_have(desc, desc->normalize.outer, desc->normalize.inner, 1))
        return kind_refuse(desc, error, "the shapes of input and output are not [outer,inner]");
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
        for (size_t i = 0; i < inner; i++)
            value_store(out, o * inner + i, (value_at(in, o * inner + i) - mean) * factor);
    }
    return CONVOY_OK;
}
