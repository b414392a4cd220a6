#include "io/tensor_proto.h"

#include "base/random.h"
#include "base/tensor.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A message under construction. */
struct message {
    uint8_t bytes[512];
    size_t length;
};

static void add_varint(struct message *m, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        m->bytes[m->length++] = (uint8_t)(value | 0x80);
    m->bytes[m->length++] = (uint8_t)value;
}

static void add_number(struct message *m, uint32_t field, int64_t value) {
    add_varint(m, field << 3);
    add_varint(m, (uint64_t)value);
}

static void add_bytes(struct message *m, uint32_t field, const void *bytes, size_t length) {
    add_varint(m, field << 3 | 2);
    add_varint(m, length);
    if (length)
        memcpy(m->bytes + m->length, bytes, length);
    m->length += length;
}

static void add_packed(struct message *m, uint32_t field, const int64_t *values, size_t count) {
    struct message packed = {.length = 0};
    for (size_t i = 0; i < count; i++)
        add_varint(&packed, (uint64_t)values[i]);
    add_bytes(m, field, packed.bytes, packed.length);
}

static void add_entry(struct message *m, const char *key, const char *value) {
    struct message entry = {.length = 0};
    add_bytes(&entry, 1, key, strlen(key));
    add_bytes(&entry, 2, value, strlen(value));
    add_bytes(m, 13, entry.bytes, entry.length);
}

/* dims 2x3, a type, the name "w". */
static struct message message_2x3(convoy_dtype dtype) {
    struct message m = {.length = 0};
    add_packed(&m, 1, (const int64_t[]){2, 3}, 2);
    add_number(&m, 2, dtype);
    add_bytes(&m, 8, "w", 1);
    return m;
}

/* A map of exactly these bytes behind a lead of others. */
static struct buffer *map_make(const void *bytes, size_t length, size_t lead) {
    uint8_t *copy = malloc(length + lead ? length + lead : 1);
    memset(copy, 0xff, lead);
    memcpy(copy + lead, bytes, length);
    return buffer_adopt(copy, length + lead, free, copy);
}

static convoy_status parse(struct tensor_proto *proto, const struct message *m, const char *folder,
                           convoy_error *error) {
    struct buffer *map = map_make(m->bytes, m->length, 0);
    struct file_folders folders = {.given = folder};
    convoy_status status = tensor_proto_parse(proto, map, 0, m->length, folder ? &folders : NULL, error);
    buffer_release(&map); /* a tensor that views it holds a reference of its own */
    file_folders_clear(&folders);
    return status;
}

