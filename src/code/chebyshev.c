/* The orthogonal polynomial code (Fahim and Cadambe, arXiv 1903.08326). Worker j has the node x_j =
 * cos((2j+1)π/2n), a root of the Chebyshev polynomial T_n, and gets
 *
 *     Σ_a T̂_a(x_j) · X_a        Σ_b T̂_(k_A·b)(x_j) · K_b        T̂_0 = 1/√2, T̂_m = T_m
 *
 * Since T_a·T_c = (T_(a+c) + T_|a−c|)/2, its answer is the value at x_j of a polynomial of degree δ − 1, δ =
 * k_A·k_B, and any δ answers determine it. The map from the parts to its coefficients in the basis T̂ is
 * triangular, and belongs to κ: so κ depends on how δ is made of k_A and k_B, and is least if one of them
 * is 1. At all n nodes the rows T̂_m(x_j) are orthogonal. An operand that is whole stays as it is. */
#include "code/families.h"
#include "code/generators.h"

#include <math.h>

/* T̂_m(x_j). T_m(cos θ) = cos(mθ); the angle is reduced to one turn while it is a whole number. */
static double value_at(uint32_t worker, uint32_t workers, uint64_t m) {
    const uint64_t turn = 4 * (uint64_t)workers; /* in units of π/2n */
    return m == 0 ? M_SQRT1_2 : cos(M_PI * (double)((2 * (uint64_t)worker + 1) * m % turn) / (2.0 * workers));
}

static void operand_row(const struct code *code, uint32_t worker, uint32_t parts, uint32_t stride,
                        double *row) {
    for (uint32_t i = 0; i < parts; i++)
        row[i] = parts == 1 ? 1 : value_at(worker, code->placement.workers, (uint64_t)stride * i);
}

static convoy_status chebyshev_generate(const struct code *code, double *input_rows, double *filter_rows) {
    for (uint32_t w = 0; w < code->placement.workers; w++) {
        operand_row(code, w, code->input_parts, 1, input_rows + w * code->input_parts);
        operand_row(code, w, code->filter_parts, code->input_parts, filter_rows + w * code->filter_parts);
    }
    return CONVOY_OK;
}

const struct code_family code_chebyshev = {
    .name = "chebyshev",
    .summary = "Chebyshev polynomials at their roots",
    .admits = "no more answers may be needed than there are workers",
    .parts_step = 1,
    .useful_parts = 2,
    .most_pieces = 1,
    .admit = generators_admit,
    .generate = chebyshev_generate,
    .choose = generators_choose,
    .conditioning = generators_conditioning,
    .solve = generators_solve,
};
