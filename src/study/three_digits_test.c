#include "study/three_digits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},     {0.0123, "0.0123"}, {1, "1.00"},      {2.718, "2.72"},     {31.4159, "31.4"},
                 {100, "100"}, {999.4, "999"},     {1740.2, "1740"}, {1e-27, "1.00e-27"}, {2e7, "2.00e+07"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[THREE_DIGITS_SIZE];
        assert_string_equal(three_digits(cases[i].value, text), cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
