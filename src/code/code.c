#include "code/code.h"

#include "base/error.h"

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

/* A swap costs a set of singular values for each pair that could change places, 30 µs at (n,δ) = (40,32) and
 * 150 µs at (60,32): κ that loses one decimal digit is good enough, and not all spares are tried. */
static const double CONDITION_ENOUGH = 10;
enum { SPARES_MAX = 4 };

/* The best exchange of one of chosen[0..δ) for one of spare[0..spares): makes it and returns true where κ
 * falls below *condition. */
static bool exchange_best(const struct code *code, uint32_t *chosen, uint32_t *spare, uint32_t spares,
                          double *condition) {
    double best = *condition;
    uint32_t best_i = 0, best_k = 0;
    for (uint32_t i = 0; i < code->threshold; i++) {
        uint32_t kept = chosen[i];
        for (uint32_t k = 0; k < spares; k++) {
            chosen[i] = spare[k];
            double now = code_condition(code, chosen);
            if (now < best) {
                best = now;
                best_i = i;
                best_k = k;
            }
        }
        chosen[i] = kept;
    }
    if (!(best < *condition))
        return false;
    uint32_t dropped = chosen[best_i];
    chosen[best_i] = spare[best_k];
    spare[best_k] = dropped;
    *condition = best;
    return true;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Moves the δ workers that are used to the front; they are the first δ at the beginning. */
static double choose_conditioned(const struct code *code, uint32_t *workers, uint32_t count) {
    double condition = code_condition(code, workers);
    uint32_t spares = count - code->threshold < SPARES_MAX ? count - code->threshold : SPARES_MAX;
    while (condition > CONDITION_ENOUGH &&
           exchange_best(code, workers, workers + code->threshold, spares, &condition))
        continue;
    return condition;
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
        s->condition = choose_conditioned(code, s->workers, count);
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
