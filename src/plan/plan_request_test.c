/* What is asked of a plan: decisions from outside, and what makes no sense. */
#include "plan_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- decisions from outside ---- */

static convoy_status decide(struct plan **plan, const struct plan_request *request, const char *why_local,
                            const struct plan_decision *decision, convoy_error *error) {
    const struct conv_geometry geometry = plan_conv(64, 56, 64, 3, 1);
    const struct plan_subject subject = {
        .name = "conv", .geometry = &geometry, .why_local = why_local, .dtype = CONVOY_F32};
    struct plan_request decided = *request;
    decided.decided = decision;
    return plan_create(plan, &decided, &subject, 1, error);
}

static void test_decisions_are_followed(void **state) {
    (void)state;
    static const struct plan_decision cases[] = {
        {true, 4, 4, 4, 4, CONV_DIRECT},       {true, 8, 4, 8, 9, CONV_WINOGRAD_2},
        {true, 1, 16, 8, 10, CONV_WINOGRAD_4}, {true, 1, 1, 1, 7, CONV_DIRECT},
        {true, 2, 16, 8, 8, CONV_DIRECT},      {false, 0, 0, 0, 0, CONV_DIRECT},
    };
    const struct profile profile = plan_calm("pi4-wifi");
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const struct plan_decision *d = &cases[i / 2];
        struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
        request.distribute = i % 2 ? PLAN_PAYING : PLAN_ALL; /* neither matters any more */
        request.objective = i % 2 ? PLAN_THROUGHPUT : PLAN_BYTES;
        struct plan *plan = NULL;
        assert_int_equal(decide(&plan, &request, NULL, d, NULL), CONVOY_OK);
        const struct plan_layer *layer = &plan->layers[0];
        assert_int_equal(layer->coded, d->coded);
        assert_int_equal(layer->input_parts, d->input_parts);
        assert_int_equal(layer->filter_parts, d->filter_parts);
        assert_int_equal(layer->threshold, d->threshold);
        assert_int_equal(layer->asked, d->asked);
        assert_int_equal(layer->kernel, d->kernel);
        if (!d->coded)
            assert_string_equal(layer->why_local, "the plan leaves it here");
        plan_destroy(&plan);
    }
}

static void test_decisions_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const struct {
        struct plan_decision decision;
        const char *why_local, *words;
    } cases[] = {
        {{true, 3, 4, 3, 6, CONV_DIRECT}, NULL, "parts 3,4"},
        {{true, 0, 4, 2, 6, CONV_DIRECT}, NULL, "parts 0,4"},
        {{true, 58, 1, 29, 29, CONV_DIRECT}, NULL, "parts 58,1"},
        {{true, 8, 8, 16, 16, CONV_DIRECT}, NULL, "parts 8,8"}, /* δ > n - γ */
        {{true, UINT32_MAX, UINT32_MAX, 1, 1, CONV_DIRECT}, NULL, "parts 4294967295"},
        {{true, 4, 4, 5, 6, CONV_DIRECT}, NULL, "a threshold of 4, not 5"},
        {{true, 4, 4, 4, 3, CONV_DIRECT}, NULL, "3 workers asked: must be 4 to 10"},
        {{true, 4, 4, 4, 11, CONV_DIRECT}, NULL, "11 workers asked: must be 4 to 10"},
        {{true, 4, 4, 4, UINT32_MAX, CONV_DIRECT}, NULL, "must be 4 to 10"},
        {{true, 4, 4, 4, 4, CONV_DIRECT}, "not float32", "not float32"},
    };
    const struct profile profile = plan_threads(10);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
        struct plan *plan = NULL;
        convoy_error error = {0};
        assert_int_equal(decide(&plan, &request, cases[i].why_local, &cases[i].decision, &error),
                         CONVOY_E_INPUT);
        assert_null(plan);
        if (!strstr(error.message, "layer conv") || !strstr(error.message, cases[i].words))
            fail_msg("'%s' does not name the layer and '%s'", error.message, cases[i].words);
    }
}

/* What could be coded and is left here by a decision is told apart from what could not. */
static void test_layers_that_are_left_here(void **state) {
    (void)state;
    const struct profile profile = plan_calm("pi4-wifi");
    const struct plan_decision decision = {0};
    static const struct {
        const char *family, *why_local, *why;
        bool left_here;
    } cases[] = {
        {"rotation", NULL, "the plan leaves it here", true},
        {"rotation", "not float32", "not float32", false},
        {"uncoded", NULL, "do not suit the parts", false}}; /* 251 parts: neither rows nor channels */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t workers = strcmp(cases[i].family, "uncoded") == 0 ? 251 : 10;
        const struct plan_request request = plan_request_for(&profile, cases[i].family, workers, 0);
        struct plan *plan = NULL;
        assert_int_equal(decide(&plan, &request, cases[i].why_local, &decision, NULL), CONVOY_OK);
        assert_int_equal(plan->layers[0].left_here, cases[i].left_here);
        assert_non_null(strstr(plan->layers[0].why_local, cases[i].why));
        plan_destroy(&plan);
    }
}

