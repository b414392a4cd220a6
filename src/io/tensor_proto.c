/* ONNX TensorProto, onnx.proto of ONNX 1.12. Two walks over the fields: the first finds what the tensor is
 * and counts its elements, the second, when everything fits, copies elements of the fields with numbers. */
#include "io/tensor_proto.h"

#include "base/error.h"
#include "base/tensor.h"
#include "io/protobuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data is little-endian and viewed in place");

enum {
    FIELD_DIMS = 1,
    FIELD_DATA_TYPE = 2,
    FIELD_SEGMENT = 3,
    FIELD_FLOAT_DATA = 4,
    FIELD_INT32_DATA = 5,
    FIELD_INT64_DATA = 7,
    FIELD_NAME = 8,
    FIELD_RAW_DATA = 9,
    FIELD_DOUBLE_DATA = 10,
    FIELD_UINT64_DATA = 11,
    FIELD_EXTERNAL_DATA = 13,
    FIELD_DATA_LOCATION = 14
};

/* The fields of numbers, and the types whose elements each holds. */
static const struct storage {
    const char *name;
    uint32_t field;
    enum proto_wire wire;
    int64_t types[8];
} storages[] = {
    {"float_data", FIELD_FLOAT_DATA, PROTO_FIXED32, {CONVOY_F32}},
    {"double_data", FIELD_DOUBLE_DATA, PROTO_FIXED64, {CONVOY_F64}},
    {"int64_data", FIELD_INT64_DATA, PROTO_VARINT, {CONVOY_I64}},
    {"uint64_data", FIELD_UINT64_DATA, PROTO_VARINT, {CONVOY_U32, CONVOY_U64}},
    {"int32_data",
     FIELD_INT32_DATA,
     PROTO_VARINT,
     {CONVOY_U8, CONVOY_I8, CONVOY_U16, CONVOY_I16, CONVOY_I32, CONVOY_BOOL, CONVOY_F16, CONVOY_BF16}},
};

/* What the first walk finds. */
struct contents {
    struct buffer *map;
    struct proto_range message, name, raw;
    struct proto_range location;
    uint64_t external_offset, external_length;
    bool segmented, external, has_external_length;
    int64_t data_type;
    const struct dtype *type;
    convoy_shape shape;
    size_t bytes; /* of the elements that shape and type ask for */
    const struct storage *storage;
    char label[96]; /* for sentences: tensor 'name' */
};

static const char *data_type_text(int64_t type) {
    static const char *const names[] = {
        "undefined", "float32", "uint8",   "int8",   "uint16", "int16",     "int32",      "int64",   "string",
        "bool",      "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"};
    return type >= 0 && type < (int64_t)(sizeof names / sizeof *names) ? names[type] : "unknown";
}

static const struct storage *storage_of(int64_t type) {
    for (size_t i = 0; i < sizeof storages / sizeof *storages; i++)
        for (size_t k = 0; k < sizeof storages[i].types / sizeof *storages[i].types; k++)
            if (storages[i].types[k] == type)
                return &storages[i];
    return NULL;
}

static convoy_status dims_add(struct contents *c, struct proto_range range, convoy_error *error) {
    struct proto_cursor numbers = proto_open(c->map, range);
    uint64_t value;
    while (proto_next_number(&numbers, PROTO_VARINT, &value)) {
        if (value > INT64_MAX)
            return error_set(error, CONVOY_E_INPUT, "%s: dimension %lld is negative", c->label,
                             (long long)value);
        if (c->shape.rank == CONVOY_MAX_RANK)
            return error_set(error, CONVOY_E_UNSUPPORTED, "%s: has more than %d dimensions", c->label,
                             CONVOY_MAX_RANK);
        c->shape.dims[c->shape.rank++] = (int64_t)value;
    }
    if (numbers.problem)
        return error_set(error, CONVOY_E_INPUT, "%s: dims: %s", c->label, numbers.problem);
    return CONVOY_OK;
}

