/* project with the compiler's vectors. */
#include "linalg/kernels.h"
#include "linalg/vectors_plain.h"

#include "linalg/project_kernel.h"

void project_row_plain(const float *row, const float *r, size_t count, float *sums) {
    project_row(row, r, count, sums);
}
