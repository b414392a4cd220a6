/* Threads, descriptors and address space: asked for before they are needed by a library that ends the process
 * if it cannot have them. libzmq and libgomp do so, and oneDNN's code generator writes through a null
 * pointer. */
#ifndef BASE_RESOURCES_H
#define BASE_RESOURCES_H

#include <convoy/status.h>

#include <stdint.h>

struct resources {
    uint32_t threads;     /* alive at once, beside those that are now; each with its stack */
    uint32_t descriptors; /* open at once, beside those that are now */
};

/* Tries to have all of it at once, with some address space to spare, and gives it back. Raises the soft limit
 * of descriptors to the hard one if need be, for the whole process and for good. CONVOY_E_MEMORY, and the
 * sentence says that `what`, as in "6 workers", needs it, and which limit is in the way. */
convoy_status resources_check(const struct resources *need, const char *what, convoy_error *error);

#endif
