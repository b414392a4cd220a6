/* The cluster as a backend, with workers that are killed, slow, silent or damaged: always the answer of the
 * backend that it wraps. */
#include "base/clock.h"
#include "cluster_rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20260101

/* max|a-b| / max|b| of a decoded float32 output. MATH: the error stays under 4·κ·6e-8, and κ of the small
 * clusters here under 60. */
#define TOLERANCE 1.5e-5

/* faults: "W:KIND", NULL-terminated. conv: NULL: the rig's own. */
static struct cluster_rig *rig_create_conv(const char *family, uint32_t workers, uint32_t stragglers,
                                           bool fallback, uint64_t deadline_ns, const char *const *faults,
                                           const struct conv_geometry *conv) {
    struct cluster_rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    cluster_rig_open(rig, &(struct cluster_rig_setup){.family = family,
                                                      .workers = workers,
                                                      .stragglers = stragglers,
                                                      .conv = conv,
                                                      .faults = faults,
                                                      .deadline_ns = deadline_ns,
                                                      .no_fallback = !fallback,
                                                      .seed = SEED});
    return rig;
}

static struct cluster_rig *rig_create(const char *family, uint32_t workers, uint32_t stragglers,
                                      bool fallback, const char *const *faults) {
    return rig_create_conv(family, workers, stragglers, fallback, 0, faults, NULL);
}

static void rig_destroy(struct cluster_rig *rig) {
    cluster_rig_close(rig);
    free(rig);
}

/* Runs once; the answer must be right. Returns the status. */
static convoy_status run(struct cluster_rig *rig, convoy_layer_report *report) {
    double error = 0;
    convoy_status status = cluster_rig_run(rig, report, &error);
    if (error > TOLERANCE)
        fail_msg("error %g with condition %g", error, report->condition);
    return status;
}

static uint32_t count_outcome(const convoy_layer_report *report, convoy_outcome outcome) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < CONVOY_MAX_WORKERS; w++)
        count += report->outcome[w] == outcome;
    return count;
}

static void expect_coded(struct cluster_rig *rig, uint32_t threshold) {
    convoy_layer_report report;
    assert_int_equal(run(rig, &report), CONVOY_OK);
    assert_true(report.coded);
    assert_false(report.fallback);
    assert_int_equal(report.threshold, threshold);
    assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_USED), threshold);
    assert_true(report.asked >= threshold);
    for (uint32_t w = rig->options.workers; w < CONVOY_MAX_WORKERS; w++)
        assert_int_equal(report.outcome[w], CONVOY_OUTCOME_NONE);
}

static void test_healthy(void **state) {
    (void)state;
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, NULL);
    for (int i = 0; i < 50; i++)
        expect_coded(rig, 4);
    assert_int_equal(cluster_lost(rig->cluster, NULL, 0), 0);
    rig_destroy(rig);
}

static void test_killed(void **state) {
    (void)state;
    static const char *const faults[] = {"1:kill", "4:kill@conv2", NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
    for (int i = 0; i < 50; i++) {
        convoy_layer_report report;
        assert_int_equal(run(rig, &report), CONVOY_OK);
        assert_int_not_equal(report.outcome[1], CONVOY_OUTCOME_USED);
        assert_int_not_equal(report.outcome[4], CONVOY_OUTCOME_USED);
        assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_USED), 4);
    }
    uint32_t lost[2];
    assert_int_equal(cluster_lost(rig->cluster, lost, 2), 2);
    assert_int_equal(lost[0], 1);
    assert_int_equal(lost[1], 4);
    rig_destroy(rig);
}

/* Every pair of workers may be the one that is missing. */
static void test_any_two(void **state) {
    (void)state;
    for (int a = 0; a < 6; a++)
        for (int b = a + 1; b < 6; b++) {
            char first[32], second[32];
            snprintf(first, sizeof first, "%d:kill", a);
            snprintf(second, sizeof second, "%d:kill", b);
            const char *const faults[] = {first, second, NULL};
            struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
            expect_coded(rig, 4);
            rig_destroy(rig);
        }
}

/* Nobody waits for two workers that do not answer, when jobs run nor when they are to end: a deadline. The
 * others suffice; the second, which has its filters and is asked, turns out to be late. */
