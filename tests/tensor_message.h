/* ONNX TensorProto messages, byte by byte: what tests of tensor_proto_parse read. The functions fail the test
 * if something is not as expected. */
#ifndef TESTS_TENSOR_MESSAGE_H
#define TESTS_TENSOR_MESSAGE_H

#include "io/tensor_proto.h"

/* A message under construction. */
struct proto_message {
    uint8_t bytes[512];
    size_t length;
};

/* Fields of protobuf: a number, bytes, packed numbers; and an entry of external_data. */
void proto_varint(struct proto_message *m, uint64_t value);
void proto_number(struct proto_message *m, uint32_t field, int64_t value);
void proto_bytes(struct proto_message *m, uint32_t field, const void *bytes, size_t length);
void proto_packed(struct proto_message *m, uint32_t field, const int64_t *values, size_t count);
void proto_entry(struct proto_message *m, const char *key, const char *value);

/* dims 2x3, a type, the name "w". */
struct proto_message proto_2x3(convoy_dtype dtype);

/* A map of exactly these bytes behind a lead of others. */
struct buffer *proto_map(const void *bytes, size_t length, size_t lead);

/* Parses a message, whose external data lie in the folder (NULL: none may be). */
convoy_status proto_parse(struct tensor_proto *proto, const struct proto_message *m, const char *folder,
                          convoy_error *error);

/* The message is the tensor "w" of 2x3 elements with these bytes. */
void proto_expect(const struct proto_message *m, convoy_dtype dtype, const void *data, size_t bytes);

/* The message is refused with the status and a sentence that says this. */
void proto_expect_failure(const struct proto_message *m, const char *folder, convoy_status status,
                          const char *says);

#endif
