/* The random Khatri-Rao product code (Subramaniam, Heidarzadeh and Narayanan, arXiv 1907.05965). The
 * coefficients of each worker are independent standard normal numbers, a vector of k_A for the input and one
 * of k_B for the filters, scaled to unit length. The rows of E are the products of both, and any δ = k_A·k_B
 * of them are independent with probability 1. An operand that is whole stays as it is. */
#include "base/random.h"
#include "code/families.h"
#include "code/generators.h"

#include <math.h>

static void draw_row(struct random *random, uint32_t parts, double *row) {
    double square = 0;
    for (uint32_t i = 0; i < parts; i++) {
        row[i] = parts == 1 ? 1 : random_normal(random);
        square += row[i] * row[i];
    }
    for (uint32_t i = 0; i < parts && square > 0; i++)
        row[i] /= sqrt(square);
}

static convoy_status khatri_rao_generate(const struct code *code, double *input_rows, double *filter_rows) {
    struct random random;
    random_seed(&random, code->seed ^ ((uint64_t)code->input_parts << 32 | code->filter_parts));
    for (uint32_t w = 0; w < code->placement.workers; w++) {
        draw_row(&random, code->input_parts, input_rows + w * code->input_parts);
        draw_row(&random, code->filter_parts, filter_rows + w * code->filter_parts);
    }
    return CONVOY_OK;
}

const struct code_family code_khatri_rao = {
    .name = "khatri-rao",
    .summary = "products of random normal vectors",
    .admits = "no more answers may be needed than there are workers",
    .random = true,
    .parts_step = 1,
    .useful_parts = 2,
    .most_pieces = 1,
    .admit = generators_admit,
    .generate = khatri_rao_generate,
    .choose = generators_choose,
    .conditioning = generators_conditioning,
    .solve = generators_solve,
};
