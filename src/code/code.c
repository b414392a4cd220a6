#include "code/code.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t code_threshold(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                        uint32_t workers) {
    struct code_shape shape;
    return family->admit(family, input_parts, filter_parts, workers, &shape) ? shape.threshold : 0;
}

/* Room for the coefficients, which are counted by numbers of at most CONVOY_MAX_WORKERS and of parts that
 * were admitted. */
static convoy_status code_fill(struct code *code, convoy_error *error) {
    const size_t n = code->placement.workers;
    code->input_rows = calloc(n * code->input_pieces * code->input_parts, sizeof *code->input_rows);
    code->filter_rows = calloc(n * code->filter_pieces * code->filter_parts, sizeof *code->filter_rows);
    convoy_status status = CONVOY_E_MEMORY;
    if (code->input_rows && code->filter_rows)
        status = code->family->generate(code, code->input_rows, code->filter_rows);
    if (status == CONVOY_E_MEMORY)
        return error_memory(error);
    if (status != CONVOY_OK)
        return error_set(error, status, "the code %s has no coefficients for %u x %u parts with %zu workers",
                         code->family->name, code->input_parts, code->filter_parts, n);
    return CONVOY_OK;
}

convoy_status code_create(struct code *code, const struct code_family *family, uint32_t input_parts,
                          uint32_t filter_parts, const struct placement *placement, uint64_t seed,
                          convoy_error *error) {
    struct code_shape shape;
    if (!family->admit(family, input_parts, filter_parts, placement->workers, &shape))
        return error_set(error, CONVOY_E_USAGE, "the code %s does not take %u x %u parts with %u workers; %s",
                         family->name, input_parts, filter_parts, placement->workers, family->admits);
    struct code made = {
        .family = family,
        .input_parts = input_parts,
        .filter_parts = filter_parts,
        .input_pieces = shape.input_pieces,
        .filter_pieces = shape.filter_pieces,
        .threshold = shape.threshold,
        .placement = *placement,
        .seed = seed,
    };
    convoy_status status = code_fill(&made, error);
    if (status == CONVOY_OK)
        *code = made;
    else
        code_destroy(&made);
    return status;
}

void code_destroy(struct code *code) {
    free(code->input_rows);
    free(code->filter_rows);
    *code = (struct code){0};
}

const double *code_input_rows(const struct code *code, uint32_t worker) {
    return code->input_rows + (size_t)worker * code->input_pieces * code->input_parts;
}

const double *code_filter_rows(const struct code *code, uint32_t worker) {
    return code->filter_rows + (size_t)worker * code->filter_pieces * code->filter_parts;
}

bool code_suffices(const struct code *code, const uint32_t *workers, uint32_t count) {
    return code->family->suffices ? code->family->suffices(code, workers, count) : count >= code->threshold;
}

uint32_t code_least_answers(const struct code *code) {
    return code->family->suffices ? 1 : code->threshold;
}

struct conditioning code_conditioning(const struct code *code, const uint32_t *workers, uint32_t count) {
    struct conditioning found = {1, 1};
    if (code->family->conditioning && code->family->conditioning(code, workers, count, &found) != CONVOY_OK)
        found = (struct conditioning){INFINITY, INFINITY};
    return found;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

convoy_status code_choose(const struct code *code, uint32_t *workers, uint32_t count, uint32_t *used) {
    qsort(workers, count, sizeof *workers, ascending);
    return code->family->choose(code, workers, count, used);
}

static double sum_of_squares(const double *x, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i] * x[i];
    return sum;
}

/* ‖E_j‖² of one answer: rows of A ⊗ B. */
static double answer_square(const struct code *code, uint32_t worker, uint32_t piece) {
    const double *input = code_input_rows(code, worker) + (piece / code->filter_pieces) * code->input_parts;
    const double *filter =
        code_filter_rows(code, worker) + (piece % code->filter_pieces) * code->filter_parts;
    return sum_of_squares(input, code->input_parts) * sum_of_squares(filter, code->filter_parts);
}

/* ν of one system, by the map that is applied. */
static double find_noise_gain(const struct code *code, const struct code_solution *solution) {
    const uint32_t pieces = code->input_pieces * code->filter_pieces;
    double sum = 0;
    for (uint32_t column = 0; column < solution->columns; column++) {
        const double scale = answer_square(code, solution->workers[column / pieces], column % pieces);
        for (uint32_t row = 0; row < solution->rows; row++) {
            const double f = solution->f[(size_t)row * solution->columns + column];
            sum += f * f * scale;
        }
    }
    return sqrt(sum / solution->rows);
}

/* Whether a row copies an answer. */
static bool is_copy(const double *row, uint32_t columns) {
    uint32_t others = 0, ones = 0;
    for (uint32_t i = 0; i < columns; i++) {
        ones += row[i] == 1;
        others += row[i] != 0 && row[i] != 1;
    }
    return ones == 1 && others == 0;
}

static uint64_t count_products(const struct code_solution *solution) {
    if (solution->paired)
        return 2 * (uint64_t)solution->rows * solution->columns;
    uint64_t products = 0;
    for (uint32_t row = 0; row < solution->rows; row++)
        if (!is_copy(solution->f + (size_t)row * solution->columns, solution->columns))
            products += solution->columns;
    return products;
}

convoy_status code_solve(const struct code *code, const uint32_t *workers, uint32_t count,
                         struct code_solution **solution) {
    if (!code_suffices(code, workers, count))
        return CONVOY_E_USAGE;
    convoy_status status = CONVOY_E_MEMORY;
    struct code_solution *s = calloc(1, sizeof *s);
    if (!s || !(s->workers = calloc(count, sizeof *s->workers)))
        goto out;
    memcpy(s->workers, workers, count * sizeof *workers);
    status = code_choose(code, s->workers, count, &s->survivors);
    if (status != CONVOY_OK)
        goto out;
    qsort(s->workers, s->survivors, sizeof *s->workers, ascending);
    const struct conditioning conditioning = code_conditioning(code, s->workers, s->survivors);
    s->condition = conditioning.condition;
    s->noise_gain = conditioning.noise_gain;
    status = isfinite(s->condition) ? code->family->solve(code, s) : CONVOY_E_INTERNAL;
    if (status == CONVOY_OK) {
        s->products = count_products(s);
        if (!s->paired)
            s->noise_gain = find_noise_gain(code, s);
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
