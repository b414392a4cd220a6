#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* xoshiro256** of the state that splitmix64 makes of 0, worked out independently (in Python's integers). */
static void test_first_numbers(void **state) {
    (void)state;
    static const uint64_t expected[] = {UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a),
                                        UINT64_C(0x1a5f849d4933e6e0), UINT64_C(0x6aa594f1262d2d2c)};
    struct random random;
    random_seed(&random, 0);
    assert_true(random.state[0] ==
                UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64's own published first number */
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(random_u64(&random) == expected[i]);
}

static void test_below_is_uniform(void **state) {
    (void)state;
    enum { BOUND = 7, DRAWS = 70000 };
    int counts[BOUND] = {0};
    struct random random;
    random_seed(&random, 5);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t value = random_below(&random, BOUND);
        assert_true(value < BOUND);
        counts[value]++;
    }
    for (int i = 0; i < BOUND; i++) /* five standard deviations */
        assert_true(fabs((double)counts[i] - (double)DRAWS / BOUND) < 5 * sqrt((double)DRAWS / BOUND));
    assert_true(random_below(&random, 1) == 0);
    for (int i = 0; i < 100; i++) /* a bound above half of the range rejects nearly half of the draws */
        assert_true(random_below(&random, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void test_unit_and_normal(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    double unit_sum = 0, sum = 0, squares = 0, fourths = 0;
    struct random random;
    random_seed(&random, 6);
    for (int i = 0; i < DRAWS; i++) {
        double unit = random_unit(&random), normal = random_normal(&random);
        assert_true(unit >= 0 && unit < 1);
        assert_true(isfinite(normal));
        unit_sum += unit;
        sum += normal;
        squares += normal * normal;
        fourths += normal * normal * normal * normal;
    }
    double deviation = 1 / sqrt(DRAWS);
    assert_true(fabs(unit_sum / DRAWS - 0.5) < 5 * deviation * sqrt(1 / 12.0));
    assert_true(fabs(sum / DRAWS) < 5 * deviation);
    assert_true(fabs(squares / DRAWS - 1) < 5 * deviation * sqrt(2));
    assert_true(fabs(fourths / DRAWS - 3) < 5 * deviation * sqrt(96));
}

static void test_seeds_differ(void **state) {
    (void)state;
    struct random a, b, c;
    random_seed(&a, 1);
    random_seed(&b, 2);
    random_seed(&c, 1);
    uint64_t first = random_u64(&a);
    assert_true(first != random_u64(&b));
    assert_true(first == random_u64(&c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_numbers),
        cmocka_unit_test(test_below_is_uniform),
        cmocka_unit_test(test_unit_and_normal),
        cmocka_unit_test(test_seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
