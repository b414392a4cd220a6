/* Field numbers are those of onnx.proto. Every message is walked in place. */
#include "model/onnx_reader.h"

#include "base/error.h"
#include "model/onnx_reading.h"
#include "model/opset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Failures, names ------------------------------------------------------------------------------------ */

convoy_status reading_fail(struct reader *r, convoy_status status, const char *format, ...) {
    char text[sizeof r->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(r->error, status, "%.200s: %s", r->model->path, text);
}

convoy_status reading_damaged(struct reader *r, const struct proto_cursor *cursor) {
    return reading_fail(r, CONVOY_E_INPUT, "not an ONNX model, or a damaged one (%s)", cursor->problem);
}

convoy_status draft_fail(struct reader *r, const struct draft *draft, convoy_status status,
                         const char *format, ...) {
    char text[sizeof r->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return reading_fail(r, status, "node '%.100s' (%.40s): %s", draft->node.name, draft->node.op, text);
}

bool proto_next_of(struct proto_cursor *cursor, uint32_t key, struct proto_range *range) {
    struct proto_field field;
    while (proto_next(cursor, &field))
        if (field.key == key) {
            *range = field.bytes;
            return true;
        }
    return false;
}

convoy_status read_name(struct reader *r, struct proto_range range, const char **name) {
    const uint8_t *bytes = (const uint8_t *)r->model->map->data + range.offset;
    if (!name_is_text(bytes, range.length))
        return reading_fail(r, CONVOY_E_INPUT, "a name of %zu bytes is not readable text (UTF-8)",
                            range.length);
    char *text = arena_text(&r->model->arena, bytes, range.length);
    if (!text)
        return error_memory(r->error);
    *name = text;
    return CONVOY_OK;
}

/* --- ModelProto ----------------------------------------------------------------------------------------- */

convoy_status read_opset(struct reader *r, struct proto_range range, struct opset *opset) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    convoy_status status = CONVOY_OK;
    *opset = (struct opset){.domain = ""};
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            status = read_name(r, field.bytes, &opset->domain);
            opset->domain = domain_plain(opset->domain);
            break;
        case PROTO_KEY(2, PROTO_VARINT):
            opset->version = (int64_t)field.value;
            break;
        }
    return status == CONVOY_OK && cursor.problem ? reading_damaged(r, &cursor) : status;
}

convoy_status opset_add(struct reader *r, const struct opset *opset) {
    convoy_model *model = r->model;
    if (model->opset_count == r->opset_capacity) {
        size_t capacity = r->opset_capacity ? 2 * r->opset_capacity : 8;
        struct opset *grown = arena_alloc(&model->arena, capacity, sizeof *grown);
        if (!grown)
            return error_memory(r->error);
        if (model->opset_count)
            memcpy(grown, model->opsets, model->opset_count * sizeof *grown);
        model->opsets = grown;
        r->opset_capacity = capacity;
    }
    model->opsets[model->opset_count++] = *opset;
    if (!*opset->domain)
        model->opset = opset->version;
    return CONVOY_OK;
}

static convoy_status read_header(struct reader *r) {
    struct proto_cursor cursor = proto_open(r->model->map, (struct proto_range){0, r->model->map->bytes});
    struct proto_field field;
    struct opset opset;
    bool graph = false;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(7, PROTO_BYTES):
            r->range = field.bytes;
            graph = true;
            break;
        case PROTO_KEY(8, PROTO_BYTES):
            status = read_opset(r, field.bytes, &opset);
            if (status == CONVOY_OK)
                status = opset_add(r, &opset);
            break;
        }
    if (status == CONVOY_OK && cursor.problem)
        return reading_damaged(r, &cursor);
    if (status == CONVOY_OK && !graph)
        return reading_fail(r, CONVOY_E_INPUT, "not an ONNX model: it holds no graph");
    if (status == CONVOY_OK)
        status = functions_read(r);
    if (status == CONVOY_OK && r->model->opset < 1)
        return reading_fail(r, CONVOY_E_UNSUPPORTED, "the model does not import ONNX's own operator set");
    return status;
}

/* --- GraphProto ----------------------------------------------------------------------------------------- */

/* Makes room for the inputs and outputs that the graph has. */
static convoy_status read_counts(struct reader *r) {
    convoy_model *model = r->model;
    size_t inputs = 0, outputs = 0;
    struct proto_cursor cursor = proto_open(model->map, r->range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(11, PROTO_BYTES):
            inputs++;
            break;
        case PROTO_KEY(12, PROTO_BYTES):
            outputs++;
            break;
        case PROTO_KEY(15, PROTO_BYTES):
            return reading_fail(r, CONVOY_E_UNSUPPORTED, "sparse weights are not supported");
        }
    if (cursor.problem)
        return reading_damaged(r, &cursor);
    if (outputs == 0)
        return reading_fail(r, CONVOY_E_INPUT, "the graph has no output");
    model->inputs = arena_alloc(&model->arena, inputs, sizeof *model->inputs);
    model->input_values = arena_alloc(&model->arena, inputs, sizeof *model->input_values);
    model->outputs = arena_alloc(&model->arena, outputs, sizeof *model->outputs);
    model->output_values = arena_alloc(&model->arena, outputs, sizeof *model->output_values);
    if (!model->inputs || !model->input_values || !model->outputs || !model->output_values)
        return error_memory(r->error);
    return CONVOY_OK;
}

/* Every field of the graph with this number. */
static convoy_status read_each(struct reader *r, uint32_t number,
                               convoy_status (*read)(struct reader *, struct proto_range)) {
    struct proto_cursor cursor = proto_open(r->model->map, r->range);
    struct proto_range range;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && proto_next_of(&cursor, PROTO_KEY(number, PROTO_BYTES), &range))
        status = read(r, range);
    return status;
}

static convoy_status read_weight(struct reader *r, struct proto_range range) {
    return read_initializer(r, r->scopes, range); /* the only scope yet */
}

static convoy_status read_graph(struct reader *r) {
    struct scope *scope;
    convoy_status status = read_counts(r);
    if (status == CONVOY_OK)
        status = scope_create(r, NULL, &r->graph, &scope);
    if (status == CONVOY_OK)
        status = read_each(r, 5, read_weight);
    if (status == CONVOY_OK)
        status = read_each(r, 11, read_input);
    if (status == CONVOY_OK)
        status = drafts_read(r, scope, r->range, 1, &r->graph.first, &r->graph.count);
    if (status == CONVOY_OK)
        status = read_each(r, 12, read_output);
    return status;
}

static void reader_clear(struct reader *r) {
    for (struct scope *scope = r->scopes; scope; scope = scope->next)
        name_table_release(&scope->values);
    for (size_t f = 0; f < r->function_count; f++)
        name_table_release(&r->functions[f].inputs);
    name_table_release(&r->function_names);
    name_table_release(&r->node_names);
    name_table_release(&r->symbol_names);
    for (uint32_t d = 0; d < r->draft_count; d++)
        free(r->drafts[d].captured);
    free(r->drafts);
    free(r->origins);
    free(r->open_values);
}

convoy_status onnx_read(convoy_model *model, struct file_folders *folders, convoy_error *error) {
    struct reader r = {.model = model, .folders = folders, .error = error};
    convoy_status status = read_header(&r);
    if (status == CONVOY_OK)
        status = read_graph(&r);
    for (size_t i = 0; i < model->output_count && status == CONVOY_OK; i++)
        status = value_need(&r, model->output_values[i]);
    if (status == CONVOY_OK)
        status = live_find(&r);
    if (status == CONVOY_OK)
        status = nodes_make(&r);
    reader_clear(&r);
    return status;
}
