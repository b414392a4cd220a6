/* What is told of steps and tasks. */
#include "base/tracing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct told {
    convoy_trace_event events[4];
    uint32_t count;
};

static void tell(void *context, const convoy_trace_event *event) {
    struct told *told = context;
    assert_in_range(told->count, 0, 3);
    told->events[told->count++] = *event;
}

static void test_step(void **state) {
    (void)state;
    struct told told = {0};
    const struct trace trace = {tell, &told};
    trace_step(&trace, &(struct trace_place){.inference = 5, .row = 2}, CONVOY_TRACE_DECODE, "conv", 10, 17);
    assert_int_equal(told.count, 1);
    const convoy_trace_event *event = &told.events[0];
    assert_int_equal(event->step, CONVOY_TRACE_DECODE);
    assert_int_equal(event->row, 2);
    assert_int_equal(event->inference, 5);
    assert_string_equal(event->layer, "conv");
    assert_int_equal(event->start_ns, 10);
    assert_int_equal(event->end_ns, 17);
    assert_int_equal(event->outcome, CONVOY_OUTCOME_NONE);
}

/* A task sent at 2000 whose answer came at 9000, of a worker that says it computed for so many microseconds.
 */
static void expect_computing(uint32_t took_us, uint32_t count, uint64_t start_ns) {
    struct told told = {0};
    const struct trace trace = {tell, &told};
    const struct trace_task task = {.layer = "conv",
                                    .inference = 3,
                                    .worker = 4,
                                    .row = 1,
                                    .asked_ns = 1000,
                                    .sent_ns = 2000,
                                    .ended_ns = 9000,
                                    .took_us = took_us,
                                    .outcome = CONVOY_OUTCOME_LATE};
    trace_task(&trace, &task);
    assert_int_equal(told.count, count);
    for (uint32_t i = 0; i < count; i++) {
        const convoy_trace_event *event = &told.events[i];
        assert_int_equal(event->worker, 4);
        assert_int_equal(event->row, 1);
        assert_int_equal(event->inference, 3);
        assert_int_equal(event->end_ns, 9000);
        assert_string_equal(event->layer, "conv");
        assert_int_equal(event->step, i ? CONVOY_TRACE_COMPUTE : CONVOY_TRACE_TASK);
        assert_int_equal(event->outcome, i ? CONVOY_OUTCOME_NONE : CONVOY_OUTCOME_LATE);
        assert_int_equal(event->asked_ns, i ? 0 : 1000);
        assert_int_equal(event->start_ns, i ? start_ns : 2000);
    }
}

/* Computing lies within the task, whatever the worker says. */
static void test_task(void **state) {
    (void)state;
    expect_computing(0, 1, 0);
    expect_computing(3, 2, 6000);
    expect_computing(7, 2, 2000);
    expect_computing(8, 2, 2000);
    expect_computing(UINT32_MAX, 2, 2000);
}

static void test_nobody(void **state) {
    (void)state;
    const struct trace nobody = {0};
    trace_step(NULL, &(struct trace_place){0}, CONVOY_TRACE_WAIT, NULL, 1, 2);
    trace_step(&nobody, &(struct trace_place){0}, CONVOY_TRACE_WAIT, NULL, 1, 2);
    trace_task(NULL, &(struct trace_task){0});
    trace_task(&nobody, &(struct trace_task){0});
    assert_false(trace_is_wanted(NULL) || trace_is_wanted(&nobody));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_task),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
