/* Seam: a code supplies coefficients, never arithmetic. A family is a page of mathematics: what it admits,
 * its threshold, the coefficients of every worker, and the solution for a set of survivors. Encoding and
 * decoding apply them (encoder.h, decoder.h).
 *
 * Symbols (FCDCC, arXiv 2411.01579; rotation embedding: arXiv 1910.06515): n workers, k_A input parts, k_B
 * filter parts, δ recovery threshold, q nodes on the unit circle (the order), t(j) the node of worker j, κ
 * condition number. */
#ifndef CODE_CODE_H
#define CODE_CODE_H

#include "code/placement.h"

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code;

/* The linear map from the survivors' answers to the parts of the output; decoder.h applies it. Matrices are
 * row-major. One system: rows = k_A*k_B parts, columns = survivors*pieces in the order [survivor][piece],
 * piece = r*filter_pieces + s. Two (paired): from every survivor's four answers y_rs the complex F = (y00 -
 * y11) + i(y01 + y10) and G = (y00 + y11) + i(y10 - y01); rows = [index][re,im], columns = [survivor][re,im],
 * 2δ of each. Row index m of f solves for P_a*Q_b of part_f[m], of g for P_a*conj(Q_b) of part_g[m]. */
struct code_solution {
    uint32_t survivors; /* how many answers are used */
    uint32_t *workers;  /* [survivors], ascending: which */
    bool paired;        /* two systems */
    uint32_t rows, columns;
    double *f;      /* [rows][columns] */
    double *g;      /* [rows][columns], paired only, else NULL */
    uint32_t *part; /* not paired: [rows], part a*k_B + b of each row. paired: [δ], pair a*v + b of each index
                       of f */
    uint32_t *part_g; /* paired: [δ], the same for g; else NULL */
    double condition; /* κ of the system solved */
};

struct code_family {
    const char *name;
    bool paired;    /* parts come in pairs: k = 1 or even */
    bool needs_all; /* no redundancy: δ = n, whatever γ is asked for */

    /* Results that suffice, whichever they are, for n workers; 0 where the family does not admit (k_A,k_B,n).
     */
    uint32_t (*threshold)(uint32_t input_parts, uint32_t filter_parts, uint32_t workers);

    /* Coded pieces of an operand that a worker gets: 2 for a split operand of a paired family, else 1. */
    uint32_t (*pieces)(uint32_t parts);

    /* Coefficients of a worker's pieces: rows[pieces][parts]. */
    void (*input_rows)(const struct code *code, uint32_t worker, double *rows);
    void (*filter_rows)(const struct code *code, uint32_t worker, double *rows);

    /* Writes those of workers[0..count), ascending, that a solution uses to chosen [count] (may be NULL),
     * ascending, and returns how many, or 0 where they do not suffice. NULL: any δ do, and the solver picks
     * among more by κ. */
    uint32_t (*choose)(const struct code *code, const uint32_t *workers, uint32_t count, uint32_t *chosen);

    /* κ for the answers of exactly δ workers, in any order; infinity where singular. NULL: always 1. */
    double (*condition)(const struct code *code, const uint32_t *workers);

    /* Row [δ] of a worker in a real matrix whose rows, of any δ workers, have the singular values of the
     * system that these solve. For survivors.h; NULL where there is choose. */
    void (*system_row)(const struct code *code, uint32_t worker, double *row);

    /* Fills everything of *solution but workers and survivors, which are chosen, and condition. Allocates f,
     * g, part and part_g, which on failure too belong to the solution. CONVOY_E_MEMORY, CONVOY_E_INTERNAL
     * (singular). */
    convoy_status (*solve)(const struct code *code, struct code_solution *solution);
};

/* One family at one (k_A,k_B) over one cluster. Immutable. */
struct code {
    const struct code_family *family;
    uint32_t input_parts, filter_parts;   /* k_A, k_B */
    uint32_t input_pieces, filter_pieces; /* ℓ_A, ℓ_B */
    uint32_t threshold;                   /* δ */
    struct placement placement;           /* n, q, g: nodes of the workers */
};

/* The families: "rotation", "replicate", "uncoded". CONVOY_E_USAGE with the names that exist. (code/family.c:
 * one line each) */
convoy_status code_family_find(const char *name, const struct code_family **family, convoy_error *error);

/* Every family in turn, from index 0 on; NULL beyond the last. The first is the default. */
const struct code_family *code_family_at(size_t index);

/* CONVOY_E_USAGE where the family does not admit the parts. Nothing to destroy: a code owns no memory. */
convoy_status code_create(struct code *code, const struct code_family *family, uint32_t input_parts,
                          uint32_t filter_parts, const struct placement *placement, convoy_error *error);

/* Whether the answers of these workers, in any order, none twice, suffice. */
bool code_suffices(const struct code *code, const uint32_t *workers, uint32_t count);

/* Solves for the answers that came: workers[0..count) in any order, none twice, which suffice; of more than δ
 * it uses a good choice (survivors.h). CONVOY_E_USAGE where they do not suffice; CONVOY_E_MEMORY;
 * CONVOY_E_INTERNAL where the system is singular. */
convoy_status code_solve(const struct code *code, const uint32_t *workers, uint32_t count,
                         struct code_solution **solution);
void code_solution_destroy(struct code_solution **solution);

/* κ for the answers of exactly δ workers, in any order, without solving; infinity where singular (or out of
 * memory). */
double code_condition(const struct code *code, const uint32_t *workers);

#endif
