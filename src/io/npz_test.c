#include "io/npz.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zip.h>
#include <cmocka.h>

/* Where the fields of a member's entry in the directory are. */
enum { FLAGS = 8, METHOD = 10, CRC = 16, PACKED_SIZE = 20, SIZE = 24 };

struct member {
    const char *name, *header; /* of the dictionary in the .npy file; NULL: data is the whole file */
    const void *data;
    size_t bytes;
    zip_int32_t method;
    const char *password; /* NULL: not encrypted */
};

struct file {
    uint8_t *bytes;
    size_t length;
};

/* The .npy file of a header and data, on the heap. */
static struct file npy_make(const struct member *member) {
    size_t size = strlen(member->header), start = 10 + size;
    struct file file = {malloc(start + member->bytes), start + member->bytes};
    assert_non_null(file.bytes);
    memcpy(file.bytes, "\x93NUMPY\1\0", 8);
    file.bytes[8] = (uint8_t)(size & 0xff);
    file.bytes[9] = (uint8_t)(size >> 8);
    memcpy(file.bytes + 10, member->header, size);
    if (member->bytes)
        memcpy(file.bytes + start, member->data, member->bytes);
    return file;
}

static void archive_add(zip_t *archive, const struct member *member) {
    zip_source_t *source;
    if (member->name[strlen(member->name) - 1] == '/') {
        assert_true(zip_dir_add(archive, member->name, 0) >= 0);
        return;
    }
    if (member->header) {
        struct file file = npy_make(member);
        source = zip_source_buffer(archive, file.bytes, file.length, 1);
    } else {
        source = zip_source_buffer(archive, member->data, member->bytes, 0);
    }
    zip_int64_t index = zip_file_add(archive, member->name, source, 0);
    assert_true(index >= 0);
    assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)index, member->method, 0), 0);
    if (member->password)
        assert_int_equal(
            zip_file_set_encryption(archive, (zip_uint64_t)index, ZIP_EM_AES_256, member->password), 0);
}

/* Writes folder/test.npz. */
static void archive_write(char path[TEMP_PATH], const char *folder, const struct member *members,
                          size_t count) {
    int failure = 0;
    snprintf(path, TEMP_PATH, "%s/test.npz", folder);
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &failure);
    assert_non_null(archive);
    for (size_t i = 0; i < count; i++)
        archive_add(archive, &members[i]);
    assert_int_equal(zip_close(archive), 0);
}

static struct file file_read(const char *path) {
    FILE *stream = fopen(path, "rb");
    struct stat info;
    assert_true(stream && fstat(fileno(stream), &info) == 0);
    struct file file = {malloc((size_t)info.st_size), (size_t)info.st_size};
    assert_int_equal(fread(file.bytes, 1, file.length, stream), file.length);
    fclose(stream);
    return file;
}

/* The directory's entry of the first member, or of the one behind a place. */
static uint8_t *entry_find(const struct file *file, const uint8_t *from) {
    uint8_t *entry = memmem(from, file->length - (size_t)(from - file->bytes), "PK\1\2", 4);
    assert_non_null(entry);
    return entry;
}

/* The file must be refused, with a sentence that begins with its path and says so. */
static void assert_refused(const char *path, convoy_status expected, const char *says) {
    struct npz npz = {.count = 77};
    convoy_error error = {0};
    convoy_status status = npz_read(&npz, path, &error);
    if (status != expected || strncmp(error.message, path, strlen(path)) != 0 || !strstr(error.message, says))
        fail_msg("%s: status %d: '%s' and not '%s'", path, status, error.message, says);
    assert_int_equal(npz.count, 77);
    assert_int_equal(npz_read(&npz, path, NULL), expected);
}

static void assert_array(const struct npz *npz, const char *name, const char *shape, const double *values) {
    const convoy_tensor *tensor = npz_find(npz, name);
    char text[128];
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, CONVOY_F64);
    assert_string_equal(convoy_shape_text(&tensor->shape, text, sizeof text), shape);
    size_t bytes = convoy_tensor_elements(tensor) * sizeof *values;
    if (bytes)
        assert_memory_equal(tensor->data, values, bytes);
}