/* A number that is stored as text. */
static bool decimal_read(const struct buffer *map, struct proto_range range, uint64_t *value) {
    const uint8_t *text = (const uint8_t *)map->data + range.offset;
    uint64_t number = 0;
    for (size_t i = 0; i < range.length; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    *value = number;
    return range.length > 0;
}

/* One StringStringEntryProto of external_data. */
static convoy_status external_add(struct contents *c, struct proto_range range, convoy_error *error) {
    struct proto_cursor cursor = proto_open(c->map, range);
    struct proto_field field;
    struct proto_range key = {0}, value = {0};
    while (proto_next(&cursor, &field))
        switch (field.key) {
        case PROTO_KEY(1, PROTO_BYTES):
            key = field.bytes;
            break;
        case PROTO_KEY(2, PROTO_BYTES):
            value = field.bytes;
            break;
        }
    if (cursor.problem)
        return error_set(error, CONVOY_E_INPUT, "%s: external_data: %s", c->label, cursor.problem);
    bool number = true;
    if (proto_text_is(c->map, key, "location")) {
        c->location = value;
    } else if (proto_text_is(c->map, key, "offset")) {
        number = decimal_read(c->map, value, &c->external_offset);
    } else if (proto_text_is(c->map, key, "length")) {
        number = decimal_read(c->map, value, &c->external_length);
        c->has_external_length = true;
    }
    if (!number)
        return error_set(error, CONVOY_E_INPUT,
                         "%s: offset and length of its external data must be decimal numbers below 2^64",
                         c->label);
    return CONVOY_OK;
}

static convoy_status field_take(struct contents *c, const struct proto_field *field, convoy_error *error) {
    switch (field->key) {
    case PROTO_KEY(FIELD_DIMS, PROTO_VARINT):
    case PROTO_KEY(FIELD_DIMS, PROTO_BYTES):
        return dims_add(c, field->bytes, error);
    case PROTO_KEY(FIELD_DATA_TYPE, PROTO_VARINT):
        c->data_type = (int64_t)field->value;
        break;
    case PROTO_KEY(FIELD_SEGMENT, PROTO_BYTES):
        c->segmented = true;
        break;
    case PROTO_KEY(FIELD_RAW_DATA, PROTO_BYTES):
        c->raw = field->bytes;
        break;
    case PROTO_KEY(FIELD_EXTERNAL_DATA, PROTO_BYTES):
        return external_add(c, field->bytes, error);
    case PROTO_KEY(FIELD_DATA_LOCATION, PROTO_VARINT):
        c->external = field->value == 1;
        break;
    }
    return CONVOY_OK;
}

/* Finds the name before anything else, so that every sentence can say it. */
static convoy_status label_find(struct contents *c, convoy_error *error) {
    snprintf(c->label, sizeof c->label, "tensor without name");
    struct proto_cursor cursor = proto_open(c->map, c->message);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(FIELD_NAME, PROTO_BYTES))
            c->name = field.bytes;
    if (c->name.length) {
        int shown = c->name.length < 64 ? (int)c->name.length : 64;
        snprintf(c->label, sizeof c->label, "tensor '%.*s'", shown,
                 (const char *)c->map->data + c->name.offset);
        for (char *at = c->label; *at; at++)
            if ((unsigned char)*at < ' ')
                *at = '?'; /* nothing that moves a terminal's cursor */
    }
    if (cursor.problem)
        return error_set(error, CONVOY_E_INPUT, "%s: %s", c->label, cursor.problem);
    return CONVOY_OK;
}

static convoy_status type_find(struct contents *c, convoy_error *error) {
    c->type = dtype_find(c->data_type);
    c->storage = storage_of(c->data_type);
    if (!c->type || !c->storage)
        return error_set(
            error, CONVOY_E_UNSUPPORTED,
            "%s: has the type %s (%lld); floating-point numbers of 16 to 64 bits, bool, and integers of 8 "
            "to 64 bits, signed or not, are supported",
            c->label, data_type_text(c->data_type), (long long)c->data_type);
    return CONVOY_OK;
}

static convoy_status contents_find(struct contents *c, convoy_error *error) {
    convoy_status status = label_find(c, error);
    struct proto_cursor cursor = proto_open(c->map, c->message);
    struct proto_field field;
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        status = field_take(c, &field, error);
    if (status != CONVOY_OK)
        return status;
    if (c->data_type == 0)
        return error_set(error, CONVOY_E_INPUT, "%s: has no type", c->label);
    status = type_find(c, error);
    if (status != CONVOY_OK)
        return status;
    if (c->segmented)
        return error_set(error, CONVOY_E_UNSUPPORTED, "%s: comes in segments; whole tensors are accepted",
                         c->label);
    char text[160];
    if (!elements_size(c->type, &c->shape, &c->bytes))
        return error_set(error, CONVOY_E_INPUT, "%s: %s elements are more than memory can hold", c->label,
                         convoy_shape_text(&c->shape, text, sizeof text));
    return CONVOY_OK;
}

