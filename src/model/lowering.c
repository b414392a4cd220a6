#include "model/lowering.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/kinds.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of all constants together that are made, folded or otherwise: shape arithmetic takes a few kilobytes,
 * a weight reshaped or cast at run time a few megabytes, and a hostile ConstantOfShape whatever it likes. */
#define MAX_FOLDED_BYTES ((size_t)1 << 30)

/* Elements of constants that are looked at when a model is lowered: a minute's work of the reference. */
#define MAX_FOLDED_WORK 0x1p32

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

convoy_status node_needs_data(struct lowering *l, const char *format, ...) {
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    l->needs_data = true;
    return node_fail(l, CONVOY_E_UNSUPPORTED, "%s depends on the data; only constants are supported", what);
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

/* Adds to the work on constants; fails the node if that is too much. */
static convoy_status count_work(struct lowering *l, double work) {
    l->folded_work += work;
    if (!l->bounded || l->folded_work <= MAX_FOLDED_WORK)
        return CONVOY_OK;
    return node_fail(l, CONVOY_E_UNSUPPORTED,
                     "the constants of the model would take more than %.0f million operations to compute",
                     MAX_FOLDED_WORK / 1e6);
}

const convoy_tensor *value_elements(struct lowering *l, uint32_t value) {
    convoy_tensor *constant = &l->network->values[value].constant;
    if (!constant->data || count_work(l, (double)convoy_tensor_elements(constant)) != CONVOY_OK)
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
    take_value->wide = NO_VALUE;
    network->values[network->value_count++] = *take_value;
    return CONVOY_OK;
}

/* Adds to the bytes of the constants that were made what a tensor takes; fails the node if that is too much.
 */
static convoy_status count_made(struct lowering *l, convoy_dtype dtype, const convoy_shape *shape) {
    size_t bytes, total;
    if (!tensor_bytes(dtype, shape, &bytes) || !size_add(bytes, l->folded_bytes, &total) ||
        total > MAX_FOLDED_BYTES)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "the constants of the model would take more than %zu MiB",
                         MAX_FOLDED_BYTES >> 20);
    l->folded_bytes = total;
    return CONVOY_OK;
}

convoy_status constant_create(struct lowering *l, convoy_dtype dtype, const convoy_shape *shape,
                              convoy_tensor *tensor) {
    *tensor = (convoy_tensor){0};
    if (l->status == CONVOY_OK && count_made(l, dtype, shape) == CONVOY_OK)
        l->status = convoy_tensor_create(tensor, dtype, shape, l->error);
    return l->status;
}

convoy_status constant_add(struct lowering *l, convoy_tensor *take_tensor, uint32_t *value) {
    struct network_value made = {
        .dtype = take_tensor->dtype, .shape = take_tensor->shape, .constant = *take_tensor};
    *take_tensor = (convoy_tensor){0};
    return value_add(l, &made, value);
}

convoy_status scalar_add(struct lowering *l, convoy_dtype dtype, double scalar, uint32_t *value) {
    convoy_tensor tensor;
    convoy_shape shape = {0};
    if (constant_create(l, dtype, &shape, &tensor) != CONVOY_OK)
        return l->status;
    dtype_find(dtype)->store(tensor.data, scalar);
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
    uint32_t wide = l->network->values[of].wide;
    if (value_add(l, &made, value) != CONVOY_OK)
        return l->status;
    uint32_t number = *value;
    if (!constant)
        l->network->values[number].alias_of = root;
    if (wide != NO_VALUE && alias_add(l, wide, shape, &wide) == CONVOY_OK)
        l->network->values[number].wide = wide;
    return l->status;
}

void output_set(struct lowering *l, size_t output, uint32_t value) {
    if (l->status == CONVOY_OK && output < l->node->output_count && l->node->outputs[output] != NO_VALUE)
        l->value_of[l->node->outputs[output]] = value;
}

/* --- Layers --------------------------------------------------------------------------------------------- */

