#include "onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of memory for a message of this size: a power of two, so that appending takes no time to speak of. */
static size_t capacity_of(size_t size) {
    size_t capacity = 64;
    while (capacity < size)
        capacity *= 2;
    return capacity;
}

void message_append(struct message *message, const void *bytes, size_t size) {
    if (!message->bytes || capacity_of(message->size + size) != capacity_of(message->size))
        message->bytes = realloc(message->bytes, capacity_of(message->size + size));
    if (!message->bytes)
        abort();
    if (size)
        memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void append_varint(struct message *message, uint64_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        message_append(message, &byte, 1);
        value >>= 7;
    } while (value);
}

void message_varint(struct message *message, uint32_t field, uint64_t value) {
    append_varint(message, (uint64_t)field << 3);
    append_varint(message, value);
}

void message_float(struct message *message, uint32_t field, float value) {
    append_varint(message, (uint64_t)field << 3 | 5);
    message_append(message, &value, sizeof value); /* little-endian, as the machines that we run on */
}

void message_bytes(struct message *message, uint32_t field, const void *bytes, size_t size) {
    append_varint(message, (uint64_t)field << 3 | 2);
    append_varint(message, size);
    message_append(message, bytes, size);
}

void message_text(struct message *message, uint32_t field, const char *text) {
    message_bytes(message, field, text, strlen(text));
}

void message_take(struct message *message, uint32_t field, struct message *child) {
    message_bytes(message, field, child->bytes, child->size);
    message_free(child);
}

void message_free(struct message *message) {
    free(message->bytes);
    *message = (struct message){0};
}

struct message tensor_message(const char *name, const int64_t *dims, size_t rank, size_t count) {
    struct message tensor = {0};
    float *values = calloc(count + 1, sizeof *values);
    if (!values)
        abort();
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(i + 1) / (float)count;
    for (size_t i = 0; i < rank; i++)
        message_varint(&tensor, 1, (uint64_t)dims[i]);
    message_varint(&tensor, 2, 1);
    message_text(&tensor, 8, name);
    message_bytes(&tensor, 9, values, count * sizeof *values);
    free(values);
    return tensor;
}

struct message int_tensor_message(const char *name, const int64_t *values, size_t count) {
    struct message tensor = {0};
    message_varint(&tensor, 1, count);
    message_varint(&tensor, 2, 7);
    message_text(&tensor, 8, name);
    message_bytes(&tensor, 9, values, count * sizeof *values);
    return tensor;
}

struct message value_message(const char *name, const int64_t *dims, size_t rank) {
    return typed_value_message(name, 1, dims, rank);
}

static struct message any_value_message(const char *name, uint64_t dtype, const int64_t *dims,
                                        const char *const *symbols, size_t rank) {
    struct message shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (size_t i = 0; i < rank; i++) {
        struct message dim = {0};
        if (dims[i] >= 0)
            message_varint(&dim, 1, (uint64_t)dims[i]);
        else if (symbols && *symbols[i])
            message_text(&dim, 2, symbols[i]);
        message_take(&shape, 1, &dim);
    }
    message_varint(&tensor, 1, dtype);
    message_take(&tensor, 2, &shape);
    message_take(&type, 1, &tensor);
    message_text(&value, 1, name);
    message_take(&value, 2, &type);
    return value;
}

struct message typed_value_message(const char *name, uint64_t dtype, const int64_t *dims, size_t rank) {
    return any_value_message(name, dtype, dims, NULL, rank);
}

struct message symbol_message(const char *name, const int64_t *dims, const char *const *symbols,
                              size_t rank) {
    return any_value_message(name, 1, dims, symbols, rank);
}

static void append_names(struct message *node, uint32_t field, const char *names) {
    while (*names) {
        size_t length = strcspn(names, " ");
        message_bytes(node, field, names, *names == '-' ? 0 : length);
        names += length + strspn(names + length, " ");
    }
}

struct message node_message(const char *op, const char *name, const char *inputs, const char *outputs) {
    struct message node = {0};
    append_names(&node, 1, inputs);
    append_names(&node, 2, outputs);
    message_text(&node, 3, name);
    message_text(&node, 4, op);
    return node;
}

/* Adds an attribute whose value is written already. type: AttributeProto.AttributeType */
static void take_attribute(struct message *node, const char *name, uint64_t type, struct message *attribute) {
    message_text(attribute, 1, name);
    message_varint(attribute, 20, type);
    message_take(node, 5, attribute);
}

void node_int(struct message *node, const char *name, int64_t value) {
    struct message attribute = {0};
    message_varint(&attribute, 3, (uint64_t)value);
    take_attribute(node, name, 2, &attribute);
}

void node_float(struct message *node, const char *name, float value) {
    struct message attribute = {0};
    message_float(&attribute, 2, value);
    take_attribute(node, name, 1, &attribute);
}

void node_ints(struct message *node, const char *name, const int64_t *values, size_t count) {
    struct message attribute = {0};
    for (size_t i = 0; i < count; i++)
        message_varint(&attribute, 8, (uint64_t)values[i]);
    take_attribute(node, name, 7, &attribute);
}

void node_text(struct message *node, const char *name, const char *value) {
    struct message attribute = {0};
    message_text(&attribute, 4, value);
    take_attribute(node, name, 3, &attribute);
}

void node_floats(struct message *node, const char *name, const float *values, size_t count) {
    struct message attribute = {0};
    for (size_t i = 0; i < count; i++)
        message_float(&attribute, 7, values[i]);
    take_attribute(node, name, 6, &attribute);
}

void node_other(struct message *node, const char *name, uint64_t type) {
    struct message attribute = {0};
    take_attribute(node, name, type, &attribute);
}

void node_graph(struct message *node, const char *name, struct message *graph) {
    struct message attribute = {0};
    message_take(&attribute, 6, graph);
    take_attribute(node, name, 5, &attribute);
}

void node_reference(struct message *node, const char *name, uint64_t type, const char *reference) {
    struct message attribute = {0};
    message_text(&attribute, 21, reference);
    take_attribute(node, name, type, &attribute);
}

struct message function_message(const char *domain, const char *name, const char *inputs,
                                const char *outputs) {
    struct message function = {0};
    message_text(&function, 1, name);
    append_names(&function, 4, inputs);
    append_names(&function, 5, outputs);
    message_text(&function, 10, domain);
    return function;
}

struct message opset_message(const char *domain, int64_t version) {
    struct message opset = {0};
    message_text(&opset, 1, domain);
    message_varint(&opset, 2, (uint64_t)version);
    return opset;
}

struct message model_message(struct message *graph, int64_t opset) {
    struct message model = {0}, import = opset_message("", opset);
    message_varint(&model, 1, 8);
    message_take(&model, 7, graph);
    message_take(&model, 8, &import);
    return model;
}

void file_write(char *path, const void *bytes, size_t size) {
    strcpy(path, "/tmp/convoy-test-XXXXXX");
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}
