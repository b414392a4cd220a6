/* Plans for several codes and frames: which is better, and when halves are taken. */
#include "plan/alternatives.h"

#include "plan_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEED   5
#define LAYERS 6

static struct plan *plan_of(const struct profile *profile, const char *family, uint32_t workers,
                            uint32_t stragglers, convoy_dtype frames, enum plan_distribute distribute,
                            enum plan_objective objective, const struct conv_geometry *layers, size_t count) {
    struct plan_request request = plan_request_for(profile, family, workers, stragglers);
    request.frames = frames;
    request.distribute = distribute;
    request.objective = objective;
    return plan_layers(&request, layers, count);
}

static double paper_cost(const struct plan *plan) {
    double cost = 0;
    for (size_t s = 0; s < plan->count; s++)
        cost += plan->layers[s].coded ? plan->layers[s].chosen->paper_cost : 0;
    return cost;
}

/* Of times, by the definition in the header. */
static void assert_sooner(double time_a, double time_b, double gain_a, double gain_b) {
    const bool alike = fmin(time_a, time_b) > PLAN_ALIKE * fmax(time_a, time_b);
    assert_true(alike && gain_a != gain_b ? gain_a < gain_b : time_a < time_b);
}

/* By the definition in the header, once more. */
static void assert_better(const struct plan *a, const struct plan *b, enum plan_objective objective) {
    const double gain_a = plan_noise_gain(a), gain_b = plan_noise_gain(b);
    if (!a->pays_only && plan_coded(a) != plan_coded(b)) {
        assert_true(plan_coded(a) > plan_coded(b));
        return;
    }
    const bool close_a = plan_error_bound(a) <= PLAN_CLOSE, close_b = plan_error_bound(b) <= PLAN_CLOSE;
    if (objective >= PLAN_BYTES && plan_coded(a) != plan_coded(b)) {
        assert_true(plan_coded(a) > plan_coded(b));
        return;
    }
    if (close_a != close_b) {
        assert_true(close_a);
        return;
    }
    switch (objective) {
    case PLAN_LATENCY:
        assert_sooner(a->planned_ns, b->planned_ns, gain_a, gain_b);
        return;
    case PLAN_THROUGHPUT:
        assert_sooner(a->busiest_ns, b->busiest_ns, gain_a, gain_b);
        return;
    default:
        break;
    }
    assert_true(plan_coded(a) >= plan_coded(b));
    if (plan_coded(a) > plan_coded(b))
        return;
    double of_a = objective == PLAN_BYTES ? a->up_bytes + a->down_bytes : paper_cost(a);
    double of_b = objective == PLAN_BYTES ? b->up_bytes + b->down_bytes : paper_cost(b);
    assert_true(of_a <= of_b);
    if (of_a == of_b)
        assert_sooner(a->planned_ns, b->planned_ns, gain_a, gain_b);
}

/* Both codes are better at times; never both at once, and of equals neither. */
static void test_the_better_plan(void **state) {
    (void)state;
    static const char *const families[] = {"rotation", "replicate"};
    struct random random;
    uint32_t better[2] = {0, 0};
    random_seed(&random, SEED);
    for (int i = 0; i < 200; i++) {
        const enum plan_objective objective = (enum plan_objective)(i % 4);
        const struct profile profile = plan_random_profile(&random);
        const uint32_t workers = 2 + (uint32_t)random_below(&random, 10);
        const uint32_t stragglers = (uint32_t)random_below(&random, workers);
        struct conv_geometry layers[LAYERS];
        struct plan *plans[2];
        for (size_t s = 0; s < LAYERS; s++)
            layers[s] = plan_random_layer(&random);
        for (int f = 0; f < 2; f++)
            plans[f] = plan_of(&profile, families[f], workers, stragglers, CONVOY_F32,
                               i % 3 ? PLAN_PAYING : PLAN_ALL, objective, layers, LAYERS);
        for (int f = 0; f < 2; f++) {
            assert_false(plan_is_better(plans[f], plans[f]));
            if (!plan_is_better(plans[f], plans[1 - f]))
                continue;
            better[f]++;
            assert_better(plans[f], plans[1 - f], objective);
            assert_false(plan_is_better(plans[1 - f], plans[f]));
        }
        for (int f = 0; f < 2; f++)
            plan_destroy(&plans[f]);
    }
    print_message("seed %d: rotation is better %u times, replicate %u\n", SEED, better[0], better[1]);
    assert_true(better[0] > 10 && better[1] > 10);
}

