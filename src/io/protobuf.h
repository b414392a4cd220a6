/* The wire format of Protocol Buffers, read in place: a cursor walks over the fields of one message in a
 * mapped file, and a field that is a message itself is walked by another cursor over its bytes. Nothing
 * recurses, so the depth is the caller's to bound.
 *
 *     struct proto_cursor cursor = proto_open(map, range);
 *     struct proto_field field;
 *     while (proto_next(&cursor, &field))
 *         switch (field.key) {
 *         case PROTO_KEY(8, PROTO_BYTES): name = field.bytes; break;
 *         }
 *     if (cursor.problem)
 *         return error_set(error, CONVOY_E_INPUT, "%s: %s", what, cursor.problem);
 *
 * Fields of an unknown number, or of another wire type than the reader looks for, fall through the switch:
 * that is how Protocol Buffers treat them. */
#ifndef IO_PROTOBUF_H
#define IO_PROTOBUF_H

#include "base/memory.h"

/* The numbers are those of the wire format. Groups (3 and 4) are refused as damage: ONNX has none. */
enum proto_wire {
    PROTO_VARINT = 0,  /* int32, int64, uint64, bool, enumerations */
    PROTO_FIXED64 = 1, /* double */
    PROTO_BYTES = 2,   /* string, bytes, messages, packed numbers */
    PROTO_FIXED32 = 5  /* float */
};

/* Bytes [offset, offset+length) of the map. */
struct proto_range {
    size_t offset, length;
};

struct proto_cursor {
    const struct buffer *map; /* borrowed */
    size_t at, end;           /* what is left: bytes [at, end) of the map; at <= end <= map->bytes */
    const char
        *problem; /* NULL, or in a few words how the bytes are damaged; then there are no more fields */
};

/* One field. bytes is its payload and lies within the message: the content for PROTO_BYTES, the encoded
 * number for the others. */
struct proto_field {
    uint32_t key;    /* PROTO_KEY(number, wire), for switch */
    uint32_t number; /* 1 .. 2^29-1 */
    enum proto_wire wire;
    uint64_t value; /* the number: varint as it is, fixed as its bits; 0 for PROTO_BYTES */
    struct proto_range bytes;
};

#define PROTO_KEY(number, wire) ((uint32_t)(number) << 3 | (uint32_t)(wire))

/* A cursor over a message; a range that is not inside the map is a problem of the cursor. */
struct proto_cursor proto_open(const struct buffer *map, struct proto_range range);

/* Reads the next field. False at the end, and where the bytes are damaged (cursor->problem says how). */
bool proto_next(struct proto_cursor *cursor, struct proto_field *field);

/* Elements of a repeated number field, packed or not. The field's bytes hold them both ways, so that
 *     struct proto_cursor numbers = proto_open(map, field.bytes);
 *     while (proto_next_number(&numbers, PROTO_VARINT, &value)) ...
 * takes one occurrence of the field, whether it has the number's wire type or PROTO_BYTES. False at the end
 * and on damage. */
bool proto_next_number(struct proto_cursor *cursor, enum proto_wire wire, uint64_t *value);

/* How many elements such an occurrence holds; false where the bytes are no whole number of them. */
bool proto_count_numbers(const struct buffer *map, struct proto_range range, enum proto_wire wire,
                         size_t *count);

/* The float and the double whose bits a number is. */
float proto_float(uint64_t value);
double proto_double(uint64_t value);

/* A copy of the bytes as a string, the caller's. CONVOY_E_INPUT if a zero byte is inside, CONVOY_E_MEMORY.
 */
convoy_status proto_copy_text(char **text, const struct buffer *map, struct proto_range range,
                              convoy_error *error);

/* Whether the bytes are this string. */
bool proto_text_is(const struct buffer *map, struct proto_range range, const char *text);

#endif
