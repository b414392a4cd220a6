/* Seam: a code supplies coefficients, never arithmetic. A family is a page of mathematics: what it admits,
 * its threshold, and the coefficients of every worker; if it knows more than these say, also the solution for
 * a set of survivors. Encoding and decoding apply them (encoder.h, decoder.h).
 *
 * Symbols (FCDCC, arXiv 2411.01579; rotation embedding: arXiv 1910.06515): n workers, k_A input parts, k_B
 * filter parts, δ recovery threshold, q nodes on the unit circle (the order), t(j) the node of worker j, κ
 * condition number, ν noise gain.
 *
 * The map from the parts of the output to the answers of worker j is real: E_j = A_j ⊗ B_j, A_j [ℓ_A][k_A]
 * and B_j [ℓ_B][k_B] its coefficients. A family says which parts it admits, and fills A and B. What follows
 * from them is the same for all (generators.h), unless a family knows better: rotation solves two complex
 * systems of half the size, replicate copies. */
#ifndef CODE_CODE_H
#define CODE_CODE_H

#include "code/placement.h"

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code;
struct code_family;

/* What a family makes of (k_A,k_B). */
struct code_shape {
    uint32_t threshold;                   /* δ: results that suffice, whichever they are */
    uint32_t input_pieces, filter_pieces; /* ℓ_A, ℓ_B */
    double decode_macs; /* multiply-adds of decoding for an element of the output, as expected */
};

/* The linear map from the survivors' answers to the parts of the output; decoder.h applies it. Matrices are
 * row-major. One system: rows = k_A*k_B parts, columns = survivors*pieces in the order [survivor][piece],
 * piece = r*filter_pieces + s; a row whose only element is 1 copies an answer. Two (paired): from every
 * survivor's four answers y_rs the complex F = (y00 - y11) + i(y01 + y10) and G = (y00 + y11) + i(y10 - y01);
 * rows = [index][re,im], columns = [survivor][re,im], 2δ of each. Row index m of f solves for P_a*Q_b of
 * part_f[m], of g for P_a*conj(Q_b) of part_g[m]. */
struct code_solution {
    uint32_t survivors; /* how many answers are used */
    uint32_t *workers;  /* [survivors], ascending: which */
    bool paired;        /* two systems */
    uint32_t rows, columns;
    double *f;      /* [rows][columns] */
    double *g;      /* [rows][columns], paired only, else NULL */
    uint32_t *part; /* not paired: [rows], part a*k_B + b of each row. paired: [δ], pair a*v + b of each index
                       of f */
    uint32_t *part_g;  /* paired: [δ], the same for g; else NULL */
    double condition;  /* κ of the system solved */
    double noise_gain; /* its ν */
    uint64_t products; /* multiply-adds by coefficients for one element of every part; 0: all came plain */
};

struct code_family {
    const char *name;
    const char *summary; /* a few words, for help */
    const char *admits;  /* the parts that it admits, in words, for a message */
    bool needs_all;      /* no redundancy: δ = n, whatever γ is asked for */
    bool on_circle;      /* workers take nodes on a circle: the placement matters, and nodes may stay free */
    bool random;         /* the coefficients depend on the seed */
    bool by_threshold;   /* κ depends on δ and the workers alone, not on how δ is made of k_A and k_B */
    uint32_t parts_step; /* an operand is whole, or split in a multiple of this */
    uint32_t useful_parts; /* an operand that is split in fewer is no better than a whole one */
    uint32_t most_pieces;  /* k_A·k_B is at most so many times the workers */
    uint64_t hash;         /* of the coefficients, if the name does not say which they are; else 0 */

    /* What these parts make with n workers. False: the family does not admit them. */
    bool (*admit)(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                  uint32_t workers, struct code_shape *shape);

    /* Fills the coefficients of all workers, which are allocated and zero. CONVOY_E_MEMORY;
     * CONVOY_E_INTERNAL: there are none. */
    convoy_status (*generate)(const struct code *code, double *input_rows, double *filter_rows);

    /* Whether the answers of these workers, in any order, none twice, suffice. NULL: any δ do, and no fewer.
     */
    bool (*suffices)(const struct code *code, const uint32_t *workers, uint32_t count);

    /* Moves those of workers[0..count), ascending, which suffice, to the front that a solution uses, and sets
     * how many they are. CONVOY_E_MEMORY; CONVOY_E_INTERNAL: every choice is singular. */
    convoy_status (*choose)(const struct code *code, uint32_t *workers, uint32_t count, uint32_t *used);

