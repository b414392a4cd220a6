#include "model/lowering.h"

#include "base/error.h"
#include "base/tensor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of all folded constants together: shape arithmetic takes a few kilobytes, a weight reshaped or cast
 * at run time a few megabytes, and a hostile ConstantOfShape whatever it likes. */
#define MAX_FOLDED_BYTES ((size_t)1 << 30)

convoy_status node_fail(struct lowering *l, convoy_status status, const char *format, ...) {
    if (l->status != CONVOY_OK)
        return l->status;
    char text[sizeof l->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    l->status = error_set(l->error, status, "%.200s: node '%.100s' (%.40s): %s", l->model->path,
                          l->node->name, l->node->op, text);
    return l->status;
}

static convoy_status fail_memory(struct lowering *l) {
    if (l->status == CONVOY_OK)
        l->status = error_memory(l->error);
    return l->status;
}

/* --- Inputs --------------------------------------------------------------------------------------------- */

uint32_t input_number(const struct lowering *l, size_t input) {
    if (input >= l->node->input_count || l->node->inputs[input] == NO_VALUE)
        return NO_VALUE;
    return l->value_of[l->node->inputs[input]];
}

bool input_given(const struct lowering *l, size_t input) {
    return input_number(l, input) != NO_VALUE;
}

convoy_shape value_shape(const struct lowering *l, uint32_t value) {
    return l->network->values[value].shape;
}

const convoy_tensor *value_constant(const struct lowering *l, uint32_t value) {
    const convoy_tensor *constant = &l->network->values[value].constant;
    return constant->data ? constant : NULL;
}

const convoy_tensor *value_elements(struct lowering *l, uint32_t value) {
    convoy_tensor *constant = &l->network->values[value].constant;
    if (!constant->data)
        return NULL;
    if (tensor_align(constant, l->status == CONVOY_OK ? l->error : NULL) == CONVOY_OK)
        return constant;
    l->status = l->status == CONVOY_OK ? CONVOY_E_MEMORY : l->status;
    return NULL;
}

convoy_shape input_shape(const struct lowering *l, size_t input) {
    return value_shape(l, input_number(l, input));
}

convoy_dtype input_dtype(const struct lowering *l, size_t input) {
    return l->network->values[input_number(l, input)].dtype;
}

const convoy_tensor *input_constant(const struct lowering *l, size_t input) {
    return input_given(l, input) ? value_constant(l, input_number(l, input)) : NULL;
}

const convoy_tensor *input_elements(struct lowering *l, size_t input) {
    return input_given(l, input) ? value_elements(l, input_number(l, input)) : NULL;
}

/* --- Values --------------------------------------------------------------------------------------------- */

/* A new value, its own alias. Takes the reference of its constant, also on failure. */
static convoy_status value_add(struct lowering *l, struct network_value *take_value, uint32_t *number) {
    struct network *network = l->network;
    if (network->value_count == l->value_capacity) {
        size_t capacity = l->value_capacity ? 2 * l->value_capacity : 64;
        struct network_value *grown =
            capacity < NO_VALUE ? reallocarray(network->values, capacity, sizeof *grown) : NULL;
        if (!grown) {
            convoy_tensor_release(&take_value->constant);
            return fail_memory(l);
        }
        network->values = grown;
        l->value_capacity = capacity;
    }
    *number = (uint32_t)network->value_count;
    take_value->alias_of = *number;
    network->values[network->value_count++] = *take_value;
    return CONVOY_OK;
}

convoy_status constant_add(struct lowering *l, convoy_tensor *take_tensor, uint32_t *value) {
    struct network_value made = {
        .dtype = take_tensor->dtype, .shape = take_tensor->shape, .constant = *take_tensor};
    *take_tensor = (convoy_tensor){0};
    return value_add(l, &made, value);
}

convoy_status scalar_add(struct lowering *l, float scalar, uint32_t *value) {
    convoy_tensor tensor;
    convoy_shape shape = {0};
    convoy_status status = convoy_tensor_create(&tensor, CONVOY_F32, &shape, l->error);
    if (status != CONVOY_OK)
        return l->status = status;
    *(float *)tensor.data = scalar;
    return constant_add(l, &tensor, value);
}

convoy_status alias_add(struct lowering *l, uint32_t of, const convoy_shape *shape, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    struct network_value made = {.dtype = l->network->values[of].dtype, .shape = *shape};
    if (value_constant(l, of))
        tensor_view(&made.constant, value_constant(l, of), shape);
    uint32_t root = l->network->values[of].alias_of;
    bool constant = made.constant.data != NULL;
    convoy_status status = value_add(l, &made, value);
    if (status == CONVOY_OK && !constant)
        l->network->values[*value].alias_of = root;
    return status;
}

void output_set(struct lowering *l, size_t output, uint32_t value) {
    if (l->status == CONVOY_OK && output < l->node->output_count && l->node->outputs[output] != NO_VALUE)
        l->value_of[l->node->outputs[output]] = value;
}

/* --- Layers --------------------------------------------------------------------------------------------- */

/* Runs the layer now, on inputs that are all known. */
static convoy_status fold(struct lowering *l, const struct layer_desc *desc,
                          const struct layer_params *params, const uint32_t *inputs, convoy_tensor *result) {
    size_t bytes, total;
    if (!tensor_bytes(desc->dtype, &desc->output, &bytes) || !size_add(bytes, l->folded_bytes, &total) ||
        total > MAX_FOLDED_BYTES)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "the constants of the model would take more than %zu MiB",
                         MAX_FOLDED_BYTES >> 20);
    convoy_tensor *in = calloc(desc->input_count, sizeof *in);
    if (!in)
        return fail_memory(l);
    convoy_error inner = {0};
    convoy_tensor out = {0};
    struct layer *layer = NULL;
    for (uint32_t i = 0; i < desc->input_count; i++) {
        const convoy_tensor *elements = value_elements(l, inputs[i]);
        if (!elements) {
            free(in);
            return l->status;
        }
        in[i] = *elements; /* borrowed */
        in[i].shape = desc->inputs[i];
    }
    convoy_status status = l->reference->ops->layer_prepare(l->reference, desc, params, &layer, &inner);
    if (status == CONVOY_OK)
        status = convoy_tensor_create(&out, desc->dtype, &desc->output, &inner);
    if (status == CONVOY_OK)
        status = l->reference->ops->layer_run(layer, l->context, in, &out, NULL, &inner);
    l->reference->ops->layer_destroy(&layer);
    free(in);
    if (status != CONVOY_OK) {
        convoy_tensor_release(&out);
        return l->status = error_set(l->error, status, "%.200s: %s", l->model->path, inner.message);
    }
    l->folded_bytes = total;
    convoy_not_finite *first = &l->network->folded_not_finite;
    if (l->network->unfused && !first->layer && convoy_tensor_find_not_finite(&out, &first->element)) {
        first->layer = desc->name;
        first->op = desc->op;
    }
    *result = out;
    return CONVOY_OK;
}

