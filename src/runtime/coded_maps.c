#include "runtime/coded_maps.h"

#include "base/conv_turn.h"
#include "base/tensor.h"

#include <math.h>
#include <stdlib.h>

/* Memory for a map, as long as the context lives. */
static convoy_status reserve_map(struct cluster_context *context, int i, size_t bytes) {
    if (bytes <= context->map_bytes[i])
        return CONVOY_OK;
    void *grown = memory_aligned(bytes);
    if (!grown)
        return CONVOY_E_MEMORY;
    free(context->map[i]);
    context->map[i] = grown;
    context->map_bytes[i] = bytes;
    return CONVOY_OK;
}

convoy_status coded_take_inputs(const struct coded_layer *layer, struct cluster_context *context,
                                const convoy_tensor *in, convoy_tensor *taken) {
    for (int i = 0; i < (layer->adds ? 2 : 1); i++) {
        const struct coded_input *input = &layer->inputs[i];
        taken[i] = in[i];
        if (input->lies == input->used)
            continue;
        size_t bytes = input->map.element * input->map.batch * input->map.channels * input->map.inner;
        if (reserve_map(context, i, bytes) != CONVOY_OK)
            return CONVOY_E_MEMORY;
        blocks_copy(&input->map, input->lies, in[i].data, input->used, context->map[i]);
        taken[i].data = context->map[i];
    }
    return CONVOY_OK;
}

convoy_status coded_turn_input(const struct coded_layer *layer, struct cluster_context *context,
                               const convoy_tensor *taken, convoy_tensor *coded) {
    size_t bytes;
    *coded = *taken;
    if (!layer->turned)
        return CONVOY_OK;
    coded->shape = layer->input.shape;
    if (!tensor_bytes(coded->dtype, &coded->shape, &bytes) || reserve_map(context, 3, bytes) != CONVOY_OK)
        return CONVOY_E_MEMORY;
    coded->data = context->map[3];
    conv_turn_input(&layer->desc.conv, convoy_dtype_bytes(layer->input.dtype), taken->data, coded->data);
    return CONVOY_OK;
}

convoy_status coded_aim_output(const struct coded_layer *layer, struct cluster_context *context,
                               const convoy_tensor *out, convoy_tensor *decoded) {
    *decoded = *out;
    if (!layer->transposed && !layer->turned)
        return CONVOY_OK;
    size_t bytes;
    decoded->shape = conv_output_shape(&layer->desc.conv);
    if (!tensor_bytes(out->dtype, &decoded->shape, &bytes) || reserve_map(context, 2, bytes) != CONVOY_OK)
        return CONVOY_E_MEMORY;
    decoded->data = context->map[2];
    return CONVOY_OK;
}

/* out = activation(out + added), in float32. */
static void add_activated(const struct coded_layer *layer, const void *added, void *out) {
    const struct block_map *map = &layer->inputs[1].map;
    size_t elements = map->batch * map->channels * map->inner;
    float *y = out;
    const float *z = added;
    enum activation_kind kind = layer->activation.kind;
    if (kind != ACTIVATION_NONE && kind != ACTIVATION_RELU) {
        for (size_t i = 0; i < elements; i++)
            y[i] = activation_apply(&layer->activation, y[i] + z[i]);
        return;
    }
    float low = kind == ACTIVATION_RELU ? 0 : -INFINITY; /* what residuals have, in a loop of vectors */
    for (size_t i = 0; i < elements; i++) {
        float sum = y[i] + z[i];
        y[i] = sum < low ? low : sum;
    }
}

void coded_finish_output(const struct coded_layer *layer, bool here, const convoy_tensor *taken,
                         const convoy_tensor *decoded, convoy_tensor *out) {
    if (layer->transposed && !here)
        conv_phases_merge(&layer->transpose, &layer->desc.conv, convoy_dtype_bytes(layer->input.dtype),
                          decoded->data, layer->out_block, out->data);
    if (layer->turned && !here)
        conv_turn_output(&layer->desc.conv, convoy_dtype_bytes(layer->input.dtype), decoded->data, out->data);
    if (layer->adds)
        add_activated(layer, taken[1].data, out->data);
}
