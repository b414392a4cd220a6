/* Functions of the model's own (ModelProto.functions): a call is replaced by the function's nodes, in which
 * the names of its inputs, outputs and attributes stand for those of the call. */
#include "base/error.h"
#include "model/onnx_reading.h"
#include "model/opset.h"

#include <string.h>

enum {
    FUNCTION_NAME = 1,
    FUNCTION_INPUT = 4,
    FUNCTION_OUTPUT = 5,
    FUNCTION_NODE = 7,
    FUNCTION_OPSET = 9,
    FUNCTION_DOMAIN = 10,
    FUNCTION_ATTRIBUTE = 11, /* with a value, which a call may leave out */
    FUNCTION_OVERLOAD = 13,
};

/* --- The functions of the model ------------------------------------------------------------------------- */

/* What tells functions apart: no name holds a line break. */
static const char *key_of(struct reader *r, const char *domain, const char *name, const char *overload) {
    return arena_format(&r->model->arena, "%s\n%s\n%s", domain_plain(domain), name, overload);
}

static convoy_status read_names(struct reader *r, struct function *function, const char **key) {
    struct proto_cursor cursor = proto_open(r->model->map, function->range);
    struct proto_field field;
    const char *name = "", *domain = "", *overload = "";
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(FUNCTION_NAME, PROTO_BYTES):
            status = read_name(r, field.bytes, &name);
            break;
        case PROTO_KEY(FUNCTION_DOMAIN, PROTO_BYTES):
            status = read_name(r, field.bytes, &domain);
            break;
        case PROTO_KEY(FUNCTION_OVERLOAD, PROTO_BYTES):
            status = read_name(r, field.bytes, &overload);
            break;
        case PROTO_KEY(FUNCTION_OUTPUT, PROTO_BYTES):
            function->output_count++;
            break;
        case PROTO_KEY(FUNCTION_ATTRIBUTE, PROTO_BYTES):
            function->attribute_count++;
            break;
        }
    if (status == CONVOY_OK && cursor.problem)
        return reading_damaged(r, &cursor);
    if (status == CONVOY_OK && function->attribute_count > MAX_ATTRIBUTES)
        return reading_fail(r, CONVOY_E_UNSUPPORTED,
                            "function '%.60s' has %zu attributes; at most %d are supported", name,
                            function->attribute_count, MAX_ATTRIBUTES);
    if (status != CONVOY_OK)
        return status;
    function->name = *domain ? arena_format(&r->model->arena, "%s:%s", domain, name) : name;
    function->outputs = arena_alloc(&r->model->arena, function->output_count, sizeof *function->outputs);
    function->attributes =
        arena_alloc(&r->model->arena, function->attribute_count, sizeof *function->attributes);
    *key = key_of(r, domain, name, overload);
    return function->name && function->outputs && function->attributes && *key ? CONVOY_OK
                                                                               : error_memory(r->error);
}

static convoy_status read_input_name(struct reader *r, struct function *function, struct proto_range range) {
    const char *name;
    bool added;
    convoy_status status = read_name(r, range, &name);
    if (status != CONVOY_OK)
        return status;
    if (!name_add(&function->inputs, &r->model->arena, name, (uint32_t)function->input_count++, &added))
        return error_memory(r->error);
    if (!added || !*name)
        return reading_fail(r, CONVOY_E_INPUT, "function '%.60s': %s '%.60s'", function->name,
                            *name ? "two inputs have the name" : "an input has the name", name);
    return CONVOY_OK;
}

/* An operator set that the model does not import is one of the function's; the same in another version would
 * be another set of operators under the same names. */
static convoy_status read_import(struct reader *r, struct function *function, struct proto_range range) {
    struct opset opset;
    convoy_status status = read_opset(r, range, &opset);
    if (status != CONVOY_OK)
        return status;
    int64_t version = opset_version(r->model, opset.domain);
    if (version == 0)
        return opset_add(r, &opset);
    if (version == opset.version || function->conflict)
        return CONVOY_OK;
    function->conflict =
        arena_format(&r->model->arena, "version %lld of the operator set %s, and the model version %lld",
                     (long long)opset.version, *opset.domain ? opset.domain : "of ONNX", (long long)version);
    return function->conflict ? CONVOY_OK : error_memory(r->error);
}

