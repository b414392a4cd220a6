#include <convoy/input.h>

#include "temp_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const convoy_shape any_picture = {4, {-1, -1, -1, -1}};

/* Writes the file and loads it. */
static convoy_status load(convoy_tensor *tensor, void **state, const char *name, const void *bytes,
                          size_t length, convoy_dtype dtype, const convoy_shape *shape, convoy_error *error) {
    char path[TEMP_PATH];
    temp_file_write(path, *state, name, bytes, length);
    return convoy_input_load(tensor, path, dtype, shape, NULL, error);
}

static size_t npy_make(uint8_t *file, const char *descr, const char *shape, const void *data, size_t bytes) {
    int header = snprintf((char *)file + 10, 200, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
                          descr, shape);
    memcpy(file, "\x93NUMPY\1\0", 8);
    file[8] = (uint8_t)header;
    file[9] = 0;
    memcpy(file + 10 + header, data, bytes);
    return 10 + (size_t)header + bytes;
}

static void test_every_type_becomes_float32(void **state) {
    const struct {
        const char *descr;
        const void *data;
        size_t bytes;
        float expected[4];
    } cases[] = {
        {"<f4", (const float[]){1.5f, -2, 0, 1e30f}, 16, {1.5f, -2, 0, 1e30f}},
        {"<f8", (const double[]){1.5, -2, 0.1, (double)INFINITY}, 32, {1.5f, -2, 0.1f, INFINITY}},
        {"<i4", (const int32_t[]){1, -2, INT32_MAX - 127, INT32_MIN}, 16, {1, -2, 0x1.fffffep30f, -0x1p31f}},
        {"<i8", (const int64_t[]){1, -2, 1L << 40, INT64_MIN}, 32, {1, -2, 0x1p40f, -0x1p63f}},
        {"<i2", (const int16_t[]){1, -2, INT16_MAX, INT16_MIN}, 8, {1, -2, 32767, -32768}},
        {"<u2", (const uint16_t[]){0, 1, 32768, 65535}, 8, {0, 1, 32768, 65535}},
        {"<u4", (const uint32_t[]){0, 1, 1u << 31, 0xffffff00}, 16, {0, 1, 0x1p31f, 0x1.fffffep31f}},
        {"<u8", (const uint64_t[]){0, 1, 1ul << 63, 3ul << 62}, 32, {0, 1, 0x1p63f, 0x1.8p63f}},
        {">f4", "\x3f\xc0\0\0\xc0\0\0\0\0\0\0\1\x7f\x80\0\0", 16, {1.5f, -2, 0x1p-149f, INFINITY}},
        {">u2", "\0\0\0\1\x80\0\xff\xff", 8, {0, 1, 32768, 65535}},
        {">i8",
         "\0\0\0\0\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\1\0\0\0\0\0\x80\0\0\0\0\0\0\0",
         32,
         {1, -2, 0x1p40f, -0x1p63f}},
        {"|u1", (const uint8_t[]){0, 1, 128, 255}, 4, {0, 1, 128, 255}},
        {"|i1", (const int8_t[]){0, 1, -128, 127}, 4, {0, 1, -128, 127}},
        {"|b1", (const uint8_t[]){0, 1, 1, 0}, 4, {0, 1, 1, 0}},
        {"<f2", (const uint16_t[]){0x3c00, 0xc100, 0x0001, 0xfc00}, 8, {1, -2.5f, 0x1p-24f, -INFINITY}},
        {"<f2", (const uint16_t[]){0x0000, 0x7bff, 0x0400, 0x03ff}, 8, {0, 65504, 0x1p-14f, 0x1.ff8p-15f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t file[300];
        size_t length = npy_make(file, cases[i].descr, "(1, 4)", cases[i].data, cases[i].bytes);
        convoy_tensor tensor;
        convoy_error error;
        if (load(&tensor, state, "x.npy", file, length, CONVOY_F32, &any_picture, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
        assert_int_equal(tensor.dtype, CONVOY_F32);
        assert_int_equal(tensor.shape.rank, 2);
        assert_int_equal(tensor.shape.dims[1], 4);
        for (int k = 0; k < 4; k++)
            if (((float *)tensor.data)[k] != cases[i].expected[k])
                fail_msg("%s, element %d: %g", cases[i].descr, k, (double)((float *)tensor.data)[k]);
        convoy_tensor_release(&tensor);
    }
    uint8_t file[300];
    size_t length = npy_make(file, "<f2", "(1,)", (const uint16_t[]){0x7e00}, 2);
    convoy_tensor tensor;
    assert_int_equal(load(&tensor, state, "x.npy", file, length, CONVOY_F32, &any_picture, NULL), CONVOY_OK);
    assert_true(isnan(*(float *)tensor.data));
    convoy_tensor_release(&tensor);
}

static void test_other_types(void **state) {
    uint8_t file[300];
    size_t length = npy_make(file, "<i8", "(2,)", (const int64_t[]){INT64_MAX, 5}, 16);
    convoy_tensor tensor = {0};
    convoy_error error;
    assert_int_equal(load(&tensor, state, "x.npy", file, length, CONVOY_I64, &any_picture, NULL), CONVOY_OK);
    assert_int_equal(tensor.dtype, CONVOY_I64);
    assert_true(((int64_t *)tensor.data)[0] == INT64_MAX);
    convoy_tensor_release(&tensor);
    assert_int_equal(load(&tensor, state, "x.npy", file, length, CONVOY_I32, &any_picture, &error),
                     CONVOY_E_INPUT);
    assert_non_null(
        strstr(error.message, "x.npy: its element 0, the int64 9223372036854775807, is no int32"));
    assert_int_equal(load(&tensor, state, "x.pgm", "P5 1 1 255 a", 12, CONVOY_I64, &any_picture, &error),
                     CONVOY_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "x.pgm: is a picture"));
    assert_null(tensor.data);
}

/* dims 2, type, raw_data or int64_data */
static void test_tensor_protos(void **state) {
    convoy_tensor tensor;
    static const char raw[] = "\x08\x02\x10\x01\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\x40";
    static const char numbers[] = "\x08\x02\x10\x07\x3a\x02\x05\x06";
    static const char wide[] = "\x08\x02\x10\x0d\x5a\x02\x05\x06"; /* uint64 in uint64_data */
    static const char shorts[] = "\x08\x02\x10\x05\x2a\x0b\x05\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    static const char misaligned[] = "\x08\x01\x10\x0b\x42\x01w\x4a\x08\x00\x00\x00\x00\x00\x00\x04\x40";
    for (int named = 0; named < 2; named++) {
        assert_int_equal(
            load(&tensor, state, named ? "x.pb" : "x", raw, sizeof raw - 1, CONVOY_F32, &any_picture, NULL),
            CONVOY_OK);
        assert_int_equal(tensor.shape.rank, 1);
        assert_true(((float *)tensor.data)[0] == 1 && ((float *)tensor.data)[1] == 2);
        ((float *)tensor.data)[0] = 3; /* the caller's own, no view of the file */
        convoy_tensor_release(&tensor);
    }
    assert_int_equal(
        load(&tensor, state, "x.pb", numbers, sizeof numbers - 1, CONVOY_F32, &any_picture, NULL), CONVOY_OK);
    assert_true(((float *)tensor.data)[0] == 5 && ((float *)tensor.data)[1] == 6);
    convoy_tensor_release(&tensor);
    assert_int_equal(load(&tensor, state, "x.pb", wide, sizeof wide - 1, CONVOY_F32, &any_picture, NULL),
                     CONVOY_OK);
    assert_true(((float *)tensor.data)[0] == 5 && ((float *)tensor.data)[1] == 6);
    convoy_tensor_release(&tensor);
    assert_int_equal(load(&tensor, state, "x.pb", shorts, sizeof shorts - 1, CONVOY_I64, &any_picture, NULL),
                     CONVOY_OK);
    assert_true(((int64_t *)tensor.data)[0] == 5 && ((int64_t *)tensor.data)[1] == -2);
    convoy_tensor_release(&tensor);
    assert_int_equal(
        load(&tensor, state, "x.pb", misaligned, sizeof misaligned - 1, CONVOY_F32, &any_picture, NULL),
        CONVOY_OK);
    assert_true(((float *)tensor.data)[0] == 2.5f);
    convoy_tensor_release(&tensor);
}

static void test_pictures(void **state) {
    convoy_tensor tensor;
    convoy_shape shape = {4, {-1, 1, 2, 2}};
    assert_int_equal(
        load(&tensor, state, "x.anything", "P5 2 2 255 \x00\x33\x66\xff", 15, CONVOY_F32, &shape, NULL),
        CONVOY_OK);
    assert_int_equal(tensor.shape.rank, 4);
    assert_int_equal(tensor.shape.dims[0], 1);
    static const float expected[4] = {0, 0.2f, 0.4f, 1};
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(((float *)tensor.data)[i] - expected[i]) < 1e-6f);
    convoy_tensor_release(&tensor);
    char path[TEMP_PATH];
    temp_file_write(path, *state, "x.ppm", "P6 1 1 255 \x01\x02\x03", 14);
    convoy_image_options options = {.preset = CONVOY_PRESET_RAW, .bgr = true, .size = 1};
    assert_int_equal(convoy_input_load(&tensor, path, CONVOY_F32, &any_picture, &options, NULL), CONVOY_OK);
    assert_int_equal(tensor.shape.dims[1], 3);
    for (int c = 0; c < 3; c++)
        assert_true(((float *)tensor.data)[c] == (float)(3 - c));
    convoy_tensor_release(&tensor);
}

static void test_wrong_files(void **state) {
    static const struct {
        const char *name, *bytes;
        size_t length;
        convoy_status status;
        const char *says;
    } cases[] = {
        {"text.txt", "hello, world\n", 13, CONVOY_E_INPUT, "text.txt: is no .npy array"},
        {"text.png", "hello, world\n", 13, CONVOY_E_INPUT, "text.png: is no .npy array"},
        {"text.pb", "hello, world\n", 13, CONVOY_E_INPUT, "text.pb: tensor without name: damaged"},
        {"model.onnx",
         "\x08\x07\x12\x03"
         "abc"
         "\x3a\x00",
         9, CONVOY_E_INPUT, "model.onnx: is no .npy array"},
        {"empty.png", "", 0, CONVOY_E_INPUT, "empty.png: is empty"},
        {"empty.pb", "", 0, CONVOY_E_INPUT, "empty.pb: is empty"},
        {"cut.png", "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16, CONVOY_E_INPUT,
         "cut.png: is a damaged or cut off PNG"},
        {"cut.jpg", "\xff\xd8\xff\xe0", 4, CONVOY_E_INPUT, "cut.jpg: is a damaged or cut off JPEG"},
        {"cut.npy", "\x93NUMPY", 6, CONVOY_E_INPUT, "cut.npy: its .npy header is damaged"},
        {"outside.pb", "\x10\x01\x70\x01\x6a\x0d\x0a\x08location\x12\x01x", 19, CONVOY_E_UNSUPPORTED,
         "outside.pb: tensor without name: keeps its elements in another file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_tensor tensor = {0};
        convoy_error error = {0};
        convoy_status status = load(&tensor, state, cases[i].name, cases[i].bytes, cases[i].length,
                                    CONVOY_F32, &any_picture, &error);
        if (status != cases[i].status || !strstr(error.message, cases[i].says))
            fail_msg("%s: status %d: %s", cases[i].name, status, error.message);
        assert_int_equal(error.status, status);
        assert_null(tensor.data);
    }
}

static void test_what_is_no_file(void **state) {
    convoy_tensor tensor = {0};
    convoy_error error;
    char path[TEMP_PATH];
    assert_int_equal(convoy_input_load(&tensor, *state, CONVOY_F32, &any_picture, NULL, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "is a folder"));
    snprintf(path, sizeof path, "%s/absent.png", (char *)*state);
    assert_int_equal(convoy_input_load(&tensor, path, CONVOY_F32, &any_picture, NULL, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "absent.png: cannot be opened"));
    assert_int_equal(convoy_input_load(&tensor, "/dev/null", CONVOY_F32, &any_picture, NULL, &error),
                     CONVOY_E_IO);
    assert_int_equal(convoy_input_load(&tensor, path, CONVOY_F32, &any_picture, NULL, NULL), CONVOY_E_IO);
    assert_null(tensor.data);
}

/* A file in memory, at an address of any kind and with nothing behind it, is what the same file on disk is.
 */
static void test_files_in_memory(void **state) {
    uint8_t npy[300];
    const size_t npy_length = npy_make(npy, "<f4", "(1, 2)", (const float[]){1.5f, -2}, 8);
    const struct {
        const char *name;
        const void *bytes;
        size_t length;
    } files[] = {
        {"x.npy", npy, npy_length},
        {"x.pgm", "P5 2 2 255 \x00\x33\x66\xff", 15},
        {"x.pb", "\x08\x02\x10\x01\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\x40", 14},
        {"x.pb", "\x08\x02\x10\x07\x3a\x02\x05\x06", 8},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        convoy_tensor expected, tensor;
        assert_int_equal(load(&expected, state, files[i].name, files[i].bytes, files[i].length, CONVOY_F32,
                              &any_picture, NULL),
                         CONVOY_OK);
        uint8_t *copy = malloc(files[i].length + 1);
        assert_non_null(copy);
        memcpy(copy + 1, files[i].bytes, files[i].length);
        assert_int_equal(
            convoy_input_parse(&tensor, copy + 1, files[i].length, "-", CONVOY_F32, &any_picture, NULL, NULL),
            CONVOY_OK);
        free(copy); /* the tensor is no view of it */
        assert_int_equal(tensor.shape.rank, expected.shape.rank);
        assert_int_equal(convoy_tensor_elements(&tensor), convoy_tensor_elements(&expected));
        assert_memory_equal(tensor.data, expected.data, convoy_tensor_elements(&tensor) * sizeof(float));
        convoy_tensor_release(&tensor);
        convoy_tensor_release(&expected);
    }
}

static void test_wrong_files_in_memory(void **state) {
    (void)state;
    convoy_tensor tensor = {0};
    convoy_error error;
    assert_int_equal(convoy_input_parse(&tensor, "", 0, "-", CONVOY_F32, &any_picture, NULL, &error),
                     CONVOY_E_INPUT);
    assert_string_equal(error.message, "-: is empty");
    assert_int_equal(convoy_input_parse(&tensor, "hello", 5, "-", CONVOY_F32, &any_picture, NULL, &error),
                     CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "-: is no .npy array, no PNG"));
    assert_int_equal(
        convoy_input_parse(&tensor, "hello", 5, "body.pb", CONVOY_F32, &any_picture, NULL, &error),
        CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "body.pb: tensor without name: damaged"));
    assert_null(tensor.data);
}

static void test_saved_outputs_load(void **state) {
    convoy_tensor tensor, back;
    convoy_shape shape = {3, {2, 1, 3}};
    char path[TEMP_PATH];
    snprintf(path, sizeof path, "%s/out.npy", (char *)*state);
    assert_int_equal(convoy_tensor_create(&tensor, CONVOY_F32, &shape, NULL), CONVOY_OK);
    for (int i = 0; i < 6; i++)
        ((float *)tensor.data)[i] = (float)i * 0.1f;
    assert_int_equal(convoy_output_save(path, &tensor, NULL), CONVOY_OK);
    assert_int_equal(convoy_input_load(&back, path, CONVOY_F32, &any_picture, NULL, NULL), CONVOY_OK);
    assert_int_equal(back.shape.rank, 3);
    assert_memory_equal(back.data, tensor.data, 24);
    convoy_tensor_release(&tensor);
    convoy_tensor_release(&back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_becomes_float32),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_tensor_protos),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_files_in_memory),
        cmocka_unit_test(test_wrong_files_in_memory),
        cmocka_unit_test(test_saved_outputs_load),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
