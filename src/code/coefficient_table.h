/* A code that is given by its coefficients: anybody's own. */
#ifndef CODE_COEFFICIENT_TABLE_H
#define CODE_COEFFICIENT_TABLE_H

#include "code/code.h"

#include <convoy/report.h>

#define COEFFICIENT_MOST_PAIRS  256
#define COEFFICIENT_MOST_PARTS  512 /* k_A·k_B */
#define COEFFICIENT_MOST_PIECES 16  /* p_A·p_B of a worker */

/* Coefficients for one (k_A,k_B): worker j has the rows j·p_A to (j+1)·p_A − 1 of the first matrix, and those
 * from j·p_B on of the second. */
struct coefficient_pair {
    uint32_t input_parts, filter_parts;     /* k_A, k_B */
    const double *input_rows, *filter_rows; /* G_A [n·p_A][k_A], G_B [n·p_B][k_B] */
};

struct coefficient_table {
    uint32_t workers;                     /* n */
    uint32_t input_pieces, filter_pieces; /* p_A, p_B */
    uint32_t threshold; /* δ that is asked for; 0: the least that any set of workers decodes from */
    size_t pair_count;
    const struct coefficient_pair *pairs; /* [pair_count] */
};

/* What is known of a pair. */
struct coefficient_threshold {
    uint32_t threshold; /* δ */
    double sets;        /* of δ workers, as many as were looked at */
    double condition;   /* the largest κ among them */
    bool all;           /* they are all that there are; else some, see survivor_sets.h */
};

/* Makes a family of a table, which it copies. Its name says where the table came from, and is copied too. For
 * each pair δ is the least number whose sets of workers all decode, or table.threshold if that is larger: a
 * smaller one is refused with a set that fails. CONVOY_E_INPUT: numbers that are not finite, sizes out of
 * range, two pairs with the same parts, a pair that does not decode; CONVOY_E_MEMORY. Cost: a singular value
 * decomposition for each set that is looked at, up to some thousands for each pair. code_family_destroy frees
 * it. */
convoy_status coefficient_table_create(const struct code_family **family, const char *name,
                                       const struct coefficient_table *table, convoy_error *error);

/* How the threshold of pair i was found; the family is of coefficient_table_create. */
struct coefficient_threshold coefficient_table_threshold(const struct code_family *family, size_t pair);

#endif
