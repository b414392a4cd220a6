/* The rotation code: circulant and rotation matrix embedding, CRME (Ramamoorthy and Tang, arXiv 1910.06515),
 * as FCDCC applies it to convolutions (Tan et al., arXiv 2411.01579).
 *
 * Parts are paired as complex numbers, P_a = X_2a + i·X_2a+1 (a < u = k_A/2) and Q_b = K_2b + i·K_2b+1 (b < v
 * = k_B/2); an operand that is not split stays real, with u or v = 1. Worker j receives the real and
 * imaginary parts of P̃_j = Σ_a z_j^a · P_a        Q̃_j = Σ_b z_j^(u·b) · Q_b        z_j = exp(−2πi·t(j)/q) and
 * convolves each part of one with each of the other: y_rs, up to four real convolutions. With both operands
 * split F_j = (y00 − y11) + i(y01 + y10) = Σ_ab (P_a*Q_b) · z_j^(a + u·b) G_j = (y00 + y11) + i(y10 − y01) =
 * Σ_ab (P_a*conj(Q_b)) · z_j^(a − u·b) G's exponents are δ consecutive ones from −u(v−1), so that both are
 * solved by the Vandermonde matrix V = [z_j^m], m < δ, G's right-hand side being multiplied by z_j^(u(v−1))
 * first. This is half of the arithmetic of the real 4δ x 4δ system of the papers, with the same singular
 * values. With one operand whole F_j = y_0 + i·y_1 is the only system.
 *
 * Valid for k = 1 or even, δ = u·v <= n. Cost of a solution: one complex inverse and one set of singular
 * values of order δ (or of the q − δ missing nodes, where those are fewer). Error of the decoded output:
 * about κ(V) roundings. */
#include "code/families.h"

#include "base/memory.h"
#include "code/survivors.h"
#include "linalg/dense.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>

static uint32_t pairs(uint32_t parts) {
    return parts > 1 ? parts / 2 : 1;
}

static bool is_whole_or_even(uint32_t parts) {
    return parts == 1 || (parts > 1 && parts % 2 == 0);
}

static bool rotation_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                           uint32_t workers, struct code_shape *shape) {
    (void)family;
    if (!is_whole_or_even(input_parts) || !is_whole_or_even(filter_parts))
        return false;
    uint64_t threshold = (uint64_t)pairs(input_parts) * pairs(filter_parts);
    *shape = (struct code_shape){.threshold = (uint32_t)threshold,
                                 .input_pieces = input_parts > 1 ? 2 : 1,
                                 .filter_pieces = filter_parts > 1 ? 2 : 1,
                                 .decode_macs = 2 * (double)threshold};
    return threshold <= workers;
}

/* z_j^exponent. The exponent is reduced modulo q first: cos and sin of large angles would lose digits. */
static double complex node_power(const struct code *code, uint32_t worker, uint64_t exponent) {
    uint64_t q = code->placement.order, turn = placement_node(&code->placement, worker) * (exponent % q) % q;
    double angle = 2 * M_PI * (double)turn / (double)q;
    return cos(angle) - sin(angle) * I;
}

/* Rows of the real and imaginary part of Σ_a z_j^(stride·a) · (part 2a + i · part 2a+1). */
static void operand_rows(const struct code *code, uint32_t worker, uint32_t parts, uint32_t stride,
                         double *rows) {
    if (parts == 1) {
        rows[0] = 1;
        return;
    }
    for (uint32_t a = 0; a < parts / 2; a++) {
        double complex z = node_power(code, worker, (uint64_t)stride * a);
        rows[2 * a] = creal(z);
        rows[2 * a + 1] = -cimag(z);
        rows[parts + 2 * a] = cimag(z);
        rows[parts + 2 * a + 1] = creal(z);
    }
}

static convoy_status rotation_generate(const struct code *code, double *input_rows, double *filter_rows) {
    for (size_t w = 0; w < code->placement.workers; w++) {
        operand_rows(code, (uint32_t)w, code->input_parts, 1,
                     input_rows + w * code->input_pieces * code->input_parts);
        operand_rows(code, (uint32_t)w, code->filter_parts, pairs(code->input_parts),
                     filter_rows + w * code->filter_pieces * code->filter_parts);
    }
    return CONVOY_OK;
}

static convoy_status rotation_conditioning(const struct code *code, const uint32_t *workers, uint32_t count,
                                           struct conditioning *conditioning) {
    return placement_conditioning(&code->placement, workers, count, conditioning);
}

