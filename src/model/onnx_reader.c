/* Field numbers are those of onnx.proto. Every message is walked in place; nothing recurses: the only
 * messages that nest without end are subgraphs, and a node that has one is refused without looking inside.
 * What is allocated is bounded by the size of the file. */
#include "model/onnx_reader.h"

#include "base/error.h"
#include "io/protobuf.h"
#include "io/tensor_proto.h"
#include "model/live_nodes.h"
#include "model/onnx_attribute.h"
#include "model/onnx_names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    convoy_model *model;
    struct file_folders *folders;
    struct proto_range graph;
    struct name_table values, nodes;
    size_t node_count; /* of the graph; the model keeps the live ones */
    size_t value_capacity;
    convoy_error *error;
};

static convoy_status fail(struct reader *r, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static convoy_status fail(struct reader *r, convoy_status status, const char *format, ...) {
    char text[sizeof r->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(r->error, status, "%.200s: %s", r->model->path, text);
}

static convoy_status fail_damaged(struct reader *r, const struct proto_cursor *cursor) {
    return fail(r, CONVOY_E_INPUT, "not an ONNX model, or a damaged one (%s)", cursor->problem);
}

/* The next field with this key. */
static bool next_of(struct proto_cursor *cursor, uint32_t key, struct proto_range *range) {
    struct proto_field field;
    while (proto_next(cursor, &field))
        if (field.key == key) {
            *range = field.bytes;
            return true;
        }
    return false;
}

/* A name, the model's. */
static convoy_status read_name(struct reader *r, struct proto_range range, const char **name) {
    const uint8_t *bytes = (const uint8_t *)r->model->map->data + range.offset;
    if (!name_is_text(bytes, range.length))
        return fail(r, CONVOY_E_INPUT, "a name of %zu bytes is not readable text (UTF-8)", range.length);
    char *text = arena_text(&r->model->arena, bytes, range.length);
    if (!text)
        return error_memory(r->error);
    *name = text;
    return CONVOY_OK;
}

/* A new value of this name. *number NO_VALUE: the name is taken. */
static convoy_status value_new(struct reader *r, const char *name, uint32_t *number) {
    convoy_model *model = r->model;
    if (model->value_count == r->value_capacity) {
        size_t capacity = r->value_capacity ? 2 * r->value_capacity : 64;
        struct graph_value *grown =
            capacity < NO_VALUE ? reallocarray(model->values, capacity, sizeof *grown) : NULL;
        if (!grown)
            return error_memory(r->error);
        model->values = grown;
        r->value_capacity = capacity;
    }
    bool added;
    if (!name_add(&r->values, &model->arena, name, (uint32_t)model->value_count, &added))
        return error_memory(r->error);
    *number = added ? (uint32_t)model->value_count : NO_VALUE;
    if (added)
        model->values[model->value_count++] = (struct graph_value){.name = name};
    return CONVOY_OK;
}

/* --- ModelProto ----------------------------------------------------------------------------------------- */

static convoy_status read_opset(struct reader *r, struct proto_range range) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    bool ours = true;
    int64_t version = 0;
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            ours = field.bytes.length == 0 || proto_text_is(cursor.map, field.bytes, "ai.onnx");
            break;
        case PROTO_KEY(2, PROTO_VARINT):
            version = (int64_t)field.value;
            break;
        }
    if (cursor.problem)
        return fail_damaged(r, &cursor);
    if (ours)
        r->model->opset = version;
    return CONVOY_OK;
}

static convoy_status read_header(struct reader *r) {
    struct proto_cursor cursor = proto_open(r->model->map, (struct proto_range){0, r->model->map->bytes});
    struct proto_field field;
    bool graph = false;
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(7, PROTO_BYTES):
            r->graph = field.bytes;
            graph = true;
            break;
        case PROTO_KEY(8, PROTO_BYTES): {
            convoy_status status = read_opset(r, field.bytes);
            if (status != CONVOY_OK)
                return status;
            break;
        }
        }
    if (cursor.problem)
        return fail_damaged(r, &cursor);
    if (!graph)
        return fail(r, CONVOY_E_INPUT, "not an ONNX model: it holds no graph");
    if (r->model->opset < 1)
        return fail(r, CONVOY_E_UNSUPPORTED, "the model does not import ONNX's own operator set");
    return CONVOY_OK;
}

/* --- Initializers, inputs, outputs ---------------------------------------------------------------------- */

