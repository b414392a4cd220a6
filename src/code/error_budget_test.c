#include "code/error_budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Per type: the bound at κ = 1, and the largest κ that is within the budget (docs/scheme.md, "Errors"). */
static const struct {
    convoy_dtype answers;
    double bound, largest;
} cases[] = {
    {CONVOY_F32, 0x1p-22, 1e-3 * 0x1p22},
    {CONVOY_F64, 0x1p-51, 1e-3 * 0x1p51},
    {CONVOY_BF16, 0x1p-8, 32},
    {CONVOY_F16, 0x1p-11, 256},
};

static void test_bounds_and_budgets(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_dtype type = cases[i].answers;
        double largest = cases[i].largest;
        assert_true(error_bound(type, 1) == cases[i].bound);
        assert_true(error_bound(type, 10) == 10 * cases[i].bound);
        assert_true(error_is_within_budget(type, 1));
        assert_true(error_is_within_budget(type, largest * (1 - 1e-12)));
        assert_false(error_is_within_budget(type, largest * (1 + 1e-12)));
    }
}

static void test_a_singular_system_is_beyond_every_budget(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(error_is_within_budget(cases[i].answers, INFINITY));
        assert_false(error_is_within_budget(cases[i].answers, NAN));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_and_budgets),
        cmocka_unit_test(test_a_singular_system_is_beyond_every_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
