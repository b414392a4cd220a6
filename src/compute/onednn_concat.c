/* Concatenation: runs of bytes one behind the other. Blocks of channels are such runs too, where every input
 * fills its blocks. */
#include "base/error.h"
#include "base/tensor.h"
#include "compute/onednn.h"

#include <stdlib.h>

static bool full_blocks(dnnl_memory_desc_t *md, const convoy_shape *shape) {
    return onednn_blocked(md, (int)shape->rank, shape->dims, onednn_block()) &&
           md->padded_dims[1] == md->dims[1];
}

static bool stays_blocked(const struct layer_desc *desc) {
    dnnl_memory_desc_t md;
    bool laid_out = false, full = true;
    for (uint32_t i = 0; i < desc->input_count && full; i++) {
        laid_out = laid_out || onednn_given(desc, i, &md);
        full = full_blocks(&md, &desc->inputs[i].shape);
    }
    return desc->concat.axis == 1 && desc->free_output && laid_out && full;
}

convoy_status onednn_concat(struct onednn_layer *layer, const struct layer_desc *desc, dnnl_engine_t engine,
                            convoy_error *error) {
    uint32_t axis = desc->concat.axis;
    bool blocked = stays_blocked(desc);
    layer->outer = shape_product(&desc->outputs[0].shape, 0, axis);
    layer->chunks = calloc(desc->input_count, sizeof *layer->chunks);
    if (!layer->chunks)
        return error_memory(error);
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < desc->input_count && status == CONVOY_OK; i++) {
        const convoy_shape *shape = &desc->inputs[i].shape;
        dnnl_memory_desc_t lies;
        const dnnl_memory_desc_t *given = onednn_given(desc, i, &lies);
        struct operand operand = {.index = i};
        bool described = onednn_plain(&operand.inside, (int)shape->rank, shape->dims);
        operand.outside = given ? *given : operand.inside;
        described = described && (!blocked || full_blocks(&operand.inside, shape));
        operand.between = operand.inside;
        layer->chunks[i] = shape_product(shape, axis, shape->rank) * sizeof(float);
        status = described ? onednn_operand_add(layer, &operand, false, engine, error) : error_memory(error);
    }
    layer->output_block = blocked ? onednn_block() : 0;
    return status;
}
