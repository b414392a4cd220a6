#include "plan/profile_fit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool is_near(double a, double b) {
    return fabs(a - b) <= 1e-12 * fabs(b);
}

static struct compute_rates rates_of(double all) {
    return (struct compute_rates){{all, all, all, all}};
}

static void test_medians(void **state) {
    (void)state;
    const struct compute_rates rounds[] = {rates_of(3), rates_of(1), rates_of(100)};
    assert_true(rates_fit(rounds, 3).macs_per_ns[RATE_PRODUCT] == 3);
    assert_true(rates_fit(rounds, 2).macs_per_ns[RATE_CONVOLUTION] == 2);
    assert_true(rates_fit(rounds, 1).macs_per_ns[RATE_DEPTHWISE] == 3);
}

static void test_deviation(void **state) {
    (void)state;
    const struct compute_rates even[] = {rates_of(2), rates_of(2), rates_of(2)};
    const struct compute_rates spread[] = {rates_of(exp(-0.2)), rates_of(1), rates_of(exp(0.2))};
    const struct compute_rates wild[] = {rates_of(1), rates_of(1e3), rates_of(1e6)};
    assert_true(fabs(deviation_fit(even, 3)) < 1e-12);
    assert_true(fabs(deviation_fit(spread, 3) - 0.2 * sqrt(4.0 / 4)) < 1e-12);
    assert_true(deviation_fit(spread, 2) == 0); /* two rounds tell nothing */
    assert_true(deviation_fit(wild, 3) == 1);
}

static struct worker_measures measured(double rate, uint64_t memory_bytes) {
    return (struct worker_measures){.rates = {rates_of(rate)}, .rounds = 1, .memory_bytes = memory_bytes};
}

static void test_kinds(void **state) {
    (void)state;
    struct profile profile = {0};
    const struct worker_measures measures[] = {measured(10, 500), measured(3, 0), measured(10.8, 400),
                                               measured(11.5, 0), measured(3.1, 0)};
    workers_fit(&profile, measures, 5);
    assert_int_equal(profile.worker_kinds, 3);
    assert_int_equal(profile_workers(&profile), 5);
    assert_int_equal(profile.workers[0].count, 2);
    assert_true(is_near(profile.workers[0].rates.macs_per_ns[RATE_POINTWISE], 10.4));
    assert_int_equal(profile.workers[0].memory_bytes, 400);
    assert_int_equal(profile.workers[1].count, 2);
    assert_true(is_near(profile.workers[1].rates.macs_per_ns[RATE_POINTWISE], 3.05));
    assert_true(is_near(profile.workers[2].rates.macs_per_ns[RATE_POINTWISE], 11.5)); /* not like the first */
}

/* What a worker says of its memory costs nobody the profile. */
static void test_endless_memory(void **state) {
    (void)state;
    struct profile profile;
    const struct worker_measures measures[] = {measured(10, UINT64_MAX)};
    assert_int_equal(profile_preset(&profile, "pi4-wifi", NULL), CONVOY_OK);
    workers_fit(&profile, measures, 1);
    assert_int_equal(profile_check(&profile, NULL), CONVOY_OK);
    assert_int_equal(profile.workers[0].memory_bytes, 0);
}

/* One kind of rate alone is another. */
static void test_every_rate_counts(void **state) {
    (void)state;
    struct profile profile = {0};
    struct worker_measures measures[] = {measured(10, 0), measured(10, 0)};
    measures[1].rates[0].macs_per_ns[RATE_PRODUCT] = 8;
    workers_fit(&profile, measures, 2);
    assert_int_equal(profile.worker_kinds, 2);
}

static void test_link(void **state) {
    (void)state;
    double together[] = {4e6, 4e6, 4e6, 4e6}, in_turns[] = {3e6, 1e6, 4e6, 2e6},
           one_slow[] = {3e6, 3e6, 90e6, 3e6}, alone[] = {2e6}, at_once[] = {0, 0};
    assert_true(is_near(link_fit(1e6, together, 4), 1));
    assert_true(is_near(link_fit(1e6, in_turns, 4), 1));
    assert_true(is_near(link_fit(1e6, one_slow, 4), 1));
    assert_true(is_near(link_fit(1e6, alone, 1), 0.5));
    assert_true(isfinite(link_fit(1e6, at_once, 2)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_medians),
                                       cmocka_unit_test(test_deviation),
                                       cmocka_unit_test(test_kinds),
                                       cmocka_unit_test(test_endless_memory),
                                       cmocka_unit_test(test_every_rate_counts),
                                       cmocka_unit_test(test_link)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
