/* project with AVX2 and FMA. Compiled with -mavx2 -mfma -mf16c. */
#include "linalg/kernels.h"
#include "linalg/vectors_avx2.h"

#include "linalg/project_kernel.h"

void project_row_avx2(const float *row, const float *r, size_t count, float *sums) {
    project_row(row, r, count, sums);
}
