/* Calibration of worker threads, of which some are slow, dead, silent or damaged. */
#include "runtime/calibration.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 4, STRAGGLERS = 1 };

/* Calibrates with these faults, "W:KIND", ended by NULL. */
static convoy_status calibrate(const char *const *faults, uint32_t shared_processors, uint64_t deadline_ns,
                               struct profile *profile, convoy_error *error) {
    struct fault parsed[WORKERS];
    struct cluster_options options = {
        .workers = WORKERS, .stragglers = STRAGGLERS, .deadline_ns = NS_PER_S, .faults = parsed, .seed = 1};
    struct cluster *cluster = NULL;
    struct backend *backend = NULL;
    for (; faults[options.fault_count]; options.fault_count++)
        assert_int_equal(
            fault_parse(&parsed[options.fault_count], faults[options.fault_count], WORKERS, NULL), CONVOY_OK);
    assert_int_equal(code_family_find("rotation", &options.family, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&backend, "onednn", 1, NULL), CONVOY_OK);
    assert_int_equal(cluster_create_local(&cluster, &options, "onednn", 1, NULL), CONVOY_OK);
    const struct calibration_options how = {backend, shared_processors, clock_now_ns() + deadline_ns};
    const convoy_status status = cluster_calibrate(cluster, &how, profile, error);
    cluster_destroy(&cluster);
    backend->ops->destroy(&backend);
    return status;
}

static void expect_workers(const char *const *faults, uint32_t workers, struct profile *profile) {
    convoy_error error = {.message = ""};
    if (calibrate(faults, 2, 60 * NS_PER_S, profile, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(profile_check(profile, NULL), CONVOY_OK);
    assert_int_equal(profile_workers(profile), workers);
    assert_true(isinf(profile->link.up_bytes_per_ns) && isinf(profile->link.down_bytes_per_ns));
    assert_int_equal(profile->shared_processors, 2);
}

static void test_all(void **state) {
    (void)state;
    struct profile profile;
    expect_workers((const char *const[]){NULL}, WORKERS, &profile);
}

static void test_at_once(void **state) {
    (void)state;
    struct profile profile;
    convoy_error error;
    assert_int_equal(calibrate((const char *const[]){NULL}, 0, 60 * NS_PER_S, &profile, &error), CONVOY_OK);
    assert_int_equal(profile_workers(&profile), WORKERS);
    assert_int_equal(profile.shared_processors, 0);
}

/* A fault that makes a worker slow makes it a slow machine, but not one that on a busy machine takes longer
 * than the measuring may. */
static void test_slow(void **state) {
    (void)state;
    static const char *const faults[][2] = {{"2:slow=4x", NULL}, {"2:busy=4x", NULL}};
    for (size_t i = 0; i < 2; i++) {
        struct profile profile;
        double least = INFINITY, most = 0;
        uint32_t slowest = 0;
        expect_workers(faults[i], WORKERS, &profile);
        for (uint32_t k = 0; k < profile.worker_kinds; k++) {
            const double rate = profile.workers[k].rates.macs_per_ns[RATE_CONVOLUTION];
            slowest = rate < least ? profile.workers[k].count : slowest;
            least = rate < least ? rate : least;
            most = rate > most ? rate : most;
        }
        assert_int_equal(slowest, 1);
        assert_true(most > 2 * least);
    }
}

/* One less is enough: it is dead, its answers are damaged, or lost. */
static void test_one_fails(void **state) {
    (void)state;
    static const char *const faults[][2] = {{"1:kill", NULL}, {"1:corrupt", NULL}, {"1:drop=1", NULL}};
    struct profile profile;
    for (size_t i = 0; i < 3; i++)
        expect_workers(faults[i], WORKERS - 1, &profile);
}

static void test_too_few(void **state) {
    (void)state;
    struct profile profile = {.name = "untouched"};
    convoy_error error;
    const char *const faults[] = {"1:kill", "2:corrupt", NULL};
    assert_int_equal(calibrate(faults, 2, 60 * NS_PER_S, &profile, &error), CONVOY_E_WORKERS);
    assert_string_equal(error.message,
                        "only 2 of 4 workers answered what they were asked to measure; 3 are needed");
    assert_string_equal(profile.name, "untouched");
}

/* Nothing takes longer than the deadline. */
static void test_deadline(void **state) {
    (void)state;
    struct profile profile;
    const char *const faults[] = {"0:drop=1", "1:drop=1", NULL};
    assert_int_equal(calibrate(faults, 2, NS_PER_S / 10, &profile, NULL), CONVOY_E_WORKERS);
}

/* Workers that answer each probe late do not take the time that there is for all. */
static void test_late_each_time(void **state) {
    (void)state;
    struct profile profile;
    convoy_error error = {.message = ""};
    const char *const faults[] = {"0:delay=700ms", "2:delay=700ms", NULL};
    if (calibrate(faults, 0, 12 * NS_PER_S, &profile, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(profile_workers(&profile), WORKERS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all),           cmocka_unit_test(test_at_once),
                                       cmocka_unit_test(test_slow),          cmocka_unit_test(test_one_fails),
                                       cmocka_unit_test(test_too_few),       cmocka_unit_test(test_deadline),
                                       cmocka_unit_test(test_late_each_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
