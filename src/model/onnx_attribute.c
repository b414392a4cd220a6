#include "model/onnx_attribute.h"

#include "base/error.h"
#include "io/tensor_proto.h"
#include "model/onnx_names.h"

#include <string.h>

/* AttributeProto.AttributeType */
enum {
    TYPE_FLOAT = 1,
    TYPE_INT,
    TYPE_STRING,
    TYPE_TENSOR,
    TYPE_GRAPH,
    TYPE_FLOATS,
    TYPE_INTS,
    TYPE_GRAPHS = 10
};

/* What the message holds; ranges of the singular fields, and whether they occur. */
struct raw {
    struct proto_range name, text, tensor;
    bool has_float, has_int, has_text, has_tensor, has_floats, has_ints, has_graph;
    uint64_t type;
    uint64_t number, integer;
};

static convoy_status scan(struct raw *raw, const struct buffer *map, struct proto_range range,
                          convoy_error *error) {
    *raw = (struct raw){.name = {range.offset, 0}};
    struct proto_cursor cursor = proto_open(map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            raw->name = field.bytes;
            break;
        case PROTO_KEY(2, PROTO_FIXED32):
            raw->has_float = true, raw->number = field.value;
            break;
        case PROTO_KEY(3, PROTO_VARINT):
            raw->has_int = true, raw->integer = field.value;
            break;
        case PROTO_KEY(4, PROTO_BYTES):
            raw->has_text = true, raw->text = field.bytes;
            break;
        case PROTO_KEY(5, PROTO_BYTES):
            raw->has_tensor = true, raw->tensor = field.bytes;
            break;
        case PROTO_KEY(6, PROTO_BYTES):
        case PROTO_KEY(11, PROTO_BYTES):
            raw->has_graph = true;
            break;
        case PROTO_KEY(7, PROTO_FIXED32):
        case PROTO_KEY(7, PROTO_BYTES):
            raw->has_floats = true;
            break;
        case PROTO_KEY(8, PROTO_VARINT):
        case PROTO_KEY(8, PROTO_BYTES):
            raw->has_ints = true;
            break;
        case PROTO_KEY(20, PROTO_VARINT):
            raw->type = field.value;
            break;
        }
    if (cursor.problem)
        return error_set(error, CONVOY_E_INPUT, "an attribute is %s", cursor.problem);
    if (raw->type == 0) /* files older than IR version 2 do not say it */
        raw->type = raw->has_float    ? TYPE_FLOAT
                    : raw->has_int    ? TYPE_INT
                    : raw->has_text   ? TYPE_STRING
                    : raw->has_tensor ? TYPE_TENSOR
                    : raw->has_floats ? TYPE_FLOATS
                    : raw->has_ints   ? TYPE_INTS
                                      : 0;
    return CONVOY_OK;
}

/* All elements of a repeated number field, in as many occurrences as there are: int64_t for PROTO_VARINT,
 * float for PROTO_FIXED32. */
static convoy_status read_numbers(struct attribute *attribute, struct arena *arena, const struct buffer *map,
                                  struct proto_range range, uint32_t number, enum proto_wire wire,
                                  convoy_error *error) {
    struct proto_field field;
    size_t total = 0, count;
    struct proto_cursor cursor = proto_open(map, range);
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(number, wire) || field.key == PROTO_KEY(number, PROTO_BYTES)) {
            if (!proto_count_numbers(map, field.bytes, wire, &count))
                return error_set(error, CONVOY_E_INPUT, "attribute '%.100s' is damaged", attribute->name);
            total += count;
        }
    void *elements = arena_alloc(arena, total, wire == PROTO_VARINT ? sizeof(int64_t) : sizeof(float));
    if (!elements)
        return error_memory(error);
    cursor = proto_open(map, range);
    size_t at = 0;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(number, wire) || field.key == PROTO_KEY(number, PROTO_BYTES)) {
            struct proto_cursor numbers = proto_open(map, field.bytes);
            uint64_t value;
            for (; at < total && proto_next_number(&numbers, wire, &value); at++)
                if (wire == PROTO_VARINT)
                    ((int64_t *)elements)[at] = (int64_t)value;
                else
                    ((float *)elements)[at] = proto_float(value);
            if (numbers.problem)
                return error_set(error, CONVOY_E_INPUT, "attribute '%.100s' is damaged", attribute->name);
        }
    attribute->count = total;
    if (wire == PROTO_VARINT)
        attribute->integers = elements;
    else
        attribute->floats = elements;
    return CONVOY_OK;
}

