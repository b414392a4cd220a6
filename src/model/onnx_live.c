/* What the outputs depend on, from the outputs backwards: nodes, the nodes of the functions that they call,
 * and what the branches of an If make and read. */
#include "base/error.h"
#include "model/onnx_attribute.h"
#include "model/onnx_reading.h"
#include "model/opset.h"

#include <stdlib.h>
#include <string.h>

convoy_status value_need(struct reader *r, uint32_t value) {
    if (value == NO_VALUE || r->origins[value].needed)
        return CONVOY_OK;
    r->origins[value].needed = true;
    if (r->open_count == r->open_capacity) {
        size_t capacity = r->open_capacity ? 2 * r->open_capacity : 64;
        uint32_t *grown = reallocarray(r->open_values, capacity, sizeof *grown);
        if (!grown)
            return error_memory(r->error);
        r->open_values = grown;
        r->open_capacity = capacity;
    }
    r->open_values[r->open_count++] = value;
    return CONVOY_OK;
}

static convoy_status capture(struct reader *r, struct draft *holder, uint32_t value) {
    if (holder->captured_count == holder->captured_capacity) {
        size_t capacity = holder->captured_capacity ? 2 * holder->captured_capacity : 8;
        uint32_t *grown = reallocarray(holder->captured, capacity, sizeof *grown);
        if (!grown)
            return error_memory(r->error);
        holder->captured = grown;
        holder->captured_capacity = capacity;
    }
    holder->captured[holder->captured_count++] = value;
    return CONVOY_OK;
}

/* A value that is read in a graph: every If between the graph and the value's own reads it, too. */
static convoy_status value_read(struct reader *r, struct reading_graph *graph, uint32_t value) {
    convoy_status status = value_need(r, value);
    for (; status == CONVOY_OK && value != NO_VALUE && graph != r->origins[value].graph; graph = graph->outer)
        status = capture(r, &r->drafts[graph->holder], value);
    return status;
}

static convoy_status read_inputs(struct reader *r, uint32_t number) {
    struct draft *draft = &r->drafts[number];
    struct node *node = &draft->node;
    node->inputs = arena_alloc(&r->model->arena, node->input_count, sizeof *node->inputs);
    convoy_status status = node->inputs ? CONVOY_OK : error_memory(r->error);
    for (size_t i = 0; i < node->input_count && status == CONVOY_OK; i++) {
        const char *name = draft->input_names[i];
        node->inputs[i] = NO_VALUE;
        if (*name && !value_find(r, draft->scope, name, &node->inputs[i]))
            return draft_fail(r, draft, CONVOY_E_INPUT, "reads '%.100s', which no node makes", name);
        status = value_read(r, draft->scope->graph, node->inputs[i]);
    }
    return status;
}

/* --- Branches ------------------------------------------------------------------------------------------- */

/* Constants of a branch, and what else a GraphProto may hold. */
static convoy_status read_parts(struct reader *r, uint32_t holder, struct scope *scope,
                                struct proto_range range) {
    struct subgraph *branch = scope->graph->branch;
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(5, PROTO_BYTES):
            status = read_initializer(r, scope, field.bytes);
            break;
        case PROTO_KEY(11, PROTO_BYTES):
            return draft_fail(r, &r->drafts[holder], CONVOY_E_INPUT, "a branch has inputs; it takes none");
        case PROTO_KEY(12, PROTO_BYTES):
            branch->output_count++;
            break;
        case PROTO_KEY(15, PROTO_BYTES):
            return reading_fail(r, CONVOY_E_UNSUPPORTED, "sparse weights are not supported");
        }
    return status == CONVOY_OK && cursor.problem ? reading_damaged(r, &cursor) : status;
}

