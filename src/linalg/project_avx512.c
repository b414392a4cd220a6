/* project with AVX-512F. Compiled with -mavx512f -mfma. */
#include "linalg/kernels.h"
#include "linalg/vectors_avx512.h"

#include "linalg/project_kernel.h"

void project_row_avx512(const float *row, const float *r, size_t count, float *sums) {
    project_row(row, r, count, sums);
}
