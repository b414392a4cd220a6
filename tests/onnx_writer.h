/* Writes ONNX models for tests, byte by byte: sound ones, and such as no exporter would make. Everything
 * aborts where there is no memory. */
#ifndef TESTS_ONNX_WRITER_H
#define TESTS_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

/* A Protocol Buffers message under construction. Zero-initialised: empty. */
struct message {
    uint8_t *bytes;
    size_t size;
};

void message_varint(struct message *message, uint32_t field, uint64_t value);
void message_float(struct message *message, uint32_t field, float value);
void message_bytes(struct message *message, uint32_t field, const void *bytes, size_t size);
void message_text(struct message *message, uint32_t field, const char *text);

/* Adds bytes that are fields already. */
void message_append(struct message *message, const void *bytes, size_t size);

/* Adds child as a field and frees it. */
void message_take(struct message *message, uint32_t field, struct message *child);
void message_free(struct message *message);

/* TensorProto of float32 with raw_data of count elements: 1, 2, 3, ... divided by count. */
struct message tensor_message(const char *name, const int64_t *dims, size_t rank, size_t count);

/* TensorProto of int64. */
struct message int_tensor_message(const char *name, const int64_t *values, size_t count);

/* ValueInfoProto of a float32 tensor; -1: an open axis. */
struct message value_message(const char *name, const int64_t *dims, size_t rank);

/* The same of any type. */
struct message typed_value_message(const char *name, uint64_t dtype, const int64_t *dims, size_t rank);

/* The same with names of open axes; "": none. */
struct message symbol_message(const char *name, const int64_t *dims, const char *const *symbols, size_t rank);

/* NodeProto. inputs and outputs: names separated by a space; "-" is an empty one. name may be "". */
struct message node_message(const char *op, const char *name, const char *inputs, const char *outputs);

/* Attributes of a node. */
void node_int(struct message *node, const char *name, int64_t value);
void node_float(struct message *node, const char *name, float value);
void node_ints(struct message *node, const char *name, const int64_t *values, size_t count);
void node_text(struct message *node, const char *name, const char *value);
void node_floats(struct message *node, const char *name, const float *values, size_t count);

/* An attribute of another type (AttributeProto.AttributeType), with no value. */
void node_other(struct message *node, const char *name, uint64_t type);

/* The attribute is a graph, which is freed; or it is what a function's attribute `reference` is. type:
 * AttributeProto.AttributeType. */
void node_graph(struct message *node, const char *name, struct message *graph);
void node_reference(struct message *node, const char *name, uint64_t type, const char *reference);

/* FunctionProto; nodes (field FUNCTION_NODE), operator sets and attributes are to come. */
struct message function_message(const char *domain, const char *name, const char *inputs,
                                const char *outputs);
enum {
    FUNCTION_ATTRIBUTE_NAME = 6,
    FUNCTION_NODE = 7,
    FUNCTION_OPSET = 9,
    FUNCTION_ATTRIBUTE = 11,
    MODEL_FUNCTION = 25
};

/* OperatorSetIdProto. */
struct message opset_message(const char *domain, int64_t version);

/* Fields of GraphProto. */
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };

/* ModelProto around a graph, which is freed. */
struct message model_message(struct message *graph, int64_t opset);

/* Writes bytes to a new file; *path, of at least 64 bytes, gets its name. The caller unlinks it. */
void file_write(char *path, const void *bytes, size_t size);

#endif
