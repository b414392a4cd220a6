/* Small dense systems over LAPACKE: LU for inverses, the divide-and-conquer SVD without vectors for singular
 * values, LQ for pseudo-inverses. Error: an inverse to about κ·1e-16 relative, a singular value to about
 * 1e-16 of the largest. Cost: order³. LAPACK's matrices are column-major. Inverses are transposed on the way
 * in and out, although the inverse of the transpose is the transpose of the inverse: getri's X satisfies X·A
 * ≈ I to κ roundings, not A·X ≈ I, and X·b is then as good as a solution. From the other side the error was
 * up to 86·κ·1e-16, from this one 2 (Vandermonde matrices of orders 8 to 32). Singular values are those of
 * the transpose. */
#include "linalg/dense.h"

#include "base/memory.h"

#include <float.h>
#include <lapacke.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static convoy_status status_of(lapack_int info) {
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return CONVOY_E_MEMORY;
    return info == 0 ? CONVOY_OK : CONVOY_E_INTERNAL;
}

/* A copy of a [rows][columns] of elements of size bytes, NULL if there is no memory for it. */
static void *matrix_copy(size_t rows, size_t columns, size_t size, const void *a) {
    size_t bytes;
    if (rows > INT_MAX || columns > INT_MAX || !size_mul(rows, columns, &bytes) ||
        !size_mul(bytes, size, &bytes))
        return NULL;
    void *copy = memory_aligned(bytes);
    if (copy)
        memcpy(copy, a, bytes);
    return copy;
}

/* LAPACK ends the process if a matrix is not finite. */
static bool is_finite(size_t rows, size_t columns, const double *a) {
    double zeros = 0;
    for (size_t i = 0; i < rows * columns; i++)
        zeros += 0 * a[i];
    return zeros == 0;
}

static void transpose(size_t order, const double *a, double *transposed) {
    for (size_t i = 0; i < order; i++)
        for (size_t j = 0; j < order; j++)
            transposed[j * order + i] = a[i * order + j];
}

convoy_status dense_invert(size_t order, const double *a, double *inverse) {
    if (order == 0)
        return CONVOY_OK;
    if (!is_finite(order, order, a))
        return CONVOY_E_INTERNAL;
    lapack_int n = (lapack_int)order;
    double *lu = matrix_copy(order, order, sizeof *lu, a);
    lapack_int *pivots = malloc(order * sizeof *pivots);
    convoy_status status = CONVOY_E_MEMORY;
    if (!lu || !pivots)
        goto out;
    transpose(order, a, lu);
    double norm = LAPACKE_dlange(LAPACK_COL_MAJOR, '1', n, n, lu, n), reciprocal = 0;
    status = status_of(LAPACKE_dgetrf(LAPACK_COL_MAJOR, n, n, lu, n, pivots));
    if (status == CONVOY_OK)
        status = status_of(LAPACKE_dgecon(LAPACK_COL_MAJOR, '1', n, lu, n, norm, &reciprocal));
    if (status == CONVOY_OK && !(reciprocal >= DBL_EPSILON))
        status = CONVOY_E_INTERNAL;
    if (status == CONVOY_OK)
        status = status_of(LAPACKE_dgetri(LAPACK_COL_MAJOR, n, lu, n, pivots));
    if (status == CONVOY_OK)
        transpose(order, lu, inverse);
out:
    free(pivots);
    free(lu);
    return status;
}

/* projection [rows][rows] = Qᵀ·Q, q being Q [rows][columns] with the columns of Q one after the other: its
 * lower half by rank one updates, whose loops are vectors, then its mirror image. row: scratch [rows]. */
static void project(size_t rows, size_t columns, const double *q, double *row, double *projection) {
    memset(projection, 0, rows * rows * sizeof *projection);
    for (size_t k = 0; k < columns; k++) {
        for (size_t j = 0; j < rows; j++)
            row[j] = q[j * columns + k];
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j <= i; j++)
                projection[i * rows + j] += row[i] * row[j];
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < i; j++)
            projection[j * rows + i] = projection[i * rows + j];
}

/* a's transpose is L·Q, so a⁺ = L⁻ᵀ·Q, and a·a⁺ = Qᵀ·Q. */
convoy_status dense_pseudo_inverse(size_t rows, size_t columns, const double *a, double *transposed,
                                   double *projection) {
    if (columns == 0)
        return CONVOY_OK;
    if (!is_finite(rows, columns, a))
        return CONVOY_E_INTERNAL;
    lapack_int m = (lapack_int)rows, k = (lapack_int)columns;
    double *q = matrix_copy(rows, columns, sizeof *q, a), *l = calloc(columns, columns * sizeof *l);
    double *scratch = calloc(rows, sizeof *scratch); /* k <= m */
    convoy_status status = CONVOY_E_MEMORY;
    if (!q || !l || !scratch)
        goto out;
    status = status_of(LAPACKE_dgelqf(LAPACK_COL_MAJOR, k, m, q, k, scratch));
    memcpy(l, q, columns * columns * sizeof *l);
    if (status == CONVOY_OK)
        status = status_of(LAPACKE_dorglq(LAPACK_COL_MAJOR, k, m, k, q, k, scratch));
    if (status == CONVOY_OK && projection)
        project(rows, columns, q, scratch, projection);
    if (status == CONVOY_OK)
        status = status_of(LAPACKE_dtrtrs(LAPACK_COL_MAJOR, 'L', 'T', 'N', k, m, l, k, q, k));
    if (status == CONVOY_OK)
        memcpy(transposed, q, rows * columns * sizeof *transposed);
out:
    free(scratch);
    free(l);
    free(q);
    return status;
}

/* A row-major matrix is the transpose of a column-major one, whose factorisation is Q·R. */
convoy_status dense_orthonormalise(size_t rows, size_t columns, double *a) {
    if (rows > INT_MAX || columns > INT_MAX)
        return CONVOY_E_MEMORY;
    const lapack_int k = (lapack_int)rows, m = (lapack_int)columns;
    double *scratch = calloc(rows + 1, sizeof *scratch);
    convoy_status status = scratch ? CONVOY_OK : CONVOY_E_MEMORY;
    if (status == CONVOY_OK)
        status = status_of(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, m, k, a, m, scratch));
    if (status == CONVOY_OK)
        status = status_of(LAPACKE_dorgqr(LAPACK_COL_MAJOR, m, k, k, a, m, scratch));
    free(scratch);
    return status;
}

convoy_status dense_singular_values(size_t rows, size_t columns, const double *a, double *values) {
    if (!is_finite(rows, columns, a))
        return CONVOY_E_INTERNAL;
    double *work = matrix_copy(rows, columns, sizeof *work, a);
    if (!work)
        return CONVOY_E_MEMORY;
    convoy_status status =
        status_of(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)columns, (lapack_int)rows, work,
                                 (lapack_int)columns, values, NULL, 1, NULL, 1));
    free(work);
    return status;
}
