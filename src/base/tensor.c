#include "base/tensor.h"

#include "base/error.h"
#include "base/half.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *convoy_shape_text(const convoy_shape *shape, char *text, size_t size) {
    size_t used = 0;
    if (size)
        text[0] = 0;
    if (shape->rank == 0)
        snprintf(text, size, "scalar");
    for (uint32_t i = 0; i < shape->rank && i < CONVOY_MAX_RANK && used < size; i++) {
        const char *separator = i ? "x" : "";
        int written = shape->dims[i] < 0 ? snprintf(text + used, size - used, "%s?", separator)
                                         : snprintf(text + used, size - used, "%s%lld", separator,
                                                    (long long)shape->dims[i]);
        used += (size_t)written;
    }
    return text;
}

bool tensor_bytes(convoy_dtype dtype, const convoy_shape *shape, size_t *bytes) {
    size_t total = convoy_dtype_bytes(dtype);
    if (total == 0 || shape->rank > CONVOY_MAX_RANK)
        return false;
    for (uint32_t i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0 || !size_mul(total, (size_t)shape->dims[i], &total))
            return false;
    if (total > PTRDIFF_MAX)
        return false;
    *bytes = total;
    return true;
}

bool shape_equal(const convoy_shape *a, const convoy_shape *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

size_t shape_product(const convoy_shape *shape, uint32_t from, uint32_t to) {
    size_t product = 1;
    for (uint32_t i = from; i < to; i++)
        product *= (size_t)shape->dims[i];
    return product;
}

size_t convoy_tensor_elements(const convoy_tensor *tensor) {
    return shape_product(&tensor->shape, 0, tensor->shape.rank);
}

convoy_status convoy_tensor_create(convoy_tensor *tensor, convoy_dtype dtype, const convoy_shape *shape,
                                   convoy_error *error) {
    size_t bytes;
    if (!tensor || !shape)
        return error_null(error, __func__);
    if (!tensor_bytes(dtype, shape, &bytes)) {
        char text[128];
        return error_set(error, CONVOY_E_USAGE, "no tensor of type %s can have the shape %s",
                         convoy_dtype_text(dtype), convoy_shape_text(shape, text, sizeof text));
    }
    struct buffer *owner = buffer_create(bytes);
    if (!owner)
        return error_memory(error);
    memset(owner->data, 0, bytes);
    *tensor = (convoy_tensor){.dtype = dtype, .shape = *shape, .data = owner->data, .owner = owner};
    return CONVOY_OK;
}

void convoy_tensor_release(convoy_tensor *tensor) {
    if (!tensor)
        return;
    buffer_release(&tensor->owner);
    *tensor = (convoy_tensor){0};
}

void tensor_view(convoy_tensor *view, const convoy_tensor *tensor, const convoy_shape *shape) {
    *view = *tensor;
    view->shape = *shape;
    if (view->owner)
        buffer_retain(view->owner);
}

bool tensor_is_aligned(const convoy_tensor *tensor) {
    return (uintptr_t)tensor->data % convoy_dtype_bytes(tensor->dtype) == 0;
}

/* Bytes of a valid tensor. */
static size_t bytes_of(const convoy_tensor *tensor) {
    return convoy_tensor_elements(tensor) * convoy_dtype_bytes(tensor->dtype);
}

convoy_status tensor_align(convoy_tensor *tensor, convoy_error *error) {
    if (tensor_is_aligned(tensor))
        return CONVOY_OK;
    convoy_tensor copy;
    convoy_status status = convoy_tensor_create(&copy, tensor->dtype, &tensor->shape, error);
    if (status != CONVOY_OK)
        return status;
    memcpy(copy.data, tensor->data, bytes_of(tensor));
    convoy_tensor_release(tensor);
    *tensor = copy;
    return CONVOY_OK;
}

void tensor_discard(const convoy_tensor *tensor) {
    if (tensor->owner)
        buffer_discard(tensor->owner, tensor->data, bytes_of(tensor));
}

/* Looks at all floats, at any address, in a loop of vectors, before it looks for the one. */
static bool all_finite(const char *floats, size_t count) {
    uint32_t wrong = 0; /* as wide as an element */
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, floats + i * sizeof bits, sizeof bits);
        wrong |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !wrong;
}

size_t tensor_find_not_finite(const convoy_tensor *tensor) {
    size_t count = convoy_tensor_elements(tensor), at = 0;
    if (tensor->dtype == CONVOY_F32 ? all_finite(tensor->data, count) : tensor->dtype != CONVOY_F64)
        return count;
    while (at < count && isfinite(convoy_tensor_element(tensor, at)))
        at++;
    return at;
}

bool convoy_tensor_find_not_finite(const convoy_tensor *tensor, convoy_element *element) {
    size_t at = tensor_find_not_finite(tensor);
    if (at == convoy_tensor_elements(tensor))
        return false;
    *element = (convoy_element){.rank = tensor->shape.rank, .value = convoy_tensor_element(tensor, at)};
    for (uint32_t i = tensor->shape.rank; i-- > 0;) {
        element->position[i] = (int64_t)(at % (size_t)tensor->shape.dims[i]);
        at /= (size_t)tensor->shape.dims[i];
    }
    return true;
}

const char *convoy_element_text(const convoy_element *element, char *text, size_t size) {
    char position[24 * CONVOY_MAX_RANK + 1] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < element->rank && i < CONVOY_MAX_RANK; i++)
        used += (size_t)snprintf(position + used, sizeof position - used, "%s%lld", i ? "," : "",
                                 (long long)element->position[i]);
    if (isnan(element->value)) /* without the sign that printf gives it */
        snprintf(text, size, "[%s] is nan", position);
    else
        snprintf(text, size, "[%s] is %g", position, element->value);
    return text;
}