static void expect_no_waiting(const char *first, const char *second) {
    const char *const faults[] = {first, second, NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
    uint64_t start_ns = clock_now_ns();
    bool late = false;
    for (int i = 0; i < 50 || (!late && clock_now_ns() < start_ns + 8 * NS_PER_S); i++) {
        convoy_layer_report report;
        assert_int_equal(run(rig, &report), CONVOY_OK);
        for (uint32_t w = 0; w < 4; w += 3)
            assert_true(report.outcome[w] == CONVOY_OUTCOME_LATE ||
                        report.outcome[w] == CONVOY_OUTCOME_SPARE);
        late = report.outcome[3] == CONVOY_OUTCOME_LATE;
    }
    assert_true(late);
    rig_destroy(rig); /* interrupts what sleeps or burns */
    assert_true(clock_now_ns() - start_ns < 10 * NS_PER_S);
}

static void test_late_costs_nothing(void **state) {
    (void)state;
    expect_no_waiting("0:delay=30s", "3:slow=1000000x");
    expect_no_waiting("0:slow=1000000x", "3:busy=1000000x");
}

/* Slow workers are spared while others suffice; where these do not, they are asked after all. */
static void test_slow_are_needed(void **state) {
    (void)state;
    static const char *const faults[] = {"0:drop=1", "2:drop=1", "1:busy=10x", "4:busy=10x", NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
    for (int i = 0; i < 50; i++)
        expect_coded(rig, 4);
    rig_destroy(rig);
}

static void test_corrupt(void **state) {
    (void)state;
    static const char *const faults[] = {"2:corrupt", "5:corrupt", NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
    for (int i = 0; i < 50; i++) {
        convoy_layer_report report;
        assert_int_equal(run(rig, &report), CONVOY_OK);
        assert_int_not_equal(report.outcome[2], CONVOY_OUTCOME_USED);
        assert_int_not_equal(report.outcome[5], CONVOY_OUTCOME_USED);
    }
    rig_destroy(rig);
}

/* Answers are lost everywhere: what cannot be decoded is computed here, and never waited for in vain. */
static void test_drops_everywhere(void **state) {
    (void)state;
    static const char *const faults[] = {"0:drop=0.3", "1:drop=0.3", "2:drop=0.3", "3:drop=0.3",
                                         "4:drop=0.3", "5:drop=0.3", NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, true, faults);
    int coded = 0, fallback = 0;
    for (int i = 0; i < 60; i++) {
        convoy_layer_report report;
        assert_int_equal(run(rig, &report), CONVOY_OK);
        assert_int_equal(report.coded, !report.fallback);
        coded += report.coded;
        fallback += report.fallback;
    }
    printf("of 60 runs %d were decoded, %d computed here\n", coded, fallback);
    assert_true(coded > 0);
    rig_destroy(rig);
}

static const char *const three_killed[] = {"0:kill", "2:kill@conv2", "3:kill", NULL};

static void test_too_few_falls_back(void **state) {
    (void)state;
    struct cluster_rig *rig = rig_create("rotation", 6, 2, true, three_killed);
    for (int i = 0; i < 10; i++) {
        convoy_layer_report report;
        assert_int_equal(run(rig, &report), CONVOY_OK);
        assert_true(report.fallback);
        assert_false(report.coded);
        assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_USED), 0);
    }
    rig_destroy(rig);
}

static void test_too_few_without_fallback(void **state) {
    (void)state;
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, three_killed);
    convoy_layer_report report;
    assert_int_equal(run(rig, &report), CONVOY_E_WORKERS);
    assert_int_equal(run(rig, &report), CONVOY_E_WORKERS);
    rig_destroy(rig);
}

/* More than γ workers are late for good: the layer is computed here once others answered; without the
 * fallback they are waited for until the deadline. */
static void test_lateness_has_a_deadline(void **state) {
    (void)state;
    static const char *const faults[] = {"0:delay=100s", "2:delay=100s", "3:delay=100s", NULL};
    for (int fallback = 0; fallback < 2; fallback++) {
        struct cluster_rig *rig = rig_create_conv("rotation", 6, 2, fallback, NS_PER_S, faults, NULL);
        convoy_layer_report report;
        uint64_t start_ns = clock_now_ns();
        assert_int_equal(run(rig, &report), fallback ? CONVOY_OK : CONVOY_E_WORKERS);
        assert_true(clock_now_ns() - start_ns < 2 * NS_PER_S);
        rig_destroy(rig);
    }
}

struct lines {
    pthread_mutex_t mutex; /* guards the rest */
    unsigned warnings, count;
    char first[400]; /* warning */
};

static void count_line(void *context, convoy_log_level level, const char *line) {
    struct lines *lines = context;
    pthread_mutex_lock(&lines->mutex);
    lines->count++;
    if (level == CONVOY_LOG_WARNING && !lines->warnings++)
        snprintf(lines->first, sizeof lines->first, "%s", line);
    pthread_mutex_unlock(&lines->mutex);
}

