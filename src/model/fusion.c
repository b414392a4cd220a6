#include "model/fusion.h"

#include "base/error.h"

#include <stdlib.h>

static uint32_t root_of(const struct network *network, uint32_t value) {
    while (network->values[value].alias_of !=
           value) /* two steps at most, while activations are being fused */
        value = network->values[value].alias_of;
    return value;
}

static bool takes_activation(const struct network_step *step) {
    switch (step->desc.kind) {
    case LAYER_CONV:
    case LAYER_BINARY:
    case LAYER_AFFINE:
        return step->desc.activation.kind == ACTIVATION_NONE;
    default:
        return false;
    }
}

/* readers[v]: steps and outputs that read v under any shape. maker[v]: the step that makes it, or SIZE_MAX.
 */
static void index_values(const struct network *network, uint32_t *readers, size_t *maker) {
    for (size_t v = 0; v < network->value_count; v++)
        maker[v] = SIZE_MAX;
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        for (uint32_t i = 0; i < step->desc.input_count; i++)
            readers[root_of(network, step->inputs[i])]++;
        maker[step->output] = s;
    }
    for (size_t i = 0; i < network->output_count; i++)
        readers[root_of(network, network->outputs[i])]++;
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
    index_values(network, readers, maker);
    size_t kept = 0;
    for (size_t s = 0; s < network->step_count; s++) {
        struct network_step step = network->steps[s];
        uint32_t from = root_of(network, step.inputs[0]);
        struct network_step *before = maker[from] == SIZE_MAX ? NULL : &network->steps[maker[from]];
        if (step.desc.kind == LAYER_ACTIVATION && before && readers[from] == 1 && takes_activation(before)) {
            before->desc.activation = step.desc.activation;
            network->values[step.output].alias_of = from; /* another name of what the step before makes */
            readers[from] = readers[step.output];
            step_release(&step);
            continue;
        }
        maker[step.output] = kept;
        network->steps[kept++] = step;
    }
    network->step_count = kept;
    for (size_t v = 0; v < network->value_count; v++)
        network->values[v].alias_of = root_of(network, (uint32_t)v);
out:
    free(readers);
    free(maker);
    return status;
}

convoy_status network_drop_dead(struct network *network, convoy_error *error) {
    bool *live = calloc(network->value_count + 1, sizeof *live);
    if (!live)
        return error_memory(error);
    for (size_t i = 0; i < network->output_count; i++)
        live[root_of(network, network->outputs[i])] = true;
    for (size_t s = network->step_count; s-- > 0;) {
        const struct network_step *step = &network->steps[s];
        for (uint32_t i = 0; live[step->output] && i < step->desc.input_count; i++)
            live[root_of(network, step->inputs[i])] = true;
    }
    size_t kept = 0;
    for (size_t s = 0; s < network->step_count; s++)
        if (live[network->steps[s].output])
            network->steps[kept++] = network->steps[s];
        else
            step_release(&network->steps[s]);
    network->step_count = kept;
    for (size_t v = 0; v < network->value_count; v++)
        if (!live[root_of(network, (uint32_t)v)])
            convoy_tensor_release(&network->values[v].constant);
    free(live);
    return CONVOY_OK;
}
