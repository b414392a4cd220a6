/* Tensors whose elements lie in a file of their own. */
#include "io/tensor_proto.h"

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

static struct proto_message external(const char *location, const char *offset, const char *length) {
    struct proto_message m = proto_2x3(CONVOY_F32);
    proto_number(&m, 14, 1);
    if (location)
        proto_entry(&m, "location", location);
    if (offset)
        proto_entry(&m, "offset", offset);
    if (length)
        proto_entry(&m, "length", length);
    proto_entry(&m, "checksum", "ignored");
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
                struct proto_message m = external(locations[l], offsets[o], with_length ? "24" : NULL);
                struct tensor_proto proto;
                convoy_error error;
                if (proto_parse(&proto, &m, folder, &error) != CONVOY_OK)
                    fail_msg("%s", error.message);
                assert_memory_equal(proto.tensor.data, floats, sizeof floats);
                tensor_proto_release(&proto);
            }
    struct proto_message m = external("w.bin", "5", NULL); /* misaligned */
    struct tensor_proto proto;
    assert_int_equal(proto_parse(&proto, &m, folder, NULL), CONVOY_OK);
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
        struct proto_message m = external(locations[i], NULL, NULL);
        proto_expect_failure(&m, folder, CONVOY_E_INPUT, "accepted");
    }
    struct proto_message m = external("plain.bin", NULL, NULL);
    proto_expect_failure(&m, NULL, CONVOY_E_UNSUPPORTED, "another file");
    m = external(NULL, NULL, NULL);
    proto_expect_failure(&m, folder, CONVOY_E_INPUT, "accepted");
    m = external("absent.bin", NULL, NULL);
    proto_expect_failure(&m, folder, CONVOY_E_IO, "absent.bin");
    m = external(".", NULL, NULL);
    proto_expect_failure(&m, folder, CONVOY_E_IO, "folder");
    struct proto_message entry = {.length = 0};
    proto_bytes(&entry, 1, "location", 8);
    proto_bytes(&entry, 2, "plain.bin\0/../..", 16);
    m = external(NULL, NULL, NULL);
    proto_bytes(&m, 13, entry.bytes, entry.length);
    proto_expect_failure(&m, folder, CONVOY_E_INPUT, "zero byte");
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    m = external("pipe", NULL, NULL);
    proto_expect_failure(&m, folder, CONVOY_E_IO, "pipe"); /* and does not wait for a writer */
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
        struct proto_message m = external(cases[i].location, NULL, NULL);
        for (int with_real = 0; with_real < 2; with_real++) {
            struct buffer *map = proto_map(m.bytes, m.length, 0);
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
    struct proto_message m = external("self", NULL, NULL);
    proto_expect_failure(&m, given, CONVOY_E_IO, "is a folder");
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
        struct proto_message m = external(cases[i].location, cases[i].offset, cases[i].length);
        proto_expect_failure(&m, folder, CONVOY_E_INPUT, cases[i].says);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_external_data),
        cmocka_unit_test(test_external_data_that_climbs_out),
        cmocka_unit_test(test_external_data_behind_links),
        cmocka_unit_test(test_external_data_that_is_short),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