static bool holds_numbers(const struct contents *c, const struct proto_field *field) {
    return field->number == c->storage->field &&
           (field->wire == c->storage->wire || field->wire == PROTO_BYTES);
}

static convoy_status numbers_count(const struct contents *c, size_t *count, convoy_error *error) {
    struct proto_cursor cursor = proto_open(c->map, c->message);
    struct proto_field field;
    size_t total = 0, more;
    while (proto_next(&cursor, &field)) {
        if (!holds_numbers(c, &field))
            continue;
        if (!proto_count_numbers(c->map, field.bytes, c->storage->wire, &more))
            return error_set(error, CONVOY_E_INPUT, "%s: %s ends within a number", c->label,
                             c->storage->name);
        total += more; /* every element takes at least a byte of the file */
    }
    *count = total;
    return CONVOY_OK;
}

/* Stores element i from a varint; false where it is no value of the type. The elements of float16 and
 * bfloat16 are their bits. */
static bool integer_store(const struct contents *c, void *data, size_t i, uint64_t value) {
    bool is_unsigned = c->storage->field == FIELD_UINT64_DATA;
    if (c->storage->field == FIELD_INT32_DATA) /* as every reader of Protocol Buffers does */
        value = (uint64_t)(int64_t)(int32_t)(uint32_t)value;
    bool negative = !is_unsigned && (int64_t)value < 0;
    uint64_t above = (c->type->class & DTYPE_REALS) ? UINT16_MAX : c->type->above;
    memcpy((char *)data + i * c->type->bytes, &value, c->type->bytes);
    return negative ? 0 - value <= c->type->below : value <= above;
}

/* Copies all occurrences of the field of numbers, which were counted before. */
static convoy_status numbers_copy(const struct contents *c, void *data, convoy_error *error) {
    struct proto_cursor cursor = proto_open(c->map, c->message);
    struct proto_field field;
    size_t at = 0;
    while (proto_next(&cursor, &field)) {
        if (!holds_numbers(c, &field))
            continue;
        if (c->storage->wire != PROTO_VARINT) { /* fixed numbers lie in the file as in memory */
            memcpy((char *)data + at, (const char *)c->map->data + field.bytes.offset, field.bytes.length);
            at += field.bytes.length;
            continue;
        }
        struct proto_cursor numbers = proto_open(c->map, field.bytes);
        uint64_t value;
        while (proto_next_number(&numbers, PROTO_VARINT, &value))
            if (!integer_store(c, data, at++, value))
                return error_set(error, CONVOY_E_INPUT, "%s: element %zu is %lld, which is no %s", c->label,
                                 at - 1, (long long)value, c->type->name);
        if (numbers.problem)
            return error_set(error, CONVOY_E_INPUT, "%s: %s: %s", c->label, c->storage->name,
                             numbers.problem);
    }
    return CONVOY_OK;
}

static convoy_status elements_from_numbers(const struct contents *c, struct elements *elements,
                                           convoy_error *error) {
    size_t count = 0, wanted = c->bytes / c->type->bytes;
    convoy_status status = numbers_count(c, &count, error);
    if (status != CONVOY_OK)
        return status;
    if (count != wanted) {
        char text[160];
        return error_set(error, CONVOY_E_INPUT, "%s: %s of %s needs %zu elements, but %s holds %zu", c->label,
                         convoy_shape_text(&c->shape, text, sizeof text), c->type->name, wanted,
                         c->storage->name, count);
    }
    struct buffer *made = buffer_create(c->bytes);
    if (!made)
        return error_memory(error);
    status = numbers_copy(c, made->data, error);
    if (status != CONVOY_OK)
        buffer_release(&made);
    else
        *elements = (struct elements){.type = c->type, .shape = c->shape, .data = made->data, .owner = made};
    return status;
}