static convoy_status read_initializer(struct reader *r, struct proto_range range) {
    convoy_error inner;
    struct tensor_proto proto;
    convoy_status status =
        tensor_proto_parse(&proto, r->model->map, range.offset, range.length, r->folders, &inner);
    if (status != CONVOY_OK)
        return fail(r, status, "%s", inner.message);
    uint32_t number = NO_VALUE;
    const char *name = NULL;
    if (!name_is_text((const uint8_t *)proto.name, strlen(proto.name)))
        status = fail(r, CONVOY_E_INPUT, "the name of a weight is not readable text (UTF-8)");
    else if (!(name = arena_text(&r->model->arena, proto.name, strlen(proto.name))))
        status = error_memory(r->error);
    else
        status = value_new(r, name, &number);
    if (status == CONVOY_OK && (number == NO_VALUE || !*name))
        status = fail(r, CONVOY_E_INPUT, "%s '%.100s'",
                      *name ? "two weights have the name" : "a weight has the name", name);
    if (status == CONVOY_OK) {
        r->model->values[number].constant = proto.tensor;
        proto.tensor = (convoy_tensor){0};
    }
    tensor_proto_release(&proto);
    return status;
}

static convoy_status read_dimension(struct reader *r, struct proto_range range, int64_t *dimension) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    *dimension = -1;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_VARINT))
            *dimension = (int64_t)field.value < 0 ? -1 : (int64_t)field.value;
    return cursor.problem ? fail_damaged(r, &cursor) : CONVOY_OK;
}

static convoy_status read_shape(struct reader *r, struct proto_range range, const char *name,
                                convoy_shape *shape) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_range dimension;
    while (next_of(&cursor, PROTO_KEY(1, PROTO_BYTES), &dimension)) {
        if (shape->rank == CONVOY_MAX_RANK)
            return fail(r, CONVOY_E_UNSUPPORTED, "'%.100s' has more than %d axes", name, CONVOY_MAX_RANK);
        convoy_status status = read_dimension(r, dimension, &shape->dims[shape->rank++]);
        if (status != CONVOY_OK)
            return status;
    }
    return cursor.problem ? fail_damaged(r, &cursor) : CONVOY_OK;
}

/* TypeProto.Tensor */
static convoy_status read_tensor_type(struct reader *r, struct proto_range range, convoy_value_info *info,
                                      bool *shaped) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field)) {
        convoy_status status = CONVOY_OK;
        switch (field.key) {
        case PROTO_KEY(1, PROTO_VARINT):
            info->dtype = field.value < 256 ? (convoy_dtype)field.value : 0;
            break;
        case PROTO_KEY(2, PROTO_BYTES):
            *shaped = true;
            status = read_shape(r, field.bytes, info->name, &info->shape);
            break;
        }
        if (status != CONVOY_OK)
            return status;
    }
    return cursor.problem ? fail_damaged(r, &cursor) : CONVOY_OK;
}

/* ValueInfoProto. *shaped: the file gives a shape. A type that is no tensor of ours leaves dtype 0. */
static convoy_status read_value_info(struct reader *r, struct proto_range range, convoy_value_info *info,
                                     bool *shaped) {
    struct proto_range name = {range.offset, 0}, type = {range.offset, 0}, tensor;
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_BYTES))
            name = field.bytes;
        else if (field.key == PROTO_KEY(2, PROTO_BYTES))
            type = field.bytes;
    if (cursor.problem)
        return fail_damaged(r, &cursor);
    *info = (convoy_value_info){0};
    *shaped = false;
    convoy_status status = read_name(r, name, &info->name);
    cursor = proto_open(r->model->map, type);
    while (status == CONVOY_OK && next_of(&cursor, PROTO_KEY(1, PROTO_BYTES), &tensor))
        status = read_tensor_type(r, tensor, info, shaped);
    if (status == CONVOY_OK && cursor.problem)
        status = fail_damaged(r, &cursor);
    if (convoy_dtype_bytes(info->dtype) == 0)
        info->dtype = 0;
    return status;
}

static convoy_status read_input(struct reader *r, struct proto_range range) {
    convoy_model *model = r->model;
    convoy_value_info info;
    bool shaped;
    uint32_t number;
    convoy_status status = read_value_info(r, range, &info, &shaped);
    if (status != CONVOY_OK)
        return status;
    if (name_find(&r->values, info.name, &number) && model->values[number].constant.data)
        return CONVOY_OK; /* a weight that is also listed as an input */
    if (!*info.name)
        return fail(r, CONVOY_E_INPUT, "an input has no name");
    if (info.dtype == 0 || !shaped)
        return fail(r, CONVOY_E_UNSUPPORTED,
                    "input '%.100s' must be a tensor with a shape, of one of the types %s", info.name,
                    "float32, float64, float16, int64, int32, int8, uint8 and bool");
    status = value_new(r, info.name, &number);
    if (status == CONVOY_OK && number == NO_VALUE)
        status = fail(r, CONVOY_E_INPUT, "two inputs have the name '%.100s'", info.name);
    if (status != CONVOY_OK)
        return status;
    model->inputs[model->input_count] = info;
    model->input_values[model->input_count++] = number;
    return CONVOY_OK;
}