/* More than γ workers answer late, and some time later no more. Layers are computed here meanwhile, of which
 * one line warns; nobody waits for the late, and they are used again when they are late no longer. */
static void test_late_and_back(void **state) {
    (void)state;
    static const char *const faults[] = {"0:delay=600ms@2", "2:delay=600ms@2", "3:delay=600ms@2", NULL};
    struct lines lines = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct cluster_rig rig;
    cluster_rig_open(&rig, &(struct cluster_rig_setup){.workers = 6,
                                                       .stragglers = 2,
                                                       .faults = faults,
                                                       .seed = SEED,
                                                       .log = {.sink = count_line, .context = &lines}});
    convoy_layer_report report;
    assert_int_equal(run(&rig, &report), CONVOY_OK);
    assert_true(report.fallback);
    assert_int_equal(report.outcome[0], CONVOY_OUTCOME_LATE);
    assert_int_equal(report.outcome[2], CONVOY_OUTCOME_LATE);
    assert_int_equal(report.outcome[3], CONVOY_OUTCOME_LATE);
    unsigned here = 1, late_used = 0;
    double waited_ms = 0;
    for (uint64_t until_ns = clock_now_ns() + 30 * NS_PER_S; late_used < 7 && clock_now_ns() < until_ns;) {
        assert_int_equal(run(&rig, &report), CONVOY_OK);
        here += report.fallback;
        waited_ms += report.fallback ? report.wait_ms : 0;
        for (uint32_t w = 0; w < 4; w++)
            late_used |= (w != 1 && report.outcome[w] == CONVOY_OUTCOME_USED) << (w ? w - 1 : 0);
    }
    printf("%u runs were computed here, which waited for %.0f ms\n", here, waited_ms);
    assert_int_equal(late_used, 7); /* all three */
    assert_true(here > 1);
    assert_int_equal(lines.warnings, 1);
    assert_int_equal(lines.count, 2); /* and that enough answer in time again */
    assert_non_null(strstr(lines.first, "worker 0 late, worker 2 late, worker 3 late"));
    cluster_rig_close(&rig);
}

/* Nobody answers for a while: the machine is busy, or the network slow. All are waited for. */
static void test_all_alike_late(void **state) {
    (void)state;
    static const char *const faults[] = {"0:delay=700ms@1",
                                         "1:delay=700ms@1",
                                         "2:delay=700ms@1",
                                         "3:delay=700ms@1",
                                         "4:delay=700ms@1",
                                         "5:delay=700ms@1",
                                         NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, true, faults);
    convoy_layer_report report;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(rig, &report), CONVOY_OK);
        assert_false(report.fallback);
        assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_LOST), 0);
    }
    rig_destroy(rig);
}