/* Notes the first constant that is not finite, of an unfused network. */
static void watch_folded(struct lowering *l, const struct layer_desc *desc, const convoy_tensor *result) {
    convoy_not_finite *first = &l->network->folded_not_finite;
    if (l->network->unfused && !first->layer && convoy_tensor_find_not_finite(result, &first->element)) {
        first->layer = desc->name;
        first->op = desc->op;
    }
}

/* Runs the layer once on tensors. results are zeroed, and released by the caller. */
static convoy_status run_now(struct lowering *l, const struct layer_desc *desc,
                             const struct layer_params *params, const convoy_tensor *in,
                             convoy_tensor *results) {
    convoy_error inner = {0};
    struct layer *layer = NULL;
    convoy_status status = l->backend->ops->layer_prepare(l->backend, desc, params, &layer, &inner);
    if (status == CONVOY_OK && count_work(l, layer_work(desc)) != CONVOY_OK) {
        l->backend->ops->layer_destroy(&layer);
        return l->status;
    }
    for (uint32_t i = 0; i < desc->output_count && status == CONVOY_OK; i++)
        status = convoy_tensor_create(&results[i], desc->outputs[i].dtype, &desc->outputs[i].shape, &inner);
    if (status == CONVOY_OK)
        status = l->backend->ops->layer_run(layer, l->context, in, results, NULL, &inner);
    l->backend->ops->layer_destroy(&layer);
    if (status != CONVOY_OK)
        l->status = error_set(l->error, status, "%.200s: %s", l->model->path, inner.message);
    return status;
}

/* The values of a layer whose inputs are all known. */
static convoy_status fold(struct lowering *l, const struct layer_desc *desc,
                          const struct layer_params *params, const uint32_t *inputs,
                          const convoy_shape *shape, uint32_t *values) {
    convoy_tensor results[LAYER_MAX_OUTPUTS] = {0};
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < desc->output_count && status == CONVOY_OK; i++)
        status = count_made(l, desc->outputs[i].dtype, &desc->outputs[i].shape);
    if (status != CONVOY_OK)
        return status;
    convoy_tensor *in = calloc(desc->input_count, sizeof *in);
    if (!in)
        return fail_memory(l);
    for (uint32_t i = 0; i < desc->input_count && status == CONVOY_OK; i++) {
        const convoy_tensor *elements = value_elements(l, inputs[i]);
        if (!elements)
            status = l->status;
        else
            in[i] = *elements; /* borrowed */
        in[i].shape = desc->inputs[i].shape;
    }
    if (status == CONVOY_OK)
        status = run_now(l, desc, params, in, results);
    free(in);
    for (uint32_t i = 0; i < desc->output_count; i++) {
        if (status == CONVOY_OK) {
            watch_folded(l, desc, &results[i]);
            results[i].shape = i == 0 ? *shape : results[i].shape;
            status = constant_add(l, &results[i], &values[i]);
        }
        convoy_tensor_release(&results[i]);
    }
    return status;
}

static bool steps_grow(struct lowering *l) {
    struct network *network = l->network;
    if (network->step_count < l->step_capacity)
        return true;
    size_t capacity = l->step_capacity ? 2 * l->step_capacity : 64;
    struct network_step *grown = reallocarray(network->steps, capacity, sizeof *grown);
    if (!grown)
        return false;
    network->steps = grown;
    l->step_capacity = capacity;
    return true;
}

/* Adds desc, complete, as a step that makes values, the first of this shape. Takes the references of params
 * on success. */
