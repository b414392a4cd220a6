/* Transposition: a copy between two layouts of one tensor, which is what oneDNN calls a reorder. What lies in
 * blocks of channels is read as it lies; where channels become the second axis, which were the last, the
 * output is left in blocks if it may be, as the kernels behind like it. */
#include "base/error.h"
#include "base/tensor.h"
#include "compute/onednn.h"

bool onednn_transposes(const struct layer_desc *desc) {
    const convoy_shape *shape = &desc->outputs[0].shape;
    return desc->kind == LAYER_TRANSPOSE && desc->outputs[0].dtype == CONVOY_F32 && shape->rank > 0 &&
           shape_product(shape, 0, shape->rank) > 0;
}

/* The output's layout: dense, or whole blocks of channels. */
static bool describe_output(const struct layer_desc *desc, dnnl_memory_desc_t *md, uint32_t *block) {
    const convoy_shape *shape = &desc->outputs[0].shape;
    const uint32_t *permutation = desc->transpose.permutation;
    *block = onednn_block();
    bool channels_come = shape->rank > 3 && permutation[0] == 0 && permutation[1] == shape->rank - 1;
    if (desc->free_output && channels_come && *block && shape->dims[1] % *block == 0 &&
        onednn_blocked(md, (int)shape->rank, shape->dims, *block))
        return true;
    *block = 0;
    return onednn_plain(md, (int)shape->rank, shape->dims);
}

/* The input as it lies, under the output's axes. */
static bool describe_input(const struct layer_desc *desc, dnnl_memory_desc_t *lies, dnnl_memory_desc_t *md) {
    const convoy_shape *shape = &desc->inputs[0].shape;
    int goes_to[CONVOY_MAX_RANK];
    if (!onednn_given(desc, 0, lies) && !onednn_plain(lies, (int)shape->rank, shape->dims))
        return false;
    for (uint32_t i = 0; i < shape->rank; i++)
        goes_to[desc->transpose.permutation[i]] = (int)i;
    return dnnl_memory_desc_permute_axes(md, lies, goes_to) == dnnl_success;
}

convoy_status onednn_transpose(struct onednn_layer *layer, const struct layer_desc *desc,
                               dnnl_engine_t engine, convoy_error *error) {
    dnnl_memory_desc_t lies;
    struct operand from = {.arg = DNNL_ARG_FROM}, to = {.arg = DNNL_ARG_TO};
    if (!describe_input(desc, &lies, &from.inside) ||
        !describe_output(desc, &to.inside, &layer->output_block))
        return error_memory(error); /* ranks and sizes were checked: nothing else can be wrong */
    from.outside = from.between = from.inside;
    to.outside = to.between = to.inside;
    dnnl_status_t status =
        onednn_reorder_create(&layer->primitive, &layer->scratch_bytes, &from.inside, &to.inside, engine);
    if (status != dnnl_success)
        return onednn_failure(status, "making a reorder", error);
    layer->output_bytes = dnnl_memory_desc_get_size(&to.inside);
    convoy_status added = onednn_operand_add(layer, &from, false, engine, error);
    return added == CONVOY_OK ? onednn_operand_add(layer, &to, true, engine, error) : added;
}
