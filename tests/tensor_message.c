#include "tensor_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void proto_varint(struct proto_message *m, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        m->bytes[m->length++] = (uint8_t)(value | 0x80);
    m->bytes[m->length++] = (uint8_t)value;
}

void proto_number(struct proto_message *m, uint32_t field, int64_t value) {
    proto_varint(m, field << 3);
    proto_varint(m, (uint64_t)value);
}

void proto_bytes(struct proto_message *m, uint32_t field, const void *bytes, size_t length) {
    proto_varint(m, field << 3 | 2);
    proto_varint(m, length);
    if (length)
        memcpy(m->bytes + m->length, bytes, length);
    m->length += length;
}

void proto_packed(struct proto_message *m, uint32_t field, const int64_t *values, size_t count) {
    struct proto_message packed = {.length = 0};
    for (size_t i = 0; i < count; i++)
        proto_varint(&packed, (uint64_t)values[i]);
    proto_bytes(m, field, packed.bytes, packed.length);
}

void proto_entry(struct proto_message *m, const char *key, const char *value) {
    struct proto_message entry = {.length = 0};
    proto_bytes(&entry, 1, key, strlen(key));
    proto_bytes(&entry, 2, value, strlen(value));
    proto_bytes(m, 13, entry.bytes, entry.length);
}

/* dims 2x3, a type, the name "w". */
struct proto_message proto_2x3(convoy_dtype dtype) {
    struct proto_message m = {.length = 0};
    proto_packed(&m, 1, (const int64_t[]){2, 3}, 2);
    proto_number(&m, 2, dtype);
    proto_bytes(&m, 8, "w", 1);
    return m;
}

/* A map of exactly these bytes behind a lead of others. */
struct buffer *proto_map(const void *bytes, size_t length, size_t lead) {
    uint8_t *copy = malloc(length + lead ? length + lead : 1);
    memset(copy, 0xff, lead);
    memcpy(copy + lead, bytes, length);
    return buffer_adopt(copy, length + lead, free, copy);
}

convoy_status proto_parse(struct tensor_proto *proto, const struct proto_message *m, const char *folder,
                          convoy_error *error) {
    struct buffer *map = proto_map(m->bytes, m->length, 0);
    struct file_folders folders = {.given = folder};
    convoy_status status = tensor_proto_parse(proto, map, 0, m->length, folder ? &folders : NULL, error);
    buffer_release(&map); /* a tensor that views it holds a reference of its own */
    file_folders_clear(&folders);
    return status;
}

void proto_expect(const struct proto_message *m, convoy_dtype dtype, const void *data, size_t bytes) {
    struct tensor_proto proto;
    convoy_error error;
    if (proto_parse(&proto, m, NULL, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_string_equal(proto.name, "w");
    assert_int_equal(proto.tensor.dtype, dtype);
    assert_int_equal(proto.tensor.shape.rank, 2);
    assert_int_equal(proto.tensor.shape.dims[0], 2);
    assert_int_equal(proto.tensor.shape.dims[1], 3);
    assert_int_equal(convoy_tensor_elements(&proto.tensor) * convoy_dtype_bytes(dtype), bytes);
    assert_memory_equal(proto.tensor.data, data, bytes);
    tensor_proto_release(&proto);
    assert_null(proto.name);
    assert_null(proto.tensor.data);
}

void proto_expect_failure(const struct proto_message *m, const char *folder, convoy_status status,
                          const char *says) {
    struct tensor_proto proto = {0};
    convoy_error error = {0};
    convoy_status got = proto_parse(&proto, m, folder, &error);
    if (got != status || !strstr(error.message, says) || !strstr(error.message, "'w'"))
        fail_msg("status %d: %s (expected %d: %s)", got, error.message, status, says);
    assert_null(proto.name);
    assert_null(proto.tensor.data);
    assert_int_equal(proto_parse(&proto, m, folder, NULL), status);
}
