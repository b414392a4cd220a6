/* NodeProtos, by their names: what a node is called, what it reads and makes, and of which operator it is. */
#include "base/error.h"
#include "model/onnx_reading.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_PREFIX 200 /* of the name of a node in the place of a call */

/* --- Headers -------------------------------------------------------------------------------------------- */

/* A new draft, zeroed but for its number. */
static convoy_status draft_new(struct reader *r, struct scope *scope, uint32_t *number) {
    if (r->draft_count == r->draft_capacity) {
        uint32_t capacity = r->draft_capacity ? 2 * r->draft_capacity : 64;
        struct draft *grown =
            r->draft_capacity < NO_DRAFT / 2 ? reallocarray(r->drafts, capacity, sizeof *grown) : NULL;
        if (!grown)
            return error_memory(r->error);
        r->drafts = grown;
        r->draft_capacity = capacity;
    }
    *number = r->draft_count++;
    r->drafts[*number] = (struct draft){.scope = scope, .node = {.op = "", .domain = ""}};
    return CONVOY_OK;
}

/* How much there is of a node: its inputs, outputs and attributes. */
static convoy_status count_parts(struct reader *r, struct draft *draft) {
    struct node *node = &draft->node;
    struct arena *arena = &r->model->arena;
    struct proto_cursor cursor = proto_open(r->model->map, draft->range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            node->input_count++;
            break;
        case PROTO_KEY(2, PROTO_BYTES):
            node->output_count++;
            break;
        case PROTO_KEY(5, PROTO_BYTES):
            node->attribute_count++;
            break;
        }
    if (cursor.problem)
        return reading_damaged(r, &cursor);
    draft->input_names = arena_alloc(arena, node->input_count, sizeof *draft->input_names);
    node->outputs = arena_alloc(arena, node->output_count, sizeof *node->outputs);
    return draft->input_names && node->outputs ? CONVOY_OK : error_memory(r->error);
}

/* The texts of a node. Its name stays NULL if it has none. */
static convoy_status read_texts(struct reader *r, struct draft *draft) {
    struct node *node = &draft->node;
    struct proto_cursor cursor = proto_open(r->model->map, draft->range);
    struct proto_field field;
    const char *name = "", *overload = "";
    convoy_status status = CONVOY_OK;
    for (size_t input = 0; status == CONVOY_OK && proto_next(&cursor, &field);)
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            status = read_name(r, field.bytes, &draft->input_names[input++]);
            break;
        case PROTO_KEY(3, PROTO_BYTES):
            status = read_name(r, field.bytes, &name);
            break;
        case PROTO_KEY(4, PROTO_BYTES):
            status = read_name(r, field.bytes, &node->op);
            break;
        case PROTO_KEY(7, PROTO_BYTES):
            status = read_name(r, field.bytes, &node->domain);
            break;
        case PROTO_KEY(8, PROTO_BYTES):
            status = read_name(r, field.bytes, &overload);
            break;
        }
    node->name = *name ? name : NULL;
    return status == CONVOY_OK ? function_find(r, node->domain, node->op, overload, &draft->function)
                               : status;
}

convoy_status repeated_check(struct reader *r) {
    if (r->repeated_nodes <= MAX_REPEATED_NODES && r->repeated_bytes <= MAX_REPEATED_BYTES)
        return CONVOY_OK;
    return reading_fail(r, CONVOY_E_UNSUPPORTED,
                        "functions that are called again and again become more than %d nodes or %zu MiB",
                        MAX_REPEATED_NODES, MAX_REPEATED_BYTES >> 20);
}

/* What calls repeat is bounded; all else is by the size of the file. */
static convoy_status count_repeated(struct reader *r, const struct draft *draft) {
    if (!draft->scope->repeated)
        return CONVOY_OK;
    r->repeated_nodes++;
    r->repeated_bytes += draft->range.length;
    return repeated_check(r);
}

static convoy_status read_header(struct reader *r, struct scope *scope, struct proto_range range) {
    uint32_t number = NO_VALUE;
    convoy_status status = draft_new(r, scope, &number);
    if (status != CONVOY_OK)
        return status;
    struct draft *draft = &r->drafts[number];
    draft->range = range;
    status = count_repeated(r, draft);
    if (status == CONVOY_OK)
        status = count_parts(r, draft);
    return status == CONVOY_OK ? read_texts(r, draft) : status;
}

/* --- Names of nodes ------------------------------------------------------------------------------------- */

/* What stands before the names of the nodes of a scope: "call/"; "" for those of no call. */
static const char *prefix_find(struct reader *r, const struct scope *scope) {
    while (scope && !scope->function)
        scope = scope->outer;
    const char *call = scope ? r->drafts[scope->call].node.name : "";
    return *call && strlen(call) <= LONGEST_PREFIX ? arena_format(&r->model->arena, "%s/", call) : "";
}

