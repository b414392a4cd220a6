#include "code/error_budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_budgets(void **state) {
    (void)state;
    static const struct {
        convoy_dtype frames;
        double most; /* κ */
    } budgets[] = {{CONVOY_BF16, 32}, {CONVOY_F16, 256}, {CONVOY_F32, 4194}, {CONVOY_F64, 2.25e12}};
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        assert_true(error_is_within_budget(budgets[i].frames, 1));
        assert_true(error_is_within_budget(budgets[i].frames, budgets[i].most));
        assert_false(error_is_within_budget(budgets[i].frames, 1.01 * budgets[i].most));
        assert_false(error_is_within_budget(budgets[i].frames, INFINITY));
        assert_false(error_is_within_budget(budgets[i].frames, NAN));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_budgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
