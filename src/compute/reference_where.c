/* condition ? a : b, with numpy's broadcasting. */
#include "compute/reference.h"

convoy_status check_where(const struct layer_desc *desc, const struct layer_params *params,
                          convoy_error *error) {
    (void)params;
    for (uint32_t i = 0; i < 3; i++)
        if (!shape_broadcasts(&desc->inputs[i].shape, &desc->outputs[0].shape, 0))
            return kind_refuse(desc, error, "the shapes of inputs and output do not fit together");
    return CONVOY_OK;
}

convoy_status reference_where(const struct reference_layer *layer, const convoy_tensor *in,
                              convoy_tensor *out, convoy_error *error) {
    (void)error;
    struct walk walk = {.rank = out->shape.rank};
    memcpy(walk.extent, out->shape.dims, sizeof walk.extent);
    for (uint32_t i = 0; i < 3; i++)
        walk_strides(walk.stride[i], &layer->inputs[i].shape, walk.rank);
    size_t total = convoy_tensor_elements(out), element = convoy_dtype_bytes(out->dtype);
    for (size_t i = 0; i < total; i++, walk_next(&walk)) {
        bool holds = ((const uint8_t *)in[0].data)[walk.offset[0]];
        const char *from = in[holds ? 1 : 2].data;
        memcpy((char *)out->data + i * element, from + (size_t)walk.offset[holds ? 1 : 2] * element, element);
    }
    return CONVOY_OK;
}