/* Integers are for shapes, which are known beforehand, and for moving about; what computes on data does so in
 * float32. */
static convoy_status check_types(struct lowering *l, const struct layer_desc *desc, const uint32_t *inputs) {
    for (uint32_t i = 1; i < desc->input_count; i++) {
        convoy_dtype dtype = l->network->values[inputs[i]].dtype;
        if (dtype != desc->input_dtype && desc->kind != LAYER_GATHER)
            return node_fail(l, CONVOY_E_INPUT, "an input of type %s meets one of type %s",
                             convoy_dtype_text(dtype), convoy_dtype_text(desc->input_dtype));
    }
    return CONVOY_OK;
}

static bool computes(enum layer_kind kind) {
    return kind < LAYER_CONCAT || kind == LAYER_REDUCE;
}

/* Adds desc, complete, as a step that makes a value of this shape. Takes the references of params on success.
 */
static convoy_status step_add(struct lowering *l, const struct layer_desc *desc,
                              const struct layer_params *params, const uint32_t *inputs,
                              const convoy_shape *shape, uint32_t *value) {
    struct network *network = l->network;
    if (computes(desc->kind) && desc->dtype != CONVOY_F32)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "computes with data of type %s; only float32 is supported",
                         convoy_dtype_text(desc->dtype));
    if (network->step_count == l->step_capacity) {
        size_t capacity = l->step_capacity ? 2 * l->step_capacity : 64;
        struct network_step *grown = reallocarray(network->steps, capacity, sizeof *grown);
        if (!grown)
            return fail_memory(l);
        network->steps = grown;
        l->step_capacity = capacity;
    }
    struct network_step step = {.desc = *desc, .params = *params};
    convoy_shape *shapes = arena_alloc(l->arena, desc->input_count, sizeof *shapes);
    step.inputs = arena_alloc(l->arena, desc->input_count, sizeof *step.inputs);
    if (l->steps_of_node > 0)
        step.desc.name = arena_format(l->arena, "%s.%u", l->node->name, l->steps_of_node + 1);
    if (!shapes || !step.inputs || !step.desc.name)
        return fail_memory(l);
    for (uint32_t i = 0; i < desc->input_count; i++) {
        if (value_constant(l, inputs[i]) && !value_elements(l, inputs[i])) /* it is read at run time */
            return l->status;
        shapes[i] = desc->inputs[i];
        step.inputs[i] = inputs[i];
    }
    step.desc.inputs = shapes;
    convoy_status status =
        value_add(l, &(struct network_value){.dtype = desc->dtype, .shape = *shape}, value);
    if (status != CONVOY_OK)
        return status;
    step.output = *value;
    network->steps[network->step_count++] = step;
    l->steps_of_node++;
    return CONVOY_OK;
}