/* A decision is not dropped for want of memory without a word. */
static void test_decisions_beyond_the_memory_are_refused(void **state) {
    (void)state;
    struct profile profile = plan_calm("pi4-wifi");
    const struct plan_decision decision = {true, 4, 4, 4, 4, CONV_DIRECT};
    struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
    struct plan *plan = NULL;
    convoy_error error = {0};
    assert_int_equal(decide(&plan, &request, NULL, &decision, &error), CONVOY_OK);
    const uint64_t needed = (uint64_t)plan->stored_bytes;
    plan_destroy(&plan);
    profile.workers[0].memory_bytes = needed;
    assert_int_equal(decide(&plan, &request, NULL, &decision, &error), CONVOY_OK);
    plan_destroy(&plan);
    profile.workers[0].memory_bytes = needed - 1;
    assert_int_equal(decide(&plan, &request, NULL, &decision, &error), CONVOY_E_INPUT);
    assert_null(plan);
    assert_non_null(strstr(error.message, "worker 0 of the profile"));
    assert_non_null(strstr(error.message, "pi4-wifi"));
}

/* ---- requests that make no sense ---- */

static void refused(const struct plan_request *request, convoy_status status, const char *words) {
    const struct conv_geometry geometry = plan_conv(64, 56, 64, 3, 1);
    const struct plan_subject subject = {.name = "conv", .geometry = &geometry, .dtype = CONVOY_F32};
    struct plan *plan = NULL;
    convoy_error error = {0};
    assert_int_equal(plan_create(&plan, request, &subject, 1, &error), status);
    assert_null(plan);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
}

static void test_lambda_that_makes_no_sense(void **state) {
    (void)state;
    static const char *const words[LAMBDAS] = {"lambda of up", "lambda of down", "lambda of store",
                                               "lambda of comp"};
    static const double wrong[] = {-1, -1e-300, (double)NAN, (double)INFINITY, -(double)INFINITY, 1.1e12};
    const struct profile profile = plan_threads(10);
    for (int l = 0; l < LAMBDAS; l++)
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
            request.lambda[l] = wrong[i];
            refused(&request, CONVOY_E_USAGE, words[l]);
        }
}

static void test_too_many_workers(void **state) {
    (void)state;
    const struct profile profile = plan_threads(10);
    static const uint32_t wrong[] = {CONVOY_MAX_WORKERS + 1, UINT32_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
        request.cluster.workers = wrong[i];
        refused(&request, CONVOY_E_USAGE, "must be for 0 to 256");
    }
}

/* Every number of a profile, in turn, is what it cannot be. */
static void test_profiles_that_make_no_sense(void **state) {
    (void)state;
    struct profile p = plan_calm("pi4-wifi");
    p.workers[0].slowness = (struct slowness){.stall_share = 0.1, .stall_times = 2};
    double *const members[] = {&p.master.macs_per_ns[RATE_CONVOLUTION],
                               &p.master.macs_per_ns[RATE_POINTWISE],
                               &p.master.macs_per_ns[RATE_DEPTHWISE],
                               &p.master.macs_per_ns[RATE_PRODUCT],
                               &p.bytes_per_ns,
                               &p.task_ns,
                               &p.link.up_bytes_per_ns,
                               &p.link.down_bytes_per_ns,
                               &p.link.latency_ns,
                               &p.workers[0].rates.macs_per_ns[RATE_CONVOLUTION],
                               &p.workers[0].rates.macs_per_ns[RATE_POINTWISE],
                               &p.workers[0].rates.macs_per_ns[RATE_DEPTHWISE],
                               &p.workers[0].rates.macs_per_ns[RATE_PRODUCT],
                               &p.workers[0].slowness.deviation,
                               &p.workers[0].slowness.exponential,
                               &p.workers[0].slowness.stall_share,
                               &p.workers[0].slowness.stall_times};
    const struct plan_request request = plan_request_for(&p, "rotation", 10, 2);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const double sound = *members[i];
        static const double wrong[] = {(double)NAN, -1, -(double)INFINITY};
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            *members[i] = wrong[k];
            refused(&request, CONVOY_E_INPUT, "must be");
        }
        *members[i] = sound;
    }
    p.workers[0].count = 0;
    refused(&request, CONVOY_E_INPUT, "count is 0");
    p.worker_kinds = 0;
    refused(&request, CONVOY_E_INPUT, "0 kinds of them");
}

static void test_nothing_to_plan(void **state) {
    (void)state;
    const struct profile profile = plan_threads(10);
    const struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
    struct plan *plan = NULL;
    assert_int_equal(plan_create(&plan, &request, NULL, 0, NULL), CONVOY_OK);
    assert_int_equal(plan->count, 0);
    assert_true(plan->here_ns == 0 && plan->planned_ns == 0 && plan->fed_workers == 0);
    plan_destroy(&plan);
    assert_null(plan);
    plan_destroy(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions_are_followed),
        cmocka_unit_test(test_decisions_that_cannot_be_are_refused),
        cmocka_unit_test(test_layers_that_are_left_here),
        cmocka_unit_test(test_decisions_beyond_the_memory_are_refused),
        cmocka_unit_test(test_lambda_that_makes_no_sense),
        cmocka_unit_test(test_too_many_workers),
        cmocka_unit_test(test_profiles_that_make_no_sense),
        cmocka_unit_test(test_nothing_to_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
