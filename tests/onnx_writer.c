#include "onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void append(struct message *message, const void *bytes, size_t size) {
    message->bytes = realloc(message->bytes, message->size + size + 1);
    if (!message->bytes)
        abort();
    if (size)
        memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void append_varint(struct message *message, uint64_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        append(message, &byte, 1);
        value >>= 7;
    } while (value);
}

void message_varint(struct message *message, uint32_t field, uint64_t value) {
    append_varint(message, (uint64_t)field << 3);
    append_varint(message, value);
}

void message_float(struct message *message, uint32_t field, float value) {
    append_varint(message, (uint64_t)field << 3 | 5);
    append(message, &value, sizeof value); /* little-endian, as the machines that we run on */
}

void message_bytes(struct message *message, uint32_t field, const void *bytes, size_t size) {
    append_varint(message, (uint64_t)field << 3 | 2);
    append_varint(message, size);
    append(message, bytes, size);
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

struct message typed_value_message(const char *name, uint64_t dtype, const int64_t *dims, size_t rank) {
    struct message shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (size_t i = 0; i < rank; i++) {
        struct message dim = {0};
        if (dims[i] >= 0)
            message_varint(&dim, 1, (uint64_t)dims[i]);
        else
            message_text(&dim, 2, "open");
        message_take(&shape, 1, &dim);
    }
    message_varint(&tensor, 1, dtype);
    message_take(&tensor, 2, &shape);
    message_take(&type, 1, &tensor);
    message_text(&value, 1, name);
    message_take(&value, 2, &type);
    return value;
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

struct message model_message(struct message *graph, int64_t opset) {
    struct message model = {0}, import = {0};
    message_varint(&model, 1, 8);
    message_take(&model, 7, graph);
    message_text(&import, 1, "");
    message_varint(&import, 2, (uint64_t)opset);
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
