/* Files that become tensors: told apart by how they begin, and a TensorProto, which begins like nothing in
 * particular, last. */
#include <convoy/input.h>

#include "base/error.h"
#include "io/elements.h"
#include "io/file_map.h"
#include "io/image.h"
#include "io/npy.h"
#include "io/preprocess.h"
#include "io/tensor_proto.h"

#include <string.h>

static convoy_status load_npy(convoy_tensor *tensor, const struct buffer *map, convoy_dtype dtype,
                              convoy_error *error) {
    struct elements elements;
    convoy_status status = npy_parse(&elements, map->data, map->bytes, error);
    return status == CONVOY_OK ? elements_to_tensor(tensor, &elements, dtype, error) : status;
}

static convoy_status load_image(convoy_tensor *tensor, const struct buffer *map, convoy_dtype dtype,
                                const convoy_shape *shape, const convoy_image_options *options,
                                convoy_error *error) {
    struct preprocess plan;
    struct image image;
    struct image_wish wish = {.background = {255, 255, 255}};
    convoy_status status = preprocess_plan(&plan, dtype, shape, options, error);
    if (status != CONVOY_OK)
        return status;
    wish.channels = plan.channels;
    if (options && options->has_background)
        memcpy(wish.background, options->background, sizeof wish.background);
    status = image_decode(&image, map->data, map->bytes, &wish, error);
    if (status != CONVOY_OK)
        return status;
    status = preprocess_image(tensor, &plan, &image, error);
    image_release(&image);
    return status;
}

static convoy_status load_proto(convoy_tensor *tensor, struct buffer *map, bool named_so, convoy_dtype dtype,
                                convoy_error *error) {
    struct elements elements;
    convoy_status status = tensor_proto_elements(&elements, map, error);
    if (status == CONVOY_E_INPUT && !named_so)
        return error_set(error, CONVOY_E_INPUT,
                         "is no .npy array, no PNG, JPEG, PGM or PPM picture and no ONNX tensor (.pb)");
    if (status != CONVOY_OK)
        return status;
    status = elements_to_tensor(tensor, &elements, dtype, error);
    elements_release(&elements);
    return status;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Tells by its first bytes what the file in the buffer is. The sentence begins with its name. */
static convoy_status load_buffer(convoy_tensor *tensor, struct buffer *file, const char *name,
                                 convoy_dtype dtype, const convoy_shape *shape,
                                 const convoy_image_options *options, convoy_error *error) {
    convoy_error cause = {0};
    convoy_status status;
    if (file->bytes == 0)
        status = error_set(&cause, CONVOY_E_INPUT, "is empty");
    else if (npy_recognise(file->data, file->bytes))
        status = load_npy(tensor, file, dtype, &cause);
    else if (image_recognise(file->data, file->bytes))
        status = load_image(tensor, file, dtype, shape, options, &cause);
    else
        status = load_proto(tensor, file, ends_with(name, ".pb"), dtype, &cause);
    if (status != CONVOY_OK)
        return error_set(error, status, "%.200s: %.300s", name, cause.message);
    return CONVOY_OK;
}

convoy_status convoy_input_load(convoy_tensor *tensor, const char *path, convoy_dtype dtype,
                                const convoy_shape *shape, const convoy_image_options *options,
                                convoy_error *error) {
    struct buffer *map = NULL;
    if (!tensor || !path || !shape)
        return error_null(error, __func__);
    convoy_status status = file_map(&map, path, error);
    if (status != CONVOY_OK)
        return status;
    status = load_buffer(tensor, map, path, dtype, shape, options, error);
    buffer_release(&map);
    return status;
}

convoy_status convoy_input_parse(convoy_tensor *tensor, const void *bytes, size_t size, const char *name,
                                 convoy_dtype dtype, const convoy_shape *shape,
                                 const convoy_image_options *options, convoy_error *error) {
    if (!tensor || !bytes || !name || !shape)
        return error_null(error, __func__);
    struct buffer *borrowed = buffer_adopt((void *)(uintptr_t)bytes, size, NULL, NULL); /* only read */
    if (!borrowed)
        return error_memory(error);
    const convoy_status status = load_buffer(tensor, borrowed, name, dtype, shape, options, error);
    buffer_release(&borrowed);
    return status;
}

convoy_status convoy_output_save(const char *path, const convoy_tensor *tensor, convoy_error *error) {
    return path && tensor ? npy_write(path, tensor, error) : error_null(error, __func__);
}
