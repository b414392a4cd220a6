/* Equilibration by its definition, and coded filters against the encoder on filters that were scaled. */
#include "code/filter_encoder.h"

#include "base/random.h"
#include "code/encoder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 5, CHANNELS = 9, ELEMENTS = 37 };

static void put(convoy_dtype dtype, char *data, size_t i, double value) {
    float narrow = (float)value;
    if (dtype == CONVOY_F32)
        memcpy(data + i * sizeof narrow, &narrow, sizeof narrow);
    else
        memcpy(data + i * sizeof value, &value, sizeof value);
}

static double get(convoy_dtype dtype, const char *data, size_t i) {
    float narrow;
    double wide;
    if (dtype == CONVOY_F64) {
        memcpy(&wide, data + i * sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, data + i * sizeof narrow, sizeof narrow);
    return (double)narrow;
}

/* Filters one byte off their alignment, of these sizes; to be freed with release. */
static char *filters_create(convoy_dtype dtype, size_t channels, const double *sizes, struct random *random) {
    char *memory = calloc(channels * ELEMENTS + 1, sizeof(double));
    assert_non_null(memory);
    for (size_t i = 0; i < channels * ELEMENTS; i++)
        put(dtype, memory + 1, i, random_normal(random) * sizes[i / ELEMENTS]);
    return memory + 1;
}

static void release(char *filters) {
    free(filters - 1);
}

static void check_factors(convoy_dtype dtype) {
    /* Of the largest: itself, half, less and much less; so little that the factor is bounded; nothing. */
    static const double sizes[CHANNELS] = {1e3, 500, 3, 1e-2, 1e-6, 7e2, 1e-20, 1e-36, 0};
    struct random random;
    random_seed(&random, SEED);
    char *filters = filters_create(dtype, CHANNELS, sizes, &random);
    double factors[CHANNELS], norms[CHANNELS] = {0}, largest = 0;
    equilibrate(dtype, filters, CHANNELS, ELEMENTS, factors);
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = c * ELEMENTS; i < (c + 1) * ELEMENTS; i++)
            norms[c] += get(dtype, filters, i) * get(dtype, filters, i);
        norms[c] = sqrt(norms[c]);
        largest = fmax(largest, norms[c]);
    }
    for (size_t c = 0; c < CHANNELS; c++) {
        double factor = get(dtype, (const char *)factors, c);
        int exponent;
        assert_true(frexp(factor, &exponent) == 0.5); /* a power of two */
        double equal = norms[c] / factor;
        if (norms[c] < largest * 0x1p-100)
            assert_true(factor == 0x1p-100);
        else
            assert_true(equal <= largest && equal > largest / 2);
    }
    release(filters);
}

static void test_factors(void **state) {
    (void)state;
    check_factors(CONVOY_F32);
    check_factors(CONVOY_F64);
}

/* What would overflow, scaled or squared, does not. */
static void test_largest_numbers(void **state) {
    (void)state;
    float factors[2], filters[2 * ELEMENTS];
    double wide_factors[2], wide[2] = {1e300, 1e100};
    for (size_t i = 0; i < ELEMENTS; i++) {
        filters[i] = 3e38F; /* its norm is beyond float32 */
        filters[ELEMENTS + i] = i ? 0 : 1e10F;
    }
    equilibrate(CONVOY_F32, filters, 2, ELEMENTS, factors);
    assert_true(factors[0] == 1 && factors[1] < 1 && isfinite(1e10F / factors[1]));
    equilibrate(CONVOY_F64, wide, 2, 1, wide_factors);
    assert_true(wide_factors[0] == 1 && wide_factors[1] == 0x1p-100);
}

/* The power of two that joins the coefficients gives bit by bit what it gives as a factor of the filters. */
static void check_encoding(convoy_dtype dtype, struct random *random, uint32_t groups, uint32_t channels,
                           uint32_t parts) {
    enum { WORKERS = 3, PIECES = 2 };
    const size_t size = convoy_dtype_bytes(dtype);
    int64_t step = (channels + parts - 1) / parts;
    struct axis_cut cut = {
        .outer = groups, .inner = ELEMENTS, .extent = channels, .step = step, .length = step, .parts = parts};
    double *sizes = calloc((size_t)groups * channels, sizeof *sizes),
           *rows = calloc((size_t)WORKERS * PIECES * parts, sizeof *rows),
           *factors = calloc((size_t)groups * channels, sizeof *factors);
    assert_true(sizes && rows && factors);
    for (uint32_t c = 0; c < groups * channels; c++)
        sizes[c] = pow(10, 12 * random_unit(random) - 6);
    for (uint32_t i = 0; i < WORKERS * PIECES * parts; i++)
        rows[i] = random_normal(random);
    char *filters = filters_create(dtype, (size_t)groups * channels, sizes, random);
    equilibrate(dtype, filters, (size_t)groups * channels, ELEMENTS, factors);

    cut.outer = 1;
    size_t piece_bytes = encoded_bytes(dtype, &cut);
    cut.outer = groups;
    void *out[WORKERS];
    for (int w = 0; w < WORKERS; w++)
        assert_non_null(out[w] = calloc(groups * PIECES, piece_bytes));
    const struct filter_job job = {.dtype = dtype,
                                   .cut = &cut,
                                   .workers = WORKERS,
                                   .pieces = PIECES,
                                   .rows = rows,
                                   .filters = filters,
                                   .factors = factors,
                                   .out = out};
    assert_int_equal(encode_filters(&job), CONVOY_OK);

    for (size_t i = 0; i < (size_t)groups * channels * ELEMENTS; i++)
        put(dtype, filters, i, get(dtype, filters, i) / get(dtype, (const char *)factors, i / ELEMENTS));
    cut.outer = 1;
    char *expected = calloc(1, piece_bytes);
    assert_non_null(expected);
    for (size_t w = 0; w < WORKERS; w++)
        for (size_t g = 0; g < groups; g++)
            for (size_t s = 0; s < PIECES; s++) {
                encode(dtype, dtype, &cut, 1, rows + (w * PIECES + s) * parts,
                       filters + g * channels * ELEMENTS * size, (void *[]){expected});
                assert_memory_equal((char *)out[w] + (g * PIECES + s) * piece_bytes, expected, piece_bytes);
            }
    for (int w = 0; w < WORKERS; w++)
        free(out[w]);
    release(filters);
    free(expected);
    free(sizes);
    free(rows);
    free(factors);
}

static void test_encoding(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (uint32_t groups = 1; groups <= 3; groups++)
        for (uint32_t channels = 1; channels <= 19; channels += 3)
            for (uint32_t parts = 1; parts <= channels && parts <= 8; parts++) {
                check_encoding(CONVOY_F32, &random, groups, channels, parts);
                check_encoding(CONVOY_F64, &random, groups, channels, parts);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_factors), cmocka_unit_test(test_largest_numbers),
                                       cmocka_unit_test(test_encoding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
