/* Who is drawn, and that what is seen of runs is what the cluster reports. No time is looked at. */
#include "study/straggler_runs.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 6, STRAGGLERS = 2, RUNS = 3 };

static void test_draw(void **state) {
    (void)state;
    bool late[WORKERS], again[WORKERS];
    uint32_t often[WORKERS] = {0};
    for (uint64_t seed = 0; seed < 600; seed++) {
        const uint32_t wanted = (uint32_t)(seed % (WORKERS + 1));
        uint32_t count = 0;
        straggler_draw(seed, WORKERS, wanted, late);
        straggler_draw(seed, WORKERS, wanted, again);
        assert_memory_equal(late, again, sizeof late);
        for (uint32_t w = 0; w < WORKERS; w++) {
            count += late[w];
            often[w] += late[w];
        }
        assert_int_equal(count, wanted);
    }
    for (uint32_t w = 0; w < WORKERS; w++) /* 300 of 600 are expected */
        assert_true(often[w] > 240 && often[w] < 360);
}

/* As many late as may be: nothing fails, and the workers compute all runs. */
static void test_runs(void **state) {
    (void)state;
    struct conv_geometry layer = {.spatial = 2,
                                  .batch = 1,
                                  .groups = 1,
                                  .in_channels = 4,
                                  .out_channels = 16,
                                  .in = {16, 8},
                                  .kernel = {3, 3},
                                  .stride = {1, 1},
                                  .dilation = {1, 1},
                                  .pad_begin = {1, 1},
                                  .pad_end = {1, 1}};
    const bool late[WORKERS] = {true, false, false, true, false, false};
    double ms[RUNS];
    struct straggler_runs runs;
    assert_int_equal(conv_geometry_complete(&layer, NULL), CONVOY_OK);
    const struct straggler_setup setup = {.layer = &layer,
                                          .family = code_family_at(0),
                                          .workers = WORKERS,
                                          .stragglers = STRAGGLERS,
                                          .input_parts = 4,
                                          .filter_parts = 4,
                                          .late = late,
                                          .delay_ns = 5 * NS_PER_MS,
                                          .runs = RUNS};
    assert_int_equal(straggler_runs_measure(&setup, ms, &runs, NULL), CONVOY_OK);
    assert_true(runs.coded);
    assert_false(runs.failed);
    assert_int_equal(runs.here, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
