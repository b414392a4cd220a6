#include "plan/plan.h"

#include "conv_oracle.h"
#include "plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 1

/* The decision for one layer; its options are gone. */
static struct plan_layer choose_by(const struct plan_request *request, const struct conv_geometry *layer) {
    const struct plan_subject subject = {.name = "layer", .geometry = layer};
    struct plan *plan = NULL;
    convoy_error error;
    if (plan_create(&plan, request, &subject, 1, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    struct plan_layer chosen = plan->layers[0];
    plan_destroy(&plan);
    return chosen;
}

static struct plan_layer choose(const char *name, uint32_t workers, uint32_t stragglers,
                                struct conv_geometry layer) {
    const struct profile profile = plan_threads(workers);
    const struct plan_request request = plan_request_for(&profile, name, workers, stragglers);
    return choose_by(&request, &layer);
}

static void assert_rotation(struct plan_layer plan, uint32_t threshold) {
    assert_true(plan.coded);
    assert_null(plan.why_local);
    assert_int_equal(plan.threshold, threshold);
    assert_int_not_equal(plan.input_parts, 2);
    assert_int_not_equal(plan.filter_parts, 2);
}

static void test_lenet5(void **state) {
    (void)state;
    const struct conv_geometry layers[] = {plan_conv(1, 32, 6, 5, 0), plan_conv(6, 14, 16, 5, 0),
                                           plan_product(1, 400, 120), plan_product(1, 120, 84),
                                           plan_product(1, 84, 10)};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        assert_rotation(choose("rotation", 6, 2, layers[i]), 4);
    for (size_t i = 2; i < sizeof layers / sizeof *layers; i++) { /* one row cannot be cut */
        struct plan_layer plan = choose("rotation", 6, 2, layers[i]);
        assert_int_equal(plan.input_parts, 1);
        assert_int_equal(plan.filter_parts, 8);
    }
}

static void test_vgg16(void **state) {
    (void)state;
    static const int shapes[13][3] = {{3, 224, 64},   {64, 224, 64},  {64, 112, 128}, {128, 112, 128},
                                      {128, 56, 256}, {256, 56, 256}, {256, 56, 256}, {256, 28, 512},
                                      {512, 28, 512}, {512, 28, 512}, {512, 14, 512}, {512, 14, 512},
                                      {512, 14, 512}};
    for (size_t i = 0; i < 13; i++)
        assert_rotation(choose("rotation", 10, 2, plan_conv(shapes[i][0], shapes[i][1], shapes[i][2], 3, 1)),
                        8);
}

/* 10 classes cannot be cut in 16: the largest δ <= 8 that the layer admits. */
static void test_small_layers_get_a_smaller_threshold(void **state) {
    (void)state;
    struct plan_layer plan = choose("rotation", 10, 2, plan_product(1, 84, 10));
    assert_rotation(plan, 5);
    assert_int_equal(plan.filter_parts, 10);
    plan = choose("rotation", 10, 2,
                  plan_product(1, 84, 1)); /* nothing to cut: every worker computes all of it */
    assert_rotation(plan, 1);
    assert_int_equal(plan.filter_parts, 1);
    assert_rotation(choose("rotation", 3, 2, plan_conv(64, 56, 64, 3, 1)), 1);
}

/* 16 slices are admitted where they are smaller than 14: of 112 rows, not of 28 or 56. */
static void test_depthwise(void **state) {
    (void)state;
    static const struct {
        int64_t size;
        uint32_t threshold;
    } cases[] = {{7, 2}, {14, 7}, {28, 7}, {56, 7}, {112, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conv_geometry g = plan_conv(32, cases[i].size, 32, 3, 1);
        g.groups = 32;
        struct plan_layer plan = choose("rotation", 10, 2, g);
        assert_rotation(plan, cases[i].threshold);
        assert_int_equal(plan.filter_parts, 1);
    }
}

/* The default rule again, by MATH alone: every pair of parts up to rows and channels, without bounds or
 * shortcuts. */
static uint32_t best_threshold(const struct conv_geometry *g, uint32_t most, double *best_travel) {
    int64_t rows = g->out[0], channels = g->out_channels / g->groups;
    uint32_t best = 0;
    for (int64_t a = 1; a <= rows; a += a == 1 ? 3 : 2) { /* 1, 4, 6, 8, ... */
        int64_t height = (rows + a - 1) / a;
        if (a > 2 && height == (rows + a - 3) / (a - 2))
            continue;
        for (int64_t b = 1; b <= channels; b += b == 1 ? 3 : 2) {
            uint32_t threshold = (uint32_t)((a == 1 ? 1 : a / 2) * (b == 1 ? 1 : b / 2));
            struct partition p;
            assert_int_equal(partition_create(&p, g, (uint32_t)a, (uint32_t)b, NULL), CONVOY_OK);
            struct partition_cost cost = partition_cost(&p, a == 1 ? 1 : 2, b == 1 ? 1 : 2);
            if (threshold > most || threshold < best)
                continue;
            if (threshold > best || cost.up + cost.down < *best_travel)
                *best_travel = cost.up + cost.down;
            best = threshold;
        }
    }
    return best;
}

static void test_choice_is_the_best_of_all(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (int i = 0; i < 3000; i++) {
        struct conv_geometry g;
        oracle_random_geometry(&random, &g);
        uint32_t workers = 1 + (uint32_t)random_below(&random, 20);
        uint32_t stragglers = (uint32_t)random_below(&random, workers);
        double travel = 0;
        uint32_t threshold = best_threshold(&g, workers - stragglers, &travel);
        const struct profile profile = plan_threads(workers);
        struct plan_request request = plan_request_for(&profile, "rotation", workers, stragglers);
        request.frames = CONVOY_F64;    /* whose error budget refuses none */
        request.objective = PLAN_PAPER; /* with λ = 1, 1, 0, 0: what travels */
        struct plan_layer plan = choose_by(&request, &g);
        assert_rotation(plan, threshold);
        struct partition p;
        assert_null(partition_refusal(&g, plan.input_parts, plan.filter_parts, 2));
        assert_int_equal(partition_create(&p, &g, plan.input_parts, plan.filter_parts, NULL), CONVOY_OK);
        struct partition_cost cost =
            partition_cost(&p, plan.input_parts > 1 ? 2 : 1, plan.filter_parts > 1 ? 2 : 1);
        if (cost.up + cost.down != travel)
            fail_msg("seed %d, layer %d: parts %u,%u travel %g, best %g", SEED, i, plan.input_parts,
                     plan.filter_parts, cost.up + cost.down, travel);
    }
}

static void test_wanted_parts(void **state) {
    (void)state;
    struct conv_geometry g = plan_conv(64, 56, 64, 3, 1);
    static const struct {
        uint32_t wanted[2];
        uint32_t threshold; /* of the wanted parts, 0: not admitted */
    } cases[] = {{{4, 4}, 4}, {{2, 16}, 8}, {{1, 1}, 1},  {{8, 4}, 8}, {{8, 8}, 0},
                 {{3, 4}, 0}, {{1, 66}, 0}, {{58, 1}, 0}, {{0, 4}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct profile profile = plan_threads(10);
        struct plan_request request = plan_request_for(&profile, "rotation", 10, 2);
        request.input_parts = cases[i].wanted[0];
        request.filter_parts = cases[i].wanted[1];
        struct plan_layer plan = choose_by(&request, &g), usual = choose("rotation", 10, 2, g);
        assert_true(plan.coded);
        assert_int_equal(plan.threshold, cases[i].threshold ? cases[i].threshold : usual.threshold);
        assert_int_equal(plan.input_parts, cases[i].threshold ? cases[i].wanted[0] : usual.input_parts);
        assert_int_equal(plan.filter_parts, cases[i].threshold ? cases[i].wanted[1] : usual.filter_parts);
    }
}

static void test_other_families(void **state) {
    (void)state;
    struct conv_geometry g = plan_conv(16, 28, 12, 3, 1);
    struct plan_layer plan = choose("uncoded", 6, 2, g); /* needs all six, γ notwithstanding */
    assert_true(plan.coded);
    assert_int_equal(plan.threshold, 6);
    assert_int_equal(plan.input_parts * plan.filter_parts, 6);
    plan = choose("replicate", 6, 2, g); /* three copies of each of two parts: any four workers hold both */
    assert_true(plan.coded);
    assert_int_equal(plan.threshold, 4);
    assert_int_equal(plan.input_parts * plan.filter_parts, 2);
}

static void test_why_local(void **state) {
    (void)state;
    static const struct {
        const char *family;
        uint32_t workers, stragglers;
        const char *why;
    } cases[] = {
        {"rotation", 6, 6, "as many stragglers are allowed as there are workers"},
        {"rotation", 6, UINT32_MAX, "as many stragglers are allowed as there are workers"},
        {"rotation", 0, 0, "there are no workers"},
        {"uncoded", 11, 0, "its rows and channels do not suit the parts that this code takes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_layer plan =
            choose(cases[i].family, cases[i].workers, cases[i].stragglers, plan_product(1, 84, 10));
        assert_false(plan.coded);
        assert_string_equal(plan.why_local, cases[i].why);
    }
}

static uint32_t *calls; /* of counted_admit */

static bool counted_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                          uint32_t workers, struct code_shape *shape) {
    ++*calls;
    return plan_family("rotation")->admit(family, input_parts, filter_parts, workers, shape);
}

/* The work does not grow with the layer, only with n. */
static void test_large_layers_are_planned_fast(void **state) {
    (void)state;
    uint32_t count = 0;
    calls = &count;
    struct code_family counted = *plan_family("rotation");
    counted.admit = counted_admit;
    const struct profile profile = plan_threads(256);
    struct plan_request request = plan_request_for(&profile, "rotation", 256, 0);
    request.cluster.family = &counted;
    struct conv_geometry g = plan_conv(4096, 224, 4096, 3, 1);
    struct plan_layer plan = choose_by(&request, &g);
    assert_rotation(plan, 256);
    assert_true(count > 0 && count < 4 * 256 * 8); /* n ln(n) */
    calls = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lenet5),
        cmocka_unit_test(test_vgg16),
        cmocka_unit_test(test_small_layers_get_a_smaller_threshold),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_choice_is_the_best_of_all),
        cmocka_unit_test(test_wanted_parts),
        cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_why_local),
        cmocka_unit_test(test_large_layers_are_planned_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