static convoy_status read_function(struct reader *r, struct proto_range range) {
    struct function *function = &r->functions[r->function_count++];
    struct proto_field field;
    const char *key = "";
    bool added;
    *function = (struct function){.range = range};
    convoy_status status = read_names(r, function, &key);
    if (status != CONVOY_OK)
        return status;
    if (!name_add(&r->function_names, &r->model->arena, key, (uint32_t)(r->function_count - 1), &added))
        return error_memory(r->error);
    if (!added)
        return reading_fail(r, CONVOY_E_INPUT, "two functions have the name '%.100s'", function->name);
    struct proto_cursor cursor = proto_open(r->model->map, range);
    for (size_t output = 0, attribute = 0; status == CONVOY_OK && proto_next(&cursor, &field);)
        switch (field.key) {
        case PROTO_KEY(FUNCTION_INPUT, PROTO_BYTES):
            status = read_input_name(r, function, field.bytes);
            break;
        case PROTO_KEY(FUNCTION_OUTPUT, PROTO_BYTES):
            status = read_name(r, field.bytes, &function->outputs[output++]);
            break;
        case PROTO_KEY(FUNCTION_OPSET, PROTO_BYTES):
            status = read_import(r, function, field.bytes);
            break;
        case PROTO_KEY(FUNCTION_ATTRIBUTE, PROTO_BYTES):
            function->attributes[attribute++] = field.bytes;
            break;
        }
    return status;
}

convoy_status functions_read(struct reader *r) {
    const struct proto_range all = {0, r->model->map->bytes};
    const uint32_t key = PROTO_KEY(25, PROTO_BYTES);
    struct proto_cursor cursor = proto_open(r->model->map, all);
    struct proto_range range;
    size_t count = 0;
    while (proto_next_of(&cursor, key, &range))
        count++;
    r->functions = arena_alloc(&r->model->arena, count, sizeof *r->functions);
    if (!r->functions || count > UINT32_MAX)
        return error_memory(r->error);
    cursor = proto_open(r->model->map, all);
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && proto_next_of(&cursor, key, &range))
        status = read_function(r, range);
    return status;
}

convoy_status function_find(struct reader *r, const char *domain, const char *op, const char *overload,
                            const struct function **function) {
    uint32_t number;
    *function = NULL;
    if (r->function_count == 0)
        return CONVOY_OK;
    const char *key = key_of(r, domain, op, overload);
    if (!key)
        return error_memory(r->error);
    if (name_find(&r->function_names, key, &number))
        *function = &r->functions[number];
    return CONVOY_OK;
}

/* --- Calls ---------------------------------------------------------------------------------------------- */

static convoy_status check_call(struct reader *r, const struct draft *call) {
    const struct function *f = call->function;
    if (f->conflict)
        return draft_fail(r, call, CONVOY_E_UNSUPPORTED, "the function imports %s; both must be the same",
                          f->conflict);
    if (call->node.input_count > f->input_count || call->node.output_count > f->output_count)
        return draft_fail(r, call, CONVOY_E_INPUT,
                          "%zu inputs and %zu outputs; the function has no more than %zu and %zu",
                          call->node.input_count, call->node.output_count, f->input_count, f->output_count);
    if (call->node.attribute_count > MAX_ATTRIBUTES)
        return draft_fail(r, call, CONVOY_E_UNSUPPORTED, "%zu attributes; at most %d are supported",
                          call->node.attribute_count, MAX_ATTRIBUTES);
    return CONVOY_OK;
}

/* The outputs of the function become the values that the call makes. */
static convoy_status bind_outputs(struct reader *r, uint32_t call, struct scope *scope) {
    const struct function *f = scope->function;
    const struct node *node = &r->drafts[call].node;
    for (size_t i = 0; i < node->output_count; i++) {
        uint32_t input;
        bool added = true;
        if (node->outputs[i] == NO_VALUE || name_find(&f->inputs, f->outputs[i], &input))
            continue;
        if (!name_add(&scope->values, &r->model->arena, f->outputs[i], node->outputs[i], &added))
            return error_memory(r->error);
        if (!added)
            return draft_fail(r, &r->drafts[call], CONVOY_E_INPUT, "the function has two outputs '%.60s'",
                              f->outputs[i]);
    }
    return CONVOY_OK;
}

/* An output that no node of the function made is one of its inputs. */
static convoy_status pass_inputs(struct reader *r, uint32_t call, struct scope *scope) {
    const struct function *f = scope->function;
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < r->drafts[call].node.output_count && status == CONVOY_OK; i++) {
        uint32_t value = r->drafts[call].node.outputs[i], input;
        if (value == NO_VALUE || r->origins[value].maker != call)
            continue;
        if (!name_find(&f->inputs, f->outputs[i], &input))
            return draft_fail(r, &r->drafts[call], CONVOY_E_INPUT,
                              "no node of the function makes its output '%.60s'", f->outputs[i]);
        status = draft_identity(r, scope, f->outputs[i], value);
    }
    return status;
}