static convoy_status read_tensor(struct attribute *attribute, struct buffer *map, const struct raw *raw,
                                 struct file_folders *folders, convoy_error *error) {
    struct tensor_proto proto;
    convoy_error inner;
    if (!raw->has_tensor)
        return error_set(error, CONVOY_E_INPUT, "attribute '%.100s' holds no tensor", attribute->name);
    convoy_status status =
        tensor_proto_parse(&proto, map, raw->tensor.offset, raw->tensor.length, folders, &inner);
    if (status != CONVOY_OK)
        return error_set(error, status, "attribute '%.100s': %s", attribute->name, inner.message);
    attribute->tensor = proto.tensor;
    proto.tensor = (convoy_tensor){0};
    tensor_proto_release(&proto);
    return CONVOY_OK;
}

/* The name of an attribute. */
static convoy_status read_attribute_name(struct attribute *attribute, struct arena *arena,
                                         const struct buffer *map, struct proto_range range,
                                         convoy_error *error) {
    struct raw raw;
    const uint8_t *bytes = map->data;
    convoy_status status = scan(&raw, map, range, error);
    if (status != CONVOY_OK)
        return status;
    if (raw.name.length == 0 || !name_is_text(bytes + raw.name.offset, raw.name.length))
        return error_set(error, CONVOY_E_INPUT, "an attribute has no readable name");
    attribute->name = arena_text(arena, bytes + raw.name.offset, raw.name.length);
    return attribute->name ? CONVOY_OK : error_memory(error);
}

static convoy_status read_value(struct attribute *attribute, struct arena *arena, struct buffer *map,
                                struct proto_range range, struct file_folders *folders, convoy_error *error) {
    struct raw raw;
    convoy_status status = scan(&raw, map, range, error);
    if (status != CONVOY_OK)
        return status;
    if (raw.has_graph || raw.type == TYPE_GRAPH || raw.type == TYPE_GRAPHS) {
        attribute->kind = ATTRIBUTE_GRAPH;
        return CONVOY_OK;
    }
    switch (raw.type) {
    case TYPE_FLOAT:
        attribute->kind = ATTRIBUTE_FLOAT;
        attribute->number = proto_float(raw.number);
        break;
    case TYPE_INT:
        attribute->kind = ATTRIBUTE_INT;
        attribute->integer = (int64_t)raw.integer;
        break;
    case TYPE_STRING:
        attribute->kind = ATTRIBUTE_TEXT;
        attribute->text = arena_text(arena, (const uint8_t *)map->data + raw.text.offset, raw.text.length);
        return attribute->text ? CONVOY_OK : error_memory(error);
    case TYPE_TENSOR:
        attribute->kind = ATTRIBUTE_TENSOR;
        return read_tensor(attribute, map, &raw, folders, error);
    case TYPE_FLOATS:
        attribute->kind = ATTRIBUTE_FLOATS;
        return read_numbers(attribute, arena, map, range, 7, PROTO_FIXED32, error);
    case TYPE_INTS:
        attribute->kind = ATTRIBUTE_INTS;
        return read_numbers(attribute, arena, map, range, 8, PROTO_VARINT, error);
    }
    return CONVOY_OK;
}

/* Reads one more attribute of the node. */
static convoy_status add_attribute(struct node *node, const struct attribute_source *source,
                                   struct arena *arena, struct buffer *map, struct file_folders *folders,
                                   convoy_error *error) {
    struct attribute *attribute = &node->attributes[node->attribute_count];
    *attribute = (struct attribute){.kind = ATTRIBUTE_OTHER};
    convoy_status status = read_attribute_name(attribute, arena, map, source->named, error);
    if (status == CONVOY_OK)
        status = read_value(attribute, arena, map, source->value, folders, error);
    if (status != CONVOY_OK)
        return status;
    node->attribute_count++;
    if (attribute->kind == ATTRIBUTE_GRAPH)
        attribute->graph = source->graph;
    for (size_t i = 0; i + 1 < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, attribute->name) == 0)
            return error_set(error, CONVOY_E_INPUT, "attribute '%.100s' twice", attribute->name);
    return CONVOY_OK;
}

convoy_status onnx_read_attributes(struct node *node, const struct attribute_source *sources, size_t count,
                                   struct arena *arena, struct buffer *map, struct file_folders *folders,
                                   convoy_error *error) {
    node->attribute_count = 0;
    node->attributes = arena_alloc(arena, count, sizeof *node->attributes);
    if (!node->attributes)
        return error_memory(error);
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < count && status == CONVOY_OK; i++)
        status = add_attribute(node, &sources[i], arena, map, folders, error);
    return status;
}

bool attribute_graph(const struct buffer *map, struct proto_range range, struct proto_range *graph) {
    struct proto_cursor cursor = proto_open(map, range);
    struct proto_field field;
    bool found = false;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(6, PROTO_BYTES)) {
            *graph = field.bytes;
            found = true;
        }
    return found;
}
