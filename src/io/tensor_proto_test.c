#include "io/tensor_proto.h"

#include "base/random.h"
#include "base/tensor.h"
#include "temp_folder.h"
#include "tensor_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const float floats[6] = {1, -2.5f, 3, 4, 5, 1e30f};
static const double doubles[6] = {1, -2.5, 3, 4, 5, 1e300};

static void test_fields_of_numbers(void **state) {
    (void)state;
    static const int64_t wide[6] = {0, 1, -1, INT64_MAX, INT64_MIN, 300};
    static const int64_t bits[6] = {0, 1, 0, 1, 1, 0};
    struct proto_message m = proto_2x3(CONVOY_F32);
    proto_bytes(&m, 4, floats, sizeof floats);
    proto_expect(&m, CONVOY_F32, floats, sizeof floats);
    m = proto_2x3(CONVOY_F64);
    proto_bytes(&m, 10, doubles, sizeof doubles);
    proto_expect(&m, CONVOY_F64, doubles, sizeof doubles);
    m = proto_2x3(CONVOY_I64);
    proto_packed(&m, 7, wide, 6);
    proto_expect(&m, CONVOY_I64, wide, sizeof wide);
    m = proto_2x3(CONVOY_I32);
    proto_packed(&m, 5, (const int64_t[]){0, 1, -1, INT32_MAX, INT32_MIN, 300}, 6);
    proto_expect(&m, CONVOY_I32, (const int32_t[]){0, 1, -1, INT32_MAX, INT32_MIN, 300}, 24);
    m = proto_2x3(CONVOY_U8);
    proto_packed(&m, 5, (const int64_t[]){0, 1, 127, 128, 254, 255}, 6);
    proto_expect(&m, CONVOY_U8, (const uint8_t[]){0, 1, 127, 128, 254, 255}, 6);
    m = proto_2x3(CONVOY_I8);
    proto_packed(&m, 5, (const int64_t[]){0, 1, -1, 127, -128, 5}, 6);
    proto_expect(&m, CONVOY_I8, (const int8_t[]){0, 1, -1, 127, -128, 5}, 6);
    m = proto_2x3(CONVOY_BOOL);
    proto_packed(&m, 5, bits, 6);
    proto_expect(&m, CONVOY_BOOL, (const uint8_t[]){0, 1, 0, 1, 1, 0}, 6);
    m = proto_2x3(CONVOY_F16);
    proto_packed(&m, 5, (const int64_t[]){0x3c00, 0xc000, 0, 1, 0x7c00, 0xffff}, 6);
    proto_expect(&m, CONVOY_F16, (const uint16_t[]){0x3c00, 0xc000, 0, 1, 0x7c00, 0xffff}, 12);
}

static void test_unpacked_numbers(void **state) {
    (void)state;
    struct proto_message m = {.length = 0};
    proto_number(&m, 1, 2);
    proto_bytes(&m, 8, "w", 1);
    proto_number(&m, 7, 10); /* elements may come before the type, one by one or in pieces */
    proto_packed(&m, 7, (const int64_t[]){20, 30}, 2);
    proto_number(&m, 7, 40);
    proto_number(&m, 2, CONVOY_I64);
    proto_number(&m, 1, 3);
    proto_packed(&m, 7, (const int64_t[]){50, 60}, 2);
    proto_expect(&m, CONVOY_I64, (const int64_t[]){10, 20, 30, 40, 50, 60}, 48);
    m = proto_2x3(CONVOY_F32);
    for (int i = 0; i < 6; i++) {
        proto_varint(&m, 4 << 3 | 5);
        memcpy(m.bytes + m.length, &floats[i], 4);
        m.length += 4;
    }
    proto_expect(&m, CONVOY_F32, floats, sizeof floats);
}

static void test_raw_data(void **state) {
    (void)state;
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_U8,   CONVOY_I8,  CONVOY_I32,
                                          CONVOY_I64, CONVOY_BOOL, CONVOY_F16, CONVOY_F64};
    uint8_t raw[48];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = i % 2;
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        size_t bytes = 6 * convoy_dtype_bytes(dtypes[d]);
        struct proto_message m = proto_2x3(dtypes[d]);
        proto_bytes(&m, 9, raw, bytes);
        proto_expect(&m, dtypes[d], raw, bytes);
    }
}

