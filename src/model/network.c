#include "model/network.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "model/fusion.h"
#include "model/lowering.h"
#include "model/node_support.h"
#include "model/operators.h"
#include "model/postponed.h"
#include "model/symbols.h"

#include <stdlib.h>
#include <string.h>

/* A network and the memory of what it points to. */
struct owned_network {
    struct network network;
    struct arena arena;
};

/* --- One node ------------------------------------------------------------------------------------------- */

static convoy_status check_node(struct lowering *l) {
    const struct node *node = l->node;
    const struct onnx_operator *op = l->op;
    if (node->input_count < op->min_inputs || node->input_count > op->max_inputs)
        return op->min_inputs == op->max_inputs
                   ? node_fail(l, CONVOY_E_INPUT, "%zu inputs; %s takes %u", node->input_count, node->op,
                               op->min_inputs)
                   : node_fail(l, CONVOY_E_INPUT, "%zu inputs; %s takes %u to %u", node->input_count,
                               node->op, op->min_inputs, op->max_inputs);
    for (size_t i = 0; i < node->input_count; i++) {
        bool named = node->inputs[i] != NO_VALUE;
        bool optional = i >= op->min_inputs ? op->max_inputs != ANY_INPUTS : op->optional >> i & 1;
        if (!named && !optional)
            return node_fail(l, CONVOY_E_INPUT, "input %zu is left out", i);
        if (named && l->value_of[node->inputs[i]] == NO_VALUE)
            return node_fail(l, CONVOY_E_UNSUPPORTED,
                             "reads '%.100s', an additional output that is not supported",
                             l->model->values[node->inputs[i]].name);
    }
    return CONVOY_OK;
}

/* What operator sets before 6 said to an optimiser, and nothing of the result. */
static bool is_hint(const struct lowering *l, const struct attribute *attribute) {
    return l->model->opset < 6 && strcmp(attribute->name, "consumed_inputs") == 0;
}

/* The first of the model's values that the node reads and a postponed node makes; NO_VALUE: none. */
static uint32_t reads_later(const struct lowering *l) {
    for (size_t i = 0; i < l->node->input_count; i++)
        if (l->node->inputs[i] != NO_VALUE && l->value_of[l->node->inputs[i]] == VALUE_LATER)
            return l->node->inputs[i];
    return NO_VALUE;
}

/* Forgets the steps that were added for the node since there were so many. */
static void steps_drop(struct network *network, size_t count) {
    while (network->step_count > count) {
        struct layer_params *params = &network->steps[--network->step_count].params;
        convoy_tensor_release(&params->weights);
        convoy_tensor_release(&params->bias);
    }
}

/* why: in the network's arena; NULL: there was no memory for it. */
static convoy_status node_postpone(struct lowering *l, const char *why) {
    struct postponed *postponed = &l->network->postponed;
    if (!postponed->nodes)
        postponed->nodes = arena_alloc(l->arena, l->model->node_count, sizeof *postponed->nodes);
    if (!postponed->nodes || !why)
        return l->status = error_memory(l->error);
    postponed->nodes[postponed->node_count++] = (struct postponed_node){l->node, why};
    for (size_t i = 0; i < l->node->output_count; i++)
        if (l->node->outputs[i] != NO_VALUE)
            l->value_of[l->node->outputs[i]] = VALUE_LATER;
    return CONVOY_OK;
}

static convoy_status check_attributes(struct lowering *l) {
    for (size_t i = 0; i < l->node->attribute_count; i++)
        if (!(l->attributes_read >> i & 1) && !is_hint(l, &l->node->attributes[i]))
            node_fail(l, CONVOY_E_UNSUPPORTED, "attribute '%.60s' is not supported",
                      l->node->attributes[i].name);
    return l->status;
}

convoy_status node_lower(struct lowering *l, const struct node *node) {
    size_t steps = l->network->step_count;
    l->node = node;
    l->attributes_read = 0;
    l->steps_of_node = 0;
    l->needs_data = false;
    l->op = operator_find(node->domain, node->op);
    convoy_status status = check_node(l);
    if (status != CONVOY_OK)
        return status;
    uint32_t later = reads_later(l);
    if (later != NO_VALUE)
        return node_postpone(l, arena_format(l->arena, "reads '%s'", l->model->values[later].name));
    status = l->op->lower(l);
    if (l->status == CONVOY_OK)
        l->status = status;
    if (l->needs_data && l->postponing) {
        steps_drop(l->network, steps);
        l->status = CONVOY_OK;
        return node_postpone(l, arena_format(l->arena, "%s", l->waits_for));
    }
    return check_attributes(l);
}

