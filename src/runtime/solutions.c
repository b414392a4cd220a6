#include "runtime/solutions.h"

#include <stdlib.h>
#include <string.h>

struct kept_solution {
    uint32_t *workers; /* [count] */
    uint32_t count;
    struct code_solution *solution;
};

convoy_status solutions_init(struct solutions *solutions) {
    *solutions = (struct solutions){.kept = calloc(SOLUTIONS_KEPT, sizeof *solutions->kept)};
    if (!solutions->kept)
        return CONVOY_E_MEMORY;
    pthread_mutex_init(&solutions->mutex, NULL);
    return CONVOY_OK;
}

void solutions_clear(struct solutions *solutions) {
    if (!solutions->kept)
        return;
    for (uint32_t i = 0; i < solutions->count; i++) {
        free(solutions->kept[i].workers);
        code_solution_destroy(&solutions->kept[i].solution);
    }
    free(solutions->kept);
    pthread_mutex_destroy(&solutions->mutex);
    *solutions = (struct solutions){0};
}

/* Under the mutex. */
static struct code_solution *find(const struct solutions *solutions, const uint32_t *workers,
                                  uint32_t count) {
    for (uint32_t i = 0; i < solutions->count; i++) {
        const struct kept_solution *kept = &solutions->kept[i];
        if (kept->count == count && memcmp(kept->workers, workers, count * sizeof *workers) == 0)
            return kept->solution;
    }
    return NULL;
}

static size_t matrix_bytes(const struct code_solution *solution) {
    return (size_t)solution->rows * solution->columns * sizeof(double) * (solution->paired ? 2 : 1);
}

/* Under the mutex. Without memory the solution is just not kept. */
static void keep(struct solutions *solutions, const uint32_t *workers, uint32_t count,
                 struct code_solution *solution) {
    size_t bytes = matrix_bytes(solution);
    if (solutions->count >= SOLUTIONS_KEPT || bytes > SOLUTIONS_BYTES - solutions->bytes)
        return;
    uint32_t *copy = malloc(count * sizeof *copy);
    if (!copy)
        return;
    solutions->bytes += bytes;
    memcpy(copy, workers, count * sizeof *copy);
    solutions->kept[solutions->count++] =
        (struct kept_solution){.workers = copy, .count = count, .solution = solution};
}

convoy_status solutions_get(struct solutions *solutions, const struct code *code, const uint32_t *workers,
                            uint32_t count, const struct code_solution **out) {
    pthread_mutex_lock(&solutions->mutex);
    struct code_solution *solution = find(solutions, workers, count);
    pthread_mutex_unlock(&solutions->mutex);
    if (!solution) {
        convoy_status status = code_solve(code, workers, count, &solution);
        if (status != CONVOY_OK)
            return status;
        pthread_mutex_lock(&solutions->mutex);
        if (!find(solutions, workers, count)) /* another thread may have been faster; then ours is not kept */
            keep(solutions, workers, count, solution);
        pthread_mutex_unlock(&solutions->mutex);
    }
    *out = solution;
    return CONVOY_OK;
}

void solutions_put(struct solutions *solutions, const struct code_solution **slot) {
    const struct code_solution *solution = *slot;
    *slot = NULL;
    if (!solution)
        return;
    bool kept = false;
    pthread_mutex_lock(&solutions->mutex);
    for (uint32_t i = 0; i < solutions->count; i++)
        kept = kept || solutions->kept[i].solution == solution;
    pthread_mutex_unlock(&solutions->mutex);
    struct code_solution *ours = (struct code_solution *)solution;
    if (!kept)
        code_solution_destroy(&ours);
}
