#include "plan/candidates.h"

#include "conv_oracle.h"
#include "plan_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 3

/* ---- all of them ---- */

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* docs/scheme.md: δ of the rotation code. */
static uint32_t rotation_threshold(int64_t a, int64_t b) {
    return (uint32_t)((a == 1 ? 1 : a / 2) * (b == 1 ? 1 : b / 2));
}

static bool rotation_admits(const struct conv_geometry *g, int64_t a, int64_t b) {
    int64_t rows = g->out[0], channels = g->out_channels / g->groups;
    return (a == 1 || (a > 2 && a % 2 == 0)) && (b == 1 || (b > 2 && b % 2 == 0)) && a <= rows &&
           b <= channels && (a == 1 || divide_up(rows, a) < divide_up(rows, a - 2));
}

/* The costs of a worker, from the formulas of FCDCC, §V. */
static void assert_costs(const struct candidate *c, const struct conv_geometry *g) {
    double across = 1, out_across = 1, kernel = 1;
    for (uint32_t axis = 0; axis < g->spatial; axis++) {
        across *= axis ? (double)g->in[axis] : 1;
        out_across *= axis ? (double)g->out[axis] : 1;
        kernel *= (double)g->kernel[axis];
    }
    double l_a = c->input_parts > 1 ? 2 : 1, l_b = c->filter_parts > 1 ? 2 : 1;
    double h = (double)divide_up(g->out[0], c->input_parts);
    double m = (double)divide_up(g->out_channels / g->groups, c->filter_parts);
    double slice = (h - 1) * (double)g->stride[0] + (double)((g->kernel[0] - 1) * g->dilation[0]) + 1;
    double channels = (double)g->in_channels, batch = (double)g->batch, groups = (double)g->groups;
    double down = l_a * l_b * batch * groups * m * h * out_across;
    assert_int_equal(c->input_pieces, l_a);
    assert_int_equal(c->filter_pieces, l_b);
    assert_true(c->cost.up == l_a * batch * channels * slice * across);
    assert_true(c->cost.down == down);
    assert_true(c->cost.stored == l_b * m * channels * kernel);
    assert_true(c->cost.macs == down * channels / groups * kernel);
    assert_true(c->cost.macs == (double)conv_macs(&c->task));
}

static void test_rotation_lists_what_is_admitted(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (int i = 0; i < 1000; i++) {
        struct conv_geometry g;
        oracle_random_geometry(&random, &g);
        struct plan_cluster cluster = {.family = plan_family("rotation"),
                                       .workers = 1 + (uint32_t)random_below(&random, 20)};
        cluster.stragglers = (uint32_t)random_below(&random, cluster.workers);
        struct candidate *candidates = NULL;
        size_t count = 0, expected = 0;
        assert_int_equal(candidates_create(&cluster, &g, &candidates, &count), CONVOY_OK);
        for (int64_t a = 1; a <= g.out[0]; a++)
            for (int64_t b = 1; b <= g.out_channels / g.groups; b++) {
                uint32_t threshold = rotation_threshold(a, b);
                if (!rotation_admits(&g, a, b) || threshold > cluster.workers - cluster.stragglers)
                    continue;
                if (expected >= count || candidates[expected].input_parts != a ||
                    candidates[expected].filter_parts != b)
                    fail_msg("seed %d, layer %d: parts %d,%d are missing or out of order", SEED, i, (int)a,
                             (int)b);
                assert_int_equal(candidates[expected].threshold, threshold);
                assert_costs(&candidates[expected++], &g);
            }
        assert_int_equal(count, expected);
        free(candidates);
    }
}

/* Families without pairs: every pair of parts for which the family has a threshold. */
static void test_other_families_list_what_is_admitted(void **state) {
    (void)state;
    static const char *const names[] = {"replicate", "uncoded"};
    struct random random;
    random_seed(&random, SEED);
    for (int i = 0; i < 1000; i++) {
        struct conv_geometry g;
        oracle_random_geometry(&random, &g);
        struct plan_cluster cluster = {.family = plan_family(names[i % 2]),
                                       .workers = 1 + (uint32_t)random_below(&random, 20)};
        cluster.stragglers = (uint32_t)random_below(&random, cluster.workers);
        struct candidate *candidates = NULL;
        size_t count = 0, expected = 0;
        assert_int_equal(candidates_create(&cluster, &g, &candidates, &count), CONVOY_OK);
        for (uint32_t a = 1; a <= g.out[0]; a++)
            for (uint32_t b = 1; b <= g.out_channels / g.groups; b++) {
                uint32_t threshold = code_threshold(cluster.family, a, b, cluster.workers);
                if (threshold == 0 || threshold > candidates_most_threshold(&cluster) ||
                    partition_refusal(&g, a, b, 1))
                    continue;
                assert_true(expected < count);
                assert_int_equal(candidates[expected].input_parts, a);
                assert_int_equal(candidates[expected].filter_parts, b);
                expected++;
            }
        assert_int_equal(count, expected);
        free(candidates);
    }
}