static convoy_status read_output(struct reader *r, struct proto_range range) {
    convoy_model *model = r->model;
    bool shaped;
    convoy_value_info *info = &model->outputs[model->output_count];
    convoy_status status = read_value_info(r, range, info, &shaped);
    if (status != CONVOY_OK)
        return status;
    if (!name_find(&r->values, info->name, &model->output_values[model->output_count]))
        return fail(r, CONVOY_E_INPUT, "output '%.100s' is made by no node", info->name);
    model->output_count++;
    return CONVOY_OK;
}

/* --- Nodes ---------------------------------------------------------------------------------------------- */

/* Name, operator and domain of a node, and how much of the rest there is. The name stays NULL where it is
 * empty or taken. */
static convoy_status read_node_header(struct reader *r, struct proto_range range, struct node *node) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    const char *name = "";
    convoy_status status = CONVOY_OK;
    node->op = node->domain = "";
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            node->input_count++;
            break;
        case PROTO_KEY(2, PROTO_BYTES):
            node->output_count++;
            break;
        case PROTO_KEY(3, PROTO_BYTES):
            status = read_name(r, field.bytes, &name);
            break;
        case PROTO_KEY(4, PROTO_BYTES):
            status = read_name(r, field.bytes, &node->op);
            break;
        case PROTO_KEY(5, PROTO_BYTES):
            node->attribute_count++;
            break;
        case PROTO_KEY(7, PROTO_BYTES):
            status = read_name(r, field.bytes, &node->domain);
            break;
        }
    if (status == CONVOY_OK && cursor.problem)
        status = fail_damaged(r, &cursor);
    if (status != CONVOY_OK || !*name)
        return status;
    bool added;
    if (!name_add(&r->nodes, &r->model->arena, name, 0, &added))
        return error_memory(r->error);
    if (added)
        node->name = name;
    return CONVOY_OK;
}

/* A name for a node whose own is empty or taken: "Conv_12", the same in every run. */
static convoy_status name_node(struct reader *r, struct node *node) {
    bool added = false;
    const char *suffix = "";
    while (!added) {
        char *name =
            arena_format(&r->model->arena, "%s_%zu%s", node->op, (size_t)(node - r->model->nodes), suffix);
        if (!name || !name_add(&r->nodes, &r->model->arena, name, 0, &added))
            return error_memory(r->error);
        node->name = name;
        suffix = name + strlen(node->op); /* grows until nobody has it */
    }
    return CONVOY_OK;
}

static convoy_status read_node_input(struct reader *r, struct node *node, struct proto_range range) {
    uint32_t *number = &node->inputs[node->input_count++];
    *number = NO_VALUE;
    const char *name = "";
    convoy_status status = read_name(r, range, &name);
    if (status == CONVOY_OK && *name && !name_find(&r->values, name, number))
        status =
            fail(r, CONVOY_E_INPUT, "node '%.100s' (%.40s) reads '%.100s', which no node before it makes",
                 node->name, node->op, name);
    return status;
}

static convoy_status read_node_output(struct reader *r, struct node *node, struct proto_range range) {
    uint32_t *number = &node->outputs[node->output_count++];
    *number = NO_VALUE;
    const char *name = "";
    convoy_status status = read_name(r, range, &name);
    if (status != CONVOY_OK || !*name)
        return status;
    status = value_new(r, name, number);
    if (status == CONVOY_OK && *number == NO_VALUE)
        status = fail(r, CONVOY_E_INPUT, "node '%.100s' (%.40s) makes '%.100s', which exists already",
                      node->name, node->op, name);
    return status;
}

/* Every field of a node with this key. */
static convoy_status
read_node_each(struct reader *r, struct node *node, struct proto_range range, uint32_t key,
               convoy_status (*read)(struct reader *, struct node *, struct proto_range)) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_range item;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && next_of(&cursor, key, &item))
        status = read(r, node, item);
    return status;
}

/* Inputs and outputs of a node whose header is read. Inputs come first: a node cannot read what it makes. */
static convoy_status read_node_edges(struct reader *r, struct proto_range range, struct node *node) {
    struct arena *arena = &r->model->arena;
    node->inputs = arena_alloc(arena, node->input_count, sizeof *node->inputs);
    node->outputs = arena_alloc(arena, node->output_count, sizeof *node->outputs);
    node->input_count = node->output_count = 0; /* counted again as they are read */
    if (!node->inputs || !node->outputs)
        return error_memory(r->error);
    convoy_status status = read_node_each(r, node, range, PROTO_KEY(1, PROTO_BYTES), read_node_input);
    return status == CONVOY_OK ? read_node_each(r, node, range, PROTO_KEY(2, PROTO_BYTES), read_node_output)
                               : status;
}

