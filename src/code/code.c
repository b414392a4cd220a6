#include "code/code.h"

#include "base/error.h"
#include "code/survivors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

convoy_status code_create(struct code *code, const struct code_family *family, uint32_t input_parts,
                          uint32_t filter_parts, const struct placement *placement, convoy_error *error) {
    uint32_t threshold = family->threshold(input_parts, filter_parts, placement->workers);
    if (threshold == 0)
        return error_set(
            error, CONVOY_E_USAGE, "the code %s does not take %u x %u parts with %u workers%s", family->name,
            input_parts, filter_parts, placement->workers,
            family->paired
                ? "; each number must be 1 or even, and no more answers needed than there are workers"
                : "; the parts must be no more than the workers (uncoded: exactly as many)");
    *code = (struct code){
        .family = family,
        .input_parts = input_parts,
        .filter_parts = filter_parts,
        .input_pieces = family->pieces(input_parts),
        .filter_pieces = family->pieces(filter_parts),
        .threshold = threshold,
        .placement = *placement,
    };
    return CONVOY_OK;
}

bool code_suffices(const struct code *code, const uint32_t *workers, uint32_t count) {
    return code->family->choose ? code->family->choose(code, workers, count, NULL) > 0
                                : count >= code->threshold;
}

double code_condition(const struct code *code, const uint32_t *workers) {
    return code->family->condition ? code->family->condition(code, workers) : 1;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

convoy_status code_solve(const struct code *code, const uint32_t *workers, uint32_t count,
                         struct code_solution **solution) {
    if (!code_suffices(code, workers, count))
        return CONVOY_E_USAGE;
    convoy_status status = CONVOY_E_MEMORY;
    struct code_solution *s = calloc(1, sizeof *s);
    if (!s || !(s->workers = calloc(count, sizeof *s->workers)))
        goto out;
    s->condition = 1;
    if (code->family->choose) {
        s->survivors = code->family->choose(code, workers, count, s->workers);
    } else {
        memcpy(s->workers, workers, count * sizeof *workers);
        s->survivors = code->threshold;
        qsort(s->workers, count, sizeof *s->workers, ascending);
        status = survivors_choose(code, s->workers, count);
        if (status != CONVOY_OK)
            goto out;
        s->condition = code_condition(code, s->workers);
    }
    qsort(s->workers, s->survivors, sizeof *s->workers, ascending);
    status = isfinite(s->condition) ? code->family->solve(code, s) : CONVOY_E_INTERNAL;
    if (status == CONVOY_OK) {
        *solution = s;
        s = NULL;
    }
out:
    code_solution_destroy(&s);
    return status;
}

void code_solution_destroy(struct code_solution **solution) {
    struct code_solution *s = *solution;
    if (!s)
        return;
    free(s->workers);
    free(s->f);
    free(s->g);
    free(s->part);
    free(s->part_g);
    free(s);
    *solution = NULL;
}
