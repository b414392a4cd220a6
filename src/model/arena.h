/* Many small pieces of memory that are freed together. */
#ifndef MODEL_ARENA_H
#define MODEL_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Zero-initialised: empty. */
struct arena {
    struct arena_chunk *chunks;
};

/* count * size zeroed bytes, aligned for any type; NULL where that overflows or there is no memory. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* A copy of length bytes with a zero behind; NULL if there is no memory. */
char *arena_text(struct arena *arena, const void *bytes, size_t length);

/* A formatted text; NULL if there is no memory. */
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees every piece. */
void arena_release(struct arena *arena);

#endif
