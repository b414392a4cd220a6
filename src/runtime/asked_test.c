/* Fewer workers are asked than are there: the others are spares, which are asked if those that were cannot
 * suffice any more, or take long. */
#include "base/clock.h"
#include "cluster_rig.h"
#include "runtime/coded_layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20260301

#define TOLERANCE 1.5e-5 /* as in cluster_test.c */

/* Six workers, any four of whom suffice, and four of whom are asked. */
static void rig_open(struct cluster_rig *rig, const char *const *faults, bool fallback) {
    cluster_rig_open(rig, &(struct cluster_rig_setup){.workers = 6,
                                                      .stragglers = 2,
                                                      .asked = 4,
                                                      .faults = faults,
                                                      .no_fallback = !fallback,
                                                      .seed = SEED});
}

static struct coded_layer *layer_of(struct cluster_rig *rig) {
    return (struct coded_layer *)rig->layer;
}

/* One run, decoded and right. */
static convoy_layer_report run(struct cluster_rig *rig) {
    convoy_layer_report report;
    double error = 0;
    assert_int_equal(cluster_rig_run(rig, &report, &error), CONVOY_OK);
    if (error > TOLERANCE)
        fail_msg("error %g with condition %g", error, report.condition);
    if (!report.coded)
        fail_msg("computed here: %s", report.why_local);
    return report;
}

/* The same, after runs that took so long that no task is overdue now, however busy the machine is. */
static convoy_layer_report run_patiently(struct cluster_rig *rig) {
    atomic_store(&layer_of(rig)->recent_ns, 1000 * NS_PER_S);
    return run(rig);
}

static uint32_t count_outcome(const convoy_layer_report *report, convoy_outcome outcome) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < 6; w++)
        count += report->outcome[w] == outcome;
    return count;
}

/* Before it is known what a layer takes all are asked; then four, and the spares are neither late nor lost.
 */
static void test_all_well(void **state) {
    (void)state;
    struct cluster_rig rig;
    rig_open(&rig, NULL, false);
    convoy_layer_report first = run(&rig);
    assert_true(first.asked > 4);
    assert_int_equal(count_outcome(&first, CONVOY_OUTCOME_USED), 4);
    assert_true(atomic_load(&layer_of(&rig)->recent_ns) > 0);
    for (int i = 0; i < 50; i++) {
        convoy_layer_report report = run_patiently(&rig);
        assert_int_equal(report.asked, 4);
        assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_USED), 4);
        assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_SPARE), 2);
    }
    cluster_rig_close(&rig);
}

/* The count may change between two runs. Fewer are asked only while one of them is slow, as the scheduler of
 * a busy machine may make it: its task is held. */
static void test_count_changes(void **state) {
    (void)state;
    struct cluster_rig rig;
    rig_open(&rig, NULL, false);
    static const struct {
        uint32_t wanted, asked;
    } counts[] = {{5, 5}, {6, 6}, {100, 6}, {0, 4}, {3, 4}, {4, 4}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t until_ns = clock_now_ns() + 30 * NS_PER_S;
        atomic_store(&layer_of(&rig)->asked, counts[i].wanted);
        uint32_t asked = 0;
        while (asked != counts[i].asked && clock_now_ns() < until_ns) {
            asked = run_patiently(&rig).asked;
            assert_in_range(asked, 4, counts[i].asked);
        }
        assert_int_equal(asked, counts[i].asked);
    }
    cluster_rig_close(&rig);
}

/* One of the four is killed, loses its answer or does not answer: spares are asked, long before the usual
 * time. */
static void test_spares_are_needed(void **state) {
    (void)state;
    static const char *const kinds[] = {"1:kill@conv2", "1:drop=1", "1:corrupt", "1:slow=1000000x"};
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
        const char *kind = kinds[i / 2], *const faults[] = {kind, NULL};
        struct cluster_rig rig;
        rig_open(&rig, faults, i % 2);
        convoy_layer_report report = run_patiently(&rig);
        if (report.asked <= 4)
            fail_msg("%s: %u were asked", kind, report.asked);
        assert_int_equal(report.outcome[1], strstr(kind, "slow") ? CONVOY_OUTCOME_LATE : CONVOY_OUTCOME_LOST);
        assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_USED), 4);
        cluster_rig_close(&rig);
    }
}

/* A worker that is gone when a job begins is not counted: four others are asked, and a fifth only if one of
 * them takes long, as on a busy machine. */
static void test_others_instead(void **state) {
    (void)state;
    static const char *const faults[] = {"1:kill@conv2", NULL};
    struct cluster_rig rig;
    rig_open(&rig, faults, false);
    run_patiently(&rig);
    const uint64_t until_ns = clock_now_ns() + 30 * NS_PER_S;
    for (int four = 0; four < 10;) {
        convoy_layer_report report = run_patiently(&rig);
        assert_in_range(report.asked, 4, 5);
        assert_int_equal(report.outcome[1], CONVOY_OUTCOME_LOST);
        four += report.asked == 4;
        assert_true(clock_now_ns() < until_ns);
    }
    cluster_rig_close(&rig);
}

/* One of the four takes much longer than the layer usually does: spares answer instead, before it is late. */
static void test_overdue(void **state) {
    (void)state;
    static const char *const faults[] = {"1:slow=1000000x", NULL};
    struct cluster_rig rig;
    rig_open(&rig, faults, false);
    atomic_store(&layer_of(&rig)->recent_ns, NS_PER_MS);
    convoy_layer_report report = run(&rig);
    assert_true(report.asked > 4);
    assert_int_equal(report.outcome[1], CONVOY_OUTCOME_LATE);
    cluster_rig_close(&rig);
}

/* The layer is left here, because workers are slow, and computed by them again when they are looked at. */
static void test_here_and_back(void **state) {
    (void)state;
    struct cluster_rig rig;
    cluster_rig_open(&rig, &(struct cluster_rig_setup){
                               .workers = 6, .stragglers = 2, .asked = 4, .adapt = true, .seed = SEED});
    struct adaptation *adaptation = &layer_of(&rig)->adaptation;
    adaptation->here = true;
    adaptation->here_ns = 1e15;
    adaptation->runs_to_look = 3;
    for (int i = 0; i < 3; i++) {
        convoy_layer_report report;
        double error = 1;
        assert_int_equal(cluster_rig_run(&rig, &report, &error), CONVOY_OK);
        assert_true(error <= TOLERANCE);
        assert_false(report.coded || report.fallback);
        assert_int_equal(report.asked, 0);
        assert_string_equal(report.why_local, "slower on the workers just now");
    }
    assert_true(adaptation->here);
    for (int i = 0; i < 3; i++)
        assert_true(run(&rig).asked >= 4);
    assert_false(adaptation->here);
    cluster_rig_close(&rig);
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_well),          cmocka_unit_test(test_count_changes),
        cmocka_unit_test(test_spares_are_needed), cmocka_unit_test(test_others_instead),
        cmocka_unit_test(test_overdue),           cmocka_unit_test(test_here_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
