#include "model/fusion.h"

#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"

#include <stdlib.h>

uint32_t network_root(const struct network *network, uint32_t value) {
    while (network->values[value].alias_of != value) /* a few steps at most, while layers are being fused */
        value = network->values[value].alias_of;
    return value;
}

static bool takes_activation(const struct network_step *step) {
    enum layer_kind kind = step->desc.kind;
    return (kind == LAYER_CONV || kind == LAYER_CONV_TRANSPOSE || kind == LAYER_BINARY ||
            kind == LAYER_AFFINE) &&
           dtype_is(step->desc.outputs[0].dtype, DTYPE_FLOAT) &&
           step->desc.activation.kind == ACTIVATION_NONE;
}

void network_index(const struct network *network, uint32_t *readers, size_t *maker) {
    for (size_t v = 0; v < network->value_count; v++)
        maker[v] = SIZE_MAX;
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        for (uint32_t i = 0; i < step->desc.input_count; i++)
            readers[network_root(network, step->inputs[i])]++;
        for (uint32_t i = 0; i < step->desc.output_count; i++)
            maker[step->outputs[i]] = s;
    }
    for (size_t i = 0; i < network->output_count; i++)
        readers[network_root(network, network->outputs[i])]++;
}

static void step_release(struct network_step *step) {
    convoy_tensor_release(&step->params.weights);
    convoy_tensor_release(&step->params.bias);
}

convoy_status network_fuse_activations(struct network *network, convoy_error *error) {
    uint32_t *readers = calloc(network->value_count + 1, sizeof *readers);
    size_t *maker = calloc(network->value_count + 1, sizeof *maker);
    convoy_status status = readers && maker ? CONVOY_OK : error_memory(error);
    if (status != CONVOY_OK)
        goto out;
    network_index(network, readers, maker);
    size_t kept = 0;
    for (size_t s = 0; s < network->step_count; s++) {
        struct network_step step = network->steps[s];
        uint32_t from = network_root(network, step.inputs[0]);
        struct network_step *before = maker[from] == SIZE_MAX ? NULL : &network->steps[maker[from]];
        if (step.desc.kind == LAYER_ACTIVATION && before && readers[from] == 1 && takes_activation(before)) {
            before->desc.activation = step.desc.activation;
            network->values[step.outputs[0]].alias_of = from; /* another name of what the step before makes */
            readers[from] = readers[step.outputs[0]];
            step_release(&step);
            continue;
        }
        for (uint32_t i = 0; i < step.desc.output_count; i++)
            maker[step.outputs[i]] = kept;
        network->steps[kept++] = step;
    }
    network->step_count = kept;
    for (size_t v = 0; v < network->value_count; v++)
        network->values[v].alias_of = network_root(network, (uint32_t)v);
out:
    free(readers);
    free(maker);
    return status;
}

/* Whether the convolution that makes operand number which of an addition can add the other one. */
static bool can_add(const struct network *network, const struct network_step *addition, uint32_t which,
                    const uint32_t *readers, const size_t *maker) {
    uint32_t made = network_root(network, addition->inputs[which]),
             other = network_root(network, addition->inputs[1 - which]);
    if (maker[made] == SIZE_MAX || readers[made] != 1)
        return false;
    const struct network_step *step = &network->steps[maker[made]];
    const convoy_shape *shape = &addition->desc.outputs[0].shape;
    bool there = maker[other] == SIZE_MAX || maker[other] < maker[made];
    return there && step->desc.kind == LAYER_CONV && step->desc.conv.layout == CONV_CHANNELS_FIRST &&
           step->desc.input_count == 1 && step->desc.activation.kind == ACTIVATION_NONE &&
           shape_equal(&step->desc.outputs[0].shape, shape) &&
           shape_equal(&addition->desc.inputs[0].shape, shape) &&
           shape_equal(&addition->desc.inputs[1].shape, shape);
}

