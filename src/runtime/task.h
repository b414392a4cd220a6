/* One task: the convolution of a coded input with coded filters that are held. A worker computes it for its
 * master, and the master to learn whether a worker's answer is right. */
#ifndef RUNTIME_TASK_H
#define RUNTIME_TASK_H

#include "base/pool.h"
#include "runtime/layer_cache.h"

/* The answer to a coded input that travels as dtype, the layer's or halves of it, as the same type. context:
 * of the layer's backend. NULL if the input is not of the layer's type and size, the answer is beyond the
 * range of halves, or there is no memory. One thread at a time for a context. */
struct buffer *task_compute(const struct held_layer *held, struct context *context,
                            struct buffer_pool *buffers, convoy_dtype dtype, const struct buffer *input);

#endif
