/* Buffers whose memory is used again: what a job frees, the next one finds, with its pages in place. (Fresh
 * memory costs a fault for every page that is first touched: coding VGG-16's inputs for ten workers took 82
 * ms into fresh memory, 17 ms so.) */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/memory.h"

struct buffer_pool;

/* A pool that keeps at most `most` blocks that nobody uses, the largest; so never more memory than was in use
 * at once. NULL if there is no memory. */
struct buffer_pool *buffer_pool_create(size_t most);

/* As buffer_create, over the smallest idle block that is large enough, or a new one. The buffer may outlive
 * the pool, and its last reference may go on any thread. Thread-safe. */
struct buffer *buffer_pool_take(struct buffer_pool *pool, size_t bytes);

/* Frees what is idle; what is in use is freed when its buffer goes. Takes NULL. */
void buffer_pool_destroy(struct buffer_pool **pool);

#endif