static convoy_status step_add(struct lowering *l, const struct layer_desc *desc,
                              const struct layer_params *params, const uint32_t *inputs,
                              const convoy_shape *shape, uint32_t *values) {
    convoy_error inner = {0};
    convoy_status status = layer_check(desc, params, &inner);
    if (status != CONVOY_OK)
        return l->status = error_set(l->error, status, "%.200s: %s", l->model->path, inner.message);
    struct network_step step = {.desc = *desc, .params = *params};
    struct value_desc *described = arena_alloc(l->arena, desc->input_count, sizeof *described);
    step.inputs = arena_alloc(l->arena, desc->input_count, sizeof *step.inputs);
    if (l->steps_of_node > 0)
        step.desc.name = arena_format(l->arena, "%s.%u", l->node->name, l->steps_of_node + 1);
    if (!steps_grow(l) || !described || !step.inputs || !step.desc.name)
        return fail_memory(l);
    for (uint32_t i = 0; i < desc->input_count; i++) {
        if (value_constant(l, inputs[i]) && !value_elements(l, inputs[i])) /* it is read at run time */
            return l->status;
        described[i] = desc->inputs[i];
        step.inputs[i] = inputs[i];
    }
    step.desc.inputs = described;
    for (uint32_t i = 0; i < desc->output_count && status == CONVOY_OK; i++) {
        struct network_value made = {.dtype = desc->outputs[i].dtype,
                                     .shape = i == 0 ? *shape : desc->outputs[i].shape};
        status = value_add(l, &made, &values[i]);
        step.outputs[i] = values[i];
    }
    if (status != CONVOY_OK)
        return status;
    l->network->steps[l->network->step_count++] = step;
    l->steps_of_node++;
    return CONVOY_OK;
}

/* layer_add with everything of desc filled in. *kept: whether the references of params were taken. */
static convoy_status step_or_constant(struct lowering *l, const struct layer_desc *desc,
                                      const struct layer_params *params, const uint32_t *inputs,
                                      const convoy_shape *shape, uint32_t *values, bool *kept) {
    size_t bytes, bytes_of_value; /* as if of the widest type, as layers are checked */
    bool possible = tensor_bytes(CONVOY_F64, shape, &bytes_of_value);
    for (uint32_t i = 0; i < desc->output_count; i++)
        possible = possible && tensor_bytes(CONVOY_F64, &desc->outputs[i].shape, &bytes) &&
                   (i > 0 || bytes == bytes_of_value);
    if (!possible)
        return node_fail(l, CONVOY_E_INPUT, "the result is larger than memory can be");
    bool known = true;
    for (uint32_t i = 0; i < desc->input_count; i++)
        known = known && value_constant(l, inputs[i]);
    if (known)
        return fold(l, desc, params, inputs, shape, values);
    convoy_status status = step_add(l, desc, params, inputs, shape, values);
    *kept = status == CONVOY_OK;
    return status;
}

/* Fills what a caller of layer_add leaves out. inputs are values; described: [input_count]. */
static void describe(const struct lowering *l, struct layer_desc *desc, const uint32_t *inputs,
                     struct value_desc *described) {
    desc->name = l->node->name;
    desc->op = l->node->op;
    desc->step = SIZE_MAX; /* none, until it is one of a network */
    for (uint32_t i = 0; i < desc->input_count; i++) {
        const struct network_value *value = &l->network->values[inputs[i]];
        described[i] =
            (struct value_desc){value->dtype, desc->inputs ? desc->inputs[i].shape : value->shape, 0};
    }
    desc->inputs = described;
    desc->output_count = desc->output_count ? desc->output_count : 1;
    for (uint32_t i = 0; i < desc->output_count; i++)
        if (!desc->outputs[i].dtype)
            desc->outputs[i].dtype = described[0].dtype;
}

static convoy_status layer_of_any(struct lowering *l, struct layer_desc *desc,
                                  struct layer_params *take_params, const uint32_t *inputs,
                                  uint32_t input_count, const convoy_shape *shape, uint32_t *values) {
    struct layer_params none = {0}, *params = take_params ? take_params : &none;
    bool kept = false;
    struct value_desc *described = calloc(input_count + 1, sizeof *described);
    if (!described)
        fail_memory(l);
    if (l->status == CONVOY_OK) {
        desc->input_count = input_count;
        describe(l, desc, inputs, described);
        step_or_constant(l, desc, params, inputs, shape ? shape : &desc->outputs[0].shape, values, &kept);
    }
    desc->inputs = NULL;
    free(described);
    if (!kept) {
        convoy_tensor_release(&params->weights);
        convoy_tensor_release(&params->bias);
    }
    return l->status;
}

/* --- Halves --------------------------------------------------------------------------------------------- */

