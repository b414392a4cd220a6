#include "model/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)64 * 1024)
#define ALIGNMENT   _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, bytes; /* of data */
    _Alignas(max_align_t) unsigned char data[];
};

static struct arena_chunk *chunk_create(size_t bytes) {
    size_t total;
    if (!size_add(bytes, sizeof(struct arena_chunk), &total))
        return NULL;
    struct arena_chunk *chunk = calloc(1, total);
    if (chunk)
        chunk->bytes = bytes;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!size_mul(count, size, &bytes) || !size_add(bytes, ALIGNMENT - 1, &bytes))
        return NULL;
    bytes -= bytes % ALIGNMENT;
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->bytes - chunk->used < bytes) {
        chunk = chunk_create(bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES);
        if (!chunk)
            return NULL;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *piece = chunk->data + chunk->used;
    chunk->used += bytes;
    return piece;
}

char *arena_text(struct arena *arena, const void *bytes, size_t length) {
    size_t total;
    char *text = size_add(length, 1, &total) ? arena_alloc(arena, total, 1) : NULL;
    if (text && length)
        memcpy(text, bytes, length);
    return text;
}

char *arena_format(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *made;
    int length = vasprintf(&made, format, arguments);
    va_end(arguments);
    if (length < 0)
        return NULL;
    char *text = arena_text(arena, made, (size_t)length);
    free(made);
    return text;
}

void arena_release(struct arena *arena) {
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
}