/* layer_add with everything of desc filled in. Takes the references of params on success where it keeps them:
 * *kept. */
static convoy_status step_or_constant(struct lowering *l, const struct layer_desc *desc,
                                      const struct layer_params *params, const uint32_t *inputs,
                                      const convoy_shape *shape, uint32_t *value, bool *kept) {
    size_t bytes;
    if (!tensor_bytes(CONVOY_F64, &desc->output,
                      &bytes)) /* as if of the widest type, as layers are checked */
        return node_fail(l, CONVOY_E_INPUT, "the result is larger than memory can be");
    bool known = true;
    for (uint32_t i = 0; i < desc->input_count; i++)
        known = known && value_constant(l, inputs[i]);
    if (!known) {
        convoy_status status = step_add(l, desc, params, inputs, shape, value);
        *kept = status == CONVOY_OK;
        return status;
    }
    convoy_tensor result;
    convoy_status status = fold(l, desc, params, inputs, &result);
    if (status != CONVOY_OK)
        return status;
    result.shape = *shape;
    return constant_add(l, &result, value);
}

convoy_status layer_add(struct lowering *l, struct layer_desc *desc, struct layer_params *take_params,
                        const uint32_t *inputs, uint32_t input_count, const convoy_shape *shape,
                        uint32_t *value) {
    struct layer_params none = {0}, *params = take_params ? take_params : &none;
    bool kept = false;
    convoy_shape *shapes = NULL;
    if (l->status == CONVOY_OK && !desc->inputs) {
        shapes = calloc(input_count, sizeof *shapes);
        if (!shapes)
            fail_memory(l);
        for (uint32_t i = 0; shapes && i < input_count; i++)
            shapes[i] = value_shape(l, inputs[i]);
        desc->inputs = shapes;
    }
    if (l->status == CONVOY_OK) {
        desc->name = l->node->name;
        desc->op = l->node->op;
        desc->input_count = input_count;
        desc->input_dtype = l->network->values[inputs[0]].dtype;
        desc->dtype = desc->dtype ? desc->dtype : desc->input_dtype;
        check_types(l, desc, inputs);
    }
    if (l->status == CONVOY_OK)
        step_or_constant(l, desc, params, inputs, shape ? shape : &desc->output, value, &kept);
    free(shapes);
    if (!kept) {
        convoy_tensor_release(&params->weights);
        convoy_tensor_release(&params->bias);
    }
    return l->status;
}

convoy_status layer_lower(struct lowering *l, struct layer_desc *desc, struct layer_params *take_params) {
    uint32_t input = input_number(l, 0), value = NO_VALUE;
    convoy_status status = layer_add(l, desc, take_params, &input, 1, NULL, &value);
    if (status == CONVOY_OK)
        output_set(l, 0, value);
    return status;
}

convoy_status alias_lower(struct lowering *l, const convoy_shape *shape) {
    uint32_t value = NO_VALUE;
    convoy_status status = alias_add(l, input_number(l, 0), shape, &value);
    if (status == CONVOY_OK)
        output_set(l, 0, value);
    return status;
}

/* The shape of two tensors that meet, by numpy's rule; false where they do not. */
static bool broadcast(const convoy_shape *a, const convoy_shape *b, convoy_shape *out) {
    const convoy_shape *longer = a->rank >= b->rank ? a : b, *shorter = longer == a ? b : a;
    *out = *longer;
    uint32_t shift = longer->rank - shorter->rank;
    for (uint32_t i = 0; i < shorter->rank; i++) {
        int64_t *dim = &out->dims[i + shift];
        if (*dim == 1)
            *dim = shorter->dims[i];
        else if (shorter->dims[i] != 1 && shorter->dims[i] != *dim)
            return false;
    }
    return true;
}

convoy_status binary_add(struct lowering *l, enum binary_op op, uint32_t a, uint32_t b, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    struct layer_desc desc = {.kind = LAYER_BINARY, .binary = op};
    convoy_shape shapes[] = {value_shape(l, a), value_shape(l, b)};
    if (!broadcast(&shapes[0], &shapes[1], &desc.output)) {
        char text_a[128], text_b[128];
        return node_fail(l, CONVOY_E_INPUT, "shapes %s and %s do not broadcast",
                         convoy_shape_text(&shapes[0], text_a, sizeof text_a),
                         convoy_shape_text(&shapes[1], text_b, sizeof text_b));
    }
    return layer_add(l, &desc, NULL, (const uint32_t[]){a, b}, 2, NULL, value);
}