convoy_status subgraph_lower(struct lowering *l, const struct subgraph *graph) {
    const struct lowering node = *l; /* what belongs to the node that holds the graph */
    struct unsupported_list unsupported;
    convoy_status status =
        unsupported_find(&unsupported, l->model, graph->nodes, graph->node_count, l->arena, l->error);
    if (status == CONVOY_OK)
        status = unsupported_refuse(&unsupported, l->model, l->error);
    if (status != CONVOY_OK)
        l->status = status;
    l->postponing = false;
    for (size_t i = 0; i < graph->node_count && l->status == CONVOY_OK; i++)
        if (node_lower(l, &graph->nodes[i]) != CONVOY_OK)
            break;
    l->node = node.node;
    l->op = node.op;
    l->postponing = node.postponing;
    l->attributes_read = node.attributes_read;
    l->steps_of_node = node.steps_of_node;
    for (size_t i = 0; i < graph->output_count && l->status == CONVOY_OK; i++)
        if (l->value_of[graph->outputs[i]] == NO_VALUE)
            node_fail(l, CONVOY_E_UNSUPPORTED,
                      "output '%.100s' of a branch is an additional output of a node that is not supported",
                      l->model->values[graph->outputs[i]].name);
    return l->status;
}

/* --- The model's inputs, weights and outputs ------------------------------------------------------------ */

static convoy_status check_input(struct lowering *l, const convoy_value_info *info,
                                 const convoy_shape *shape) {
    bool fits = shape->rank == info->shape.rank;
    for (uint32_t i = 0; fits && i < shape->rank; i++)
        fits = shape->dims[i] >= 0 && (info->shape.dims[i] < 0 || info->shape.dims[i] == shape->dims[i]);
    size_t bytes;
    if (fits && tensor_bytes(CONVOY_F64, shape, &bytes))
        return CONVOY_OK;
    if (fits)
        return l->status = error_set(l->error, CONVOY_E_INPUT,
                                     "%.200s: input '%.100s' has more elements than memory can hold",
                                     l->model->path, info->name);
    char got[128] = "too many axes", expected[128];
    if (shape->rank <= CONVOY_MAX_RANK)
        convoy_shape_text(shape, got, sizeof got);
    l->status = error_set(l->error, CONVOY_E_INPUT,
                          "%.200s: input '%.100s' got the shape %s; the model takes %s", l->model->path,
                          info->name, got, convoy_shape_text(&info->shape, expected, sizeof expected));
    return l->status;
}

/* A value for each model input; a constant where one is given for it. */
static convoy_status add_inputs(struct lowering *l, const convoy_shape *shapes,
                                const convoy_tensor *constants) {
    const convoy_model *model = l->model;
    l->network->inputs = arena_alloc(l->arena, model->input_count, sizeof *l->network->inputs);
    convoy_shape *bound = arena_alloc(l->arena, model->input_count, sizeof *bound);
    if (!l->network->inputs || !bound)
        return l->status = error_memory(l->error);
    l->status = symbols_bind(model, shapes, bound, l->error);
    if (l->status != CONVOY_OK)
        return l->status;
    shapes = bound;
    for (size_t i = 0; i < model->input_count; i++) {
        convoy_status status = check_input(l, &model->inputs[i], &shapes[i]);
        if (status != CONVOY_OK)
            return status;
        uint32_t *value = &l->network->inputs[i];
        convoy_tensor tensor = {.dtype = model->inputs[i].dtype, .shape = shapes[i]};
        if (constants && constants[i].data)
            tensor_view(&tensor, &constants[i], &shapes[i]);
        status = constant_add(l, &tensor, value);
        if (status != CONVOY_OK)
            return status;
        l->value_of[model->input_values[i]] = *value;
        l->network->input_count++;
    }
    return CONVOY_OK;
}

