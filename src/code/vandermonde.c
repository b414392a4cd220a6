/* The polynomial code (Yu, Maddah-Ali and Avestimehr, arXiv 1705.10464) over the real numbers. Worker j has
 * the node x_j = −1 + 2j/(n−1) and gets
 *
 *     Σ_a x_j^a · X_a        Σ_b x_j^(k_A·b) · K_b
 *
 * so that its answer is the value at x_j of the polynomial Σ_ab (X_a*K_b)·x^(a + k_A·b), of degree δ − 1, δ =
 * k_A·k_B: any δ answers determine it. κ grows exponentially with δ (Gautschi and Inglese, Numer. Math. 52,
 * 1988), which is why other families exist. Powers are made by repeated multiplication. */
#include "code/families.h"
#include "code/generators.h"

static double node_of(uint32_t worker, uint32_t workers) {
    return workers > 1 ? -1 + 2.0 * worker / (workers - 1) : 1;
}

/* row[i] = base^i. Returns base^count. */
static double fill_powers(double base, uint32_t count, double *row) {
    double power = 1;
    for (uint32_t i = 0; i < count; i++, power *= base)
        row[i] = power;
    return power;
}

static convoy_status vandermonde_generate(const struct code *code, double *input_rows, double *filter_rows) {
    const uint32_t n = code->placement.workers;
    for (uint32_t w = 0; w < n; w++) {
        const double base = fill_powers(node_of(w, n), code->input_parts, input_rows + w * code->input_parts);
        fill_powers(base, code->filter_parts, filter_rows + w * code->filter_parts);
    }
    return CONVOY_OK;
}

const struct code_family code_vandermonde = {
    .name = "vandermonde",
    .summary = "polynomials at equispaced real nodes",
    .admits = "no more answers may be needed than there are workers",
    .by_threshold = true,
    .parts_step = 1,
    .useful_parts = 2,
    .most_pieces = 1,
    .admit = generators_admit,
    .generate = vandermonde_generate,
    .choose = generators_choose,
    .conditioning = generators_conditioning,
    .solve = generators_solve,
};