/* A plan that codes nothing sends nothing, and is no better for that. */
static void test_fewer_layers_are_not_fewer_bytes(void **state) {
    (void)state;
    const struct profile slow_link = plan_calm("pi4-wifi"), fast_link = plan_calm("cloud-10gbit");
    const struct conv_geometry layers[] = {plan_conv(64, 56, 64, 3, 1), plan_conv(128, 28, 128, 3, 1)};
    for (int paper = 0; paper < 2; paper++) {
        const enum plan_objective objective = paper ? PLAN_PAPER : PLAN_BYTES;
        struct plan *none =
            plan_of(&slow_link, "rotation", 6, 2, CONVOY_F32, PLAN_PAYING, objective, layers, 2);
        struct plan *some = plan_of(&fast_link, "rotation", 6, 2, CONVOY_F32, PLAN_ALL, objective, layers, 2);
        assert_int_equal(plan_coded(none), 0);
        assert_int_equal(plan_coded(some), 2);
        assert_true(plan_is_better(some, none));
        assert_false(plan_is_better(none, some));
        plan_destroy(&none);
        plan_destroy(&some);
    }
}

static void test_codes_that_are_left_out(void **state) {
    (void)state;
    static const struct {
        const char *family;
        uint32_t stragglers, reserve;
        bool refused;
    } cases[] = {{"rotation", 2, 0, false}, {"rotation", 0, 3, false}, {"replicate", 2, 0, false},
                 {"replicate", 2, 1, true}, {"uncoded", 0, 0, false},  {"uncoded", 1, 0, true},
                 {"uncoded", 0, 1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why =
            plan_refuses_code(plan_family(cases[i].family), cases[i].stragglers, cases[i].reserve);
        if (!why == cases[i].refused)
            fail_msg("case %zu: %s", i, why ? why : "not refused");
    }
}

/* The halves of one network beside its plan for float32. profile_name: NULL: threads, without a link. */
static const char *halves_refused(const char *profile_name, const char *family, convoy_dtype frames,
                                  uint32_t workers, uint32_t stragglers) {
    const struct profile profile = profile_name ? plan_calm(profile_name) : plan_threads(workers);
    const struct conv_geometry layers[] = {plan_conv(64, 56, 64, 3, 1), plan_conv(128, 28, 128, 3, 1)};
    struct plan *floats =
        plan_of(&profile, family, workers, stragglers, CONVOY_F32, PLAN_ALL, PLAN_LATENCY, layers, 2);
    struct plan *halves =
        plan_of(&profile, family, workers, stragglers, frames, PLAN_ALL, PLAN_LATENCY, layers, 2);
    const char *why = plan_refuses_halves(halves, floats);
    print_message("%s, %s, %s: %.3g ms beside %.3g, error %.2g: %s\n", profile.name, family,
                  convoy_dtype_text(frames), halves->planned_ns / 1e6, floats->planned_ns / 1e6,
                  plan_error_bound(halves), why ? why : "taken");
    assert_int_equal(plan_coded(halves), 2);
    assert_true(plan_error_bound(halves) > plan_error_bound(floats));
    const bool errs = plan_error_bound(halves) > PLAN_HALVES_ERROR;
    assert_true(!why || errs == (strstr(why, "0.01") != NULL));
    assert_true(why || (plan_error_bound(halves) <= PLAN_HALVES_ERROR &&
                        halves->planned_ns < PLAN_WORTH * floats->planned_ns));
    plan_destroy(&floats);
    plan_destroy(&halves);
    return why;
}

/* By workers of 10, of which γ may be missing: behind a slow link halves are worth it, as bfloat16 only if
 * answers are not solved for; with two missing its error is too large. */
static void test_halves(void **state) {
    (void)state;
    assert_null(halves_refused("pi4-wifi", "rotation", CONVOY_F16, 10, 2));
    assert_non_null(strstr(halves_refused("pi4-wifi", "rotation", CONVOY_BF16, 10, 2), "0.01"));
    assert_null(halves_refused("pi4-wifi", "replicate", CONVOY_BF16, 10, 2));
    assert_string_equal(halves_refused(NULL, "replicate", CONVOY_F16, 10, 2), "not a fifth faster than f32");
}

/* Of inferences in flight it is the busiest that must have a fifth less to do. */
static void test_halves_in_flight(void **state) {
    (void)state;
    const struct profile profile = plan_calm("pi4-wifi");
    const struct conv_geometry layer = plan_conv(64, 56, 64, 3, 1);
    struct plan *plans[2];
    for (int half = 0; half < 2; half++)
        plans[half] = plan_of(&profile, "replicate", 4, 1, half ? CONVOY_F16 : CONVOY_F32, PLAN_ALL,
                              PLAN_THROUGHPUT, &layer, 1);
    assert_null(plan_refuses_halves(plans[1], plans[0]));
    plans[1]->busiest_ns = 0.81 * plans[0]->busiest_ns;
    assert_non_null(plan_refuses_halves(plans[1], plans[0]));
    plans[0]->objective = plans[1]->objective = PLAN_LATENCY;
    plans[1]->planned_ns = 0.79 * plans[0]->planned_ns;
    assert_null(plan_refuses_halves(plans[1], plans[0]));
    plan_destroy(&plans[0]);
    plan_destroy(&plans[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_better_plan),
        cmocka_unit_test(test_fewer_layers_are_not_fewer_bytes),
        cmocka_unit_test(test_codes_that_are_left_out),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_halves_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
