/* Who is slow, by the times of answers alone. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORKERS 6
#define JOB     7

/* Judges a job by the times of its answers, 0: none came, and that worker still owes it. */
static void judge(struct peer *peers, const uint32_t *took_us) {
    struct dispatcher d = {.nodes = WORKERS, .peers = peers};
    struct job_task tasks[WORKERS];
    struct job job = {.id = JOB, .tasks = tasks};
    for (uint32_t w = 0; w < WORKERS; w++) {
        tasks[w] = (struct job_task){.state = took_us[w] ? TASK_ANSWERED : TASK_SENT, .took_us = took_us[w]};
        peers[w].owed_count = !took_us[w];
        peers[w].owed[0] = (struct owed){.job = JOB};
    }
    pace_judge(&d, &job);
}

static void expect_spared(const struct peer *peers, uint64_t now_ns, const char *spared) {
    for (uint32_t w = 0; w < WORKERS; w++)
        assert_int_equal(pace_spares(&peers[w], now_ns), spared[w] == 's');
}

/* One that answers in time, but took ten times as long, is as slow as one that comes too late. */
static void test_slow_in_time(void **state) {
    (void)state;
    struct peer peers[WORKERS] = {0};
    judge(peers, (const uint32_t[]){100, 130, 1000, 70, 90, 250});
    expect_spared(peers, clock_now_ns(), "..s...");
}

static void test_slow_and_late(void **state) {
    (void)state;
    struct peer peers[WORKERS] = {0};
    judge(peers, (const uint32_t[]){100, 130, 0, 70, 0, 250});
    expect_spared(peers, clock_now_ns(), "......"); /* nobody knows yet */
    pace_note(&peers[2], 1000, peers[2].owed[0].usual_us);
    pace_note(&peers[4], 100, peers[4].owed[0].usual_us); /* queued for long, but quick */
    expect_spared(peers, clock_now_ns(), "..s...");
}

/* After its rest a slow worker is asked once more; while it owes that, it gets nothing else. */
static void test_tried_again(void **state) {
    (void)state;
    struct peer peers[WORKERS] = {0};
    judge(peers, (const uint32_t[]){100, 100, 1000, 100, 100, 100});
    uint64_t rested_ns = clock_now_ns() + 60 * NS_PER_S;
    expect_spared(peers, rested_ns, "......");
    peers[2].owed_count = 1;
    expect_spared(peers, rested_ns, "..s...");
    judge(peers, (const uint32_t[]){100, 100, 110, 100, 100, 100});
    expect_spared(peers, clock_now_ns(), "......");
}

/* Times that are not known, or absurd, spare nobody but the one that tells them. */
static void test_odd_times(void **state) {
    (void)state;
    struct peer peers[WORKERS] = {0};
    judge(peers, (const uint32_t[]){0, 0, 0, 0, 0, 0});
    pace_note(&peers[0], 1000, peers[0].owed[0].usual_us);
    expect_spared(peers, clock_now_ns(), "......");
    judge(peers, (const uint32_t[]){UINT32_MAX, 100, 100, 100, 100, 100});
    expect_spared(peers, clock_now_ns(), "s.....");
    expect_spared(peers, clock_now_ns() + 6 * NS_PER_S, "......"); /* no rest is endless */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_in_time),
        cmocka_unit_test(test_slow_and_late),
        cmocka_unit_test(test_tried_again),
        cmocka_unit_test(test_odd_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
