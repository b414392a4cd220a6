#include "io/protobuf.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAP(text) map_make(text, sizeof(text) - 1)

/* A map of exactly these bytes, so that the address sanitizer sees every one beyond. */
static struct buffer *map_make(const char *bytes, size_t length) {
    char *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    return buffer_adopt(copy, length, free, copy);
}

static struct proto_cursor open_whole(const struct buffer *map) {
    return proto_open(map, (struct proto_range){0, map->bytes});
}

static void test_every_wire_type(void **state) {
    (void)state;
    /* 1: varint 300; 2: "abc"; 3: fixed32 1.0f; 4: fixed64 -2.0; 536870911: "" */
    struct buffer *map = MAP("\x08\xac\x02"
                             "\x12\x03"
                             "abc"
                             "\x1d\x00\x00\x80\x3f"
                             "\x21\x00\x00\x00\x00\x00\x00\x00\xc0"
                             "\xfa\xff\xff\xff\x0f\x00");
    struct proto_cursor cursor = open_whole(map);
    struct proto_field field;
    assert_true(proto_next(&cursor, &field));
    assert_int_equal(field.key, PROTO_KEY(1, PROTO_VARINT));
    assert_int_equal(field.value, 300);
    assert_int_equal(field.bytes.offset, 1);
    assert_int_equal(field.bytes.length, 2);
    assert_true(proto_next(&cursor, &field));
    assert_int_equal(field.key, PROTO_KEY(2, PROTO_BYTES));
    assert_int_equal(field.bytes.offset, 5);
    assert_int_equal(field.bytes.length, 3);
    assert_true(proto_text_is(map, field.bytes, "abc"));
    assert_false(proto_text_is(map, field.bytes, "ab"));
    assert_false(proto_text_is(map, field.bytes, "abcd"));
    assert_true(proto_next(&cursor, &field));
    assert_int_equal(field.key, PROTO_KEY(3, PROTO_FIXED32));
    assert_true(proto_float(field.value) == 1.0f);
    assert_true(proto_next(&cursor, &field));
    assert_int_equal(field.key, PROTO_KEY(4, PROTO_FIXED64));
    assert_true(proto_double(field.value) == -2.0);
    assert_true(proto_next(&cursor, &field));
    assert_int_equal(field.number, 536870911);
    assert_int_equal(field.wire, PROTO_BYTES);
    assert_int_equal(field.bytes.length, 0);
    assert_false(proto_next(&cursor, &field));
    assert_null(cursor.problem);
    buffer_release(&map);
}

static void test_packed_and_unpacked(void **state) {
    (void)state;
    /* field 1, varints: 5, packed [1, 300, -1], 7; field 2, float32: 1.0, packed [1.0, 2.0] */
    struct buffer *map = MAP("\x08\x05"
                             "\x0a\x0d\x01\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                             "\x08\x07"
                             "\x15\x00\x00\x80\x3f"
                             "\x12\x08\x00\x00\x80\x3f\x00\x00\x00\x40");
    static const int64_t expected[] = {5, 1, 300, -1, 7};
    static const float floats[] = {1, 1, 2};
    struct proto_cursor cursor = open_whole(map);
    struct proto_field field;
    size_t at = 0, float_at = 0, counted = 0;
    while (proto_next(&cursor, &field)) {
        enum proto_wire wire = field.number == 1 ? PROTO_VARINT : PROTO_FIXED32;
        struct proto_cursor numbers = proto_open(map, field.bytes);
        uint64_t value;
        size_t count;
        assert_true(proto_count_numbers(map, field.bytes, wire, &count));
        counted += count;
        while (proto_next_number(&numbers, wire, &value))
            if (wire == PROTO_VARINT)
                assert_int_equal((int64_t)value, expected[at++]);
            else
                assert_true(proto_float(value) == floats[float_at++]);
        assert_null(numbers.problem);
    }
    assert_null(cursor.problem);
    assert_int_equal(at, 5);
    assert_int_equal(float_at, 3);
    assert_int_equal(counted, 8);
    buffer_release(&map);
}