static convoy_status add_weights(struct lowering *l) {
    for (size_t v = 0; v < l->model->value_count; v++) {
        const convoy_tensor *weight = &l->model->values[v].constant;
        if (!weight->data)
            continue;
        convoy_tensor tensor;
        tensor_view(&tensor, weight, &weight->shape);
        convoy_status status = constant_add(l, &tensor, &l->value_of[v]);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}

convoy_status outputs_check(struct lowering *l) {
    const convoy_model *model = l->model;
    for (size_t i = 0; i < model->output_count; i++)
        if (l->value_of[model->output_values[i]] == NO_VALUE)
            return l->status = error_set(
                       l->error, CONVOY_E_UNSUPPORTED,
                       "%.200s: output '%.100s' is an additional output of a node that is not supported",
                       model->path, model->outputs[i].name);
    return CONVOY_OK;
}

static convoy_status add_outputs(struct lowering *l) {
    const convoy_model *model = l->model;
    struct network *network = l->network;
    network->result_count = model->output_count;
    if (outputs_check(l) != CONVOY_OK)
        return l->status;
    if (network->postponed.node_count)
        return postponed_finish(l);
    network->outputs = arena_alloc(l->arena, model->output_count, sizeof *network->outputs);
    if (!network->outputs)
        return l->status = error_memory(l->error);
    for (size_t i = 0; i < model->output_count; i++)
        network->outputs[network->output_count++] = l->value_of[model->output_values[i]];
    return CONVOY_OK;
}

/* In this order: what a step becomes is what the next one looks for. */
static convoy_status fuse(struct lowering *l) {
    struct network *network = l->network;
    convoy_status status = network_fuse_patterns(network, l->arena, l->error);
    if (status == CONVOY_OK)
        status = network_fuse_pads(network, l->arena, l->error);
    if (status == CONVOY_OK)
        status = network_fuse_constants(network, l->error);
    if (status == CONVOY_OK)
        status = network_fuse_activations(network, l->error);
    if (status == CONVOY_OK)
        status = network_fuse_additions(network, l->arena, l->error);
    if (status == CONVOY_OK)
        status = network_fuse_concatenations(network, l->arena, l->error);
    return status;
}

static convoy_status lower_model(struct lowering *l, const convoy_shape *shapes,
                                 const convoy_tensor *constants) {
    convoy_status status = l->status = unsupported_refuse(&l->model->unsupported, l->model, l->error);
    if (status == CONVOY_OK)
        status = add_inputs(l, shapes, constants);
    if (status == CONVOY_OK)
        status = add_weights(l);
    for (size_t i = 0; status == CONVOY_OK && i < l->model->node_count; i++)
        status = node_lower(l, &l->model->nodes[i]);
    if (status == CONVOY_OK)
        status = add_outputs(l);
    if (status == CONVOY_OK)
        status = network_drop_dead(l->network, l->error);
    if (status == CONVOY_OK && !l->network->unfused)
        status = fuse(l);
    return status == CONVOY_OK ? network_drop_dead(l->network, l->error) : status; /* what fusion left */
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static convoy_status network_make(struct network **out, const convoy_model *model,
                                  const convoy_shape *input_shapes, const convoy_tensor *constants,
                                  bool unfused, convoy_error *error) {
    struct owned_network *owned = calloc(1, sizeof *owned);
    struct network *network = owned ? &owned->network : NULL;
    uint32_t *value_of = malloc((model->value_count + 1) * sizeof *value_of);
    struct lowering l = {.model = model,
                         .network = network,
                         .value_of = value_of,
                         .postponing = true,
                         .bounded = true,
                         .error = error};
    convoy_status status = owned && value_of ? CONVOY_OK : error_memory(error);
    if (status != CONVOY_OK)
        goto out;
    memset(value_of, 0xff, (model->value_count + 1) * sizeof *value_of); /* NO_VALUE */
    l.arena = &owned->arena;
    network->model = model;
    network->unfused = unfused;
    status = reference_backend_create(&l.backend, error);
    if (status == CONVOY_OK)
        status = l.backend->ops->context_create(l.backend, &l.context, error);
    if (status == CONVOY_OK)
        status = lower_model(&l, input_shapes, constants);
out:
    if (l.context)
        l.backend->ops->context_destroy(&l.context);
    if (l.backend)
        l.backend->ops->destroy(&l.backend);
    free(value_of);
    if (status == CONVOY_OK)
        *out = network;
    else
        network_destroy(&network);
    return status;
}

convoy_status network_create_with(struct network **network, const convoy_model *model,
                                  const convoy_shape *input_shapes, const convoy_tensor *constants,
                                  convoy_error *error) {
    return network_make(network, model, input_shapes, constants, false, error);
}

convoy_status network_create(struct network **network, const convoy_model *model,
                             const convoy_shape *input_shapes, convoy_error *error) {
    return network_make(network, model, input_shapes, NULL, false, error);
}

convoy_status network_create_unfused(struct network **network, const convoy_model *model,
                                     const convoy_shape *input_shapes, convoy_error *error) {
    return network_make(network, model, input_shapes, NULL, true, error);
}

void network_clear(struct network *network) {
    steps_drop(network, 0);
    for (size_t i = 0; i < network->value_count; i++)
        convoy_tensor_release(&network->values[i].constant);
    free(network->steps);
    free(network->values);
}

void network_destroy(struct network **slot) {
    struct network *network = slot ? *slot : NULL;
    if (!network)
        return;
    *slot = NULL;
    network_clear(network);
    struct owned_network *owned = (struct owned_network *)network; /* its first member */
    arena_release(&owned->arena);
    free(owned);
}

uint64_t network_step_macs(const struct network_step *step) {
    return layer_macs(&step->desc);
}

static uint64_t tensor_size(const convoy_tensor *tensor) {
    return tensor->data ? (uint64_t)convoy_tensor_elements(tensor) * convoy_dtype_bytes(tensor->dtype) : 0;
}

uint64_t network_step_weights_bytes(const struct network_step *step) {
    return tensor_size(&step->params.weights) + tensor_size(&step->params.bias);
}
