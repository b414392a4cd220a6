/* Sizes that are checked and memory that is counted. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <convoy/status.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MEMORY_ALIGNMENT 64

/* *out = a * b, a + b; false, and *out untouched, if that overflows. */
bool size_mul(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);

/* bytes of memory aligned to MEMORY_ALIGNMENT, not zeroed; NULL if there is none, and if a large piece
 * would leave less than MEMORY_RESERVE of address space. Free with free(). */
void *memory_aligned(size_t bytes);

/* What is left to libraries that end the process if a small piece cannot be had (libzmq, oneDNN). */
#define MEMORY_RESERVE ((size_t)4 << 20)

/* Whether so many bytes of address space could be had now. They are not kept: this is for callers of a
 * library that does not bear their lack, just before the call. About a microsecond. */
bool memory_is_there(size_t bytes);

/* Copies one element, or a run of them, with no overlap. Most runs are as long as an element; a copy whose
 * length the compiler knows is one instruction. */
static inline void memory_copy_run(void *to, const void *from, size_t bytes) {
    switch (bytes) {
    case 1:
        memcpy(to, from, 1);
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memcpy(to, from, bytes);
    }
}

/* Asks for large pages in [data, data + bytes), memory not yet touched that is read or written from end to
 * end many times. Advice: nothing happens if the system has none. */
void memory_in_large_pages(void *data, size_t bytes);

/* A counted reference to a range of memory. What several owners share (a tensor and the tensors that view it,
 * a frame's payload and the workers it goes to) is immutable from the moment that it is shared. */
struct buffer {
    atomic_uint references;
    size_t bytes;
    void *data;                     /* [bytes], aligned to MEMORY_ALIGNMENT when made by buffer_create */
    void (*release)(void *context); /* called once, with context, when the last reference goes; may be NULL */
    void *context;
    void (*discard)(void *data, size_t bytes);   /* see buffer_discard; NULL, unless set by who adopted it */
    const char *(*changed)(const void *context); /* see buffer_changed; likewise */
};

/* A buffer of fresh memory, not zeroed; NULL if there is no memory. One reference, the caller's. */
struct buffer *buffer_create(size_t bytes);

/* A buffer over memory of someone else, given back through release(context). NULL if there is no memory
 * (release is not called then). */
struct buffer *buffer_adopt(void *data, size_t bytes, void (*release)(void *context), void *context);

/* One more reference; returns its argument. */
struct buffer *buffer_retain(struct buffer *buffer);

/* Says that [data, data + bytes) of the buffer will not be read soon. Memory that can be had again, as that
 * of a mapped file, goes back to the system; the contents stay what they are, and whoever reads them reads
 * them again from there. Thread-safe. */
void buffer_discard(const struct buffer *buffer, void *data, size_t bytes);

/* NULL: the memory holds what it held when the buffer was made. Else the name of the file that it shows and
 * that was overwritten since; the name lives as long as the buffer. Reading from a file that was made shorter
 * ends the process with SIGBUS. Thread-safe. */
const char *buffer_changed(const struct buffer *buffer);

/* The end of a sentence that begins with the name. */
#define FILE_CHANGED                                                                                         \
    "the file was overwritten while it was in use; a new file should be moved to its place instead"

/* Drops one reference and empties the pointer. Takes NULL and pointers to NULL. */
void buffer_release(struct buffer **buffer);

#endif