static void test_damage(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"\x08", 1},                                              /* no number */
        {"\x08\x80", 2},                                          /* half a number */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a number of 11 bytes */
        {"\x12\x04"
         "abc",
         5}, /* a length past the end */
        {"\x12\xff\xff\xff\xff\x0f"
         "abc",
         9},                                                  /* 2^32-1 */
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* 2^64-1 */
        {"\x1d\x00\x00\x80", 4},                              /* half a float */
        {"\x21\x00\x00\x00\x00\x00\x00\x00", 8},              /* most of a double */
        {"\x0b\x0c", 2},                                      /* a group */
        {"\x0e", 1},                                          /* wire type 6 */
        {"\x0f", 1},                                          /* wire type 7 */
        {"\x00\x01", 2},                                      /* field number 0 */
        {"\xff\xff\xff\xff\xff\x0f", 6},                      /* a field number above 2^29-1 */
        {"\x80", 1},                                          /* half a tag */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer *map = map_make(cases[i].bytes, cases[i].length);
        struct proto_cursor cursor = open_whole(map);
        struct proto_field field;
        assert_false(proto_next(&cursor, &field));
        assert_non_null(cursor.problem);
        assert_false(proto_next(&cursor, &field)); /* and it stays so */
        buffer_release(&map);
    }
}

static void test_ranges_outside(void **state) {
    (void)state;
    struct buffer *map = MAP("\x08\x05");
    static const struct proto_range ranges[] = {{0, 3},        {1, 2},        {3, 0},
                                                {SIZE_MAX, 1}, {1, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct proto_cursor cursor = proto_open(map, ranges[i]);
        struct proto_field field;
        uint64_t value;
        size_t count;
        char *text = NULL;
        assert_non_null(cursor.problem);
        assert_false(proto_next(&cursor, &field));
        assert_false(proto_next_number(&cursor, PROTO_VARINT, &value));
        assert_false(proto_count_numbers(map, ranges[i], PROTO_VARINT, &count));
        assert_false(proto_text_is(map, ranges[i], ""));
        assert_int_equal(proto_copy_text(&text, map, ranges[i], NULL), CONVOY_E_INPUT);
        assert_null(text);
    }
    struct proto_cursor cursor = proto_open(map, (struct proto_range){2, 0});
    struct proto_field field;
    assert_false(proto_next(&cursor, &field));
    assert_null(cursor.problem);
    buffer_release(&map);
}

static void test_numbers_that_do_not_fit(void **state) {
    (void)state;
    struct buffer *map = MAP("\x01\x02\x03\x84\x05\x86");
    size_t count;
    assert_false(proto_count_numbers(map, (struct proto_range){0, 6}, PROTO_VARINT, &count));
    assert_false(proto_count_numbers(map, (struct proto_range){0, 6}, PROTO_FIXED32, &count));
    assert_false(proto_count_numbers(map, (struct proto_range){0, 6}, PROTO_FIXED64, &count));
    assert_true(proto_count_numbers(map, (struct proto_range){0, 4 + 1}, PROTO_VARINT, &count));
    assert_int_equal(count, 4);
    struct proto_cursor cursor = proto_open(map, (struct proto_range){4, 2});
    uint64_t value;
    assert_true(proto_next_number(&cursor, PROTO_VARINT, &value));
    assert_false(proto_next_number(&cursor, PROTO_VARINT, &value));
    assert_non_null(cursor.problem);
    buffer_release(&map);
}

static void test_texts(void **state) {
    (void)state;
    struct buffer *map = MAP("na\0me");
    char *text;
    convoy_error error;
    assert_int_equal(proto_copy_text(&text, map, (struct proto_range){0, 2}, NULL), CONVOY_OK);
    assert_string_equal(text, "na");
    free(text);
    assert_int_equal(proto_copy_text(&text, map, (struct proto_range){5, 0}, NULL), CONVOY_OK);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(proto_copy_text(&text, map, (struct proto_range){0, 5}, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "zero byte"));
    buffer_release(&map);
}

/* Whatever the bytes are: every payload lies behind the one before it and inside the message, and the walk
 * ends. */
static void test_random_bytes(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 11);
    for (int round = 0; round < 20000; round++) {
        char bytes[48];
        size_t length = random_below(&random, sizeof bytes + 1), end = 0;
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)(random_below(&random, 3) ? random_below(&random, 32) : random_u64(&random));
        struct buffer *map = map_make(bytes, length);
        struct proto_cursor cursor = open_whole(map);
        struct proto_field field;
        while (proto_next(&cursor, &field)) {
            assert_true(field.number > 0);
            assert_true(field.bytes.offset > end);
            end = field.bytes.offset + field.bytes.length;
            assert_true(end <= length);
        }
        assert_true(cursor.problem || end == length);
        buffer_release(&map);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wire_type),
        cmocka_unit_test(test_packed_and_unpacked),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_ranges_outside),
        cmocka_unit_test(test_numbers_that_do_not_fit),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
