#include "runtime/layer_message.h"

#include "base/error.h"
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

/* As it travels: little-endian, without padding; the filters follow, aligned. */
struct wire {
    uint32_t dtype, kernel, layout, spatial, in_block, out_block;
    int64_t batch, groups, in_channels, out_channels;
    int64_t axes[6][CONV_MAX_SPATIAL]; /* in, kernel, stride, dilation, pad_begin, pad_end */
    char name[LAYER_NAME_BYTES];
};

#define FILTERS_AT ((sizeof(struct wire) + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT)

_Static_assert(sizeof(struct wire) == 24 + 4 * 8 + 18 * 8 + LAYER_NAME_BYTES, "no padding");

struct buffer *layer_message_create(const struct conv_geometry *task, enum conv_kernel kernel,
                                    const char *name, convoy_dtype dtype, void **filters) {
    convoy_shape shape = conv_filter_shape(task);
    size_t bytes;
    if (!tensor_bytes(dtype, &shape, &bytes) || !size_add(bytes, FILTERS_AT, &bytes))
        return NULL;
    struct buffer *payload = buffer_create(bytes);
    if (!payload)
        return NULL;
    struct wire wire = {.dtype = dtype,
                        .kernel = kernel,
                        .layout = task->layout,
                        .spatial = task->spatial,
                        .in_block = task->in_block,
                        .out_block = task->out_block,
                        .batch = task->batch,
                        .groups = task->groups,
                        .in_channels = task->in_channels,
                        .out_channels = task->out_channels};
    const int64_t *const axes[6] = {task->in,       task->kernel,    task->stride,
                                    task->dilation, task->pad_begin, task->pad_end};
    for (int i = 0; i < 6; i++)
        memcpy(wire.axes[i], axes[i], sizeof wire.axes[i]);
    snprintf(wire.name, sizeof wire.name, "%s", name);
    memset(payload->data, 0, FILTERS_AT);
    memcpy(payload->data, &wire, sizeof wire);
    *filters = (char *)payload->data + FILTERS_AT;
    return payload;
}

static convoy_status geometry_from_wire(struct conv_geometry *task, const struct wire *wire,
                                        convoy_error *error) {
    if (wire->layout > CONV_CHANNELS_LAST)
        return error_set(error, CONVOY_E_INPUT, "a layer has the unknown layout %u", wire->layout);
    *task = (struct conv_geometry){.layout = (enum conv_layout)wire->layout,
                                   .spatial = wire->spatial,
                                   .in_block = wire->in_block,
                                   .out_block = wire->out_block,
                                   .batch = wire->batch,
                                   .groups = wire->groups,
                                   .in_channels = wire->in_channels,
                                   .out_channels = wire->out_channels};
    int64_t *const axes[6] = {task->in,       task->kernel,    task->stride,
                              task->dilation, task->pad_begin, task->pad_end};
    for (int i = 0; i < 6; i++)
        memcpy(axes[i], wire->axes[i], sizeof wire->axes[i]);
    return conv_geometry_complete(task, error);
}

convoy_status layer_message_parse(struct layer_message *message, struct buffer *payload,
                                  convoy_error *error) {
    struct wire wire;
    struct layer_message parsed = {0};
    if (!payload || payload->bytes < FILTERS_AT)
        return error_set(error, CONVOY_E_INPUT, "a layer's message is too short");
    memcpy(&wire, payload->data, sizeof wire);
    if ((wire.dtype != CONVOY_F32 && wire.dtype != CONVOY_F64) || wire.kernel >= CONV_KERNELS ||
        !memchr(wire.name, 0, sizeof wire.name))
        return error_set(error, CONVOY_E_INPUT, "a layer's message has a wrong element type, kernel or name");
    convoy_status status = geometry_from_wire(&parsed.task, &wire, error);
    if (status != CONVOY_OK)
        return status;
    parsed.kernel = (enum conv_kernel)wire.kernel;
    memcpy(parsed.name, wire.name, sizeof parsed.name);
    convoy_shape shape = conv_filter_shape(&parsed.task);
    size_t bytes;
    if (!tensor_bytes((convoy_dtype)wire.dtype, &shape, &bytes) || payload->bytes - FILTERS_AT != bytes)
        return error_set(error, CONVOY_E_INPUT,
                         "layer %s: the size of its filters does not match its geometry", parsed.name);
    parsed.filters = (convoy_tensor){.dtype = (convoy_dtype)wire.dtype,
                                     .shape = shape,
                                     .data = (char *)payload->data + FILTERS_AT,
                                     .owner = buffer_retain(payload)};
    *message = parsed;
    return CONVOY_OK;
}

void layer_message_release(struct layer_message *message) {
    convoy_tensor_release(&message->filters);
}
