/* The real map from all parts to the answers of some workers, E, has the row A_r ⊗ B_s for each answer: part
 * a·k_B + b has the coefficient A_r[a]·B_s[b]. A row with one element, 1, is a plain part. Such parts are
 * known without a computation, and leave a smaller system for the others: with K the parts that came plain, M
 * those that did not, and E_M, E_K the columns of the other answers,
 *
 *     x_K = y_plain        x_M = E_M⁺ · (y_other − E_K · y_plain). */
#include "code/generators.h"

#include "code/survivors.h"
#include "linalg/dense.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

bool generators_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                      uint32_t workers, struct code_shape *shape) {
    (void)family;
    const uint64_t threshold = (uint64_t)input_parts * filter_parts;
    *shape = (struct code_shape){(uint32_t)threshold, 1, 1, (double)threshold};
    return threshold >= 1 && threshold <= workers;
}

static uint32_t parts_of(const struct code *code) {
    return code->input_parts * code->filter_parts;
}

static uint32_t pieces_of(const struct code *code) {
    return code->input_pieces * code->filter_pieces;
}

/* E of these workers, [count·pieces][parts]; NULL: no memory. */
static double *map_create(const struct code *code, const uint32_t *workers, uint32_t count) {
    double *e = calloc((size_t)count * pieces_of(code) * parts_of(code), sizeof *e), *to = e;
    for (uint32_t i = 0; e && i < count; i++) {
        const double *input = code_input_rows(code, workers[i]), *filter = code_filter_rows(code, workers[i]);
        for (uint32_t r = 0; r < code->input_pieces; r++)
            for (uint32_t s = 0; s < code->filter_pieces; s++)
                for (uint32_t a = 0; a < code->input_parts; a++)
                    for (uint32_t b = 0; b < code->filter_parts; b++)
                        *to++ = input[r * code->input_parts + a] * filter[s * code->filter_parts + b];
    }
    return e;
}

/* The part that a row of E is, or NONE. */
static uint32_t plain_part(const double *row, uint32_t parts) {
    uint32_t part = NONE;
    for (uint32_t i = 0; i < parts; i++) {
        if (row[i] == 0)
            continue;
        if (row[i] != 1 || part != NONE)
            return NONE;
        part = i;
    }
    return part;
}

/* Which equations give which parts. */
struct equations {
    uint32_t parts, count;
    double *e;        /* [count][parts] */
    uint32_t *source; /* [parts]: the first equation that is the plain part, or NONE */
    uint32_t *column; /* [parts]: of a part that did not come plain, its place among those */
    uint32_t missing; /* as many did not */
    uint32_t *others; /* [other_count]: the equations that are no source */
    uint32_t other_count;
};

static void equations_free(struct equations *q) {
    free(q->e);
    free(q->source);
    free(q->column);
    free(q->others);
}

static void find_sources(struct equations *q) {
    for (uint32_t part = 0; part < q->parts; part++)
        q->source[part] = NONE;
    for (uint32_t i = 0; i < q->count; i++) {
        const uint32_t part = plain_part(q->e + (size_t)i * q->parts, q->parts);
        if (part != NONE && q->source[part] == NONE)
            q->source[part] = i;
        else
            q->others[q->other_count++] = i;
    }
    for (uint32_t part = 0; part < q->parts; part++)
        if (q->source[part] == NONE)
            q->column[part] = q->missing++;
}

/* CONVOY_E_MEMORY; to be freed then, too. */
static convoy_status equations_create(struct equations *q, const struct code *code, const uint32_t *workers,
                                      uint32_t count) {
    *q = (struct equations){.parts = parts_of(code), .count = count * pieces_of(code)};
    q->e = map_create(code, workers, count);
    q->source = calloc(q->parts, sizeof *q->source);
    q->column = calloc(q->parts, sizeof *q->column);
    q->others = calloc(q->count, sizeof *q->others);
    if (!q->e || !q->source || !q->column || !q->others)
        return CONVOY_E_MEMORY;
    find_sources(q);
    return CONVOY_OK;
}

static double row_length(const double *row, uint32_t parts) {
    double square = 0;
    for (uint32_t i = 0; i < parts; i++)
        square += row[i] * row[i];
    return sqrt(square);
}

/* E_M [other_count][missing] into rows; weighted: each divided by the length of its row of E. */
static void fill_reduced(const struct equations *q, bool weighted, double *rows) {
    for (uint32_t i = 0; i < q->other_count; i++) {
        const double *e = q->e + (size_t)q->others[i] * q->parts, length = row_length(e, q->parts);
        for (uint32_t part = 0; part < q->parts; part++)
            if (q->source[part] == NONE)
                rows[(size_t)i * q->missing + q->column[part]] =
                    weighted && length > 0 ? e[part] / length : e[part];
    }
}

/* workers[others[i]] behind those that are sources; both keep their order. CONVOY_E_MEMORY. */
static convoy_status plain_first(const struct equations *q, uint32_t *workers) {
    const uint32_t plain = q->count - q->other_count;
    uint32_t *sorted = calloc(q->count, sizeof *sorted), next = 0, at = 0;
    if (!sorted)
        return CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < q->count; i++) {
        const bool other = next < q->other_count && q->others[next] == i;
        sorted[other ? plain + next : at] = workers[i];
        next += other;
        at += !other;
    }
    memcpy(workers, sorted, q->count * sizeof *workers);
    free(sorted);
    return CONVOY_OK;
}