    /* κ and ν for the answers of workers that choose might choose, in any order. CONVOY_E_MEMORY,
     * CONVOY_E_INTERNAL. NULL: always 1. */
    convoy_status (*conditioning)(const struct code *code, const uint32_t *workers, uint32_t count,
                                  struct conditioning *conditioning);

    /* Fills everything of *solution but workers and survivors, which are chosen, and condition. Allocates f,
     * g, part and part_g, which on failure too belong to the solution. CONVOY_E_MEMORY, CONVOY_E_INTERNAL
     * (singular). */
    convoy_status (*solve)(const struct code *code, struct code_solution *solution);

    /* Frees the family. NULL: it is static. */
    void (*destroy)(struct code_family *family);
};

/* One family at one (k_A,k_B) over one cluster. Immutable once created. */
struct code {
    const struct code_family *family;     /* borrowed */
    uint32_t input_parts, filter_parts;   /* k_A, k_B */
    uint32_t input_pieces, filter_pieces; /* ℓ_A, ℓ_B: coded slices, coded filter groups of a worker */
    uint32_t threshold;                   /* δ */
    struct placement placement;           /* n, q, g: nodes of the workers */
    uint64_t seed;                        /* of what is random */
    double *input_rows;                   /* [n][ℓ_A][k_A]: coefficients of the workers' coded slices */
    double *filter_rows;                  /* [n][ℓ_B][k_B]: of their coded filter groups */
};

/* Finds a family by its name (code/family.c: one line each). CONVOY_E_USAGE with the names that exist. */
convoy_status code_family_find(const char *name, const struct code_family **family, convoy_error *error);

/* Every family in turn, from index 0 on; NULL beyond the last. The first is the default. */
const struct code_family *code_family_at(size_t index);

/* δ of these parts with n workers; 0: the family does not admit them. */
uint32_t code_threshold(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                        uint32_t workers);

/* Frees a family that is not static. Takes NULL. */
void code_family_destroy(const struct code_family **family);

/* CONVOY_E_USAGE if the family does not admit the parts; CONVOY_E_MEMORY. Cost: the coefficients,
 * n·(ℓ_A·k_A + ℓ_B·k_B). */
convoy_status code_create(struct code *code, const struct code_family *family, uint32_t input_parts,
                          uint32_t filter_parts, const struct placement *placement, uint64_t seed,
                          convoy_error *error);

/* Frees the coefficients. A code that is all zero has none. */
void code_destroy(struct code *code);

/* Coefficients of a worker's pieces: [ℓ_A][k_A], and [ℓ_B][k_B]. */
const double *code_input_rows(const struct code *code, uint32_t worker);
const double *code_filter_rows(const struct code *code, uint32_t worker);

/* Whether the answers of these workers, in any order, none twice, suffice. */
bool code_suffices(const struct code *code, const uint32_t *workers, uint32_t count);

/* No fewer answers ever suffice. */
uint32_t code_least_answers(const struct code *code);

/* Sorts workers[0..count), none twice, which suffice, and moves those to the front that a solution uses: of
 * more than it needs a good choice. *used: how many. CONVOY_E_MEMORY; CONVOY_E_INTERNAL: every choice is
 * singular. */
convoy_status code_choose(const struct code *code, uint32_t *workers, uint32_t count, uint32_t *used);

/* Solves for the answers that came: workers[0..count) in any order, none twice, which suffice, by
 * code_choose. CONVOY_E_USAGE if they do not suffice; CONVOY_E_MEMORY; CONVOY_E_INTERNAL if the system is
 * singular. */
convoy_status code_solve(const struct code *code, const uint32_t *workers, uint32_t count,
                         struct code_solution **solution);
void code_solution_destroy(struct code_solution **solution);

/* κ and ν for the answers of workers that code_choose might choose, in any order, without solving; infinite
 * if the system is singular (or without memory). ν = ‖E⁻¹·diag(‖E_j‖)‖_F / √(k_A·k_B), E being the real map
 * from the parts to these answers and E_j its rows: an error of relative size e in every answer is about ν·e
 * in the parts. It is 1 if nothing is amplified, and unlike κ it does not depend on how rows are scaled. */
struct conditioning code_conditioning(const struct code *code, const uint32_t *workers, uint32_t count);

#endif