/* float16 and bfloat16 are computed in float32: a layer's inputs are widened, its results rounded. What the
 * next layer widens again is taken from before it was rounded; the rounding is then dropped if nothing else
 * reads it. */

static bool computes_halves(const struct lowering *l, const struct layer_desc *desc, const uint32_t *inputs,
                            uint32_t input_count) {
    const struct kind *kind = kind_find(desc->kind);
    bool any = false;
    for (uint32_t i = 0; i < input_count; i++)
        any = any || dtype_is(l->network->values[inputs[i]].dtype, DTYPE_HALF);
    return any && !(kind->inputs[0] & DTYPE_HALF);
}

convoy_status value_widen(struct lowering *l, uint32_t value, uint32_t *wide) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_dtype dtype = l->network->values[value].dtype;
    *wide = dtype_is(dtype, DTYPE_HALF) ? l->network->values[value].wide : value;
    if (*wide != NO_VALUE)
        return CONVOY_OK;
    size_t folded = l->folded_bytes;
    double work = l->folded_work;
    if (cast_add(l, value, CONVOY_F32, wide) == CONVOY_OK)
        l->network->values[value].wide = *wide;
    l->folded_bytes = folded; /* a constant is widened once: at most twice what the file holds */
    l->folded_work = work;
    return l->status;
}

static convoy_status round_to_half(struct lowering *l, convoy_dtype dtype, uint32_t *value) {
    uint32_t wide = *value;
    if (cast_add(l, wide, dtype, value) == CONVOY_OK)
        l->network->values[*value].wide = wide;
    return l->status;
}

/* layer_add of a layer that computes, and of whose inputs some are halves. */
static convoy_status layer_of_halves(struct lowering *l, struct layer_desc *desc,
                                     struct layer_params *take_params, const uint32_t *inputs,
                                     uint32_t input_count, const convoy_shape *shape, uint32_t *values) {
    convoy_dtype dtypes[LAYER_MAX_OUTPUTS], first = l->network->values[inputs[0]].dtype;
    uint32_t *wide = calloc(input_count, sizeof *wide), outputs = desc->output_count ? desc->output_count : 1;
    if (!wide)
        fail_memory(l);
    for (uint32_t i = 0; i < input_count && l->status == CONVOY_OK; i++)
        value_widen(l, inputs[i], &wide[i]);
    for (uint32_t i = 0; i < outputs; i++) {
        dtypes[i] = desc->outputs[i].dtype ? desc->outputs[i].dtype : first;
        desc->outputs[i].dtype = computed_type(dtypes[i]);
    }
    layer_of_any(l, desc, take_params, wide, input_count, shape, values);
    free(wide);
    for (uint32_t i = 0; i < outputs && l->status == CONVOY_OK; i++)
        if (dtypes[i] != computed_type(dtypes[i]))
            round_to_half(l, dtypes[i], &values[i]);
    return l->status;
}

convoy_status layer_add(struct lowering *l, struct layer_desc *desc, struct layer_params *take_params,
                        const uint32_t *inputs, uint32_t input_count, const convoy_shape *shape,
                        uint32_t *values) {
    bool halves = l->status == CONVOY_OK && computes_halves(l, desc, inputs, input_count);
    return (halves ? layer_of_halves : layer_of_any)(l, desc, take_params, inputs, input_count, shape,
                                                     values);
}

convoy_status layer_lower(struct lowering *l, struct layer_desc *desc, struct layer_params *take_params) {
    uint32_t input = input_number(l, 0), values[LAYER_MAX_OUTPUTS];
    convoy_status status = layer_add(l, desc, take_params, &input, 1, NULL, values);
    for (uint32_t i = 0; i < desc->output_count && status == CONVOY_OK; i++)
        output_set(l, i, values[i]);
    return status;
}

convoy_status alias_lower(struct lowering *l, const convoy_shape *shape) {
    uint32_t value = NO_VALUE;
    convoy_status status = alias_add(l, input_number(l, 0), shape, &value);
    if (status == CONVOY_OK)
        output_set(l, 0, value);
    return status;
}