/* Elements are seen where they are, wherever that is. */
static void test_views(void **state) {
    (void)state;
    struct proto_message m = proto_2x3(CONVOY_F32);
    proto_bytes(&m, 9, floats, sizeof floats);
    int aligned = 0;
    for (size_t lead = 0; lead < 8; lead++) {
        struct buffer *map = proto_map(m.bytes, m.length, lead);
        struct tensor_proto proto;
        assert_int_equal(tensor_proto_parse(&proto, map, lead, m.length, NULL, NULL), CONVOY_OK);
        assert_ptr_equal(proto.tensor.owner, map);
        assert_memory_equal(proto.tensor.data, floats, sizeof floats);
        aligned += tensor_is_aligned(&proto.tensor);
        assert_int_equal(tensor_align(&proto.tensor, NULL), CONVOY_OK);
        assert_true(tensor_is_aligned(&proto.tensor));
        assert_memory_equal(proto.tensor.data, floats, sizeof floats);
        tensor_proto_release(&proto);
        assert_int_equal(atomic_load(&map->references), 1);
        buffer_release(&map);
    }
    assert_int_equal(aligned, 2);
}

static void test_scalars_and_empty_tensors(void **state) {
    (void)state;
    struct tensor_proto proto;
    struct proto_message m = {.length = 0};
    proto_number(&m, 2, CONVOY_F32);
    proto_bytes(&m, 4, floats, 4);
    assert_int_equal(proto_parse(&proto, &m, NULL, NULL), CONVOY_OK);
    assert_string_equal(proto.name, "");
    assert_int_equal(proto.tensor.shape.rank, 0);
    assert_true(*(float *)proto.tensor.data == 1);
    tensor_proto_release(&proto);
    m.length = 0;
    proto_number(&m, 2, CONVOY_I64);
    proto_number(&m, 1, 0);
    assert_int_equal(proto_parse(&proto, &m, NULL, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_elements(&proto.tensor), 0);
    tensor_proto_release(&proto);
    proto_bytes(&m, 9, "", 0);
    assert_int_equal(proto_parse(&proto, &m, NULL, NULL), CONVOY_OK);
    tensor_proto_release(&proto);
    tensor_proto_release(NULL);
}

static void test_wrong_counts(void **state) {
    (void)state;
    static const int64_t numbers[7] = {1, 1, 1, 1, 1, 1, 1};
    struct proto_message m = proto_2x3(CONVOY_F32);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "float_data holds 0");
    proto_bytes(&m, 4, floats, 20);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "float_data holds 5");
    m = proto_2x3(CONVOY_F32);
    proto_bytes(&m, 4, floats, 23);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "within a number");
    m = proto_2x3(CONVOY_I64);
    proto_packed(&m, 7, numbers, 7);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "int64_data holds 7");
    m = proto_2x3(CONVOY_I32);
    proto_packed(&m, 7, numbers, 6); /* not the field of int32 */
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "int32_data holds 0");
    m = proto_2x3(CONVOY_F64);
    proto_bytes(&m, 9, doubles, 40);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "needs 48 bytes, but raw_data has 40");
}

/* Integers of 16 bits and without sign, and bfloat16, which share fields with other types. */
static void test_further_types(void **state) {
    (void)state;
    static const struct {
        int64_t type, field;
        int64_t values[6];
    } cases[] = {{CONVOY_U16, 5, {0, 1, 2, 3, 4, UINT16_MAX}},
                 {CONVOY_I16, 5, {0, 1, 2, 3, INT16_MAX, INT16_MIN}},
                 {CONVOY_U32, 11, {0, 1, 2, 3, 4, UINT32_MAX}},
                 {CONVOY_U64, 11, {0, 1, 2, 3, INT64_MAX, -1}},
                 {CONVOY_BF16, 5, {0, 1, 2, 3, 4, 0xff80}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct proto_message m = proto_2x3((convoy_dtype)cases[i].type);
        proto_packed(&m, (uint32_t)cases[i].field, cases[i].values, 6);
        struct buffer *map = proto_map(m.bytes, m.length, 0);
        struct elements elements;
        assert_int_equal(tensor_proto_elements(&elements, map, NULL), CONVOY_OK);
        assert_int_equal(elements.type->number, cases[i].type);
        size_t size = elements.type->bytes;
        for (size_t k = 0; k < 6; k++)
            assert_memory_equal((const char *)elements.data + k * size, &cases[i].values[k], size);
        elements_release(&elements);
        buffer_release(&map);
    }
    static const struct {
        int64_t type, field, value;
    } wrong[] = {{CONVOY_U16, 5, 65536},  {CONVOY_U16, 5, -1},  {CONVOY_I16, 5, 32768},
                 {CONVOY_I16, 5, -32769}, {CONVOY_U32, 11, -1}, {CONVOY_U32, 11, 1L << 32},
                 {CONVOY_BF16, 5, 65536}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct proto_message m = proto_2x3((convoy_dtype)wrong[i].type);
        proto_packed(&m, (uint32_t)wrong[i].field, (const int64_t[]){0, 0, 0, 0, wrong[i].value, 0}, 6);
        struct buffer *map = proto_map(m.bytes, m.length, 0);
        struct elements elements;
        convoy_error error;
        assert_int_equal(tensor_proto_elements(&elements, map, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, "element 4"));
        buffer_release(&map);
    }
}

static void test_wrong_values(void **state) {
    (void)state;
    static const struct {
        convoy_dtype dtype;
        int64_t value;
    } cases[] = {{CONVOY_U8, 256}, {CONVOY_U8, -1},   {CONVOY_I8, 128},    {CONVOY_I8, -129},
                 {CONVOY_BOOL, 2}, {CONVOY_BOOL, -1}, {CONVOY_F16, 65536}, {CONVOY_F16, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct proto_message m = proto_2x3(cases[i].dtype);
        proto_packed(&m, 5, (const int64_t[]){0, 0, 0, 0, 0, cases[i].value}, 6);
        proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "element 5");
    }
    struct proto_message m = proto_2x3(CONVOY_BOOL);
    proto_bytes(&m, 9, "\0\1\0\1\0\2", 6);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "no bool");
}

