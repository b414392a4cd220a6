#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>

/* Stands before its data, which begins at the next multiple of MEMORY_ALIGNMENT. */
struct block {
    struct buffer_pool *pool;
    struct block *next; /* of those that are idle */
    size_t bytes;       /* of the data */
};

_Static_assert(sizeof(struct block) <= MEMORY_ALIGNMENT, "a block's data begins at its second line");

struct buffer_pool {
    pthread_mutex_t mutex;
    struct block *idle; /* the smallest first */
    size_t idle_count, most;
    size_t owners; /* the creator, and every block in use */
};

struct buffer_pool *buffer_pool_create(size_t most) {
    struct buffer_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pool->most = most;
    pool->owners = 1;
    return pool;
}

/* Gives up one owner's share, under the mutex, which is unlocked. The last one frees the pool. */
static void disown(struct buffer_pool *pool) {
    bool last = --pool->owners == 0;
    pthread_mutex_unlock(&pool->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static void give_back(void *context) {
    struct block *block = context, *surplus = NULL;
    struct buffer_pool *pool = block->pool;
    pthread_mutex_lock(&pool->mutex);
    struct block **at = &pool->idle;
    while (*at && (*at)->bytes < block->bytes)
        at = &(*at)->next;
    block->next = *at;
    *at = block;
    if (++pool->idle_count > pool->most) {
        surplus = pool->idle;
        pool->idle = surplus->next;
        pool->idle_count--;
    }
    disown(pool);
    free(surplus);
}

static struct block *take_idle(struct buffer_pool *pool, size_t bytes) {
    struct block **at = &pool->idle;
    while (*at && (*at)->bytes < bytes)
        at = &(*at)->next;
    struct block *block = *at;
    if (block) {
        *at = block->next;
        pool->idle_count--;
    }
    return block;
}

struct buffer *buffer_pool_take(struct buffer_pool *pool, size_t bytes) {
    size_t all;
    pthread_mutex_lock(&pool->mutex);
    pool->owners++;
    struct block *block = take_idle(pool, bytes);
    pthread_mutex_unlock(&pool->mutex);
    if (!block && size_add(bytes, MEMORY_ALIGNMENT, &all) && (block = memory_aligned(all)) != NULL)
        *block = (struct block){.pool = pool, .bytes = bytes};
    struct buffer *buffer =
        block ? buffer_adopt((char *)block + MEMORY_ALIGNMENT, bytes, give_back, block) : NULL;
    if (!buffer) {
        free(block);
        pthread_mutex_lock(&pool->mutex);
        disown(pool);
    }
    return buffer;
}

void buffer_pool_destroy(struct buffer_pool **slot) {
    struct buffer_pool *pool = slot ? *slot : NULL;
    if (!pool)
        return;
    *slot = NULL;
    pthread_mutex_lock(&pool->mutex);
    struct block *idle = pool->idle;
    pool->idle = NULL;
    pool->idle_count = pool->most = 0;
    disown(pool);
    while (idle) {
        struct block *next = idle->next;
        free(idle);
        idle = next;
    }
}
