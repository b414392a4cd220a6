/* x * Sigmoid(x) and x * HardSigmoid(x), as exporters write Swish (SiLU) and HardSwish for operator sets that
 * have none, become one function, which the layer before may then apply. */
#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"
#include "model/fusion.h"

#include <stdlib.h>

/* The function that is x times the gate, for x; false if the step is no gate. */
static bool gate_function(const struct network_step *gate, struct activation *function) {
    const struct activation *a = &gate->desc.activation;
    bool sigmoid = a->kind == ACTIVATION_SIGMOID;
    bool hard = a->kind == ACTIVATION_HARD_SIGMOID && a->alpha == 1.0f / 6 && a->beta == 0.5f;
    *function = sigmoid ? (struct activation){ACTIVATION_SWISH, 1, 0}
                        : (struct activation){ACTIVATION_HARD_SWISH, 0, 0};
    return gate->desc.kind == LAYER_ACTIVATION && (sigmoid || hard);
}

/* Whether input `which` of a product is the gate of the other one; maker and readers as in fusion.c. */
static bool is_gated(const struct network *network, const struct network_step *product, uint32_t which,
                     const uint32_t *readers, const size_t *maker, struct activation *function) {
    uint32_t gate = network->values[product->inputs[which]].alias_of,
             x = network->values[product->inputs[1 - which]].alias_of;
    if (maker[gate] == SIZE_MAX || readers[gate] != 1)
        return false;
    const struct network_step *step = &network->steps[maker[gate]];
    const convoy_shape *shape = &product->desc.outputs[0].shape;
    return gate_function(step, function) && network->values[step->inputs[0]].alias_of == x &&
           shape_equal(&product->desc.inputs[0].shape, shape) &&
           shape_equal(&product->desc.inputs[1].shape, shape);
}

static void replace(struct network_step *product, uint32_t gate, struct activation function,
                    struct value_desc *described) {
    *described = product->desc.inputs[1 - gate];
    product->inputs[0] = product->inputs[1 - gate];
    product->desc.inputs = described;
    product->desc.input_count = 1;
    product->desc.kind = LAYER_ACTIVATION;
    product->desc.activation = function;
}

convoy_status network_fuse_gates(struct network *network, struct arena *arena, convoy_error *error) {
    uint32_t *readers = calloc(network->value_count + 1, sizeof *readers);
    size_t *maker = calloc(network->value_count + 1, sizeof *maker);
    convoy_status status = readers && maker ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK)
        network_index(network, readers, maker);
    for (size_t s = 0; s < network->step_count && status == CONVOY_OK; s++) {
        struct network_step *product = &network->steps[s];
        struct activation function;
        if (product->desc.kind != LAYER_BINARY || product->desc.binary != BINARY_MUL ||
            !dtype_is(product->desc.outputs[0].dtype, DTYPE_FLOAT))
            continue;
        for (uint32_t which = 0; which < 2 && product->desc.kind == LAYER_BINARY && status == CONVOY_OK;
             which++) {
            if (!is_gated(network, product, which, readers, maker, &function))
                continue;
            struct value_desc *described = arena_alloc(arena, 1, sizeof *described);
            if (described)
                replace(product, which, function, described);
            else
                status = error_memory(error);
        }
    }
    free(readers);
    free(maker);
    return status == CONVOY_OK ? network_drop_dead(network, error) : status; /* the gates */
}
