/* The elements of one tensor at given places of a larger one, which is zero elsewhere. If a place is given
 * twice, the last one counts. */
#include "compute/reference.h"

#include "base/error.h"
#include "base/tensor.h"

convoy_status check_unpool(const struct layer_desc *desc, const struct layer_params *params,
                           convoy_error *error) {
    (void)params;
    if (!shape_equal(&desc->inputs[0].shape, &desc->inputs[1].shape))
        return kind_refuse(desc, error, "values and indices have different shapes");
    return CONVOY_OK;
}

convoy_status reference_unpool(const struct reference_layer *layer, const convoy_tensor *in,
                               convoy_tensor *out, convoy_error *error) {
    size_t element = convoy_dtype_bytes(out->dtype), count = convoy_tensor_elements(in),
           room = convoy_tensor_elements(out);
    memset(out->data, 0, room * element);
    for (size_t i = 0; i < count; i++) {
        int64_t index = integer_at(&in[1], i);
        if (index < 0 || (uint64_t)index >= room)
            return error_set(error, CONVOY_E_INPUT, "%s %s: index %lld into a result of %zu elements",
                             layer->desc.op, layer->desc.name, (long long)index, room);
        memcpy((char *)out->data + (size_t)index * element, (const char *)in->data + i * element, element);
    }
    return CONVOY_OK;
}