static void test_wrong_shapes_and_types(void **state) {
    (void)state;
    static const int64_t dims[][3] = {
        {INT64_MAX, 1, 2}, {1ll << 32, 1ll << 32, 0}, {1ll << 31, 1ll << 31, 2}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        struct proto_message m = {.length = 0};
        proto_packed(&m, 1, dims[i], 3);
        proto_number(&m, 2, CONVOY_F32);
        proto_bytes(&m, 8, "w", 1);
        proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "memory can hold");
    }
    struct proto_message m = proto_2x3(CONVOY_F32);
    proto_number(&m, 1, 1ll << 40); /* would fit an address space, but not this file */
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "float_data holds 0");
    m = proto_2x3(CONVOY_F32);
    proto_number(&m, 1, -1);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "dimension -1 is negative");
    m = proto_2x3(CONVOY_F32);
    for (int i = 0; i < 7; i++)
        proto_number(&m, 1, 1);
    proto_expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "more than 8 dimensions");
    m = proto_2x3(8);
    proto_expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "string");
    m = proto_2x3(99);
    proto_expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "unknown (99)");
    m = proto_2x3(0);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "no type");
    m = proto_2x3(CONVOY_F32);
    proto_bytes(&m, 3, "", 0);
    proto_expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "segments");
    m = proto_2x3(CONVOY_F32);
    proto_bytes(&m, 1, "\x80", 1);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "dims");
    m = proto_2x3(CONVOY_I64);
    proto_bytes(&m, 7, "\1\1\1\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 17);
    proto_expect_failure(&m, NULL, CONVOY_E_INPUT, "int64_data");
    proto_bytes(&m, 8, "w\n\033[2J", 6); /* the last name counts; nothing of it reaches a terminal as it is */
    struct tensor_proto proto;
    convoy_error error;
    assert_int_equal(proto_parse(&proto, &m, NULL, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "'w??[2J'"));
}

/* Every prefix of a tensor, and many damaged ones: never anything but an error or a tensor that accounts for
 * itself. */
static void test_cut_and_damaged_messages(void **state) {
    struct proto_message whole = proto_2x3(CONVOY_I64);
    proto_packed(&whole, 7, (const int64_t[]){1, 2, 3, 4, 5, 300}, 6);
    struct tensor_proto proto;
    for (size_t length = 0; length < whole.length; length++) {
        struct proto_message cut = whole;
        cut.length = length;
        assert_int_not_equal(proto_parse(&proto, &cut, *state, NULL), CONVOY_OK);
    }
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < 20000; round++) {
        struct proto_message damaged = whole;
        for (uint64_t flips = 1 + random_below(&random, 3); flips > 0; flips--)
            damaged.bytes[random_below(&random, damaged.length)] = (uint8_t)random_u64(&random);
        if (proto_parse(&proto, &damaged, *state, NULL) != CONVOY_OK)
            continue;
        size_t bytes;
        assert_true(tensor_bytes(proto.tensor.dtype, &proto.tensor.shape, &bytes));
        assert_true(bytes <= 8 * whole.length); /* no element without a byte in the file */
        tensor_proto_release(&proto);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_numbers),
        cmocka_unit_test(test_unpacked_numbers),
        cmocka_unit_test(test_raw_data),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_scalars_and_empty_tensors),
        cmocka_unit_test(test_wrong_counts),
        cmocka_unit_test(test_further_types),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_wrong_shapes_and_types),
        cmocka_unit_test(test_cut_and_damaged_messages),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
