#include "base/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

bool size_mul(size_t a, size_t b, size_t *out) {
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

bool size_add(size_t a, size_t b, size_t *out) {
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

bool memory_is_there(size_t bytes) {
    void *probe =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return probe != MAP_FAILED && munmap(probe, bytes) == 0;
}

/* A piece that is worth the look whether enough is left. */
#define LARGE_PIECE ((size_t)256 << 10)

void *memory_aligned(size_t bytes) {
    size_t rounded;
    if (!size_add(bytes, MEMORY_ALIGNMENT - 1, &rounded) || rounded > PTRDIFF_MAX)
        return NULL;
    rounded -= rounded % MEMORY_ALIGNMENT;
    void *data = aligned_alloc(MEMORY_ALIGNMENT, rounded ? rounded : MEMORY_ALIGNMENT);
    if (data && rounded >= LARGE_PIECE && !memory_is_there(MEMORY_RESERVE)) {
        free(data);
        data = NULL;
    }
    return data;
}

void memory_in_large_pages(void *data, size_t bytes) {
    enum { LARGE = 2 << 20 };
    size_t skipped = (LARGE - (uintptr_t)data % LARGE) % LARGE;
    if (bytes > skipped + LARGE)
        madvise((char *)data + skipped, (bytes - skipped) / LARGE * LARGE, MADV_HUGEPAGE);
}

struct buffer *buffer_adopt(void *data, size_t bytes, void (*release)(void *context), void *context) {
    struct buffer *buffer = malloc(sizeof *buffer);
    if (!buffer)
        return NULL;
    *buffer = (struct buffer){.bytes = bytes, .data = data, .release = release, .context = context};
    atomic_init(&buffer->references, 1);
    return buffer;
}

struct buffer *buffer_create(size_t bytes) {
    void *data = memory_aligned(bytes);
    struct buffer *buffer = data ? buffer_adopt(data, bytes, free, data) : NULL;
    if (!buffer)
        free(data);
    return buffer;
}

struct buffer *buffer_retain(struct buffer *buffer) {
    atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
    return buffer;
}

void buffer_discard(const struct buffer *buffer, void *data, size_t bytes) {
    if (buffer->discard)
        buffer->discard(data, bytes);
}

const char *buffer_changed(const struct buffer *buffer) {
    return buffer->changed ? buffer->changed(buffer->context) : NULL;
}

void buffer_release(struct buffer **slot) {
    struct buffer *buffer = slot ? *slot : NULL;
    if (!buffer)
        return;
    *slot = NULL;
    if (atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) != 1)
        return;
    if (buffer->release)
        buffer->release(buffer->context);
    free(buffer);
}
