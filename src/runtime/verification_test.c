/* Answers that are checked: right ones pass, whatever kernel, frames and layout; wrong ones do not. */
#include "cluster_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SEED 20261128

struct tally {
    uint32_t wrong, worker;
    bool distrusted;
    double deviation, limit;
};

static void count(void *context, const convoy_wrong_answer *wrong) {
    struct tally *tally = context;
    tally->wrong++;
    tally->worker = wrong->worker;
    tally->distrusted = tally->distrusted || wrong->distrusted;
    tally->deviation = wrong->deviation;
    tally->limit = wrong->limit;
    print_message("worker %u: %g limit %g\n", wrong->worker, wrong->deviation, wrong->limit);
}

static void test_first(void **state) {
    (void)state;
    struct tally tally = {0};
    static const char *const faults[] = {"1:lie=1e-3,1e-3,1", NULL};
    struct cluster_rig rig;
    cluster_rig_open(&rig, &(struct cluster_rig_setup){.workers = 6,
                                                       .stragglers = 2,
                                                       .seed = SEED,
                                                       .verify = VERIFY_ALL,
                                                       .faults = faults,
                                                       .wrong_answer = count,
                                                       .wrong_answer_context = &tally});
    for (int i = 0; i < 20; i++) {
        convoy_layer_report report;
        double error = 0;
        assert_int_equal(cluster_rig_run(&rig, &report, &error), CONVOY_OK);
        print_message("error %g verify %g ms coded %d\n", error, report.verify_ms, report.coded);
        assert_true(error < 1.5e-5);
    }
    cluster_rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
