/* Small dense systems in double precision, by the reference LAPACK: one thread, no state, any number of
 * callers at once. Matrices are real and row-major: complex ones are written as real ones by their users (see
 * rotation.c and placement.c). One that is not finite is CONVOY_E_INTERNAL. */
#ifndef LINALG_DENSE_H
#define LINALG_DENSE_H

#include <convoy/status.h>

#include <stddef.h>

/* inverse = a⁻¹, both [order][order]; may be the same memory. CONVOY_E_INTERNAL where a is singular to
 * working precision, CONVOY_E_MEMORY. */
convoy_status dense_invert(size_t order, const double *a, double *inverse);

/* Row j of transposed [rows][columns] is column j of the pseudo-inverse of a [rows][columns], rows >=
 * columns: a's inverse, transposed, where a is square. projection [rows][rows], which may be NULL: a·a⁺.
 * CONVOY_E_INTERNAL where a's columns are linearly dependent, CONVOY_E_MEMORY. */
convoy_status dense_pseudo_inverse(size_t rows, size_t columns, const double *a, double *transposed,
                                   double *projection);

/* Makes the rows of a [rows][columns], rows <= columns, orthonormal: Q of a = L·Q. CONVOY_E_MEMORY. */
convoy_status dense_orthonormalise(size_t rows, size_t columns, double *a);

/* Singular values of a [rows][columns], as many as the smaller of both, descending. CONVOY_E_MEMORY,
 * CONVOY_E_INTERNAL (no convergence). */
convoy_status dense_singular_values(size_t rows, size_t columns, const double *a, double *values);

#endif