convoy_status generators_choose(const struct code *code, uint32_t *workers, uint32_t count, uint32_t *used) {
    *used = count;
    if (pieces_of(code) > 1 || count == code->threshold)
        return CONVOY_OK;
    struct equations q;
    double *rows = NULL;
    convoy_status status = equations_create(&q, code, workers, count);
    if (status == CONVOY_OK)
        rows = calloc((size_t)q.other_count * q.missing + 1, sizeof *rows);
    if (status == CONVOY_OK)
        status = rows ? plain_first(&q, workers) : CONVOY_E_MEMORY;
    if (status == CONVOY_OK) {
        const uint32_t plain = count - q.other_count;
        const uint32_t keep = q.missing ? code->threshold - plain : 0;
        fill_reduced(&q, true, rows);
        *used = plain + keep;
        if (keep > 0)
            status = survivors_choose(workers + plain, q.other_count, keep, q.missing, rows);
    }
    free(rows);
    equations_free(&q);
    return status;
}

/* Scales the rows of e [rows][parts] to unit length. */
static void scale_rows(double *e, size_t rows, uint32_t parts) {
    for (size_t i = 0; i < rows; i++) {
        const double length = row_length(e + i * parts, parts);
        for (uint32_t k = 0; k < parts && length > 0; k++)
            e[i * parts + k] /= length;
    }
}

convoy_status generators_conditioning(const struct code *code, const uint32_t *workers, uint32_t count,
                                      struct conditioning *conditioning) {
    const uint32_t parts = parts_of(code);
    const size_t rows = (size_t)count * pieces_of(code);
    *conditioning = (struct conditioning){INFINITY, INFINITY};
    if (rows < parts)
        return CONVOY_OK;
    double *e = map_create(code, workers, count), *values = calloc(parts, sizeof *values), square = 0;
    convoy_status status = e && values ? CONVOY_OK : CONVOY_E_MEMORY;
    if (status == CONVOY_OK)
        status = dense_singular_values(rows, parts, e, values);
    if (status == CONVOY_OK && values[parts - 1] > 0)
        conditioning->condition = values[0] / values[parts - 1];
    if (status == CONVOY_OK) {
        scale_rows(e, rows, parts);
        status = dense_singular_values(rows, parts, e, values);
    }
    for (uint32_t i = 0; status == CONVOY_OK && i < parts; i++)
        square += 1 / (values[i] * values[i]);
    if (isfinite(conditioning->condition) && status == CONVOY_OK)
        conditioning->noise_gain = sqrt(square / parts);
    free(e);
    free(values);
    return status;
}

/* E_M⁺ [other_count][missing], transposed. If answers are more than needed, by least squares in which all err
 * alike, in relation to their size: (D⁻¹·E_M)⁺·D⁻¹, D the lengths of the rows of E. */
static convoy_status invert_reduced(const struct equations *q, double *inverse) {
    const size_t rows = q->other_count, columns = q->missing;
    double *reduced = calloc(rows * columns, sizeof *reduced);
    if (!reduced)
        return CONVOY_E_MEMORY;
    fill_reduced(q, rows != columns, reduced);
    convoy_status status;
    if (rows != columns) {
        status = dense_pseudo_inverse(rows, columns, reduced, inverse, NULL);
        for (size_t i = 0; i < rows; i++) {
            const double length = row_length(q->e + (size_t)q->others[i] * q->parts, q->parts);
            for (size_t j = 0; j < columns && length > 0; j++)
                inverse[i * columns + j] /= length;
        }
    } else {
        status = dense_invert(rows, reduced, reduced);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                inverse[i * columns + j] = reduced[j * rows + i];
    }
    free(reduced);
    return status;
}

/* f's row of a part that did not come plain. */
static void fill_row(const struct equations *q, const double *inverse, uint32_t part, double *f) {
    for (uint32_t i = 0; i < q->other_count; i++) {
        const double *e = q->e + (size_t)q->others[i] * q->parts;
        const double g = inverse[(size_t)i * q->missing + q->column[part]];
        f[q->others[i]] = g;
        for (uint32_t known = 0; known < q->parts; known++)
            if (q->source[known] != NONE)
                f[q->source[known]] -= g * e[known];
    }
}

static convoy_status fill_solution(const struct equations *q, struct code_solution *solution) {
    solution->rows = q->parts;
    solution->columns = q->count;
    solution->f = calloc((size_t)q->parts * q->count, sizeof *solution->f);
    solution->part = calloc(q->parts, sizeof *solution->part);
    double *inverse = calloc((size_t)q->other_count * q->missing + 1, sizeof *inverse);
    convoy_status status = solution->f && solution->part && inverse ? CONVOY_OK : CONVOY_E_MEMORY;
    if (status == CONVOY_OK && q->missing > 0)
        status = q->other_count < q->missing ? CONVOY_E_INTERNAL : invert_reduced(q, inverse);
    for (uint32_t part = 0; status == CONVOY_OK && part < q->parts; part++) {
        double *f = solution->f + (size_t)part * q->count;
        solution->part[part] = part;
        if (q->source[part] != NONE)
            f[q->source[part]] = 1;
        else
            fill_row(q, inverse, part, f);
    }
    free(inverse);
    return status;
}

convoy_status generators_solve(const struct code *code, struct code_solution *solution) {
    struct equations q;
    convoy_status status = equations_create(&q, code, solution->workers, solution->survivors);
    if (status == CONVOY_OK)
        status = fill_solution(&q, solution);
    equations_free(&q);
    return status;
}