convoy_status call_expand(struct reader *r, uint32_t call) {
    struct scope *scope, *outer = r->drafts[call].scope;
    uint32_t first, count;
    convoy_status status = check_call(r, &r->drafts[call]);
    if (status == CONVOY_OK)
        status = scope_create(r, outer, outer->graph, &scope);
    if (status != CONVOY_OK)
        return status;
    if (!scope)
        return draft_fail(r, &r->drafts[call], CONVOY_E_UNSUPPORTED,
                          "functions and branches are nested more than %d deep", MAX_NESTING);
    scope->function = r->drafts[call].function;
    scope->call = call;
    struct function *function = &r->functions[scope->function - r->functions];
    scope->repeated |= function->called;
    function->called = true;
    status = bind_outputs(r, call, scope);
    if (status == CONVOY_OK)
        status = drafts_read(r, scope, scope->function->range, FUNCTION_NODE, &first, &count);
    if (status == CONVOY_OK)
        status = pass_inputs(r, call, scope);
    if (status != CONVOY_OK)
        return status;
    r->drafts[call].body_first = first;
    r->drafts[call].body_count = r->draft_count - first;
    r->drafts[call].expanded = true;
    return CONVOY_OK;
}

/* --- Attributes ----------------------------------------------------------------------------------------- */

/* Name of an attribute, and of what it refers to; length 0: nothing. */
static void scan_attribute(const struct buffer *map, struct proto_range range, struct proto_range *name,
                           struct proto_range *reference) {
    struct proto_cursor cursor = proto_open(map, range);
    struct proto_field field;
    *name = *reference = (struct proto_range){range.offset, 0};
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_BYTES))
            *name = field.bytes;
        else if (field.key == PROTO_KEY(21, PROTO_BYTES))
            *reference = field.bytes;
}

static bool same_bytes(const struct buffer *map, struct proto_range a, struct proto_range b) {
    const uint8_t *bytes = map->data;
    return a.length == b.length && memcmp(bytes + a.offset, bytes + b.offset, a.length) == 0;
}

/* Whether an attribute has this name. The bytes that are looked at count. */
static bool is_named(struct reader *r, struct proto_range range, struct proto_range wanted) {
    const struct buffer *map = r->model->map;
    struct proto_range name, reference;
    r->repeated_bytes += range.length;
    scan_attribute(map, range, &name, &reference);
    return same_bytes(map, name, wanted);
}

static bool find_in_call(struct reader *r, const struct draft *call, struct proto_range wanted,
                         struct proto_range *range) {
    struct proto_cursor cursor = proto_open(r->model->map, call->range);
    r->repeated_bytes += call->range.length;
    while (proto_next_of(&cursor, PROTO_KEY(5, PROTO_BYTES), range))
        if (is_named(r, *range, wanted))
            return true;
    return false;
}

static bool find_in_function(struct reader *r, const struct function *function, struct proto_range wanted,
                             struct proto_range *range) {
    for (size_t i = 0; i < function->attribute_count; i++)
        if (is_named(r, *range = function->attributes[i], wanted))
            return true;
    return false;
}

/* The scope of the call around a scope; NULL: there is none. */
static const struct scope *call_around(const struct scope *scope) {
    while (scope && !scope->function)
        scope = scope->outer;
    return scope;
}

/* From call to call outwards, until one gives a value. */
convoy_status attribute_follow(struct reader *r, const struct scope *scope, struct proto_range *range) {
    const struct scope *scopes[MAX_NESTING + 1];
    struct proto_range name, references[MAX_NESTING + 1];
    size_t depth = 0;
    bool found = true;
    for (; found; depth++) {
        scan_attribute(r->model->map, *range, &name, &references[depth]);
        if (references[depth].length == 0)
            return repeated_check(r);
        scopes[depth] = call_around(depth ? scopes[depth - 1]->outer : scope);
        if (!scopes[depth])
            return reading_fail(r, CONVOY_E_INPUT,
                                "an attribute refers to one of a function, and its node is in none");
        found = find_in_call(r, &r->drafts[scopes[depth]->call], references[depth], range);
    }
    /* The outermost call does not give it: its function may, or else the call is as if without it. */
    for (found = false; !found && depth > 0; depth--)
        found = find_in_function(r, scopes[depth - 1]->function, references[depth - 1], range);
    if (!found)
        range->length = 0;
    return repeated_check(r);
}
