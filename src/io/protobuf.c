/* Reading of Protocol Buffers over nanopb's decoding primitives. */
#include "io/protobuf.h"

#include "base/error.h"

#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEM_RANGE "a message reaches past the end of the file"
#define PROBLEM_FIELD                                                                                        \
    "damaged or cut off: a field is no Protocol Buffers field, or reaches past the end of its message"
#define PROBLEM_NUMBER "damaged: a list of numbers ends within a number"

static const uint8_t *map_bytes(const struct buffer *map) {
    return map->data;
}

static bool fail(struct proto_cursor *cursor, const char *problem) {
    cursor->problem = problem;
    cursor->at = cursor->end;
    return false;
}

struct proto_cursor proto_open(const struct buffer *map, struct proto_range range) {
    struct proto_cursor cursor = {.map = map};
    if (range.offset > map->bytes || range.length > map->bytes - range.offset) {
        cursor.problem = PROBLEM_RANGE;
        return cursor;
    }
    cursor.at = range.offset;
    cursor.end = range.offset + range.length;
    return cursor;
}

static pb_istream_t stream_open(const struct proto_cursor *cursor) {
    return pb_istream_from_buffer(map_bytes(cursor->map) + cursor->at, cursor->end - cursor->at);
}

static bool number_read(pb_istream_t *stream, enum proto_wire wire, uint64_t *value) {
    uint32_t word;
    switch (wire) {
    case PROTO_VARINT:
        return pb_decode_varint(stream, value);
    case PROTO_FIXED64:
        return pb_decode_fixed64(stream, value);
    case PROTO_FIXED32:
        if (!pb_decode_fixed32(stream, &word))
            return false;
        *value = word;
        return true;
    case PROTO_BYTES:
        break;
    }
    return false;
}

bool proto_next(struct proto_cursor *cursor, struct proto_field *field) {
    if (cursor->at == cursor->end)
        return false;
    pb_istream_t stream = stream_open(cursor);
    pb_wire_type_t wire;
    uint32_t number;
    bool eof;
    if (!pb_decode_tag(&stream, &wire, &number, &eof) || number == 0)
        return fail(cursor, PROBLEM_FIELD);
    struct proto_field found = {
        .key = PROTO_KEY(number, wire), .number = number, .wire = (enum proto_wire)wire};
    if (wire == PB_WT_STRING) {
        pb_istream_t content; /* its length is known to be within the stream */
        if (!pb_make_string_substream(&stream, &content))
            return fail(cursor, PROBLEM_FIELD);
        found.bytes.length = content.bytes_left;
        found.bytes.offset = cursor->end - stream.bytes_left - content.bytes_left;
    } else {
        found.bytes.offset = cursor->end - stream.bytes_left;
        if (!number_read(&stream, found.wire, &found.value)) /* refuses groups */
            return fail(cursor, PROBLEM_FIELD);
        found.bytes.length = cursor->end - stream.bytes_left - found.bytes.offset;
    }
    cursor->at = cursor->end - stream.bytes_left;
    *field = found;
    return true;
}

bool proto_next_number(struct proto_cursor *cursor, enum proto_wire wire, uint64_t *value) {
    if (cursor->at == cursor->end)
        return false;
    pb_istream_t stream = stream_open(cursor);
    if (!number_read(&stream, wire, value))
        return fail(cursor, PROBLEM_NUMBER);
    cursor->at = cursor->end - stream.bytes_left;
    return true;
}

bool proto_count_numbers(const struct buffer *map, struct proto_range range, enum proto_wire wire,
                         size_t *count) {
    struct proto_cursor cursor = proto_open(map, range);
    if (cursor.problem)
        return false;
    if (wire == PROTO_FIXED32 || wire == PROTO_FIXED64) {
        size_t size = wire == PROTO_FIXED32 ? 4 : 8;
        *count = range.length / size;
        return range.length % size == 0;
    }
    const uint8_t *bytes = map_bytes(map) + range.offset;
    size_t ends = 0; /* the last byte of a varint is the one without the top bit */
    for (size_t i = 0; i < range.length; i++)
        ends += bytes[i] < 0x80;
    *count = ends;
    return range.length == 0 || bytes[range.length - 1] < 0x80;
}

float proto_float(uint64_t value) {
    uint32_t bits = (uint32_t)value;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

double proto_double(uint64_t value) {
    double number;
    memcpy(&number, &value, sizeof number);
    return number;
}

convoy_status proto_copy_text(char **text, const struct buffer *map, struct proto_range range,
                              convoy_error *error) {
    struct proto_cursor cursor = proto_open(map, range);
    if (cursor.problem)
        return error_set(error, CONVOY_E_INPUT, "%s", cursor.problem);
    const uint8_t *bytes = map_bytes(map) + range.offset;
    if (range.length && memchr(bytes, 0, range.length))
        return error_set(error, CONVOY_E_INPUT, "a name of %zu bytes has a zero byte inside", range.length);
    char *copy = malloc(range.length + 1);
    if (!copy)
        return error_memory(error);
    if (range.length)
        memcpy(copy, bytes, range.length);
    copy[range.length] = 0;
    *text = copy;
    return CONVOY_OK;
}

bool proto_text_is(const struct buffer *map, struct proto_range range, const char *text) {
    return proto_open(map, range).problem == NULL && range.length == strlen(text) &&
           memcmp(map_bytes(map) + range.offset, text, range.length) == 0;
}
