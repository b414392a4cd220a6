/* Projections of maps in every layout and type, by every kernel, against sums in double. */
#include "linalg/project.h"

#include "base/half.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED 20261129

enum { ROUNDS = 150 };

static void *memory(size_t bytes) {
    void *room = calloc(bytes ? bytes : 1, 1);
    assert_non_null(room);
    return room;
}

static void store(convoy_dtype dtype, void *map, size_t i, float value) {
    if (dtype == CONVOY_F32)
        ((float *)map)[i] = value;
    else
        ((uint16_t *)map)[i] = dtype == CONVOY_F16 ? f16_of(value) : bf16_of(value);
}

/* A random job over a map that it does not own: `elements` in all. */
static struct project_job random_job(struct random *random, size_t *elements) {
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_F16, CONVOY_BF16};
    static const size_t blocks[] = {1, 8, 16};
    const bool last = random_below(random, 3) == 0;
    struct project_job job = {.dtype = types[random_below(random, 3)],
                              .groups = 1 + random_below(random, 3),
                              .rows = last ? 1 : 1 + random_below(random, 5),
                              .positions = 1 + random_below(random, random_below(random, 2) ? 40 : 1500),
                              .lanes = last ? 1 + random_below(random, 70) : blocks[random_below(random, 3)],
                              .first = random_below(random, 20)};
    const size_t gap = random_below(random, 3);
    job.position_stride = last ? job.groups * job.lanes + gap : job.lanes;
    job.row_stride = job.positions * job.lanes + gap;
    job.group_stride = last ? job.lanes : job.rows * job.row_stride + gap;
    *elements = job.first + job.groups * job.group_stride + job.rows * job.row_stride +
                job.positions * job.position_stride;
    return job;
}

static void test_maps(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (int round = 0; round < ROUNDS; round++) {
        size_t elements;
        struct project_job job = random_job(&random, &elements);
        const size_t channels = job.groups * job.rows * job.lanes;
        float *r = memory(channels * sizeof *r), *sums = memory(job.positions * sizeof *sums);
        void *map = memory(elements * convoy_dtype_bytes(job.dtype));
        for (size_t i = 0; i < channels; i++)
            r[i] = (float)random_normal(&random);
        for (size_t i = 0; i < elements; i++)
            store(job.dtype, map, i, (float)random_normal(&random));
        job.map = map;
        job.r = r;
        project(&job, sums);
        const convoy_tensor tensor = {.dtype = job.dtype, .data = map};
        for (size_t p = 0; p < job.positions; p++) {
            double sum = 0, size = 0;
            for (size_t c = 0; c < channels; c++) {
                const size_t row = c / job.lanes, g = row / job.rows, q = row % job.rows;
                const double product =
                    (double)r[c] *
                    convoy_tensor_element(&tensor, job.first + g * job.group_stride + q * job.row_stride +
                                                       p * job.position_stride + c % job.lanes);
                sum += product;
                size += fabs(product);
            }
            if (fabs((double)sums[p] - sum) > (double)channels * 0x1p-23 * size)
                fail_msg("round %d, position %zu: %g, not %g", round, p, (double)sums[p], sum);
        }
        free(r);
        free(sums);
        free(map);
    }
    print_message("seed %d\n", SEED);
}

/* Every kernel does what the definition says, whatever the count, and touches nothing beyond it. */
static void test_kernels(void **state) {
    (void)state;
    enum { MOST = 100 };
    struct random random;
    random_seed(&random, SEED);
    for (const struct project_kernel *kernel = project_kernels(); kernel->name; kernel++)
        for (size_t count = 0; count <= MOST; count++) {
            float row[MOST + 1], r[PROJECT_PERIOD], sums[MOST + 1], before[MOST + 1];
            for (size_t i = 0; i <= MOST; i++) {
                row[i] = (float)random_normal(&random);
                sums[i] = before[i] = (float)random_normal(&random);
            }
            for (size_t i = 0; i < PROJECT_PERIOD; i++)
                r[i] = (float)random_normal(&random);
            kernel->run(row, r, count, sums);
            for (size_t i = 0; i <= MOST; i++) {
                const double added = i < count ? (double)r[i % PROJECT_PERIOD] * (double)row[i] : 0;
                const double off = fabs((double)sums[i] - ((double)before[i] + added));
                if (off > 0x1p-22 * (fabs(added) + fabs((double)before[i])) || (i >= count && off > 0))
                    fail_msg("%s, count %zu, element %zu: off by %g", kernel->name, count, i, off);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_maps), cmocka_unit_test(test_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