/* By real rows with the singular values of V. */
static convoy_status rotation_choose(const struct code *code, uint32_t *workers, uint32_t count,
                                     uint32_t *used) {
    const uint32_t order = code->threshold;
    *used = order;
    if (count == order)
        return CONVOY_OK;
    double *rows = calloc((size_t)count * order, sizeof *rows);
    if (!rows)
        return CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        placement_row(&code->placement, workers[i], order, rows + (size_t)i * order);
    convoy_status status = survivors_choose(workers, count, order, order, rows);
    free(rows);
    return status;
}

/* The complex element c at (m,j) as the 2 x 2 real block that multiplies [re,im] columns. */
static void block_set(double *matrix, size_t columns, size_t m, size_t j, double complex c) {
    double *top = matrix + 2 * m * columns + 2 * j, *bottom = top + columns;
    top[0] = bottom[1] = creal(c);
    top[1] = -cimag(c);
    bottom[0] = cimag(c);
}

/* out = block (m,j) of matrix times the block of c. */
static void block_turn(double *out, const double *matrix, size_t columns, size_t m, size_t j,
                       double complex c) {
    size_t at = 2 * m * columns + 2 * j;
    for (int row = 0; row < 2; row++, at += columns) {
        double x = matrix[at], y = matrix[at + 1];
        out[at] = x * creal(c) + y * cimag(c);
        out[at + 1] = y * creal(c) - x * cimag(c);
    }
}

/* V⁻¹ of the solution's workers in real 2 x 2 blocks, [2δ][2δ]. */
static convoy_status invert_nodes(const struct code *code, const uint32_t *workers, double *inverse) {
    uint32_t order = code->threshold;
    for (uint32_t j = 0; j < order; j++)
        for (uint32_t m = 0; m < order; m++)
            block_set(inverse, 2 * (size_t)order, j, m, node_power(code, workers[j], m));
    return dense_invert(2 * (size_t)order, inverse, inverse);
}

/* Both operands split: V⁻¹ for F, V⁻¹·diag(z_j^(u(v−1))) for G. */
static void solve_pairs(const struct code *code, struct code_solution *s) {
    uint32_t order = code->threshold, u = pairs(code->input_parts), v = pairs(code->filter_parts);
    for (uint32_t m = 0; m < order; m++) {
        uint32_t a = m % u, b = m / u;
        s->part[m] = a * v + b;
        s->part_g[m] = a * v + (v - 1 - b);
        for (uint32_t j = 0; j < order; j++) {
            double complex phase = node_power(code, s->workers[j], (uint64_t)u * (v - 1));
            block_turn(s->g, s->f, s->columns, m, j, phase);
        }
    }
}

/* With one operand split, the answers are F's real and imaginary parts and the solution's are the parts of
 * the output, in order; with none there is one of each. */
static convoy_status rotation_solve(const struct code *code, struct code_solution *s) {
    bool whole = code->input_pieces == 1 && code->filter_pieces == 1;
    s->paired = code->input_pieces == 2 && code->filter_pieces == 2;
    s->rows = s->columns = whole ? 1 : 2 * code->threshold;
    size_t elements = (size_t)s->rows * s->columns;
    s->f = calloc(elements, sizeof *s->f);
    s->part = calloc(s->rows, sizeof *s->part);
    if (s->paired) {
        s->g = calloc(elements, sizeof *s->g);
        s->part_g = calloc(s->rows, sizeof *s->part_g);
    }
    if (!s->f || !s->part || (s->paired && (!s->g || !s->part_g)))
        return CONVOY_E_MEMORY;
    for (uint32_t row = 0; row < s->rows; row++)
        s->part[row] = row;
    if (whole) {
        s->f[0] = 1;
        return CONVOY_OK;
    }
    convoy_status status = invert_nodes(code, s->workers, s->f);
    if (status == CONVOY_OK && s->paired)
        solve_pairs(code, s);
    return status;
}

const struct code_family code_rotation = {
    .name = "rotation",
    .summary = "powers of rotation matrices (FCDCC)",
    .admits = "each number must be 1 or even, and no more answers needed than there are workers",
    .on_circle = true,
    .by_threshold = true,
    .parts_step = 2,
    .useful_parts = 4, /* k = 2 uses exponent 0 alone, so both halves travel uncoded */
    .most_pieces = 4,
    .admit = rotation_admit,
    .generate = rotation_generate,
    .choose = rotation_choose,
    .conditioning = rotation_conditioning,
    .solve = rotation_solve,
};
