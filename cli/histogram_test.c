/* Quantiles of many distributions by buckets, against those by sorting. */
#include "histogram.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED  20260101
#define COUNT 20000
#define NEAR  (1.0 / 256) /* half of the widest bucket */

static const double shares[] = {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
#define SHARES (sizeof shares / sizeof *shares)

static void buckets_follow_each_other(void **state) {
    (void)state;
    for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        const double start = histogram_start(i), end = histogram_start(i + 1);
        assert_true(start < end);
        assert_true(end - start <= fmax(1, start / 128));
        assert_int_equal(histogram_bucket((uint64_t)start), i);
        if (i > 0)
            assert_int_equal(histogram_bucket((uint64_t)start - 1), i - 1);
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_true(histogram_start(HISTOGRAM_BUCKETS) == 0x1p64);
}

enum shape { UNIFORM, SMALL, LOGARITHMIC, TWO_HUMPS, HEAVY, CONSTANT, SHAPES };

static uint64_t draw(struct random *random, enum shape shape) {
    switch (shape) {
    case UNIFORM:
        return random_below(random, 1000000000);
    case SMALL:
        return random_below(random, 300);
    case LOGARITHMIC:
        return (uint64_t)exp(30 * random_unit(random));
    case TWO_HUMPS:
        return (uint64_t)(fabs(random_normal(random)) * 1e3) + (random_below(random, 2) ? 5000000 : 100000);
    case HEAVY:
        return (uint64_t)fmin(1e5 / (1 - random_unit(random)), 1e18);
    default:
        return 123456789;
    }
}

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void expect_quantiles(const struct histogram *histogram, const uint64_t *sorted, size_t count,
                             enum shape shape) {
    for (size_t s = 0; s < SHARES; s++) {
        size_t rank = 0; /* the first that so many do not exceed */
        while (rank + 1 < count && (double)(rank + 1) + 1e-6 < shares[s] * (double)count)
            rank++;
        const double wanted = (double)sorted[rank], found = histogram_quantile(histogram, shares[s]);
        if (fabs(found - wanted) > wanted * NEAR + 1e-9)
            fail_msg("shape %d, seed %d, %zu values: quantile %g is %g, not %g", (int)shape, SEED, count,
                     shares[s], found, wanted);
    }
}

static void quantiles_are_those_of_sorting(void **state) {
    (void)state;
    struct histogram *histogram = calloc(1, sizeof *histogram);
    uint64_t *values = calloc(COUNT, sizeof *values);
    struct random random;
    assert_true(histogram && values);
    random_seed(&random, SEED);
    for (enum shape shape = UNIFORM; shape < SHAPES; shape++)
        for (size_t count = 1; count <= COUNT; count = count * 3 + 1) {
            double sum = 0;
            histogram_clear(histogram);
            for (size_t i = 0; i < count; i++) {
                values[i] = draw(&random, shape);
                sum += (double)values[i];
                histogram_add(histogram, values[i]);
            }
            qsort(values, count, sizeof *values, compare);
            expect_quantiles(histogram, values, count, shape);
            assert_int_equal(histogram->count, count);
            assert_int_equal(histogram->least, values[0]);
            assert_int_equal(histogram->most, values[count - 1]);
            assert_true(fabs(histogram_mean(histogram) - sum / (double)count) <= 1e-9 * sum);
        }
    free(histogram);
    free(values);
}

static void an_empty_one_has_zeros(void **state) {
    (void)state;
    struct histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    assert_true(histogram_quantile(histogram, 0.5) == 0);
    assert_true(histogram_mean(histogram) == 0);
    assert_false(histogram_supports(histogram, 0.5));
    free(histogram);
}

static void quantiles_need_enough_values(void **state) {
    static const struct {
        double share;
        uint64_t least;
    } cases[] = {{0.5, 5}, {0.9, 29}, {0.99, 299}, {0.999, 2995}};
    struct histogram *histogram = calloc(1, sizeof *histogram);
    (void)state;
    assert_non_null(histogram);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        histogram->count = cases[i].least - 1;
        assert_false(histogram_supports(histogram, cases[i].share));
        histogram->count = cases[i].least;
        assert_true(histogram_supports(histogram, cases[i].share));
    }
    free(histogram);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_each_other),
        cmocka_unit_test(quantiles_are_those_of_sorting),
        cmocka_unit_test(an_empty_one_has_zeros),
        cmocka_unit_test(quantiles_need_enough_values),
    };
    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
