/* Conversion between element types: towards zero and saturating from float to integer (NaN gives 0), modulo
 * 2^bits between integers, to the nearest even for floats, "not zero" for bool. */
#include "compute/reference.h"

#include "base/tensor.h"

convoy_status check_cast(const struct layer_desc *desc, const struct layer_params *params,
                         convoy_error *error) {
    (void)params;
    const convoy_shape *y = &desc->outputs[0].shape;
    if (!both_have(desc, shape_product(y, 0, y->rank), 1, 1))
        return kind_refuse(desc, error, "input and output have different numbers of elements");
    return CONVOY_OK;
}

convoy_status reference_cast(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                             convoy_error *error) {
    (void)layer;
    (void)error;
    bool real = dtype_is(in->dtype, DTYPE_REALS);
    size_t total = convoy_tensor_elements(out);
    for (size_t i = 0; i < total; i++)
        if (real)
            value_store(out, i, value_at(in, i));
        else if (in->dtype == CONVOY_U64 && dtype_is(out->dtype, DTYPE_REALS))
            value_store(out, i, value_at(in, i)); /* whose bits are no int64 */
        else
            integer_store(out, i, integer_at(in, i)); /* rounds once, unlike the way over double */
    return CONVOY_OK;
}
