/* Presets and the ranges of a profile's members. */
#include "plan/profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct profile good(void) {
    struct profile profile;
    assert_int_equal(profile_preset(&profile, "pi4-wifi", NULL), CONVOY_OK);
    return profile;
}

static void test_presets(void **state) {
    (void)state;
    static const char *const names[] = {"pi4-wifi", "pi4-100mbit", "pi4-1gbit",
                                        "pi5-wifi", "pi5-1gbit",   "cloud-10gbit"};
    convoy_error error;
    struct profile profile;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(profile_preset(&profile, names[i], &error), CONVOY_OK);
        assert_string_equal(profile.name, names[i]);
        assert_int_equal(profile_check(&profile, &error), CONVOY_OK);
    }
    assert_int_equal(profile_preset(&profile, "pi3", &error), CONVOY_E_USAGE);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(strstr(error.message, names[i]));
    assert_string_equal(profile.name, "cloud-10gbit"); /* outputs are set only on success */
}

static void test_this_machine(void **state) {
    (void)state;
    struct profile profile;
    convoy_error error;
    profile_of_this_machine(&profile, 6, 2, false);
    assert_int_equal(profile_check(&profile, &error), CONVOY_OK);
    assert_int_equal(profile_workers(&profile), 6);
    assert_true(isinf(profile.link.up_bytes_per_ns));
    profile_of_this_machine(&profile, 6, 2, true);
    assert_int_equal(profile_check(&profile, &error), CONVOY_OK);
    assert_int_equal(profile.shared_processors, 2);
    assert_false(isinf(profile.link.up_bytes_per_ns));
}

static void test_workers_begin_again(void **state) {
    (void)state;
    struct profile profile = good();
    profile.worker_kinds = 2;
    profile.workers[0].count = 2;
    profile.workers[1] = profile.workers[0];
    profile.workers[1].count = 3;
    for (uint32_t w = 0; w < 12; w++)
        assert_ptr_equal(profile_worker(&profile, w), &profile.workers[w % 5 >= 2]);
}

/* One member is set to a value; what the sentence must name. */
static void test_ranges(void **state) {
    (void)state;
    static const struct {
        size_t offset;
        double value;
        const char *name; /* NULL: it is within its range */
    } cases[] = {
        {offsetof(struct profile, master.macs_per_ns[RATE_CONVOLUTION]), 0, "master.convolution_gmac_s"},
        {offsetof(struct profile, master.macs_per_ns[RATE_PRODUCT]), NAN, "master.product_gmac_s"},
        {offsetof(struct profile, master.macs_per_ns[RATE_DEPTHWISE]), INFINITY, "master.depthwise_gmac_s"},
        {offsetof(struct profile, bytes_per_ns), -1, "master.memory_gb_s"},
        {offsetof(struct profile, task_ns), -1, "master.task_us"},
        {offsetof(struct profile, task_ns), 1e300, "master.task_us"},
        {offsetof(struct profile, task_ns), 0, NULL},
        {offsetof(struct profile, link.up_bytes_per_ns), INFINITY, NULL},
        {offsetof(struct profile, link.up_bytes_per_ns), -INFINITY, "link.up_mbit_s"},
        {offsetof(struct profile, link.down_bytes_per_ns), 0, "link.down_mbit_s"},
        {offsetof(struct profile, link.latency_ns), NAN, "link.latency_ms"},
        {offsetof(struct profile, link.latency_ns), 0, NULL},
        {offsetof(struct profile, workers[1].rates.macs_per_ns[RATE_POINTWISE]), 1e20,
         "workers[1].pointwise_gmac_s"},
        {offsetof(struct profile, workers[1].slowness.deviation), 3, "workers[1].slowness"},
        {offsetof(struct profile, workers[0].slowness.exponential), NAN, "workers[0].slowness"},
        {offsetof(struct profile, workers[0].slowness.stall_share), 0.5, "workers[0].slowness"},
        {offsetof(struct profile, workers[0].slowness.stall_times), 5, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct profile profile = good();
        convoy_error error = {.message = "none"};
        profile.worker_kinds = 2;
        profile.workers[1] = profile.workers[0];
        memcpy((char *)&profile + cases[i].offset, &cases[i].value, sizeof(double));
        assert_int_equal(profile_check(&profile, &error), cases[i].name ? CONVOY_E_INPUT : CONVOY_OK);
        if (cases[i].name && strncmp(error.message, cases[i].name, strlen(cases[i].name)) != 0)
            fail_msg("case %zu: %s", i, error.message);
    }
}

static void test_counts(void **state) {
    (void)state;
    convoy_error error;
    struct profile profile = good();
    profile.workers[0].count = 0;
    assert_int_equal(profile_check(&profile, &error), CONVOY_E_INPUT);
    profile.workers[0].count = CONVOY_MAX_WORKERS;
    assert_int_equal(profile_check(&profile, &error), CONVOY_OK);
    profile.worker_kinds = 2;
    profile.workers[1] = profile.workers[0];
    assert_int_equal(profile_check(&profile, &error), CONVOY_E_INPUT);
    profile.worker_kinds = 0;
    assert_int_equal(profile_check(&profile, &error), CONVOY_E_INPUT);
    profile = good();
    profile.shared_processors = UINT32_MAX;
    assert_int_equal(profile_check(&profile, &error), CONVOY_E_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_presets), cmocka_unit_test(test_this_machine),
                                       cmocka_unit_test(test_workers_begin_again),
                                       cmocka_unit_test(test_ranges), cmocka_unit_test(test_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
