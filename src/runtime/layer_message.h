/* The payload of FRAME_LAYER: what a worker needs to know of a layer, and its coded filters. */
#ifndef RUNTIME_LAYER_MESSAGE_H
#define RUNTIME_LAYER_MESSAGE_H

#include "base/conv.h"
#include "base/memory.h"

#define LAYER_NAME_BYTES 128

/* A parsed message. filters views the payload and holds a reference to it. */
struct layer_message {
    struct conv_geometry task; /* the convolution of one worker (partition_task) */
    enum conv_kernel kernel;   /* all workers of a layer use the same one */
    char name[LAYER_NAME_BYTES];
    convoy_tensor filters; /* [task.out_channels, task.in_channels/groups, kernel...] */
};

/* A payload for a task with room for its filters, which the caller writes to *filters before it is sent; NULL
 * where there is no memory. A name that is too long is cut. The task is complete (conv_geometry_complete). */
struct buffer *layer_message_create(const struct conv_geometry *task, enum conv_kernel kernel,
                                    const char *name, convoy_dtype dtype, void **filters);

/* Parses what came from outside: everything is checked. CONVOY_E_INPUT. Release with layer_message_release.
 */
convoy_status layer_message_parse(struct layer_message *message, struct buffer *payload, convoy_error *error);
void layer_message_release(struct layer_message *message);

#endif
