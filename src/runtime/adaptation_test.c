/* What is asked, and where, by times alone. */
#include "runtime/adaptation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct adaptation of_four(double here_ns) {
    struct adaptation a;
    adaptation_init(&a, 4, 6, here_ns);
    return a;
}

static void note(struct adaptation *a, int runs, double took_ns, bool spares_asked) {
    for (int run = 0; run < runs; run++)
        adaptation_note_coded(a, took_ns, spares_asked);
}

/* One accident changes nothing; a worker that is slow from now on is asked around within a few runs. */
static void test_asked_follows(void **state) {
    (void)state;
    struct adaptation a = of_four(0);
    note(&a, 20, 1e6, false);
    note(&a, 1, 3e6, true);
    note(&a, 20, 1e6, false);
    assert_int_equal(a.asked, 4);
    note(&a, 2, 3e6, true);
    assert_int_equal(a.asked, 5);
    note(&a, 2, 3e6, true);
    assert_int_equal(a.asked, 6);
    note(&a, 10, 3e6, true);
    assert_int_equal(a.asked, 6); /* there are no more */
}

static void test_asked_returns(void **state) {
    (void)state;
    struct adaptation a = of_four(0);
    note(&a, 4, 3e6, true);
    assert_int_equal(a.asked, 6);
    note(&a, 63, 1e6, false);
    assert_int_equal(a.asked, 6);
    note(&a, 1, 1e6, false);
    assert_int_equal(a.asked, 5);
    note(&a, 1000, 1e6, false);
    assert_int_equal(a.asked, 4); /* never fewer than planned */
}

/* Slower than here for some runs: computed here, and tried again from time to time. */
static void test_here_and_back(void **state) {
    (void)state;
    struct adaptation a = of_four(1e6);
    note(&a, 7, 5e6, false);
    assert_true(adaptation_begin(&a)); /* too few runs to tell */
    note(&a, 1, 5e6, false);
    int here = 0;
    for (; !adaptation_begin(&a); here++)
        adaptation_note_here(&a, 1.1e6);
    assert_int_equal(here, 64);
    note(&a, 1, 5e6, false); /* still slow */
    assert_false(adaptation_begin(&a));
    for (here = 1; !adaptation_begin(&a); here++)
        adaptation_note_here(&a, 1.1e6);
    assert_int_equal(here, 64);
    note(&a, 1, 0.5e6, false); /* fast again */
    for (int run = 0; run < 100; run++) {
        assert_true(adaptation_begin(&a));
        note(&a, 1, 0.5e6, false);
    }
}

/* A little slower, or not known how fast it is here: as planned. */
static void test_stays(void **state) {
    (void)state;
    struct adaptation a = of_four(1e6), unknown = of_four(0);
    for (int run = 0; run < 100; run++) {
        assert_true(adaptation_begin(&a) && adaptation_begin(&unknown));
        note(&a, 1, 1.2e6, false);
        note(&unknown, 1, 1e9, false);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_follows),
        cmocka_unit_test(test_asked_returns),
        cmocka_unit_test(test_here_and_back),
        cmocka_unit_test(test_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
