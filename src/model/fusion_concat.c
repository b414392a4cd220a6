/* A concatenation whose inputs begin with all those of an earlier one takes the earlier one's output instead,
 * as in DenseNets, whose layers read what all layers before made: then each is made where it belongs once for
 * all (value_memory.c), and nothing is copied. */
#include "base/error.h"
#include "base/tensor.h"
#include "model/fusion.h"

#include <stdlib.h>

/* Whether the step's first inputs are those of the earlier concatenation, and there are more. */
static bool extends(const struct network *network, const struct network_step *step,
                    const struct network_step *earlier) {
    if (step->desc.concat.axis != earlier->desc.concat.axis ||
        step->desc.input_count <= earlier->desc.input_count)
        return false;
    for (uint32_t i = 0; i < earlier->desc.input_count; i++)
        if (network_root(network, step->inputs[i]) != network_root(network, earlier->inputs[i]) ||
            !shape_equal(&step->desc.inputs[i].shape, &earlier->desc.inputs[i].shape))
            return false;
    return true;
}

static convoy_status take_output(struct network_step *step, const struct network_step *earlier,
                                 struct arena *arena, convoy_error *error) {
    const uint32_t left = step->desc.input_count - earlier->desc.input_count;
    struct value_desc *described = arena_alloc(arena, left + 1, sizeof *described);
    if (!described)
        return error_memory(error);
    described[0] = earlier->desc.outputs[0];
    step->inputs[0] = earlier->outputs[0];
    for (uint32_t i = 1; i <= left; i++) {
        described[i] = step->desc.inputs[earlier->desc.input_count + i - 1];
        step->inputs[i] = step->inputs[earlier->desc.input_count + i - 1];
    }
    step->desc.inputs = described;
    step->desc.input_count = left + 1;
    return CONVOY_OK;
}

convoy_status network_fuse_concatenations(struct network *network, struct arena *arena, convoy_error *error) {
    /* Of each step the concatenation before it that has the same first input; of each value the last one. */
    size_t *before = calloc(network->step_count + 1, sizeof *before);
    size_t *last = calloc(network->value_count + 1, sizeof *last);
    convoy_status status = before && last ? CONVOY_OK : error_memory(error);
    for (size_t v = 0; v < network->value_count && status == CONVOY_OK; v++)
        last[v] = SIZE_MAX;
    for (size_t s = 0; s < network->step_count && status == CONVOY_OK; s++) {
        const struct network_step *step = &network->steps[s];
        before[s] = SIZE_MAX;
        if (step->desc.kind != LAYER_CONCAT)
            continue;
        size_t *same = &last[network_root(network, step->inputs[0])];
        before[s] = *same;
        *same = s;
    }
    /* From the end, so that what is compared is as the model has it. */
    for (size_t s = network->step_count; status == CONVOY_OK && s-- > 0;)
        if (before[s] != SIZE_MAX && extends(network, &network->steps[s], &network->steps[before[s]]))
            status = take_output(&network->steps[s], &network->steps[before[s]], arena, error);
    free(before);
    free(last);
    return status;
}
