/* What is said of a worker's share, for every state and standing. */
#include "runtime/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NONE   CONVOY_OUTCOME_NONE
#define USED   CONVOY_OUTCOME_USED
#define UNUSED CONVOY_OUTCOME_UNUSED
#define LATE   CONVOY_OUTCOME_LATE
#define LOST   CONVOY_OUTCOME_LOST
#define WRONG  CONVOY_OUTCOME_WRONG
#define SPARE  CONVOY_OUTCOME_SPARE

#define STANDINGS (WORKER_LEFT_OUT + 1)

/* Who got a task is judged by what became of it, whatever was thought of the worker. */
static void test_tasks(void **state) {
    (void)state;
    static const convoy_outcome expected[] = {
        [TASK_HELD] = SPARE, [TASK_WAITING] = SPARE, [TASK_SENT] = SPARE,    [TASK_ANSWERED] = UNUSED,
        [TASK_LOST] = LOST,  [TASK_WRONG] = WRONG,   [TASK_DECLINED] = LOST, [TASK_LATE] = LATE};
    for (int task = TASK_HELD; task <= TASK_LATE; task++)
        for (int standing = 0; standing < STANDINGS; standing++)
            for (int asked = 0; asked < 2; asked++) {
                assert_int_equal(
                    outcome_of((enum task_state)task, (enum worker_standing)standing, false, asked),
                    expected[task]);
                assert_int_equal(
                    outcome_of((enum task_state)task, (enum worker_standing)standing, true, asked), USED);
            }
}

/* Who got none is judged by why; of those that are well nothing is said if nobody could be asked. */
static void test_no_task(void **state) {
    (void)state;
    static const convoy_outcome expected[STANDINGS][2] = {
        [WORKER_FREE] = {NONE, SPARE}, [WORKER_SLOW] = {NONE, SPARE},   [WORKER_UNREADY] = {NONE, SPARE},
        [WORKER_LATE] = {LATE, LATE},  [WORKER_STALLED] = {LATE, LATE}, [WORKER_SILENT] = {LATE, LATE},
        [WORKER_DEAD] = {LOST, LOST},  [WORKER_ABSENT] = {NONE, NONE},  [WORKER_LEFT_OUT] = {NONE, SPARE}};
    for (int standing = 0; standing < STANDINGS; standing++)
        for (int asked = 0; asked < 2; asked++)
            assert_int_equal(outcome_of(TASK_NONE, (enum worker_standing)standing, false, asked),
                             expected[standing][asked]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tasks), cmocka_unit_test(test_no_task)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
