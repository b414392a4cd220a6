/* Who is slow, who is late, and what a layer does then: by times alone, without clocks or threads. */
#include "runtime/lateness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 6
#define MS      UINT64_C(1000000)
#define LONGEST (10000 * MS)
#define NEVER   UINT64_MAX

/* ---- slow, by the worker's own clock ---- */

/* Judges a job by the times of its answers at time 0; 0: none came. Returns what it takes others. */
static uint32_t judge(struct lateness *workers, const uint32_t *took_us) {
    uint32_t usual_us = lateness_usual_us(took_us, WORKERS);
    for (uint32_t w = 0; w < WORKERS; w++)
        lateness_note_pace(&workers[w], took_us[w], usual_us, 0);
    return usual_us;
}

static void expect_slow(const struct lateness *workers, bool owes, uint64_t now_ns, const char *slow) {
    for (uint32_t w = 0; w < WORKERS; w++)
        assert_int_equal(lateness_judge(&workers[w], owes, now_ns),
                         slow[w] == 's' ? LATENESS_SLOW : LATENESS_PROMPT);
}

/* One that answers in time, but took ten times as long, is as slow as one whose answer comes when the job is
 * over. */
static void test_slow(void **state) {
    (void)state;
    struct lateness workers[WORKERS] = {0};
    judge(workers, (const uint32_t[]){100, 130, 1000, 70, 90, 250});
    expect_slow(workers, false, 0, "..s...");
    memset(workers, 0, sizeof workers);
    uint32_t usual_us = judge(workers, (const uint32_t[]){100, 130, 0, 70, 0, 250});
    expect_slow(workers, false, 0, "......"); /* nobody knows yet */
    lateness_note_pace(&workers[2], 1000, usual_us, 0);
    lateness_note_pace(&workers[4], 100, usual_us, 0); /* queued for long, but quick */
    expect_slow(workers, false, 0, "..s...");
}

/* After its rest a slow worker is asked once more; while it owes that, it gets nothing else. */
static void test_tried_again(void **state) {
    (void)state;
    struct lateness workers[WORKERS] = {0};
    judge(workers, (const uint32_t[]){100, 100, 1000, 100, 100, 100});
    expect_slow(workers, false, 19 * MS, "..s...");
    expect_slow(workers, false, 21 * MS, "......");
    expect_slow(workers, true, 21 * MS, "..s...");
    judge(workers, (const uint32_t[]){100, 100, 110, 100, 100, 100});
    expect_slow(workers, false, 0, "......");
}

/* Times that are not known, or absurd, make nobody slow but the one that tells them, and no rest is endless.
 */
static void test_odd_times(void **state) {
    (void)state;
    struct lateness workers[WORKERS] = {0};
    assert_int_equal(judge(workers, (const uint32_t[WORKERS]){0}), 0);
    lateness_note_pace(&workers[0], 1000, 0, 0);
    expect_slow(workers, false, 0, "......");
    judge(workers, (const uint32_t[]){UINT32_MAX, 100, 100, 100, 100, 100});
    expect_slow(workers, false, 0, "s.....");
    expect_slow(workers, false, 6000 * MS, "......");
}

/* ---- late, by the master's clock ---- */