/* The node's own name, unless it has none or another node has it. */
static convoy_status keep_name(struct reader *r, struct draft *draft, const char *prefix) {
    const char *name = draft->node.name;
    bool added = false;
    draft->node.name = NULL;
    if (!name)
        return CONVOY_OK;
    if (*prefix)
        name = arena_format(&r->model->arena, "%s%s", prefix, name);
    if (!name || !name_add(&r->node_names, &r->model->arena, name, 0, &added))
        return error_memory(r->error);
    if (added)
        draft->node.name = name;
    return CONVOY_OK;
}

/* A name for a node that has none yet: "Conv_12", the same in every run. */
static convoy_status make_name(struct reader *r, struct draft *draft, const char *prefix, uint32_t index) {
    bool added = draft->node.name != NULL;
    const char *suffix = "";
    while (!added) {
        char *name = arena_format(&r->model->arena, "%s%s_%u%s", prefix, draft->node.op, index, suffix);
        if (!name || !name_add(&r->node_names, &r->model->arena, name, 0, &added))
            return error_memory(r->error);
        draft->node.name = name;
        suffix = name + strlen(prefix) + strlen(draft->node.op); /* grows until nobody has it */
    }
    return CONVOY_OK;
}

static convoy_status name_drafts(struct reader *r, const struct scope *scope, uint32_t first,
                                 uint32_t count) {
    const char *prefix = prefix_find(r, scope);
    convoy_status status = prefix ? CONVOY_OK : error_memory(r->error);
    for (uint32_t i = 0; i < count && status == CONVOY_OK; i++)
        status = keep_name(r, &r->drafts[first + i], prefix);
    for (uint32_t i = 0; i < count && status == CONVOY_OK; i++)
        status = make_name(r, &r->drafts[first + i], prefix, i);
    return status;
}

/* --- Outputs -------------------------------------------------------------------------------------------- */

/* A value that a node makes. In the scope of a call the outputs of the function have their values already:
 * those that the call makes, until a node of the function makes them. */
static convoy_status declare_output(struct reader *r, uint32_t number, const char *name, uint32_t *value) {
    struct draft *draft = &r->drafts[number];
    struct scope *scope = draft->scope;
    *value = NO_VALUE;
    if (!*name)
        return CONVOY_OK;
    if (scope->function && name_find(&scope->values, name, value) &&
        r->origins[*value].maker == scope->call) {
        r->origins[*value].maker = number;
        return CONVOY_OK;
    }
    convoy_status status = value_new(r, scope, name, number, value);
    if (status == CONVOY_OK && *value == NO_VALUE)
        return draft_fail(r, draft, CONVOY_E_INPUT, "makes '%.100s', which exists already", name);
    return status;
}

static convoy_status declare_outputs(struct reader *r, uint32_t number) {
    struct proto_cursor cursor = proto_open(r->model->map, r->drafts[number].range);
    struct proto_range range;
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; status == CONVOY_OK && proto_next_of(&cursor, PROTO_KEY(2, PROTO_BYTES), &range);
         i++) {
        const char *name = "";
        status = read_name(r, range, &name);
        if (status == CONVOY_OK)
            status = declare_output(r, number, name, &r->drafts[number].node.outputs[i]);
    }
    return status;
}

/* --- All nodes of a scope ------------------------------------------------------------------------------- */

convoy_status drafts_read(struct reader *r, struct scope *scope, struct proto_range range, uint32_t field,
                          uint32_t *first, uint32_t *count) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_range node;
    convoy_status status = CONVOY_OK;
    *first = r->draft_count;
    while (status == CONVOY_OK && proto_next_of(&cursor, PROTO_KEY(field, PROTO_BYTES), &node))
        status = read_header(r, scope, node);
    if (status == CONVOY_OK && cursor.problem)
        status = reading_damaged(r, &cursor);
    *count = r->draft_count - *first;
    if (status == CONVOY_OK)
        status = name_drafts(r, scope, *first, *count);
    for (uint32_t i = 0; i < *count && status == CONVOY_OK; i++)
        status = declare_outputs(r, *first + i);
    return status;
}

convoy_status draft_identity(struct reader *r, struct scope *scope, const char *input, uint32_t output) {
    struct arena *arena = &r->model->arena;
    uint32_t number = NO_VALUE;
    convoy_status status = draft_new(r, scope, &number);
    if (status != CONVOY_OK)
        return status;
    struct draft *draft = &r->drafts[number];
    draft->node = (struct node){.op = "Identity",
                                .domain = "",
                                .input_count = 1,
                                .output_count = 1,
                                .outputs = arena_alloc(arena, 1, sizeof output)};
    draft->input_names = arena_alloc(arena, 1, sizeof input);
    if (!draft->node.outputs || !draft->input_names)
        return error_memory(r->error);
    draft->input_names[0] = input;
    draft->node.outputs[0] = output;
    r->origins[output].maker = number;
    status = count_repeated(r, draft);
    return status == CONVOY_OK ? name_drafts(r, scope, number, 1) : status;
}
