/* Names of values, and the values that they stand for. */
#include "base/error.h"
#include "model/onnx_reading.h"

#include <stdlib.h>

convoy_status scope_create(struct reader *r, struct scope *outer, struct reading_graph *graph,
                           struct scope **out) {
    struct scope *scope = NULL;
    *out = NULL;
    if (outer && outer->depth == MAX_NESTING)
        return CONVOY_OK;
    scope = arena_alloc(&r->model->arena, 1, sizeof *scope);
    if (!scope)
        return error_memory(r->error);
    *scope = (struct scope){.outer = outer,
                            .graph = graph,
                            .call = NO_DRAFT,
                            .depth = outer ? outer->depth + 1 : 0,
                            .repeated = outer && outer->repeated,
                            .next = r->scopes};
    *out = r->scopes = scope;
    return CONVOY_OK;
}

static bool values_grow(struct reader *r) {
    convoy_model *model = r->model;
    if (model->value_count < r->value_capacity)
        return true;
    size_t capacity = r->value_capacity ? 2 * r->value_capacity : 64;
    struct graph_value *values =
        capacity < NO_VALUE ? reallocarray(model->values, capacity, sizeof *values) : NULL;
    if (!values)
        return false;
    model->values = values;
    struct origin *origins = reallocarray(r->origins, capacity, sizeof *origins);
    if (!origins)
        return false;
    r->origins = origins;
    r->value_capacity = capacity;
    return true;
}

convoy_status value_new(struct reader *r, struct scope *scope, const char *name, uint32_t maker,
                        uint32_t *number) {
    convoy_model *model = r->model;
    bool added;
    uint32_t input;
    *number = NO_VALUE;
    if (scope->function && name_find(&scope->function->inputs, name, &input))
        return CONVOY_OK;
    if (!values_grow(r) ||
        !name_add(&scope->values, &model->arena, name, (uint32_t)model->value_count, &added))
        return error_memory(r->error);
    if (!added)
        return CONVOY_OK;
    *number = (uint32_t)model->value_count;
    model->values[model->value_count] = (struct graph_value){.name = name};
    r->origins[model->value_count++] =
        (struct origin){.graph = maker == NO_DRAFT ? &r->graph : scope->graph, .maker = maker};
    return CONVOY_OK;
}

bool value_find(const struct reader *r, const struct scope *scope, const char *name, uint32_t *number) {
    for (; scope; scope = scope->outer) {
        uint32_t input;
        if (name_find(&scope->values, name, number))
            return true;
        if (!scope->function)
            continue;
        const struct draft *call = &r->drafts[scope->call];
        if (!name_find(&scope->function->inputs, name, &input))
            return false; /* functions see nothing else of what is around them */
        *number = NO_VALUE;
        name = input < call->node.input_count ? call->input_names[input] : "";
        if (!*name)
            return true;
    }
    return false;
}