/* The c->bytes bytes of elements at offset of map: a view. */
static convoy_status elements_from_bytes(const struct contents *c, struct buffer *map, size_t offset,
                                         struct elements *elements, convoy_error *error) {
    struct elements view = {
        .type = c->type, .shape = c->shape, .data = (const char *)map->data + offset, .owner = map};
    if (!elements_valid(&view))
        return error_set(error, CONVOY_E_INPUT, "%s: holds bytes other than 0 and 1, which are no bool",
                         c->label);
    buffer_retain(map);
    *elements = view;
    return CONVOY_OK;
}

static convoy_status external_map(const struct contents *c, struct file_folders *folders, struct buffer **map,
                                  convoy_error *error) {
    if (!folders)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "%s: keeps its elements in another file, which only a model's weights may",
                         c->label);
    convoy_error cause = {0};
    char *location = NULL;
    convoy_status status = proto_copy_text(&location, c->map, c->location, &cause);
    if (status == CONVOY_OK)
        status = file_map_within(map, folders, location, &cause);
    free(location);
    if (status != CONVOY_OK)
        return error_set(error, status, "%s: its external data: %.300s", c->label, cause.message);
    return CONVOY_OK;
}

static convoy_status elements_from_file(const struct contents *c, struct file_folders *folders,
                                        struct elements *elements, convoy_error *error) {
    struct buffer *map = NULL;
    convoy_status status = external_map(c, folders, &map, error);
    if (status != CONVOY_OK)
        return status;
    if (c->has_external_length && c->external_length != c->bytes)
        status = error_set(error, CONVOY_E_INPUT,
                           "%s: needs %zu bytes, but its external data is said to have %llu", c->label,
                           c->bytes, (unsigned long long)c->external_length);
    else if (c->external_offset > map->bytes || c->bytes > map->bytes - c->external_offset)
        status = error_set(error, CONVOY_E_INPUT,
                           "%s: needs %zu bytes from byte %llu of its external data, whose file has %zu",
                           c->label, c->bytes, (unsigned long long)c->external_offset, map->bytes);
    else
        status = elements_from_bytes(c, map, (size_t)c->external_offset, elements, error);
    buffer_release(&map);
    return status;
}

static convoy_status elements_from_raw(const struct contents *c, struct elements *elements,
                                       convoy_error *error) {
    if (c->raw.length != c->bytes) {
        char text[160];
        return error_set(error, CONVOY_E_INPUT, "%s: %s of %s needs %zu bytes, but raw_data has %zu",
                         c->label, convoy_shape_text(&c->shape, text, sizeof text), c->type->name, c->bytes,
                         c->raw.length);
    }
    return elements_from_bytes(c, c->map, c->raw.offset, elements, error);
}

static convoy_status elements_find(struct contents *c, struct file_folders *folders,
                                   struct elements *elements, convoy_error *error) {
    convoy_status status = contents_find(c, error);
    if (status != CONVOY_OK)
        return status;
    if (c->external)
        return elements_from_file(c, folders, elements, error);
    return c->raw.length ? elements_from_raw(c, elements, error) : elements_from_numbers(c, elements, error);
}

convoy_status tensor_proto_elements(struct elements *elements, struct buffer *map, convoy_error *error) {
    struct contents contents = {.map = map, .message = {0, map->bytes}};
    return elements_find(&contents, NULL, elements, error);
}

convoy_status tensor_proto_parse(struct tensor_proto *proto, struct buffer *map, size_t offset, size_t length,
                                 struct file_folders *folders, convoy_error *error) {
    struct contents contents = {.map = map, .message = {offset, length}};
    struct elements found = {0};
    struct tensor_proto made = {0};
    convoy_status status = elements_find(&contents, folders, &found, error);
    if (status != CONVOY_OK)
        return status;
    made.tensor = (convoy_tensor){.dtype = (convoy_dtype)contents.data_type,
                                  .shape = found.shape,
                                  .data = (void *)(uintptr_t)found.data,
                                  .owner = found.owner};
    status = proto_copy_text(&made.name, map, contents.name, error);
    if (status != CONVOY_OK)
        tensor_proto_release(&made);
    else
        *proto = made;
    return status;
}

void tensor_proto_release(struct tensor_proto *proto) {
    if (!proto)
        return;
    free(proto->name);
    convoy_tensor_release(&proto->tensor);
    proto->name = NULL;
}
