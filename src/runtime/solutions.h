/* The solutions of one code, kept by who answered: only the Vandermonde matrix's nodes, never the data,
 * decide them. */
#ifndef RUNTIME_SOLUTIONS_H
#define RUNTIME_SOLUTIONS_H

#include "code/code.h"

#include <pthread.h>

#define SOLUTIONS_KEPT  64
#define SOLUTIONS_BYTES ((size_t)8 << 20) /* of their matrices: eight at δ = 128, all up to 45 */

struct solutions {
    pthread_mutex_t mutex;
    uint32_t count;
    size_t bytes;
    struct kept_solution *kept; /* [SOLUTIONS_KEPT] */
};

convoy_status solutions_init(struct solutions *solutions);
void solutions_clear(struct solutions *solutions);

/* The solution for workers[0..count), ascending, whose answers suffice: kept, or solved now, and kept while
 * there is room. *solution is valid as long as `solutions`, or until solutions_put where it was not kept.
 * Thread-safe. As code_solve. */
convoy_status solutions_get(struct solutions *solutions, const struct code *code, const uint32_t *workers,
                            uint32_t count, const struct code_solution **solution);

/* Gives a solution back: frees it if it is not kept. Takes NULL. */
void solutions_put(struct solutions *solutions, const struct code_solution **solution);

#endif
