#include "plan/slowness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED  7
#define DRAWS 200000

static double draws[DRAWS];

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted; returns their mean. */
static double draw(const struct slowness *slowness) {
    struct random random;
    double sum = 0;
    random_seed(&random, SEED);
    for (size_t i = 0; i < DRAWS; i++)
        sum += draws[i] = slowness_draw(slowness, &random);
    qsort(draws, DRAWS, sizeof draws[0], compare);
    return sum / DRAWS;
}

static double quantile(double share) {
    return draws[(size_t)(share * DRAWS)];
}

static void assert_near(const char *what, double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance * expected))
        fail_msg("seed %d: %s is %g, not %g", SEED, what, found, expected);
}

/* 200,000 draws: means and quantiles that are not in a thin tail err by less than a hundredth. */
static void test_no_slowness_is_the_usual_time(void **state) {
    (void)state;
    assert_true(draw(&(struct slowness){0}) == 1);
    assert_true(draws[0] == 1 && draws[DRAWS - 1] == 1);
}

static void test_deviation_is_of_the_logarithm(void **state) {
    (void)state;
    const double deviation = 0.5, z_90 = 1.2815515655446004; /* normal quantile of nine tenths */
    double mean = draw(&(struct slowness){.deviation = deviation});
    assert_near("mean", mean, exp(deviation * deviation / 2), 0.01);
    assert_near("tenth", quantile(0.1), exp(-deviation * z_90), 0.01);
    assert_near("median", quantile(0.5), 1, 0.01);
    assert_near("nine tenths", quantile(0.9), exp(deviation * z_90), 0.01);
}

static void test_exponential_is_added_to_the_usual_time(void **state) {
    (void)state;
    const double exponential = 0.25;
    double mean = draw(&(struct slowness){.exponential = exponential});
    assert_true(draws[0] >= 1);
    assert_near("mean", mean, 1 + exponential, 0.01);
    assert_near("median", quantile(0.5), 1 + exponential * log(2), 0.01);
    assert_near("nine tenths", quantile(0.9), 1 + exponential * log(10), 0.01);
    assert_near("99 of a hundred", quantile(0.99), 1 + exponential * log(100), 0.02);
}

static void test_stalls_come_in_their_share(void **state) {
    (void)state;
    const struct slowness rare = {.stall_share = 0.05, .stall_times = 40};
    double mean = draw(&rare);
    assert_near("mean", mean, 1 + 0.05 * 39, 0.03);
    assert_true(quantile(0.94) == 1 && quantile(0.96) == 40);
    assert_true(draw(&(struct slowness){.stall_share = 1, .stall_times = 3}) == 3);
}

/* They are independent: the mean is the product of the means. */
static void test_all_together(void **state) {
    (void)state;
    const struct slowness all = {.deviation = 0.3, .exponential = 0.5, .stall_share = 0.1, .stall_times = 10};
    assert_near("mean", draw(&all), exp(0.3 * 0.3 / 2) * 1.5 * 1.9, 0.03);
    assert_true(draws[0] > 0);
}

static void test_largest_slowness_stays_finite(void **state) {
    (void)state;
    const struct slowness worst = {
        .deviation = 2, .exponential = 100, .stall_share = 0.5, .stall_times = 1e4};
    assert_true(slowness_is_valid(&worst));
    draw(&worst);
    assert_true(draws[0] > 0 && isfinite(draws[DRAWS - 1]));
}

static void test_validity(void **state) {
    (void)state;
    static const struct {
        struct slowness slowness;
        bool valid, none;
    } cases[] = {
        {{0}, true, true},
        {{.stall_times = 5}, true, true}, /* of no answers */
        {{2, 100, 1, 1e4}, true, false},
        {{.deviation = 1e-9}, true, false},
        {{.exponential = 1e-9}, true, false},
        {{.stall_share = 1e-9, .stall_times = 1}, true, false},
        {{.stall_share = 0.1}, false, false}, /* stalls for no time */
        {{.stall_share = 0.1, .stall_times = 0.99}, false, false},
        {{.deviation = -1e-9}, false, false},
        {{.deviation = 2.01}, false, false},
        {{.exponential = -1}, false, false},
        {{.exponential = 101}, false, false},
        {{.stall_share = -0.1, .stall_times = 2}, false, false},
        {{.stall_share = 1.01, .stall_times = 2}, false, false},
        {{.stall_share = 0.1, .stall_times = 10001}, false, false},
        {{.deviation = (double)NAN}, false, false},
        {{.exponential = (double)NAN}, false, false},
        {{.stall_share = (double)NAN, .stall_times = 2}, false, false},
        {{.stall_share = 0.1, .stall_times = (double)NAN}, false, false},
        {{.stall_times = (double)NAN}, false, true},
        {{.exponential = (double)INFINITY}, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (slowness_is_valid(&cases[i].slowness) != cases[i].valid ||
            slowness_is_none(&cases[i].slowness) != cases[i].none)
            fail_msg("case %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_slowness_is_the_usual_time),
        cmocka_unit_test(test_deviation_is_of_the_logarithm),
        cmocka_unit_test(test_exponential_is_added_to_the_usual_time),
        cmocka_unit_test(test_stalls_come_in_their_share),
        cmocka_unit_test(test_all_together),
        cmocka_unit_test(test_largest_slowness_stays_finite),
        cmocka_unit_test(test_validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