static void test_most_threshold(void **state) {
    (void)state;
    static const struct {
        const char *family;
        uint32_t workers, stragglers, most;
    } cases[] = {{"rotation", 10, 2, 8}, {"rotation", 10, 10, 0},        {"rotation", 0, 0, 0},
                 {"rotation", 1, 0, 1},  {"rotation", 3, UINT32_MAX, 0}, {"uncoded", 10, 2, 10},
                 {"replicate", 6, 2, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct plan_cluster cluster = {.family = plan_family(cases[i].family),
                                             .workers = cases[i].workers,
                                             .stragglers = cases[i].stragglers};
        assert_int_equal(candidates_most_threshold(&cluster), cases[i].most);
    }
}

/* ---- costs ---- */

/* 8 x 4 parts of [64,56,56] * [64,64,3,3]: h = 7, Ĥ = 9, m = 16. By hand. */
static void test_costs_of_one_by_hand(void **state) {
    (void)state;
    const struct plan_cluster cluster = {.family = plan_family("rotation"), .workers = 10, .stragglers = 2};
    const struct conv_geometry g = plan_conv(64, 56, 64, 3, 1);
    struct candidate c;
    assert_true(candidate_of(&cluster, &g, 8, 4, &c));
    assert_int_equal(c.threshold, 8);
    assert_true(c.cost.up == 2 * 64 * 9 * 56);
    assert_true(c.cost.down == 4 * 16 * 7 * 56);
    assert_true(c.cost.stored == 2 * 16 * 64 * 9);
    assert_true(c.cost.macs == 4.0 * 16 * 7 * 56 * 64 * 9);
    assert_true(candidate_paper_cost(&c, (const double[LAMBDAS]){1, 10, 100, 0.5}) ==
                64512 + 10.0 * 25088 + 100.0 * 18432 + 0.5 * 14450688);
}

static void test_closed_form_by_hand(void **state) {
    (void)state;
    struct conv_geometry g = plan_conv(64, 56, 64, 3, 1);
    const double lambda[LAMBDAS] = {1, 5, 3, 7};
    double expected = sqrt(56.0 * 56 * 4 * 8 / (3.0 * 64 * 9));
    assert_true(fabs(candidates_closed_form(&g, 8, lambda) - expected) < 1e-12 * expected);
    g = plan_conv(64, 56, 64, 3, 1);
    g.stride[0] = g.stride[1] = 2;
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    expected = sqrt(56.0 * 28 * 2 * 4 * 8 / (3.0 * 64 * 9)); /* W·H'·s */
    assert_true(fabs(candidates_closed_form(&g, 8, lambda) - expected) < 1e-12 * expected);
    assert_true(isnan(candidates_closed_form(&g, 8, (const double[LAMBDAS]){1, 1, 0, 0})));
    assert_true(candidates_closed_form(&g, 8, (const double[LAMBDAS]){0, 1, 1, 0}) == 0);
}

/* It is the minimum over k_A at k_A·k_B = 4δ of the costs without rounding: where every cut comes out even
 * and kernels of one element overlap by nothing, no pair of parts costs less than what it predicts, and one
 * that is near costs nearly that. */
static void test_closed_form_is_the_minimum(void **state) {
    (void)state;
    const struct plan_cluster cluster = {.family = plan_family("rotation"), .workers = 64};
    const struct conv_geometry g = plan_conv(32, 128, 128, 1, 0);
    const double lambda[LAMBDAS] = {1, 0, 1, 0};
    double k = candidates_closed_form(&g, 64, lambda), least = INFINITY, nearest = INFINITY, near_cost = 0;
    double predicted = 2 * 32.0 * 128 * 128 / k + 2 * 128.0 * 32 * k / 256;
    for (uint32_t a = 4; a <= 64; a *= 2) {
        struct candidate c;
        assert_true(candidate_of(&cluster, &g, a, 256 / a, &c));
        double cost = candidate_paper_cost(&c, lambda);
        least = fmin(least, cost);
        if (fabs(log(a / k)) < nearest) {
            nearest = fabs(log(a / k));
            near_cost = cost;
        }
    }
    assert_true(near_cost == least);
    assert_true(least >= predicted * (1 - 1e-12));
    assert_true(least <= predicted * cosh(nearest) * (1 + 1e-12));
}

/* A slice in blocks of channels is the same convolution; groups that cut through blocks lie dense. */
static void test_geometry_in_blocks(void **state) {
    (void)state;
    const struct conv_geometry g = plan_conv(64, 56, 64, 3, 1);
    struct conv_geometry laid = candidate_geometry(&g, plan_family("rotation"), 8, 4, 16, 16);
    assert_int_equal(laid.in_block, 16);
    assert_int_equal(laid.out_block, 16);
    laid = candidate_geometry(&g, plan_family("rotation"), 4, 8, 16, 16); /* groups of 8 channels */
    assert_int_equal(laid.in_block, 16);
    assert_int_equal(laid.out_block, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation_lists_what_is_admitted),
        cmocka_unit_test(test_other_families_list_what_is_admitted),
        cmocka_unit_test(test_most_threshold),
        cmocka_unit_test(test_costs_of_one_by_hand),
        cmocka_unit_test(test_closed_form_by_hand),
        cmocka_unit_test(test_closed_form_is_the_minimum),
        cmocka_unit_test(test_geometry_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
