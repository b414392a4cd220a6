#include "compute/trial.h"

#include "base/memory.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <string.h>

/* Tensors of more than this are not made for a trial. */
#define MOST_BYTES ((size_t)1 << 30)

/* Small numbers: memory that is touched, and none denormal. */
static struct buffer *tensor_made(convoy_tensor *tensor, convoy_shape shape) {
    size_t bytes;
    *tensor = (convoy_tensor){.dtype = CONVOY_F32, .shape = shape};
    if (!tensor_bytes(CONVOY_F32, &shape, &bytes) || bytes > MOST_BYTES)
        return NULL;
    tensor->owner = buffer_create(bytes);
    if (!tensor->owner)
        return NULL;
    tensor->data = tensor->owner->data;
    memset(tensor->data, 0x3c, bytes); /* 0.01 */
    return tensor->owner;
}

bool trial_begin(struct trial *trial, struct backend *backend, const struct conv_geometry *geometry,
                 enum conv_kernel kernel) {
    struct value_desc input;
    struct layer_desc desc = conv_layer_desc(geometry, CONVOY_F32, &input);
    desc.kernel = kernel;
    struct layer_params params = {0};
    *trial = (struct trial){.backend = backend};
    bool made = tensor_made(&trial->in, input.shape) && tensor_made(&trial->out, desc.outputs[0].shape) &&
                tensor_made(&params.weights, conv_filter_shape(geometry)) &&
                backend->ops->context_create(backend, &trial->context, NULL) == CONVOY_OK &&
                backend->ops->layer_prepare(backend, &desc, &params, &trial->layer, NULL) == CONVOY_OK;
    convoy_tensor_release(&params.weights);
    return made;
}

static void read_all(const volatile unsigned char *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i += MEMORY_ALIGNMENT)
        (void)data[i];
}

void trial_settle(const struct trial *trial, const struct buffer *other) {
    read_all(other->data, other->bytes);
    read_all(trial->in.data, convoy_tensor_elements(&trial->in) * sizeof(float));
}

bool trial_run(struct trial *trial) {
    return trial->backend->ops->layer_run(trial->layer, trial->context, &trial->in, &trial->out, NULL,
                                          NULL) == CONVOY_OK;
}

void trial_end(struct trial *trial) {
    if (trial->layer)
        trial->backend->ops->layer_destroy(&trial->layer);
    if (trial->context)
        trial->backend->ops->context_destroy(&trial->context);
    convoy_tensor_release(&trial->in);
    convoy_tensor_release(&trial->out);
}
