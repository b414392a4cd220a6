#include "runtime/task.h"

#include "linalg/halves.h"

/* As the layer computes; NULL if it fails. */
static struct buffer *convolve(const struct held_layer *held, struct context *context,
                               struct buffer_pool *buffers, void *input) {
    struct buffer *answer = buffer_pool_take(buffers, held->output_bytes);
    if (!answer)
        return NULL;
    convoy_tensor in = {.dtype = held->dtype, .shape = conv_input_shape(&held->task), .data = input};
    convoy_tensor out = {.dtype = held->dtype, .shape = conv_output_shape(&held->task), .data = answer->data};
    if (held->layer->ops->layer_run(held->layer, context, &in, &out, NULL, NULL) != CONVOY_OK)
        buffer_release(&answer);
    return answer;
}

/* The same for a task that travels as halves, and so does its answer; NULL also if that is beyond their
 * range.
 */
static struct buffer *convolve_halves(const struct held_layer *held, struct context *context,
                                      struct buffer_pool *buffers, convoy_dtype dtype, const void *input) {
    size_t in_count = held->input_bytes / sizeof(float), out_count = held->output_bytes / sizeof(float);
    struct buffer *in = buffer_pool_take(buffers, held->input_bytes), *out = NULL;
    struct buffer *answer = buffer_pool_take(buffers, out_count * sizeof(uint16_t));
    if (in && answer) {
        halves_widen(dtype, input, in_count, in->data);
        out = convolve(held, context, buffers, in->data);
    }
    if (!out || !halves_narrow(out->data, out_count, dtype, answer->data))
        buffer_release(&answer);
    buffer_release(&in);
    buffer_release(&out);
    return answer;
}

struct buffer *task_compute(const struct held_layer *held, struct context *context,
                            struct buffer_pool *buffers, convoy_dtype dtype, const struct buffer *input) {
    const size_t bytes = input ? input->bytes : 0;
    if (bytes && dtype == held->dtype && bytes == held->input_bytes)
        return convolve(held, context, buffers, input->data);
    if (bytes && held->dtype == CONVOY_F32 && (dtype == CONVOY_BF16 || dtype == CONVOY_F16) &&
        bytes == held->input_bytes / sizeof(float) * sizeof(uint16_t))
        return convolve_halves(held, context, buffers, dtype, input->data);
    return NULL;
}
