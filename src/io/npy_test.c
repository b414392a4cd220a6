#include "io/npy.h"

#include "base/random.h"
#include "base/tensor.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A file in memory of exactly its length, so that the address sanitizer sees every byte beyond. */
struct file {
    uint8_t *bytes;
    size_t length;
};

static struct file file_make(int version, const char *header, const void *data, size_t data_bytes) {
    size_t width = version == 1 ? 2 : 4, size = strlen(header);
    struct file file = {malloc(8 + width + size + data_bytes), 8 + width + size + data_bytes};
    memcpy(file.bytes, "\x93NUMPY", 6);
    file.bytes[6] = (uint8_t)version;
    file.bytes[7] = 0;
    for (size_t i = 0; i < width; i++)
        file.bytes[8 + i] = (uint8_t)(size >> 8 * i);
    memcpy(file.bytes + 8 + width, header, size);
    if (data_bytes)
        memcpy(file.bytes + 8 + width + size, data, data_bytes);
    return file;
}

/* The array as a tensor of its own type, which must be one that tensors have. */
static convoy_status npy_decode(convoy_tensor *tensor, const uint8_t *bytes, size_t length,
                                convoy_error *error) {
    struct elements elements;
    convoy_status status = npy_parse(&elements, bytes, length, error);
    if (status != CONVOY_OK || convoy_dtype_bytes((convoy_dtype)elements.type->number) == 0)
        return status != CONVOY_OK ? status : CONVOY_E_UNSUPPORTED;
    return elements_to_tensor(tensor, &elements, (convoy_dtype)elements.type->number, error);
}

static convoy_status decode(convoy_tensor *tensor, int version, const char *header, const void *data,
                            size_t data_bytes, convoy_error *error) {
    struct file file = file_make(version, header, data, data_bytes);
    convoy_status status = npy_decode(tensor, file.bytes, file.length, error);
    free(file.bytes);
    return status;
}

static void test_every_type(void **state) {
    (void)state;
    static const struct {
        const char *descr;
        convoy_dtype dtype;
    } types[] = {{"<f4", CONVOY_F32}, {"<f8", CONVOY_F64}, {"<f2", CONVOY_F16}, {"<i4", CONVOY_I32},
                 {"<i8", CONVOY_I64}, {"|u1", CONVOY_U8},  {"|i1", CONVOY_I8},  {"|b1", CONVOY_BOOL}};
    uint8_t data[6 * 8];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = i % 3 == 0; /* valid as bool too */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int version = 1; version <= 3; version++) {
            char header[128];
            size_t bytes = 6 * convoy_dtype_bytes(types[i].dtype);
            snprintf(header, sizeof header,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }     \n", types[i].descr);
            convoy_tensor tensor;
            assert_int_equal(decode(&tensor, version, header, data, bytes, NULL), CONVOY_OK);
            assert_int_equal(tensor.dtype, types[i].dtype);
            assert_int_equal(tensor.shape.rank, 2);
            assert_int_equal(tensor.shape.dims[0], 2);
            assert_int_equal(tensor.shape.dims[1], 3);
            assert_memory_equal(tensor.data, data, bytes);
            convoy_tensor_release(&tensor);
        }
}

/* What numpy.dtype takes for a type, of any byte order; and what it does not take. */
static void test_spellings(void **state) {
    (void)state;
    static const struct {
        const char *spellings; /* separated by spaces */
        int64_t number;
    } cases[] = {
        {"<f4 >f4 =f4 |f4 f4 f <f =f float32 single", CONVOY_F32},
        {"<f8 >f8 =f8 |f8 f8 d >d float64 double float", CONVOY_F64},
        {"<f2 >f2 =f2 f2 e float16 half", CONVOY_F16},
        {"<i1 >i1 =i1 |i1 i1 b <b |b int8 byte", CONVOY_I8},
        {"<i2 >i2 =i2 |i2 i2 h int16 short", CONVOY_I16},
        {"<i4 >i4 =i4 |i4 i4 i int32 intc", CONVOY_I32},
        {"<i8 >i8 =i8 |i8 i8 l q p <l int64 int", CONVOY_I64},
        {"<u1 >u1 =u1 |u1 u1 B >B uint8 ubyte", CONVOY_U8},
        {"<u2 >u2 =u2 |u2 u2 H uint16 ushort", CONVOY_U16},
        {"<u4 >u4 =u4 |u4 u4 I uint32 uintc", CONVOY_U32},
        {"<u8 >u8 =u8 |u8 u8 L Q P uint64 uint", CONVOY_U64},
        {"<b1 >b1 =b1 |b1 b1 ? <? |? bool bool_", CONVOY_BOOL},
        {"<float32 >uint8 b8 ?1 f16 f1 i3 u0 g c8 U4 S1 V4 O M8 < f44 4f Float32", 0},
    };
    uint8_t data[8] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[128], header[128];
        snprintf(words, sizeof words, "%s", cases[i].spellings);
        for (char *rest = words, *word; (word = strsep(&rest, " "));) {
            const struct dtype *type = dtype_find(cases[i].number);
            snprintf(header, sizeof header, "{'descr': u'%s', 'fortran_order': False, 'shape': ()}", word);
            struct file file = file_make(1, header, data, type ? type->bytes : 4);
            struct elements elements = {0};
            convoy_status status = npy_parse(&elements, file.bytes, file.length, NULL);
            if (status != (type ? CONVOY_OK : CONVOY_E_UNSUPPORTED) || elements.type != type)
                fail_msg("%s: status %d", word, status);
            assert_int_equal(elements.big_endian, word[0] == '>' && type);
            free(file.bytes);
        }
    }
}