/* Without the fallback more than γ late workers are waited for, again and again. */
static void test_late_without_fallback(void **state) {
    (void)state;
    static const char *const faults[] = {"0:delay=400ms", "2:delay=400ms", "3:delay=400ms", NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
    for (int i = 0; i < 4; i++)
        expect_coded(rig, 4);
    rig_destroy(rig);
}

struct runner {
    pthread_t thread;
    struct cluster_rig *rig;
    int coded;
};

static void *run_many(void *context) {
    struct runner *runner = context;
    for (int i = 0; i < 25; i++) {
        convoy_layer_report report;
        if (run(runner->rig, &report) == CONVOY_OK)
            runner->coded += report.coded;
    }
    return NULL;
}

static void test_in_flight(void **state) {
    (void)state;
    static const char *const faults[] = {"1:kill@conv2", "4:delay=30ms", NULL};
    struct cluster_rig *rig = rig_create("rotation", 6, 2, false, faults);
    struct runner runners[4];
    for (int i = 0; i < 4; i++) {
        runners[i] = (struct runner){.rig = rig};
        assert_int_equal(pthread_create(&runners[i].thread, NULL, run_many, &runners[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(runners[i].thread, NULL);
        assert_int_equal(runners[i].coded, 25);
    }
    rig_destroy(rig);
}

static void test_other_families(void **state) {
    (void)state;
    static const char *const faults[] = {"3:kill", NULL};
    struct cluster_rig *rig = rig_create("replicate", 6, 2, false, faults);
    convoy_layer_report report;
    assert_int_equal(run(rig, &report), CONVOY_OK);
    assert_string_equal(report.family, "replicate");
    rig_destroy(rig);
    rig = rig_create("uncoded", 4, 1, false, NULL);
    assert_int_equal(run(rig, &report), CONVOY_OK);
    assert_int_equal(report.threshold, 4);
    assert_int_equal(count_outcome(&report, CONVOY_OUTCOME_USED), 4);
    rig_destroy(rig);
    rig = rig_create("uncoded", 4, 1, true, faults);
    assert_int_equal(run(rig, &report), CONVOY_OK);
    assert_true(report.fallback); /* no redundancy: one worker gone is too many */
    rig_destroy(rig);
}

/* Layers unlike the usual one: grouped, depthwise, 1-D, 3-D, a product of 5 rows, a vector. */
static void test_geometries(void **state) {
    (void)state;
    static const struct conv_geometry geometries[] = {
        {.spatial = 2,
         .batch = 1,
         .groups = 2,
         .in_channels = 6,
         .out_channels = 16,
         .in = {13, 9},
         .kernel = {3, 3},
         .stride = {2, 1},
         .dilation = {1, 2},
         .pad_begin = {1, 0},
         .pad_end = {0, 2}},
        {.spatial = 2,
         .batch = 1,
         .groups = 8,
         .in_channels = 8,
         .out_channels = 8,
         .in = {19, 5},
         .kernel = {3, 3},
         .stride = {1, 1},
         .dilation = {1, 1},
         .pad_begin = {1, 1},
         .pad_end = {1, 1}},
        {.spatial = 1,
         .batch = 2,
         .groups = 1,
         .in_channels = 3,
         .out_channels = 9,
         .in = {33},
         .kernel = {4},
         .stride = {3},
         .dilation = {2},
         .pad_begin = {5}},
        {.spatial = 3,
         .batch = 1,
         .groups = 1,
         .in_channels = 2,
         .out_channels = 10,
         .in = {9, 5, 4},
         .kernel = {3, 2, 2},
         .stride = {1, 2, 1},
         .dilation = {1, 1, 1},
         .pad_end = {0, 1, 2}},
        {.layout = CONV_CHANNELS_LAST,
         .spatial = 1,
         .batch = 1,
         .groups = 1,
         .in_channels = 40,
         .out_channels = 21,
         .in = {5},
         .kernel = {1},
         .stride = {1},
         .dilation = {1}},
        {.layout = CONV_CHANNELS_LAST,
         .spatial = 1,
         .batch = 1,
         .groups = 1,
         .in_channels = 84,
         .out_channels = 10,
         .in = {1},
         .kernel = {1},
         .stride = {1},
         .dilation = {1}},
    };
    static const char *const faults[] = {"0:kill", "5:kill", NULL};
    for (size_t i = 0; i < sizeof geometries / sizeof geometries[0]; i++) {
        struct cluster_rig *rig = rig_create_conv("rotation", 6, 2, false, 0, faults, &geometries[i]);
        convoy_layer_report report;
        assert_int_equal(run(rig, &report), CONVOY_OK);
        assert_true(report.coded);
        rig_destroy(rig);
    }
}

static void test_refuses_options(void **state) {
    (void)state;
    struct cluster *cluster = NULL;
    static const struct {
        uint32_t workers, stragglers, reserve;
    } wrong[] = {{0, 0, 0}, {4, 4, 0}, {257, 2, 0}, {250, 2, 100}, {6, UINT32_MAX, 0}, {6, 2, UINT32_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cluster_options options = {.workers = wrong[i].workers,
                                          .stragglers = wrong[i].stragglers,
                                          .reserve = wrong[i].reserve,
                                          .deadline_ns = NS_PER_S};
        convoy_error error = {0};
        assert_int_equal(code_family_find("rotation", &options.family, NULL), CONVOY_OK);
        assert_int_equal(cluster_create_local(&cluster, &options, "reference", 1, &error), CONVOY_E_USAGE);
        assert_null(cluster);
        assert_true(error.message[0]);
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_any_two),
        cmocka_unit_test(test_late_costs_nothing),
        cmocka_unit_test(test_slow_are_needed),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_drops_everywhere),
        cmocka_unit_test(test_too_few_falls_back),
        cmocka_unit_test(test_too_few_without_fallback),
        cmocka_unit_test(test_lateness_has_a_deadline),
        cmocka_unit_test(test_late_and_back),
        cmocka_unit_test(test_all_alike_late),
        cmocka_unit_test(test_late_without_fallback),
        cmocka_unit_test(test_in_flight),
        cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_geometries),
        cmocka_unit_test(test_refuses_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