static void test_bounds(void **state) {
    (void)state;
    static const struct {
        uint32_t answered;                   /* of six */
        uint64_t sent, last, longest, bound; /* ms */
        const char *what;
    } cases[] = {
        {0, 100, 0, 10000, 10100, "nobody answered: the longest time alone counts"},
        {3, 100, 101, 10000, 351, "others took 1 ms: the floor after them"},
        {3, 100, 150, 10000, 400, "50 ms: the floor is still more than their fivefold time"},
        {3, 100, 200, 10000, 600, "100 ms: five times as long"},
        {5, 100, 1100, 10000, 5100, "a second: five seconds"},
        {5, 100, 3100, 10000, 10100, "three seconds: the longest time"},
        {5, 100, 90, 10000, 350, "asked when the others had answered already: the floor after that"},
        {5, 900, 90, 10000, 1150, "asked long after that"},
        {3, 100, 101, 20, 120, "the longest time is less than the floor"},
        {2, 100, 101, 10000, 1101, "fewer than half answered"},
        {1, 100, 500, 10000, 2100, "and took long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct lateness_others others = {WORKERS, cases[i].answered, cases[i].last * MS};
        uint64_t bound = lateness_bound_ns(cases[i].sent * MS, &others, cases[i].longest * MS);
        if (bound != cases[i].bound * MS)
            fail_msg("%s: %llu ms", cases[i].what, (unsigned long long)(bound / MS));
    }
    const struct lateness_others at_end = {1, 1, NEVER}, at_half = {1, 1, NEVER / 2};
    assert_int_equal(lateness_bound_ns(NEVER - 1, &at_end, NEVER), NEVER);
    assert_int_equal(lateness_bound_ns(1, &at_half, NEVER), NEVER);
}

static void test_replies(void **state) {
    (void)state;
    struct lateness worker = {0};
    lateness_note_reply(&worker, true, 249 * MS, 250 * MS);
    assert_int_equal(lateness_judge(&worker, true, 0), LATENESS_PROMPT);
    lateness_note_reply(&worker, true, 250 * MS, 250 * MS);
    assert_int_equal(lateness_judge(&worker, false, 0), LATENESS_LATE);
    assert_int_equal(lateness_judge(&worker, true, 0), LATENESS_STALLED);
    lateness_note_reply(&worker, false, 1 * MS, 250 * MS); /* cancelled, or lost: tells nothing */
    assert_int_equal(lateness_judge(&worker, false, 0), LATENESS_LATE);
    lateness_note_reply(&worker, true, 1 * MS, 250 * MS);
    assert_int_equal(lateness_judge(&worker, false, 0), LATENESS_PROMPT);
    lateness_note_reply(&worker, false, 300 * MS, 250 * MS);
    assert_int_equal(lateness_judge(&worker, false, 0), LATENESS_LATE);
    lateness_note_pace(&worker, 1000, 100, 0); /* late since it is slow: rests, too */
    assert_int_equal(lateness_judge(&worker, false, 19 * MS), LATENESS_STALLED);
    assert_int_equal(lateness_judge(&worker, false, 21 * MS), LATENESS_LATE);
}

/* ---- one layer by the rule ---- */

/* All are asked at `start`; each answers after so long (ms; NEVER: not at all). When the layer has δ answers,
 * or nobody is left to wait for; *enough tells which. Workers that turned out to be late are marked. */
static uint64_t simulate_layer(struct lateness *workers, const uint64_t *delays_ms, uint32_t threshold,
                               bool *enough) {
    const uint64_t start = 1000 * MS;
    struct lateness_others others = {0};
    uint32_t answers = 0;
    bool answered[WORKERS] = {false}, waited[WORKERS];
    for (uint32_t w = 0; w < WORKERS; w++)
        others.asked += waited[w] = !workers[w].late;
    for (;;) {
        uint64_t next = NEVER, bound = lateness_bound_ns(start, &others, LONGEST);
        uint32_t who = WORKERS, hope = 0;
        for (uint32_t w = 0; w < WORKERS; w++) {
            hope += waited[w] && !answered[w];
            if (answered[w] || delays_ms[w] == NEVER || start + delays_ms[w] * MS >= next)
                continue;
            next = start + delays_ms[w] * MS;
            who = w;
        }
        *enough = answers >= threshold;
        if (*enough || answers + hope < threshold)
            return others.last_ns ? others.last_ns : start;
        if (who == WORKERS || next >= bound) {
            for (uint32_t w = 0; w < WORKERS; w++)
                if (!answered[w])
                    workers[w].late = true;
            return bound;
        }
        lateness_note_reply(&workers[who], true, next, bound);
        answered[who] = true;
        answers++;
        others.answered++;
        others.last_ns = next;
    }
}

static void expect_layer(struct lateness *workers, const uint64_t *delays_ms, bool enough, uint64_t took_ms,
                         const char *late) {
    bool came;
    uint64_t end = simulate_layer(workers, delays_ms, 4, &came);
    assert_int_equal(came, enough);
    assert_int_equal(end / MS, 1000 + took_ms);
    for (uint32_t w = 0; w < WORKERS; w++)
        assert_int_equal(workers[w].late, late[w] == 'l');
}

static void test_layers(void **state) {
    (void)state;
    struct lateness workers[WORKERS] = {0};
    /* More than γ are late: the floor is paid once, and the next layer knows. */
    static const uint64_t three_late[] = {500, 500, 500, 2, 2, 3};
    expect_layer(workers, three_late, false, 253, "lll...");
    expect_layer(workers, three_late, false, 0, "lll...");
    /* One of them answers in time: the layer is decoded. */
    lateness_note_reply(&workers[1], true, 1002 * MS, 1250 * MS);
    expect_layer(workers, (const uint64_t[]){500, 2, 500, 2, 2, 3}, true, 3, "l.l...");
    /* More than half are late: the few are a yardstick later. */
    memset(workers, 0, sizeof workers);
    expect_layer(workers, (const uint64_t[]){3000, 3000, 2, 3000, 3, 3000}, false, 1003, "ll.l.l");
    /* A machine stalls when one had answered. */
    memset(workers, 0, sizeof workers);
    expect_layer(workers, (const uint64_t[]){2, 500, 510, 700, 520, 530}, true, 520, "......");
    /* A busy machine: nobody answers for two seconds, then all do, one after another. */
    memset(workers, 0, sizeof workers);
    expect_layer(workers, (const uint64_t[]){2000, 2100, 2600, 2900, 3000, 3500}, true, 2900, "......");
    /* The scheduler keeps some waiting for less than the floor. */
    expect_layer(workers, (const uint64_t[]){2, 240, 200, 450, 2, 249}, true, 240, "......");
    /* All are alike late, as over a slow network: that is their pace. */
    expect_layer(workers, (const uint64_t[]){500, 510, 505, 508, 501, 503}, true, 505, "......");
    /* Nobody ever answers. */
    expect_layer(workers, (const uint64_t[]){NEVER, NEVER, NEVER, NEVER, NEVER, NEVER}, false, 10000,
                 "llllll");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow),   cmocka_unit_test(test_tried_again), cmocka_unit_test(test_odd_times),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_replies),     cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
