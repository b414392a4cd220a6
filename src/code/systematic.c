/* A systematic code on one operand: it is split in k parts, the other stays whole, and E = [I; P]. Workers 0
 * to k−1 get the plain parts, in an order that keeps neighbours apart, the other r = n − k get parities, sums
 * of all parts. Any δ = k answers suffice. If the plain ones come, nothing is solved; else a system as large
 * as the number of those that did not. With the input split this is the code of CoCoI (Liu, Huang and Tang,
 * arXiv 2501.06856), which cuts along the width.
 *
 * P with few parities: the rotation code in systematic form. T [n][k] has the rows of a real trigonometric
 * basis at n equispaced angles, frequencies −(k−1)/2 to (k−1)/2 (placement_row); the plain parts are at the
 * angles ⌊i·n/k⌋, the parities at those between, and P = T_parity·T_plain⁻¹, its rows scaled to unit length.
 * With many parities: random orthonormal rows, by a QR factorisation of a normal matrix; if there are more
 * than k, the rows of k orthonormal columns.
 *
 * Which errs less was measured by ν over losses of r workers: all of them if they are at most 100,000, else
 * 6,000 to 40,000 drawn ones; the random rows with five seeds. The 99 % quantile, trigonometric and random:
 *
 *     r    k = 8        16           32           48           64
 *     2    4.6  70      8.2  215     15   137     23   129     30   189
 *     3    13   127     38   189     66   201     96   218     120  220
 *     4    22   110     69   217     162  254     266  217     306  363
 *     5    46   127     124  233     353  234     635  272     821  246
 *     6    56   189     224  250     725  260     1650 339     1940 308
 *
 * Medians are alike up to r = 4 (k = 32: 5.4 and 4.8; k = 64: 6.2 and 5.1), and then those of the
 * trigonometric rows grow (k = 32, r = 6: 10.7 and 5.3). So TRIGONOMETRIC_MOST is 4. */
#include "base/random.h"
#include "code/families.h"
#include "code/generators.h"
#include "linalg/dense.h"

#include <math.h>
#include <stdlib.h>

#define TRIGONOMETRIC_MOST 4

static bool systematic_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                             uint32_t workers, struct code_shape *shape) {
    if ((input_parts > 1 && filter_parts > 1) ||
        !generators_admit(family, input_parts, filter_parts, workers, shape))
        return false;
    /* Of any k answers k·r/n are parities, as expected: as many parts are solved for, each from k answers. */
    shape->decode_macs = (double)shape->threshold * (workers - shape->threshold) / workers;
    return true;
}

/* The parities are between the plain parts, whose angles are ⌊i·n/k⌋. */
static bool is_plain_angle(uint32_t angle, uint32_t n, uint32_t k) {
    const uint64_t i = ((uint64_t)angle * k + n - 1) / n; /* the least i with i·n/k >= angle */
    return i * n / k == angle;
}

/* P [r][k] of unscaled rows. */
static convoy_status fill_trigonometric(uint32_t n, uint32_t k, double *parity) {
    const struct placement circle = placement_plain(n);
    double *plain = calloc((size_t)k * k, sizeof *plain), *row = calloc(k, sizeof *row);
    convoy_status status = plain && row ? CONVOY_OK : CONVOY_E_MEMORY;
    for (uint32_t i = 0; status == CONVOY_OK && i < k; i++)
        placement_row(&circle, (uint32_t)((uint64_t)i * n / k), k, plain + (size_t)i * k);
    if (status == CONVOY_OK)
        status = dense_invert(k, plain, plain);
    for (uint32_t angle = 0; status == CONVOY_OK && angle < n; angle++) {
        if (is_plain_angle(angle, n, k))
            continue;
        placement_row(&circle, angle, k, row);
        for (uint32_t part = 0; part < k; part++)
            for (uint32_t m = 0; m < k; m++)
                parity[part] += row[m] * plain[(size_t)m * k + part];
        parity += k;
    }
    free(plain);
    free(row);
    return status;
}

/* P [r][k] of r orthonormal rows, or of rows of k orthonormal columns. */
static convoy_status fill_random(const struct code *code, uint32_t r, uint32_t k, double *parity) {
    const uint32_t few = r < k ? r : k, many = r < k ? k : r;
    double *q = calloc((size_t)few * many, sizeof *q);
    struct random random;
    random_seed(&random, code->seed ^ ((uint64_t)r << 32 | k));
    for (size_t i = 0; q && i < (size_t)few * many; i++)
        q[i] = random_normal(&random);
    convoy_status status = q ? dense_orthonormalise(few, many, q) : CONVOY_E_MEMORY;
    for (uint32_t i = 0; status == CONVOY_OK && i < r; i++)
        for (uint32_t j = 0; j < k; j++)
            parity[(size_t)i * k + j] = r < k ? q[(size_t)i * many + j] : q[(size_t)j * many + i];
    free(q);
    return status;
}

static void scale_row(double *row, uint32_t k) {
    double square = 0;
    for (uint32_t i = 0; i < k; i++)
        square += row[i] * row[i];
    for (uint32_t i = 0; i < k && square > 0; i++)
        row[i] /= sqrt(square);
}

static convoy_status systematic_generate(const struct code *code, double *input_rows, double *filter_rows) {
    const uint32_t n = code->placement.workers, k = code->threshold, r = n - k;
    double *split = code->input_parts > 1 ? input_rows : filter_rows;
    double *whole = code->input_parts > 1 ? filter_rows : input_rows;
    for (uint32_t w = 0; w < n; w++)
        whole[w] = 1;
    /* Plain parts, such that neighbours among the workers, which fail together, are far apart on the circle.
     * Of a whole operand every worker has the only part. */
    const struct placement spread = placement_golden(k);
    for (uint32_t w = 0; w < n; w++)
        if (w < k || k == 1)
            split[(size_t)w * k + placement_node(&spread, w % k)] = 1;
    double *parity = split + (size_t)k * k;
    convoy_status status = CONVOY_OK;
    if (k > 1 && r > 0)
        status = r <= TRIGONOMETRIC_MOST ? fill_trigonometric(n, k, parity) : fill_random(code, r, k, parity);
    for (uint32_t i = 0; k > 1 && i < r; i++)
        scale_row(parity + (size_t)i * k, k);
    return status;
}

const struct code_family code_systematic = {
    .name = "systematic",
    .summary = "plain parts and parities of one operand",
    .admits = "one operand must be whole, and no more answers needed than there are workers",
    .random = true,
    .by_threshold = true,
    .parts_step = 1,
    .useful_parts = 2,
    .most_pieces = 1,
    .admit = systematic_admit,
    .generate = systematic_generate,
    .choose = generators_choose,
    .conditioning = generators_conditioning,
    .solve = generators_solve,
};