static void expect(const struct message *m, convoy_dtype dtype, const void *data, size_t bytes) {
    struct tensor_proto proto;
    convoy_error error;
    if (parse(&proto, m, NULL, &error) != CONVOY_OK)
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

static void expect_failure(const struct message *m, const char *folder, convoy_status status,
                           const char *says) {
    struct tensor_proto proto = {0};
    convoy_error error = {0};
    convoy_status got = parse(&proto, m, folder, &error);
    if (got != status || !strstr(error.message, says) || !strstr(error.message, "'w'"))
        fail_msg("status %d: %s (expected %d: %s)", got, error.message, status, says);
    assert_null(proto.name);
    assert_null(proto.tensor.data);
    assert_int_equal(parse(&proto, m, folder, NULL), status);
}

static const float floats[6] = {1, -2.5f, 3, 4, 5, 1e30f};
static const double doubles[6] = {1, -2.5, 3, 4, 5, 1e300};

static void test_fields_of_numbers(void **state) {
    (void)state;
    static const int64_t wide[6] = {0, 1, -1, INT64_MAX, INT64_MIN, 300};
    static const int64_t bits[6] = {0, 1, 0, 1, 1, 0};
    struct message m = message_2x3(CONVOY_F32);
    add_bytes(&m, 4, floats, sizeof floats);
    expect(&m, CONVOY_F32, floats, sizeof floats);
    m = message_2x3(CONVOY_F64);
    add_bytes(&m, 10, doubles, sizeof doubles);
    expect(&m, CONVOY_F64, doubles, sizeof doubles);
    m = message_2x3(CONVOY_I64);
    add_packed(&m, 7, wide, 6);
    expect(&m, CONVOY_I64, wide, sizeof wide);
    m = message_2x3(CONVOY_I32);
    add_packed(&m, 5, (const int64_t[]){0, 1, -1, INT32_MAX, INT32_MIN, 300}, 6);
    expect(&m, CONVOY_I32, (const int32_t[]){0, 1, -1, INT32_MAX, INT32_MIN, 300}, 24);
    m = message_2x3(CONVOY_U8);
    add_packed(&m, 5, (const int64_t[]){0, 1, 127, 128, 254, 255}, 6);
    expect(&m, CONVOY_U8, (const uint8_t[]){0, 1, 127, 128, 254, 255}, 6);
    m = message_2x3(CONVOY_I8);
    add_packed(&m, 5, (const int64_t[]){0, 1, -1, 127, -128, 5}, 6);
    expect(&m, CONVOY_I8, (const int8_t[]){0, 1, -1, 127, -128, 5}, 6);
    m = message_2x3(CONVOY_BOOL);
    add_packed(&m, 5, bits, 6);
    expect(&m, CONVOY_BOOL, (const uint8_t[]){0, 1, 0, 1, 1, 0}, 6);
    m = message_2x3(CONVOY_F16);
    add_packed(&m, 5, (const int64_t[]){0x3c00, 0xc000, 0, 1, 0x7c00, 0xffff}, 6);
    expect(&m, CONVOY_F16, (const uint16_t[]){0x3c00, 0xc000, 0, 1, 0x7c00, 0xffff}, 12);
}

static void test_unpacked_numbers(void **state) {
    (void)state;
    struct message m = {.length = 0};
    add_number(&m, 1, 2);
    add_bytes(&m, 8, "w", 1);
    add_number(&m, 7, 10); /* elements may come before the type, one by one or in pieces */
    add_packed(&m, 7, (const int64_t[]){20, 30}, 2);
    add_number(&m, 7, 40);
    add_number(&m, 2, CONVOY_I64);
    add_number(&m, 1, 3);
    add_packed(&m, 7, (const int64_t[]){50, 60}, 2);
    expect(&m, CONVOY_I64, (const int64_t[]){10, 20, 30, 40, 50, 60}, 48);
    m = message_2x3(CONVOY_F32);
    for (int i = 0; i < 6; i++) {
        add_varint(&m, 4 << 3 | 5);
        memcpy(m.bytes + m.length, &floats[i], 4);
        m.length += 4;
    }
    expect(&m, CONVOY_F32, floats, sizeof floats);
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
        struct message m = message_2x3(dtypes[d]);
        add_bytes(&m, 9, raw, bytes);
        expect(&m, dtypes[d], raw, bytes);
    }
}

/* Elements are seen where they are, wherever that is. */
static void test_views(void **state) {
    (void)state;
    struct message m = message_2x3(CONVOY_F32);
    add_bytes(&m, 9, floats, sizeof floats);
    int aligned = 0;
    for (size_t lead = 0; lead < 8; lead++) {
        struct buffer *map = map_make(m.bytes, m.length, lead);
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
    struct message m = {.length = 0};
    add_number(&m, 2, CONVOY_F32);
    add_bytes(&m, 4, floats, 4);
    assert_int_equal(parse(&proto, &m, NULL, NULL), CONVOY_OK);
    assert_string_equal(proto.name, "");
    assert_int_equal(proto.tensor.shape.rank, 0);
    assert_true(*(float *)proto.tensor.data == 1);
    tensor_proto_release(&proto);
    m.length = 0;
    add_number(&m, 2, CONVOY_I64);
    add_number(&m, 1, 0);
    assert_int_equal(parse(&proto, &m, NULL, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_elements(&proto.tensor), 0);
    tensor_proto_release(&proto);
    add_bytes(&m, 9, "", 0);
    assert_int_equal(parse(&proto, &m, NULL, NULL), CONVOY_OK);
    tensor_proto_release(&proto);
    tensor_proto_release(NULL);
}

static void test_wrong_counts(void **state) {
    (void)state;
    static const int64_t numbers[7] = {1, 1, 1, 1, 1, 1, 1};
    struct message m = message_2x3(CONVOY_F32);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "float_data holds 0");
    add_bytes(&m, 4, floats, 20);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "float_data holds 5");
    m = message_2x3(CONVOY_F32);
    add_bytes(&m, 4, floats, 23);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "within a number");
    m = message_2x3(CONVOY_I64);
    add_packed(&m, 7, numbers, 7);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "int64_data holds 7");
    m = message_2x3(CONVOY_I32);
    add_packed(&m, 7, numbers, 6); /* not the field of int32 */
    expect_failure(&m, NULL, CONVOY_E_INPUT, "int32_data holds 0");
    m = message_2x3(CONVOY_F64);
    add_bytes(&m, 9, doubles, 40);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "needs 48 bytes, but raw_data has 40");
}

