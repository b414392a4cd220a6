/* A constant behind a layer becomes part of it: one that is added to every output channel of a convolution or
 * product is its bias, and so are those that a normalisation is multiplied by and added to. Exporters write
 * them so: a product and its bias are two nodes, a layer normalisation's parameters two more. What is
 * computed differs by one rounding. */
#include "base/error.h"
#include "base/tensor.h"
#include "model/fusion.h"

#include <stdlib.h>

/* Whether the constant has one element for each of `count` positions of an axis of the shape, counted from
 * the end, and is the same along all others. */
static bool varies_along(const convoy_tensor *constant, const convoy_shape *shape, uint32_t from_end,
                         size_t count) {
    const convoy_shape *own = &constant->shape;
    return shape->rank >= from_end && own->rank >= from_end && own->rank <= shape->rank &&
           convoy_tensor_elements(constant) == count && own->dims[own->rank - from_end] == (int64_t)count &&
           shape->dims[shape->rank - from_end] == (int64_t)count;
}

/* Whether a constant that is combined with what the layer makes, seen under this shape, has one element for
 * each of the layer's channels. *count: of them. */
static bool is_of_channels(const struct network_step *layer, const convoy_tensor *constant,
                           const convoy_shape *shape, size_t *count) {
    if (layer->desc.kind == LAYER_NORMALIZE || layer->desc.conv.layout == CONV_CHANNELS_LAST) {
        *count = layer->desc.kind == LAYER_NORMALIZE ? layer->desc.normalize.inner
                                                     : (size_t)layer->desc.conv.out_channels;
        return varies_along(constant, shape, 1, *count);
    }
    *count = (size_t)layer->desc.conv.out_channels;
    return shape_equal(&layer->desc.outputs[0].shape, shape) &&
           varies_along(constant, shape, shape->rank - 1, *count);
}

/* What of the layer a function of its output and a constant becomes; NULL: nothing. */
static convoy_tensor *place_of(struct network_step *layer, enum binary_op op) {
    if (layer->desc.activation.kind != ACTIVATION_NONE || layer->desc.input_count != 1 ||
        layer->desc.outputs[0].dtype != CONVOY_F32)
        return NULL;
    if (op == BINARY_ADD && (layer->desc.kind == LAYER_CONV || layer->desc.kind == LAYER_NORMALIZE))
        return &layer->params.bias;
    bool scales = op == BINARY_MUL && layer->desc.kind == LAYER_NORMALIZE && !layer->params.bias.data &&
                  !layer->params.weights.data;
    return scales ? &layer->params.weights : NULL;
}

/* *place: the constant, plus what is there. */
static convoy_status place_constant(convoy_tensor *place, const convoy_tensor *constant, size_t count,
                                    convoy_error *error) {
    const convoy_shape shape = {1, {(int64_t)count}};
    convoy_tensor sum;
    convoy_status status = convoy_tensor_create(&sum, CONVOY_F32, &shape, error);
    if (status != CONVOY_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        ((float *)sum.data)[i] =
            (float)((place->data ? convoy_tensor_element(place, i) : 0) + convoy_tensor_element(constant, i));
    convoy_tensor_release(place);
    *place = sum;
    return CONVOY_OK;
}

/* The layer that a step's constant becomes part of, and where; NULL: none. *data: which input of the step the
 * layer makes. */
static struct network_step *find_layer(const struct network *network, const struct network_step *step,
                                       const uint32_t *readers, const size_t *maker, int *data,
                                       convoy_tensor **place, size_t *count) {
    for (*data = 0; step->desc.kind == LAYER_BINARY && *data < 2; ++*data) {
        const convoy_tensor *constant = &network->values[step->inputs[1 - *data]].constant;
        uint32_t made = network_root(network, step->inputs[*data]);
        if (!constant->data || constant->dtype != CONVOY_F32 || maker[made] == SIZE_MAX ||
            readers[made] != 1 || !shape_equal(&step->desc.inputs[*data].shape, &step->desc.outputs[0].shape))
            continue;
        struct network_step *layer = &network->steps[maker[made]];
        *place = place_of(layer, step->desc.binary);
        if (*place && layer->outputs[0] == made &&
            is_of_channels(layer, constant, &step->desc.outputs[0].shape, count))
            return layer;
    }
    return NULL;
}

convoy_status network_fuse_constants(struct network *network, convoy_error *error) {
    uint32_t *readers = calloc(network->value_count + 1, sizeof *readers);
    size_t *maker = calloc(network->value_count + 1, sizeof *maker), kept = 0, count = 0;
    convoy_status status = readers && maker ? CONVOY_OK : error_memory(error);
    if (status != CONVOY_OK)
        goto out;
    network_index(network, readers, maker);
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step step = network->steps[s];
        convoy_tensor *place = NULL;
        int data = 0;
        bool found = status == CONVOY_OK && find_layer(network, &step, readers, maker, &data, &place, &count);
        if (found)
            status = place_constant(place, &network->values[step.inputs[1 - data]].constant, count, error);
        if (found && status == CONVOY_OK) {
            const uint32_t made = network_root(network, step.inputs[data]);
            network->values[step.outputs[0]].alias_of = made;
            readers[made] = readers[step.outputs[0]];
            continue; /* a function of two numbers has no memory of its own */
        }
        for (uint32_t i = 0; i < step.desc.output_count; i++)
            maker[step.outputs[i]] = kept;
        network->steps[kept++] = step;
    }
    network->step_count = kept;
out:
    free(readers);
    free(maker);
    return status;
}