/* Reads all nodes but for their attributes. */
static convoy_status read_nodes(struct reader *r) {
    convoy_model *model = r->model;
    const uint32_t key = PROTO_KEY(1, PROTO_BYTES);
    struct proto_cursor cursor = proto_open(model->map, r->graph);
    struct proto_range range;
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; status == CONVOY_OK && next_of(&cursor, key, &range); i++)
        status = read_node_header(r, range, &model->nodes[i]);
    cursor = proto_open(model->map, r->graph);
    for (size_t i = 0; status == CONVOY_OK && next_of(&cursor, key, &range); i++)
        status = model->nodes[i].name ? CONVOY_OK : name_node(r, &model->nodes[i]);
    cursor = proto_open(model->map, r->graph);
    for (r->node_count = 0; status == CONVOY_OK && next_of(&cursor, key, &range); r->node_count++)
        status = read_node_edges(r, range, &model->nodes[r->node_count]);
    return status;
}

/* Keeps the nodes that an output of the graph depends on, and reads their attributes. The others may be of
 * any operator and have any attributes: nobody looks at them. */
static convoy_status keep_live_nodes(struct reader *r) {
    convoy_model *model = r->model;
    bool *live = live_nodes_find(model, r->node_count);
    convoy_error inner;
    struct proto_cursor cursor = proto_open(model->map, r->graph);
    struct proto_range range;
    convoy_status status = live ? CONVOY_OK : error_memory(r->error);
    for (size_t i = 0; status == CONVOY_OK && next_of(&cursor, PROTO_KEY(1, PROTO_BYTES), &range); i++) {
        if (!live[i])
            continue;
        struct node *node = &model->nodes[model->node_count++];
        *node = model->nodes[i];
        status = onnx_read_attributes(node, &model->arena, model->map, range, r->folders, &inner);
        if (status != CONVOY_OK)
            status = fail(r, status, "node '%.100s' (%.40s): %s", node->name, node->op, inner.message);
    }
    free(live);
    return status;
}

/* --- GraphProto ----------------------------------------------------------------------------------------- */

/* Makes room for what the graph holds. */
static convoy_status read_counts(struct reader *r) {
    convoy_model *model = r->model;
    size_t nodes = 0, inputs = 0, outputs = 0;
    struct proto_cursor cursor = proto_open(model->map, r->graph);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            nodes++;
            break;
        case PROTO_KEY(11, PROTO_BYTES):
            inputs++;
            break;
        case PROTO_KEY(12, PROTO_BYTES):
            outputs++;
            break;
        case PROTO_KEY(15, PROTO_BYTES):
            return fail(r, CONVOY_E_UNSUPPORTED, "sparse weights are not supported");
        }
    if (cursor.problem)
        return fail_damaged(r, &cursor);
    if (outputs == 0)
        return fail(r, CONVOY_E_INPUT, "the graph has no output");
    model->nodes = arena_alloc(&model->arena, nodes, sizeof *model->nodes);
    model->inputs = arena_alloc(&model->arena, inputs, sizeof *model->inputs);
    model->input_values = arena_alloc(&model->arena, inputs, sizeof *model->input_values);
    model->outputs = arena_alloc(&model->arena, outputs, sizeof *model->outputs);
    model->output_values = arena_alloc(&model->arena, outputs, sizeof *model->output_values);
    if (!model->nodes || !model->inputs || !model->input_values || !model->outputs || !model->output_values)
        return error_memory(r->error);
    return CONVOY_OK;
}

/* Every field of the graph with this number. Its bytes are known to be sound. */
static convoy_status read_each(struct reader *r, uint32_t number,
                               convoy_status (*read)(struct reader *, struct proto_range)) {
    struct proto_cursor cursor = proto_open(r->model->map, r->graph);
    struct proto_range range;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && next_of(&cursor, PROTO_KEY(number, PROTO_BYTES), &range))
        status = read(r, range);
    return status;
}

convoy_status onnx_read(convoy_model *model, struct file_folders *folders, convoy_error *error) {
    struct reader r = {.model = model, .folders = folders, .error = error};
    convoy_status status = read_header(&r);
    if (status == CONVOY_OK)
        status = read_counts(&r);
    if (status == CONVOY_OK)
        status = read_each(&r, 5, read_initializer);
    if (status == CONVOY_OK)
        status = read_each(&r, 11, read_input);
    if (status == CONVOY_OK)
        status = read_nodes(&r);
    if (status == CONVOY_OK)
        status = read_each(&r, 12, read_output);
    if (status == CONVOY_OK)
        status = keep_live_nodes(&r);
    name_table_release(&r.values);
    name_table_release(&r.nodes);
    return status;
}