/* What the file of one tensor may hold and a model may not. */
static void test_types_of_inputs_alone(void **state) {
    (void)state;
    static const struct {
        int64_t type, field;
        int64_t values[6];
    } cases[] = {{ELEMENT_U16, 5, {0, 1, 2, 3, 4, UINT16_MAX}},
                 {ELEMENT_I16, 5, {0, 1, 2, 3, INT16_MAX, INT16_MIN}},
                 {ELEMENT_U32, 11, {0, 1, 2, 3, 4, UINT32_MAX}},
                 {ELEMENT_U64, 11, {0, 1, 2, 3, INT64_MAX, -1}},
                 {CONVOY_BF16, 5, {0, 1, 2, 3, 4, 0xff80}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m = message_2x3((convoy_dtype)cases[i].type);
        add_packed(&m, (uint32_t)cases[i].field, cases[i].values, 6);
        expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "are supported");
        struct buffer *map = map_make(m.bytes, m.length, 0);
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
    } wrong[] = {{ELEMENT_U16, 5, 65536},  {ELEMENT_U16, 5, -1},  {ELEMENT_I16, 5, 32768},
                 {ELEMENT_I16, 5, -32769}, {ELEMENT_U32, 11, -1}, {ELEMENT_U32, 11, 1L << 32},
                 {CONVOY_BF16, 5, 65536}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct message m = message_2x3((convoy_dtype)wrong[i].type);
        add_packed(&m, (uint32_t)wrong[i].field, (const int64_t[]){0, 0, 0, 0, wrong[i].value, 0}, 6);
        struct buffer *map = map_make(m.bytes, m.length, 0);
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
        struct message m = message_2x3(cases[i].dtype);
        add_packed(&m, 5, (const int64_t[]){0, 0, 0, 0, 0, cases[i].value}, 6);
        expect_failure(&m, NULL, CONVOY_E_INPUT, "element 5");
    }
    struct message m = message_2x3(CONVOY_BOOL);
    add_bytes(&m, 9, "\0\1\0\1\0\2", 6);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "no bool");
}

static void test_wrong_shapes_and_types(void **state) {
    (void)state;
    static const int64_t dims[][3] = {
        {INT64_MAX, 1, 2}, {1ll << 32, 1ll << 32, 0}, {1ll << 31, 1ll << 31, 2}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        struct message m = {.length = 0};
        add_packed(&m, 1, dims[i], 3);
        add_number(&m, 2, CONVOY_F32);
        add_bytes(&m, 8, "w", 1);
        expect_failure(&m, NULL, CONVOY_E_INPUT, "memory can hold");
    }
    struct message m = message_2x3(CONVOY_F32);
    add_number(&m, 1, 1ll << 40); /* would fit an address space, but not this file */
    expect_failure(&m, NULL, CONVOY_E_INPUT, "float_data holds 0");
    m = message_2x3(CONVOY_F32);
    add_number(&m, 1, -1);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "dimension -1 is negative");
    m = message_2x3(CONVOY_F32);
    for (int i = 0; i < 7; i++)
        add_number(&m, 1, 1);
    expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "more than 8 dimensions");
    m = message_2x3(16);
    expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "bfloat16");
    m = message_2x3(8);
    expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "string");
    m = message_2x3(99);
    expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "unknown (99)");
    m = message_2x3(0);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "no type");
    m = message_2x3(CONVOY_F32);
    add_bytes(&m, 3, "", 0);
    expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "segments");
    m = message_2x3(CONVOY_F32);
    add_bytes(&m, 1, "\x80", 1);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "dims");
    m = message_2x3(CONVOY_I64);
    add_bytes(&m, 7, "\1\1\1\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 17);
    expect_failure(&m, NULL, CONVOY_E_INPUT, "int64_data");
    add_bytes(&m, 8, "w\n\033[2J", 6); /* the last name counts; nothing of it reaches a terminal as it is */
    struct tensor_proto proto;
    convoy_error error;
    assert_int_equal(parse(&proto, &m, NULL, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "'w??[2J'"));
}

static struct message external(const char *location, const char *offset, const char *length) {
    struct message m = message_2x3(CONVOY_F32);
    add_number(&m, 14, 1);
    if (location)
        add_entry(&m, "location", location);
    if (offset)
        add_entry(&m, "offset", offset);
    if (length)
        add_entry(&m, "length", length);
    add_entry(&m, "checksum", "ignored");
    return m;
}