/* Makes the convolution add, and make, what the addition did. */
static convoy_status convolution_extend(struct network_step *step, const struct network_step *addition,
                                        uint32_t which, struct arena *arena, convoy_error *error) {
    struct value_desc *described = arena_alloc(arena, 2, sizeof *described);
    uint32_t *inputs = arena_alloc(arena, 2, sizeof *inputs);
    if (!described || !inputs)
        return error_memory(error);
    described[0] = step->desc.inputs[0];
    described[1] = addition->desc.outputs[0];
    inputs[0] = step->inputs[0];
    inputs[1] = addition->inputs[1 - which];
    step->desc.inputs = described;
    step->desc.input_count = 2;
    step->desc.activation = addition->desc.activation;
    step->inputs = inputs;
    step->outputs[0] = addition->outputs[0];
    return CONVOY_OK;
}

/* The convolution that takes the addition over; NULL where there is none. *which: its operand. */
static struct network_step *find_adder(const struct network *network, const struct network_step *addition,
                                       const uint32_t *readers, const size_t *maker, uint32_t *which) {
    enum activation_kind activation = addition->desc.activation.kind;
    if (addition->desc.kind != LAYER_BINARY || addition->desc.binary != BINARY_ADD ||
        addition->desc.outputs[0].dtype != CONVOY_F32 ||
        (activation != ACTIVATION_NONE &&
         activation != ACTIVATION_RELU)) /* what kernels can apply behind a sum */
        return NULL;
    for (*which = 0; *which < 2; ++*which)
        if (can_add(network, addition, *which, readers, maker))
            return &network->steps[maker[network_root(network, addition->inputs[*which])]];
    return NULL;
}

convoy_status network_fuse_additions(struct network *network, struct arena *arena, convoy_error *error) {
    uint32_t *readers = calloc(network->value_count + 1, sizeof *readers), which;
    size_t *maker = calloc(network->value_count + 1, sizeof *maker);
    convoy_status status = readers && maker ? CONVOY_OK : error_memory(error);
    if (status != CONVOY_OK)
        goto out;
    network_index(network, readers, maker);
    size_t kept = 0;
    for (size_t s = 0; s < network->step_count; s++) {
        struct network_step step = network->steps[s];
        struct network_step *adder = find_adder(network, &step, readers, maker, &which);
        if (adder && status == CONVOY_OK)
            status = convolution_extend(adder, &step, which, arena, error);
        if (adder && status == CONVOY_OK) {
            maker[step.outputs[0]] = (size_t)(adder - network->steps);
            step_release(&step);
            continue;
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

static bool is_live(const struct network_step *step, const bool *live) {
    bool any = false;
    for (uint32_t i = 0; i < step->desc.output_count; i++)
        any = any || live[step->outputs[i]];
    return any;
}

convoy_status network_drop_dead(struct network *network, convoy_error *error) {
    bool *live = calloc(network->value_count + 1, sizeof *live);
    if (!live)
        return error_memory(error);
    for (size_t i = 0; i < network->output_count; i++)
        live[network_root(network, network->outputs[i])] = true;
    for (size_t s = network->step_count; s-- > 0;) {
        const struct network_step *step = &network->steps[s];
        for (uint32_t i = 0; is_live(step, live) && i < step->desc.input_count; i++)
            live[network_root(network, step->inputs[i])] = true;
    }
    size_t kept = 0;
    for (size_t s = 0; s < network->step_count; s++) {
        struct network_step *step = &network->steps[s];
        if (!is_live(step, live)) {
            step_release(step);
            continue;
        }
        while (!live[step->outputs[step->desc.output_count - 1]]) /* a further output that is not read is not
                                                                     made */
            step->desc.output_count--;
        network->steps[kept++] = *step;
    }
    network->step_count = kept;
    for (size_t v = 0; v < network->value_count; v++)
        if (!live[network_root(network, (uint32_t)v)])
            convoy_tensor_release(&network->values[v].constant);
    free(live);
    return CONVOY_OK;
}