#define HEADER(descr, order, shape)                                                                          \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void test_types(void **state) {
    static const struct member members[] = {
        {"f2.npy", HEADER("<f2", "False", "(2,)"), "\x00\x3c\x00\xc1", 4, ZIP_CM_STORE, NULL},
        {"f4.npy", HEADER("<f4", "False", "(2,)"), "\0\0\x80\x3f\0\0\x20\xc0", 8, ZIP_CM_DEFLATE, NULL},
        {"f8.npy", HEADER(">f8", "False", "(2,)"), "\x3f\xf0\0\0\0\0\0\0\xc0\x04\0\0\0\0\0", 16, ZIP_CM_STORE,
         NULL},
        {"i1.npy", HEADER("|i1", "False", "(2,)"), "\1\xfe", 2, ZIP_CM_DEFLATE, NULL},
        {"u2.npy", HEADER(">u2", "False", "(2,)"), "\0\1\xff\xfe", 4, ZIP_CM_STORE, NULL},
        {"i8.npy", HEADER("<i8", "False", "(2,)"), "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 16,
         ZIP_CM_DEFLATE, NULL},
        {"b1.npy", HEADER("|b1", "False", "(2,)"), "\1\0", 2, ZIP_CM_STORE, NULL},
        {"folder/order.npy", HEADER("|u1", "True", "(2, 3)"), "\1\4\2\5\3\6", 6, ZIP_CM_STORE, NULL},
        {"scalar.npy", HEADER("|u1", "False", "()"), "\7", 1, ZIP_CM_STORE, NULL},
        {"gr\xc3\xb6\xc3\x9f"
         "e.npy",
         HEADER("<f8", "False", "(0, 3)"), "", 0, ZIP_CM_DEFLATE, NULL},
    };
    static const double two_and_half[] = {1, -2.5}, two[] = {1, -2}, large[] = {1, 65534}, truth[] = {1, 0};
    static const double order[] = {1, 2, 3, 4, 5, 6}, seven[] = {7};
    char path[TEMP_PATH];
    struct npz npz;
    convoy_error error = {0};
    archive_write(path, *state, members, sizeof members / sizeof *members);
    if (npz_read(&npz, path, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(npz.count, sizeof members / sizeof *members);
    assert_string_equal(npz.arrays[0].name, "f2"); /* the order of the archive */
    assert_array(&npz, "f2", "2", two_and_half);
    assert_array(&npz, "f4", "2", two_and_half);
    assert_array(&npz, "f8", "2", two_and_half);
    assert_array(&npz, "i1", "2", two);
    assert_array(&npz, "i8", "2", two);
    assert_array(&npz, "u2", "2", large);
    assert_array(&npz, "b1", "2", truth);
    assert_array(&npz, "folder/order", "2x3", order);
    assert_array(&npz, "scalar", "scalar", seven);
    assert_array(&npz,
                 "gr\xc3\xb6\xc3\x9f"
                 "e",
                 "0x3", NULL);
    assert_null(npz_find(&npz, "f2.npy"));
    assert_null(npz_find(&npz, ""));
    npz_clear(&npz);
    assert_null(npz_find(&npz, "f2"));
    npz_clear(&npz);
    npz_clear(NULL);
}

static void test_wrong_members(void **state) {
    static const char header[] = HEADER("|u1", "False", "(2,)");
    static char long_name[NPZ_MAX_NAME + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    memcpy(long_name + sizeof long_name - 5, ".npy", 4);
    const struct {
        convoy_status status;
        const char *says;
        struct member member;
    } cases[] = {
        {CONVOY_E_UNSUPPORTED,
         ": array 'a': has elements of type '<c8'",
         {"a.npy", HEADER("<c8", "False", "(1,)"), "12345678", 8, ZIP_CM_STORE, NULL}},
        {CONVOY_E_UNSUPPORTED,
         "'<U2'",
         {"a.npy", HEADER("<U2", "False", "(1,)"), "12345678", 8, ZIP_CM_DEFLATE, NULL}},
        {CONVOY_E_UNSUPPORTED,
         "'|O'",
         {"a.npy", HEADER("|O", "False", "(1,)"), "\x80\4.", 3, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT,
         "array 'a': its element 0, the int64 9007199254740993, is no float64",
         {"a.npy", HEADER("<i8", "False", "(1,)"), "\1\0\0\0\0\0\x20", 8, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT, "array 'a': claims", {"a.npy", header, "123", 3, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT, "no .npy file", {"a.npy", NULL, "text", 4, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT, "no .npy file", {"a.npy", NULL, "", 0, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT, "the member 'a.txt'", {"a.txt", header, "12", 2, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT, "the member 'folder/'", {"folder/", NULL, "", 0, ZIP_CM_STORE, NULL}},
        {CONVOY_E_INPUT, "control characters", {"a\n.npy", header, "12", 2, ZIP_CM_STORE, NULL}},
        {CONVOY_E_UNSUPPORTED, "256 bytes", {long_name, header, "12", 2, ZIP_CM_STORE, NULL}},
        {CONVOY_E_UNSUPPORTED,
         "array 'a': is encrypted",
         {"a.npy", header, "12", 2, ZIP_CM_STORE, "password"}},
        {CONVOY_E_UNSUPPORTED,
         "array 'a': is compressed by method 12",
         {"a.npy", header, "12", 2, ZIP_CM_BZIP2, NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[TEMP_PATH];
        archive_write(path, *state, &cases[i].member, 1);
        assert_refused(path, cases[i].status, cases[i].says);
    }
}

static void test_no_archives(void **state) {
    static const char end[22] = "PK\5\6";
    char path[TEMP_PATH + 16];
    struct npz npz;
    snprintf(path, sizeof path, "%s/no/such.npz", (char *)*state);
    assert_refused(path, CONVOY_E_IO, "No such file");
    assert_refused(*state, CONVOY_E_IO, "folder");
    snprintf(path, sizeof path, "%s/pipe.npz", (char *)*state);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, CONVOY_E_IO, "pipe");
    temp_file_write(path, *state, "empty.npz", "", 0);
    assert_refused(path, CONVOY_E_INPUT, "is empty");
    temp_file_write(path, *state, "text.npz", "This is no archive.", 19);
    assert_refused(path, CONVOY_E_INPUT, "no zip archive");
    temp_file_write(path, *state, "none.npz", end, sizeof end); /* numpy.savez without arrays */
    assert_int_equal(npz_read(&npz, path, NULL), CONVOY_OK);
    assert_int_equal(npz.count, 0);
    assert_null(npz_find(&npz, ""));
    npz_clear(&npz);
}

static const struct member two_members[] = {
    {"a.npy", HEADER("<f8", "False", "(2,)"), "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40", 16, ZIP_CM_STORE,
     NULL},
    {"b.npy", HEADER("<i4", "False", "(4, 4)"),
     "\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0"
     "\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0",
     64, ZIP_CM_DEFLATE, NULL}};

static void put(uint8_t *entry, int field, uint32_t value) {
    memcpy(entry + field, &value, field == FLAGS || field == METHOD ? 2 : 4);
}

/* What the directory says of a member, and what its data are, must agree. */
static void test_lies(void **state) {
    static const struct {
        int member, field;
        uint32_t value;
        convoy_status status;
        const char *says;
    } cases[] = {
        {0, CRC, 1, CONVOY_E_INPUT, "array 'a': is damaged (CRC error)"},
        {1, CRC, 1, CONVOY_E_INPUT, "array 'b': is damaged (CRC error)"},
        {0, SIZE, 20, CONVOY_E_INPUT, "array 'a': is damaged"},
        {0, SIZE, 0, CONVOY_E_INPUT, "array 'a': is damaged"},
        {0, PACKED_SIZE, 20, CONVOY_E_INPUT, "array 'a': is damaged"},
        {1, SIZE, 20, CONVOY_E_INPUT, "array 'b': is damaged"},
        {1, SIZE, 0, CONVOY_E_INPUT, "array 'b': is damaged"},
        {1, SIZE, 20000, CONVOY_E_INPUT, "array 'b': is damaged"},
        {1, SIZE, 200 << 20, CONVOY_E_INPUT, "cannot have"},
        {1, SIZE, (uint32_t)NPZ_MAX_BYTES + 1, CONVOY_E_UNSUPPORTED, "array 'b': is too large"},
        {1, SIZE, 0xfffffffe, CONVOY_E_UNSUPPORTED, "array 'b': is too large"},
        {1, PACKED_SIZE, 20, CONVOY_E_INPUT, "array 'b': is damaged"},
        {1, PACKED_SIZE, 0x7fffffff, CONVOY_E_INPUT, "cannot have"},
        {0, METHOD, ZIP_CM_DEFLATE, CONVOY_E_INPUT, "array 'a': is damaged"},
        {1, METHOD, ZIP_CM_STORE, CONVOY_E_INPUT, "array 'b': is damaged"},
        {1, METHOD, 77, CONVOY_E_UNSUPPORTED, "by method 77"},
        {1, FLAGS, 1, CONVOY_E_UNSUPPORTED, "is encrypted"},
    };
    char path[TEMP_PATH];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        archive_write(path, *state, two_members, 2);
        struct file file = file_read(path);
        uint8_t *entry = entry_find(&file, file.bytes);
        put(cases[i].member ? entry_find(&file, entry + 4) : entry, cases[i].field, cases[i].value);
        temp_file_write(path, *state, "lie.npz", file.bytes, file.length);
        free(file.bytes);
        assert_refused(path, cases[i].status, cases[i].says);
    }
}

static void test_twice(void **state) {
    char path[TEMP_PATH];
    archive_write(path, *state, two_members, 2);
    struct file file = file_read(path);
    for (uint8_t *at; (at = memmem(file.bytes, file.length, "b.npy", 5));)
        *at = 'a';
    temp_file_write(path, *state, "twice.npz", file.bytes, file.length);
    free(file.bytes);
    assert_refused(path, CONVOY_E_INPUT, "array 'a': is there twice");
}

/* What a damaged archive still tells must be true; an array may have got another name. */
static bool reads_truth(const char *path) {
    static const double a[] = {1, 2};
    static const double b[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct npz npz;
    convoy_error error = {0};
    if (npz_read(&npz, path, &error) != CONVOY_OK) {
        assert_int_equal(strncmp(error.message, path, strlen(path)), 0);
        return false;
    }
    if (npz_find(&npz, "a"))
        assert_array(&npz, "a", "2", a);
    if (npz_find(&npz, "b"))
        assert_array(&npz, "b", "4x4", b);
    npz_clear(&npz);
    return true;
}

/* Every byte is changed in each of its bits, and in all of them; then the archive is cut off at every place.
 */
static void test_damaged_and_cut(void **state) {
    char path[TEMP_PATH];
    int read = 0, refused = 0, memory = memfd_create("npz", MFD_CLOEXEC);
    archive_write(path, *state, two_members, 2);
    struct file file = file_read(path);
    assert_int_equal(pwrite(memory, file.bytes, file.length, 0), file.length);
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    assert_true(reads_truth(path));
    for (size_t i = 0; i < file.length; i++) {
        for (int bit = 0; bit <= 8; bit++) {
            uint8_t wrong = file.bytes[i] ^ (bit < 8 ? (uint8_t)(1 << bit) : 0xff);
            assert_int_equal(pwrite(memory, &wrong, 1, (off_t)i), 1);
            if (reads_truth(path))
                read++;
            else
                refused++;
        }
        assert_int_equal(pwrite(memory, &file.bytes[i], 1, (off_t)i), 1);
    }
    print_message("%d damaged archives refused, %d read\n", refused, read);
    assert_true(refused > read && read > 0);
    for (size_t length = file.length; length-- > 0;) {
        assert_int_equal(ftruncate(memory, (off_t)length), 0);
        assert_refused(path, CONVOY_E_INPUT, "");
    }
    close(memory);
    free(file.bytes);
}

static void test_many_members(void **state) {
    struct member *members = calloc(NPZ_MAX_MEMBERS + 1, sizeof *members);
    char(*names)[16] = calloc(NPZ_MAX_MEMBERS + 1, sizeof *names), path[TEMP_PATH];
    static const uint8_t seven = 7;
    const double value = seven;
    struct npz npz;
    for (int i = 0; i <= NPZ_MAX_MEMBERS; i++) {
        snprintf(names[i], sizeof names[i], "%d.npy", i);
        members[i] = (struct member){names[i], HEADER("|u1", "False", "()"), &seven, 1, ZIP_CM_STORE, NULL};
    }
    archive_write(path, *state, members, NPZ_MAX_MEMBERS);
    assert_int_equal(npz_read(&npz, path, NULL), CONVOY_OK);
    assert_int_equal(npz.count, NPZ_MAX_MEMBERS);
    assert_array(&npz, "4095", "scalar", &value);
    npz_clear(&npz);
    archive_write(path, *state, members, NPZ_MAX_MEMBERS + 1);
    assert_refused(path, CONVOY_E_UNSUPPORTED, "too many members; up to 4096");
    free(members);
    free(names);
}

/* Each end makes libzip read the directory once more. */
static void test_many_ends(void **state) {
    static const char end[] = "PK\5\6";
    char path[TEMP_PATH];
    archive_write(path, *state, two_members, 2);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fwrite(end, 1, 4, file), 4);
    fclose(file);
    assert_refused(path, CONVOY_E_INPUT, "ends");
}

/* Members that are small in the archive and large outside: in total, as float64, and more than announced. */
static void test_bombs(void **state) {
    enum { MEMBERS = 17, BYTES = 16 << 20 };
    uint8_t *zeros = calloc(BYTES, 1);
    struct file wide = npy_make(
        &(struct member){.header = HEADER("<f8", "False", "(2097152,)"), .data = zeros, .bytes = BYTES});
    struct file narrow = npy_make(
        &(struct member){.header = HEADER("|u1", "False", "(16777216,)"), .data = zeros, .bytes = BYTES});
    struct member members[MEMBERS];
    char names[MEMBERS][8], path[TEMP_PATH];
    for (int i = 0; i < MEMBERS; i++) {
        snprintf(names[i], sizeof names[i], "%c.npy", 'a' + i);
        members[i] = (struct member){names[i], NULL, wide.bytes, wide.length, ZIP_CM_DEFLATE, NULL};
    }
    archive_write(path, *state, members, MEMBERS);
    assert_refused(path, CONVOY_E_UNSUPPORTED, "array 'p': is too large");
    for (int i = 0; i < 3; i++)
        members[i] = (struct member){names[i], NULL, narrow.bytes, narrow.length, ZIP_CM_DEFLATE, NULL};
    archive_write(path, *state, members, 3);
    assert_refused(path, CONVOY_E_UNSUPPORTED, "array 'c': is too large");
    struct file file = file_read(path);
    put(entry_find(&file, file.bytes), SIZE, 1000);
    temp_file_write(path, *state, "more.npz", file.bytes, file.length);
    assert_refused(path, CONVOY_E_INPUT, "array 'a': is damaged (it has more than the 1000 bytes");
    free(file.bytes);
    free(narrow.bytes);
    free(wide.bytes);
    free(zeros);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),        cmocka_unit_test(test_wrong_members),
        cmocka_unit_test(test_no_archives),  cmocka_unit_test(test_lies),
        cmocka_unit_test(test_twice),        cmocka_unit_test(test_damaged_and_cut),
        cmocka_unit_test(test_many_members), cmocka_unit_test(test_many_ends),
        cmocka_unit_test(test_bombs),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