static void test_external_data(void **state) {
    const char *folder = *state;
    char path[TEMP_PATH];
    uint8_t file[32];
    memset(file, 0xee, sizeof file);
    memcpy(file + 8, floats, sizeof floats);
    temp_file_write(NULL, folder, "w.bin", file, sizeof file);
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    temp_file_write(NULL, folder, "sub/..w", file, sizeof file);
    static const char *const locations[] = {"w.bin", "./w.bin", "sub/..w", "sub//..w"};
    static const char *const offsets[] = {"8", "008"};
    for (int l = 0; l < 4; l++)
        for (int o = 0; o < 2; o++)
            for (int with_length = 0; with_length < 2; with_length++) {
                struct message m = external(locations[l], offsets[o], with_length ? "24" : NULL);
                struct tensor_proto proto;
                convoy_error error;
                if (parse(&proto, &m, folder, &error) != CONVOY_OK)
                    fail_msg("%s", error.message);
                assert_memory_equal(proto.tensor.data, floats, sizeof floats);
                tensor_proto_release(&proto);
            }
    struct message m = external("w.bin", "5", NULL); /* misaligned */
    struct tensor_proto proto;
    assert_int_equal(parse(&proto, &m, folder, NULL), CONVOY_OK);
    assert_false(tensor_is_aligned(&proto.tensor));
    assert_memory_equal(proto.tensor.data, file + 5, sizeof floats);
    tensor_proto_release(&proto);
}

static void test_external_data_that_climbs_out(void **state) {
    char folder[TEMP_PATH], path[TEMP_PATH + 8], outside[TEMP_PATH];
    snprintf(folder, sizeof folder, "%s/model", (char *)*state);
    assert_int_equal(mkdir(folder, 0700), 0);
    temp_file_write(outside, *state, "outside.bin", floats, sizeof floats);
    snprintf(path, sizeof path, "%s/link", folder);
    assert_int_equal(symlink("../outside.bin", path), 0);
    snprintf(path, sizeof path, "%s/dirlink", folder);
    assert_int_equal(symlink("..", path), 0);
    temp_file_write(NULL, folder, "plain.bin", floats, sizeof floats);
    const char *const locations[] = {"../outside.bin",
                                     "..",
                                     "a/../../outside.bin",
                                     "./../outside.bin",
                                     "/etc/passwd",
                                     outside,
                                     "",
                                     "//x",
                                     "link",
                                     "dirlink/outside.bin",
                                     "plain.bin/x",
                                     "dirlink"};
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
        struct message m = external(locations[i], NULL, NULL);
        expect_failure(&m, folder, CONVOY_E_INPUT, "accepted");
    }
    struct message m = external("plain.bin", NULL, NULL);
    expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "another file");
    m = external(NULL, NULL, NULL);
    expect_failure(&m, folder, CONVOY_E_INPUT, "accepted");
    m = external("absent.bin", NULL, NULL);
    expect_failure(&m, folder, CONVOY_E_IO, "absent.bin");
    m = external(".", NULL, NULL);
    expect_failure(&m, folder, CONVOY_E_IO, "folder");
    struct message entry = {.length = 0};
    add_bytes(&entry, 1, "location", 8);
    add_bytes(&entry, 2, "plain.bin\0/../..", 16);
    m = external(NULL, NULL, NULL);
    add_bytes(&m, 13, entry.bytes, entry.length);
    expect_failure(&m, folder, CONVOY_E_INPUT, "zero byte");
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    m = external("pipe", NULL, NULL);
    expect_failure(&m, folder, CONVOY_E_IO, "pipe"); /* and does not wait for a writer */
}

/* Links that stay inside one of the folders; the real folder is also where what the given one lacks is found.
 */