static void test_headers_as_others_write_them(void **state) {
    (void)state;
    static const struct {
        const char *header;
        const char *shape;
        size_t bytes;
    } cases[] = {{"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", "scalar", 1},
                 {"{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }\n", "4", 4},
                 {"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4), }\n", "0x4", 0},
                 {"{'descr':'|u1','fortran_order':False,'shape':(2,2)}", "2x2", 4},
                 {"{\"shape\": (2, 2,), \"fortran_order\": False, \"descr\": \"|u1\"}\n", "2x2", 4},
                 {"{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 2L), }\n", "2x2", 4},
                 {"{'descr': '|u1', 'fortran_order': False, 'shape': (4L,), }\t\r\n", "4", 4},
                 {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 2), }\n",
                  "1x1x1x1x1x1x1x2", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_tensor tensor;
        char text[64];
        assert_int_equal(decode(&tensor, 1, cases[i].header, "\1\2\3\4", cases[i].bytes, NULL), CONVOY_OK);
        assert_string_equal(convoy_shape_text(&tensor.shape, text, sizeof text), cases[i].shape);
        assert_memory_equal(tensor.data, "\1\2\3\4", cases[i].bytes);
        convoy_tensor_release(&tensor);
    }
}

static void test_fortran_order(void **state) {
    (void)state;
    convoy_tensor tensor;
    /* numpy: np.arange(24).reshape(2,3,4).astype('<i4').ravel('F') */
    static const int32_t data[] = {0, 12, 4, 16, 8,  20, 1, 13, 5, 17, 9,  21,
                                   2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23};
    assert_int_equal(decode(&tensor, 1, "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 4), }\n",
                            data, sizeof data, NULL),
                     CONVOY_OK);
    for (int32_t i = 0; i < 24; i++)
        assert_int_equal(((int32_t *)tensor.data)[i], i);
    convoy_tensor_release(&tensor);
    assert_int_equal(
        decode(&tensor, 1, "{'descr': '<i4', 'fortran_order': True, 'shape': (0, 3), }\n", NULL, 0, NULL),
        CONVOY_OK);
    convoy_tensor_release(&tensor);
    assert_int_equal(
        decode(&tensor, 1, "{'descr': '<i4', 'fortran_order': True, 'shape': (), }\n", data, 4, NULL),
        CONVOY_OK);
    convoy_tensor_release(&tensor);
}

