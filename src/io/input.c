/* Files that become tensors: told apart by how they begin, and a TensorProto, which begins like nothing in
 * particular, last. */
#include <convoy/input.h>

#include "base/error.h"
#include "base/half.h"
#include "base/tensor.h"
#include "io/file_map.h"
#include "io/image.h"
#include "io/npy.h"
#include "io/preprocess.h"
#include "io/tensor_proto.h"

#include <math.h>
#include <string.h>

static float element_to_float(const convoy_tensor *t, size_t i) {
    switch (t->dtype) {
    case CONVOY_F32:
        return ((const float *)t->data)[i];
    case CONVOY_F64:
        return (float)((const double *)t->data)[i];
    case CONVOY_F16:
        return f16_value(((const uint16_t *)t->data)[i]);
    case CONVOY_BF16:
        return bf16_value(((const uint16_t *)t->data)[i]);
    case CONVOY_I64:
        return (float)((const int64_t *)t->data)[i];
    case CONVOY_I32:
        return (float)((const int32_t *)t->data)[i];
    case CONVOY_I8:
        return ((const int8_t *)t->data)[i];
    case CONVOY_U8:
    case CONVOY_BOOL:
        return ((const uint8_t *)t->data)[i];
    }
    return NAN; /* no other dtype is ever read */
}

/* A copy of the tensor as dtype: its own, or float32. */
static convoy_status tensor_convert(convoy_tensor *out, const convoy_tensor *in, convoy_dtype dtype,
                                    convoy_error *error) {
    if (in->dtype != dtype && dtype != CONVOY_F32)
        return error_set(error, CONVOY_E_INPUT, "holds %s, but the model takes %s",
                         convoy_dtype_text(in->dtype), convoy_dtype_text(dtype));
    convoy_status status = convoy_tensor_create(out, dtype, &in->shape, error);
    if (status != CONVOY_OK)
        return status;
    size_t count = convoy_tensor_elements(in);
    if (in->dtype == dtype)
        memcpy(out->data, in->data, count * convoy_dtype_bytes(dtype));
    else
        for (size_t i = 0; i < count; i++)
            ((float *)out->data)[i] = element_to_float(in, i);
    return CONVOY_OK;
}

static convoy_status load_npy(convoy_tensor *tensor, const struct buffer *map, convoy_dtype dtype,
                              convoy_error *error) {
    convoy_tensor stored;
    convoy_status status = npy_decode(&stored, map->data, map->bytes, error);
    if (status != CONVOY_OK)
        return status;
    if (stored.dtype == dtype) {
        *tensor = stored;
        return CONVOY_OK;
    }
    status = tensor_convert(tensor, &stored, dtype, error);
    convoy_tensor_release(&stored);
    return status;
}

static convoy_status load_image(convoy_tensor *tensor, const struct buffer *map, convoy_dtype dtype,
                                const convoy_shape *shape, const convoy_image_options *options,
                                convoy_error *error) {
    struct preprocess plan;
    struct image image;
    if (dtype != CONVOY_F32)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "is a picture, which becomes float32, but the model takes %s",
                         convoy_dtype_text(dtype));
    convoy_status status = preprocess_plan(&plan, shape, options, error);
    if (status == CONVOY_OK)
        status = image_decode(&image, map->data, map->bytes, plan.channels, error);
    if (status != CONVOY_OK)
        return status;
    status = preprocess_image(tensor, &plan, &image, error);
    image_release(&image);
    return status;
}

/* The elements are copied: the file may change once it was read. */
static convoy_status load_proto(convoy_tensor *tensor, struct buffer *map, bool named_so, convoy_dtype dtype,
                                convoy_error *error) {
    struct tensor_proto proto;
    convoy_status status = tensor_proto_parse(&proto, map, 0, map->bytes, NULL, error);
    if (status == CONVOY_E_INPUT && !named_so)
        return error_set(error, CONVOY_E_INPUT,
                         "is no .npy array, no PNG, JPEG, PGM or PPM picture and no ONNX tensor (.pb)");
    if (status != CONVOY_OK)
        return status;
    status = tensor_align(&proto.tensor, error);
    if (status == CONVOY_OK)
        status = tensor_convert(tensor, &proto.tensor, dtype, error);
    tensor_proto_release(&proto);
    return status;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

convoy_status convoy_input_load(convoy_tensor *tensor, const char *path, convoy_dtype dtype,
                                const convoy_shape *shape, const convoy_image_options *options,
                                convoy_error *error) {
    struct buffer *map = NULL;
    convoy_error cause = {0};
    if (!tensor || !path || !shape)
        return error_null(error, __func__);
    convoy_status status = file_map(&map, path, error);
    if (status != CONVOY_OK)
        return status;
    if (map->bytes == 0)
        status = error_set(&cause, CONVOY_E_INPUT, "is empty");
    else if (npy_recognise(map->data, map->bytes))
        status = load_npy(tensor, map, dtype, &cause);
    else if (image_recognise(map->data, map->bytes))
        status = load_image(tensor, map, dtype, shape, options, &cause);
    else
        status = load_proto(tensor, map, ends_with(path, ".pb"), dtype, &cause);
    buffer_release(&map);
    if (status != CONVOY_OK)
        return error_set(error, status, "%.200s: %.300s", path, cause.message);
    return CONVOY_OK;
}

convoy_status convoy_output_save(const char *path, const convoy_tensor *tensor, convoy_error *error) {
    return path && tensor ? npy_write(path, tensor, error) : error_null(error, __func__);
}
