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

/* Runs by the workers, one after the other. */
static void note(struct adaptation *a, int runs, double took_ns, bool spares_asked) {
    for (int i = 0; i < runs; i++) {
        const struct adapted_run run = {.looks = a->here, .asked = a->asked};
        adaptation_note_coded(a, &run, took_ns, run.asked + spares_asked);
    }
}

/* One run begins; whether the workers compute it. */
static bool begins_coded(struct adaptation *a) {
    const struct adapted_run run = adaptation_begin(a);
    assert_true(run.asked >= a->least && run.asked <= a->most);
    assert_false(run.here && run.looks);
    return !run.here;
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
    assert_true(begins_coded(&a)); /* too few runs to tell */
    note(&a, 1, 5e6, false);
    int here = 0;
    for (; !begins_coded(&a); here++)
        adaptation_note_here(&a, 1.1e6);
    assert_int_equal(here, 64);
    note(&a, 1, 5e6, false); /* still slow */
    assert_false(begins_coded(&a));
    for (here = 1; !begins_coded(&a); here++)
        adaptation_note_here(&a, 1.1e6);
    assert_int_equal(here, 64);
    note(&a, 1, 0.5e6, false); /* fast again */
    for (int run = 0; run < 100; run++) {
        assert_true(begins_coded(&a));
        note(&a, 1, 0.5e6, false);
    }
}

/* A little slower, or not known how fast it is here: as planned. */
static void test_stays(void **state) {
    (void)state;
    struct adaptation a = of_four(1e6), unknown = of_four(0);
    for (int run = 0; run < 100; run++) {
        assert_true(begins_coded(&a) && begins_coded(&unknown));
        note(&a, 1, 1.2e6, false);
        note(&unknown, 1, 1e9, false);
    }
}

/* Eight runs at a time: those that began before the number of workers changed asked another number, which is
 * no sign that spares were needed. */
static void test_runs_in_flight_and_asked(void **state) {
    (void)state;
    enum { IN_FLIGHT = 8 };
    struct adaptation a = of_four(0);
    struct adapted_run runs[IN_FLIGHT];
    note(&a, 2, 3e6, true);
    assert_int_equal(a.asked, 5);
    note(&a, 63, 1e6, false);
    for (int i = 0; i < IN_FLIGHT; i++)
        runs[i] = adaptation_begin(&a);
    for (int i = 0; i < IN_FLIGHT; i++)
        adaptation_note_coded(&a, &runs[i], 1e6, runs[i].asked);
    assert_int_equal(a.asked, 4);
    for (int i = 0; i < IN_FLIGHT; i++)
        runs[i] = adaptation_begin(&a);
    for (int i = 0; i < IN_FLIGHT; i++)
        adaptation_note_coded(&a, &runs[i], 3e6, runs[i].asked + 1);
    assert_int_equal(a.asked, 5); /* one step, of which none of these runs tells whether it suffices */
}

/* A fast run that began before the layer was left here is no look at the workers. */
static void test_runs_in_flight_and_here(void **state) {
    (void)state;
    struct adaptation a = of_four(1e6);
    const struct adapted_run before = adaptation_begin(&a);
    note(&a, 8, 5e6, false);
    assert_true(a.here);
    adaptation_note_coded(&a, &before, 0.1e6, 4);
    assert_true(a.here);
    assert_int_equal(a.runs_to_look, 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_follows),
        cmocka_unit_test(test_asked_returns),
        cmocka_unit_test(test_here_and_back),
        cmocka_unit_test(test_stays),
        cmocka_unit_test(test_runs_in_flight_and_asked),
        cmocka_unit_test(test_runs_in_flight_and_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