static void test_external_data_behind_links(void **state) {
    char given[TEMP_PATH], real[TEMP_PATH], path[TEMP_PATH + 16];
    snprintf(given, sizeof given, "%s/snapshot", (char *)*state);
    snprintf(real, sizeof real, "%s/blobs", (char *)*state);
    assert_int_equal(mkdir(given, 0700) | mkdir(real, 0700), 0);
    temp_file_write(NULL, given, "plain", floats, sizeof floats);
    temp_file_write(NULL, real, "blob", floats, sizeof floats);
    temp_file_write(NULL, *state, "blobs-other", floats, sizeof floats); /* its name begins as the folder's */
    const struct {
        const char *link, *target, *location;
        bool with_real, alone; /* read with the real folder known, and without */
    } cases[] = {
        {"near", "plain", "near", true, true},          {"again", "near", "again", true, true},
        {"self", ".", "self/plain", true, true},        {"round", "../snapshot/plain", "round", true, true},
        {"far", "../blobs/blob", "far", true, false},   {"folder", "../blobs", "folder/blob", true, false},
        {"missing", "nowhere", "blob", true, false},    {"above", "..", "above/blobs/blob", true, false},
        {"out", "../blobs-other", "out", false, false}, {"twice", "above", "twice/blobs-other", false, false},
        {"loop", "loop", "loop", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, "%s/%s", given, cases[i].link);
        assert_int_equal(symlink(cases[i].target, path), 0);
        struct message m = external(cases[i].location, NULL, NULL);
        for (int with_real = 0; with_real < 2; with_real++) {
            struct buffer *map = map_make(m.bytes, m.length, 0);
            struct file_folders folders = {given, with_real ? real : NULL, NULL};
            struct tensor_proto proto = {0};
            convoy_error error = {0};
            convoy_status status = tensor_proto_parse(&proto, map, 0, m.length, &folders, &error);
            bool wanted = with_real ? cases[i].with_real : cases[i].alone;
            if ((status == CONVOY_OK) != wanted)
                fail_msg("%s, %d: status %d: %s", cases[i].location, with_real, status, error.message);
            if (wanted)
                assert_memory_equal(proto.tensor.data, floats, sizeof floats);
            else if (status != CONVOY_E_INPUT && status != CONVOY_E_IO)
                fail_msg("%s: status %d", cases[i].location, status);
            tensor_proto_release(&proto);
            file_folders_clear(&folders);
            buffer_release(&map);
        }
    }
    struct message m = external("self", NULL, NULL);
    expect_failure(&m, given, CONVOY_E_IO, "is a folder");
}

static void test_external_data_that_is_short(void **state) {
    const char *folder = *state;
    temp_file_write(NULL, folder, "short.bin", floats, sizeof floats);
    temp_file_write(NULL, folder, "empty.bin", floats, 0);
    static const struct {
        const char *location, *offset, *length, *says;
    } cases[] = {{"short.bin", "1", NULL, "from byte 1"},
                 {"short.bin", "24", NULL, "from byte 24"},
                 {"short.bin", "25", NULL, "from byte 25"},
                 {"short.bin", "18446744073709551615", NULL, "from byte 18446744073709551615"},
                 {"short.bin", "18446744073709551616", NULL, "decimal"},
                 {"short.bin", "-1", NULL, "decimal"},
                 {"short.bin", "0x1", NULL, "decimal"},
                 {"short.bin", "", NULL, "decimal"},
                 {"short.bin", NULL, "", "decimal"},
                 {"short.bin", NULL, "23", "said to have 23"},
                 {"short.bin", NULL, "18446744073709551615", "said to have"},
                 {"empty.bin", NULL, NULL, "has 0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m = external(cases[i].location, cases[i].offset, cases[i].length);
        expect_failure(&m, folder, CONVOY_E_INPUT, cases[i].says);
    }
}

/* Every prefix of a tensor, and many damaged ones: never anything but an error or a tensor that accounts for
 * itself. */
static void test_cut_and_damaged_messages(void **state) {
    struct message whole = message_2x3(CONVOY_I64);
    add_packed(&whole, 7, (const int64_t[]){1, 2, 3, 4, 5, 300}, 6);
    struct tensor_proto proto;
    for (size_t length = 0; length < whole.length; length++) {
        struct message cut = whole;
        cut.length = length;
        assert_int_not_equal(parse(&proto, &cut, *state, NULL), CONVOY_OK);
    }
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < 20000; round++) {
        struct message damaged = whole;
        for (uint64_t flips = 1 + random_below(&random, 3); flips > 0; flips--)
            damaged.bytes[random_below(&random, damaged.length)] = (uint8_t)random_u64(&random);
        if (parse(&proto, &damaged, *state, NULL) != CONVOY_OK)
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
        cmocka_unit_test(test_types_of_inputs_alone),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_wrong_shapes_and_types),
        cmocka_unit_test(test_external_data),
        cmocka_unit_test(test_external_data_that_climbs_out),
        cmocka_unit_test(test_external_data_behind_links),
        cmocka_unit_test(test_external_data_that_is_short),
        cmocka_unit_test(test_cut_and_damaged_messages),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