static convoy_status read_branch_outputs(struct reader *r, uint32_t holder, struct scope *scope,
                                         struct proto_range range) {
    struct subgraph *branch = scope->graph->branch;
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_range info, text;
    convoy_status status = CONVOY_OK;
    branch->outputs = arena_alloc(&r->model->arena, branch->output_count, sizeof *branch->outputs);
    if (!branch->outputs)
        return error_memory(r->error);
    for (size_t i = 0; status == CONVOY_OK && proto_next_of(&cursor, PROTO_KEY(12, PROTO_BYTES), &info);
         i++) {
        struct proto_cursor parts = proto_open(r->model->map, info);
        const char *name = "";
        while (status == CONVOY_OK && proto_next_of(&parts, PROTO_KEY(1, PROTO_BYTES), &text))
            status = read_name(r, text, &name);
        if (status == CONVOY_OK && parts.problem)
            return reading_damaged(r, &parts);
        if (status == CONVOY_OK &&
            (!value_find(r, scope, name, &branch->outputs[i]) || branch->outputs[i] == NO_VALUE))
            return draft_fail(r, &r->drafts[holder], CONVOY_E_INPUT,
                              "output '%.100s' of a branch is made by no node", name);
        if (status == CONVOY_OK)
            status = value_read(r, scope->graph, branch->outputs[i]);
    }
    return status;
}

/* A GraphProto that an If holds. */
static convoy_status read_branch(struct reader *r, uint32_t holder, struct proto_range range,
                                 struct reading_graph **out) {
    struct arena *arena = &r->model->arena;
    struct scope *scope, *outer = r->drafts[holder].scope;
    struct reading_graph *graph = arena_alloc(arena, 1, sizeof *graph);
    struct subgraph *branch = arena_alloc(arena, 1, sizeof *branch);
    if (!graph || !branch)
        return error_memory(r->error);
    *graph = (struct reading_graph){
        .outer = outer->graph, .holder = holder, .branch = branch, .next = r->branches};
    *out = r->branches = graph;
    convoy_status status = scope_create(r, outer, graph, &scope);
    if (status != CONVOY_OK)
        return status;
    if (!scope)
        return draft_fail(r, &r->drafts[holder], CONVOY_E_UNSUPPORTED,
                          "functions and branches are nested more than %d deep", MAX_NESTING);
    status = read_parts(r, holder, scope, range);
    if (status == CONVOY_OK)
        status = drafts_read(r, scope, range, 1, &graph->first, &graph->count);
    if (status == CONVOY_OK)
        status = read_branch_outputs(r, holder, scope, range);
    return status;
}

static convoy_status read_branches(struct reader *r, uint32_t number) {
    const struct node *node = &r->drafts[number].node;
    if (strcmp(node->op, "If") != 0 || *domain_plain(node->domain) || node->attribute_count > MAX_ATTRIBUTES)
        return CONVOY_OK; /* too many attributes are refused where they are read */
    struct reading_graph **branches = arena_alloc(&r->model->arena, node->attribute_count, sizeof *branches);
    struct proto_cursor cursor = proto_open(r->model->map, r->drafts[number].range);
    struct proto_range attribute, graph;
    convoy_status status = branches ? CONVOY_OK : error_memory(r->error);
    size_t count = 0;
    while (status == CONVOY_OK && proto_next_of(&cursor, PROTO_KEY(5, PROTO_BYTES), &attribute))
        if (attribute_graph(r->model->map, attribute, &graph))
            status = read_branch(r, number, graph, &branches[count++]);
    r->drafts[number].branches = branches;
    r->drafts[number].branch_count = count;
    return status;
}

/* --- Everything ----------------------------------------------------------------------------------------- */

static convoy_status look_at_maker(struct reader *r, uint32_t value) {
    uint32_t maker = r->origins[value].maker;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && maker != NO_DRAFT && r->drafts[maker].function) {
        status = call_expand(r, maker); /* gives the value another maker */
        maker = r->origins[value].maker;
    }
    if (status != CONVOY_OK || maker == NO_DRAFT || r->drafts[maker].live)
        return status;
    r->drafts[maker].live = true;
    status = read_inputs(r, maker);
    return status == CONVOY_OK ? read_branches(r, maker) : status;
}

convoy_status live_find(struct reader *r) {
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && r->open_count > 0)
        status = look_at_maker(r, r->open_values[--r->open_count]);
    return status;
}