static void test_wrong_files(void **state) {
    (void)state;
    static const struct {
        convoy_status status;
        const char *header;
        const char *says;
    } cases[] = {
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,), }",
         "2^63"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
         "memory"},
        {CONVOY_E_INPUT, "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 3), }",
         "memory"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,), }", "4000000000"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "8 bytes"},
        {CONVOY_E_INPUT, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "3 bytes"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (L,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1LL,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': [1], }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'shape': (1,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
         "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4' 'fortran_order': False, 'shape': (1,), }", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", "damaged"},
        {CONVOY_E_INPUT, "{'descr", "damaged"},
        {CONVOY_E_INPUT, "", "damaged"},
        {CONVOY_E_INPUT, "{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", "no bool"},
        {CONVOY_E_UNSUPPORTED, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "'<c8'"},
        {CONVOY_E_UNSUPPORTED, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "'|O'"},
        {CONVOY_E_UNSUPPORTED, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
         "records"},
        {CONVOY_E_UNSUPPORTED,
         "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }", "8 axes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_tensor tensor = {0};
        convoy_error error = {0};
        if (decode(&tensor, 1, cases[i].header, "\7\7\7\7", 4, &error) != cases[i].status ||
            !strstr(error.message, cases[i].says))
            fail_msg("%s: %s", cases[i].header, error.message);
        assert_null(tensor.data);
    }
    convoy_tensor tensor = {0};
    static const char good[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
    assert_int_equal(decode(&tensor, 4, good, "\0\0\0\0", 4, NULL), CONVOY_E_UNSUPPORTED);
    assert_int_equal(decode(&tensor, 0, good, "\0\0\0\0", 4, NULL), CONVOY_E_UNSUPPORTED);
    assert_int_equal(npy_decode(&tensor, (const uint8_t *)"PK", 2, NULL), CONVOY_E_INPUT);
}

static void test_cut_and_damaged_files(void **state) {
    (void)state;
    static const float data[] = {1, 2, 3, 4, 5, 6};
    struct file file =
        file_make(2, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", data, sizeof data);
    for (size_t length = 0; length < file.length; length++) {
        uint8_t *cut = malloc(length ? length : 1);
        memcpy(cut, file.bytes, length);
        convoy_tensor tensor;
        assert_int_not_equal(npy_decode(&tensor, cut, length, NULL), CONVOY_OK);
        free(cut);
    }
    struct random random;
    random_seed(&random, 7);
    size_t header = file.length - sizeof data;
    for (int round = 0; round < 20000; round++) {
        size_t at = random_below(&random, header);
        uint8_t kept = file.bytes[at];
        file.bytes[at] = (uint8_t)random_u64(&random);
        convoy_tensor tensor;
        if (npy_decode(&tensor, file.bytes, file.length, NULL) == CONVOY_OK) {
            size_t bytes;
            assert_true(tensor_bytes(tensor.dtype, &tensor.shape, &bytes));
            assert_int_equal(bytes, sizeof data); /* whatever it is now, it accounts for every byte */
            convoy_tensor_release(&tensor);
        }
        file.bytes[at] = kept;
    }
    free(file.bytes);
}

static void test_written_files(void **state) {
    char path[TEMP_PATH];
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_F64, CONVOY_F16, CONVOY_I32,
                                          CONVOY_I64, CONVOY_U8,  CONVOY_I8,  CONVOY_BOOL};
    static const convoy_shape shapes[] = {
        {0}, {1, {5}}, {2, {0, 3}}, {4, {1, 2, 3, 4}}, {8, {1, 2, 1, 2, 1, 2, 1, 2}}};
    temp_file_write(path, *state, "out.npy", "", 0);
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            convoy_tensor tensor, back;
            assert_int_equal(convoy_tensor_create(&tensor, dtypes[d], &shapes[s], NULL), CONVOY_OK);
            size_t bytes = convoy_tensor_elements(&tensor) * convoy_dtype_bytes(dtypes[d]);
            for (size_t i = 0; i < bytes; i++)
                ((uint8_t *)tensor.data)[i] = i % 3 == 1;
            assert_int_equal(npy_write(path, &tensor, NULL), CONVOY_OK);
            uint8_t file[512];
            FILE *stream = fopen(path, "rb");
            size_t length = fread(file, 1, sizeof file, stream);
            fclose(stream);
            assert_int_equal((length - bytes) % 64, 0);
            assert_int_equal(npy_decode(&back, file, length, NULL), CONVOY_OK);
            assert_int_equal(back.dtype, dtypes[d]);
            assert_true(shape_equal(&back.shape, &tensor.shape));
            assert_memory_equal(back.data, tensor.data, bytes);
            convoy_tensor_release(&tensor);
            convoy_tensor_release(&back);
        }
}

/* The very bytes of numpy 1.24: np.save(f, np.array([[1, 2, 3]], '<f4')) */
static void test_bytes_of_numpy(void **state) {
    char path[TEMP_PATH], expected[128 + 12];
    memset(expected, ' ', sizeof expected);
    memcpy(expected, "\x93NUMPY\1\0v\0", 10);
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }";
    memcpy(expected + 10, header, sizeof header - 1);
    expected[127] = '\n';
    float values[] = {1, 2, 3};
    memcpy(expected + 128, values, sizeof values);
    convoy_tensor tensor = {.dtype = CONVOY_F32, .shape = {2, {1, 3}}, .data = values};
    temp_file_write(path, *state, "numpy.npy", "", 0);
    assert_int_equal(npy_write(path, &tensor, NULL), CONVOY_OK);
    char written[256];
    FILE *stream = fopen(path, "rb");
    assert_int_equal(fread(written, 1, sizeof written, stream), sizeof expected);
    fclose(stream);
    assert_memory_equal(written, expected, sizeof expected);
}

static void test_unwritable(void **state) {
    char path[TEMP_PATH + 16];
    float value = 1;
    convoy_tensor tensor = {.dtype = CONVOY_F32, .data = &value};
    convoy_error error;
    snprintf(path, sizeof path, "%s/no/such.npy", (char *)*state);
    assert_int_equal(npy_write(path, &tensor, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "no/such.npy"));
    assert_int_equal(npy_write("/dev/full", &tensor, &error), CONVOY_E_IO);
    tensor.dtype = 77;
    assert_int_equal(npy_write(path, &tensor, &error), CONVOY_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_headers_as_others_write_them),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_cut_and_damaged_files),
        cmocka_unit_test(test_written_files),
        cmocka_unit_test(test_bytes_of_numpy),
        cmocka_unit_test(test_unwritable),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
