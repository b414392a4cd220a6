/* The choice of parts, against a look at all of them. */
#include "study/parts_choice.h"
#include "study/study_networks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const double ratios[] = {0.01, 0.1, 1, 10, 100};

#define RATIOS (sizeof ratios / sizeof ratios[0])

static void fill_lambda(double ratio, double lambda[LAMBDAS]) {
    for (int i = 0; i < LAMBDAS; i++)
        lambda[i] = 0;
    lambda[LAMBDA_UP] = lambda[LAMBDA_DOWN] = ratio;
    lambda[LAMBDA_STORE] = 1;
}

static void each_layer(void (*check)(const struct plan_cluster *, const struct conv_geometry *)) {
    static const char *const names[] = {"lenet5", "vgg16"};
    const struct code_family *family;
    struct study_network networks[2];
    assert_int_equal(study_networks_fill(networks, names, 2, NULL), CONVOY_OK);
    for (size_t i = 0; (family = code_family_at(i)); i++)
        for (size_t n = 0; n < 2; n++)
            for (size_t l = 0; l < networks[n].count; l += study_layer_repeats(&networks[n], l))
                check(&(struct plan_cluster){.family = family, .workers = 20, .stragglers = 4},
                      &networks[n].layers[l].geometry);
    study_networks_clear(networks, 2);
}

/* All of the largest threshold that any way has, and no others. */
static void check_thresholds(const struct plan_cluster *cluster, const struct conv_geometry *layer) {
    struct candidate *all = NULL, *parts = NULL;
    size_t all_count = 0, count = 0, found = 0;
    uint32_t most = 0;
    assert_int_equal(candidates_create(cluster, layer, &all, &all_count), CONVOY_OK);
    assert_int_equal(parts_create(cluster, layer, &parts, &count), CONVOY_OK);
    for (size_t i = 0; i < all_count; i++)
        most = all[i].threshold > most ? all[i].threshold : most;
    for (size_t i = 0; i < all_count; i++)
        found += all[i].threshold == most;
    assert_int_equal(count, found);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(parts[i].threshold, most);
    free(all);
    free(parts);
}

static void test_thresholds(void **state) {
    (void)state;
    each_layer(check_thresholds);
}

static void check_cheapest(const struct plan_cluster *cluster, const struct conv_geometry *layer) {
    struct candidate *parts = NULL;
    size_t count = 0;
    assert_int_equal(parts_create(cluster, layer, &parts, &count), CONVOY_OK);
    for (size_t r = 0; count && r < RATIOS; r++) {
        double lambda[LAMBDAS];
        fill_lambda(ratios[r], lambda);
        const size_t best = parts_cheapest(parts, count, lambda);
        assert_true(best < count);
        for (size_t i = 0; i < count; i++)
            assert_true(candidate_paper_cost(&parts[i], lambda) >=
                        candidate_paper_cost(&parts[best], lambda));
    }
    free(parts);
}

static void test_cheapest(void **state) {
    (void)state;
    each_layer(check_cheapest);
}

static void test_nearest(void **state) {
    (void)state;
    const struct candidate parts[] = {{.input_parts = 1}, {.input_parts = 4}, {.input_parts = 16}};
    static const struct {
        double wanted;
        size_t nearest;
    } cases[] = {{0.01, 0}, {2, 0}, {2.8, 0}, {2.9, 1}, {7.9, 1}, {8.1, 2}, {1e6, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(parts_nearest(parts, 3, cases[i].wanted), cases[i].nearest);
}

/* A layer without overlaps and with sizes that all parts divide: there the closed form is exact. U is convex
 * in k_A, so that the best k_A is next to it, on one side or the other. */
static void test_closed_form(void **state) {
    (void)state;
    struct conv_geometry layer = {.spatial = 2,
                                  .batch = 1,
                                  .groups = 1,
                                  .in_channels = 8,
                                  .out_channels = 256,
                                  .in = {256, 256},
                                  .kernel = {1, 1},
                                  .stride = {1, 1},
                                  .dilation = {1, 1}};
    const struct plan_cluster cluster = {.family = code_family_at(0), .workers = 20, .stragglers = 4};
    struct candidate *parts = NULL;
    size_t count = 0, inside = 0;
    assert_int_equal(conv_geometry_complete(&layer, NULL), CONVOY_OK);
    assert_int_equal(parts_create(&cluster, &layer, &parts, &count), CONVOY_OK);
    assert_true(count >= 4);
    for (double ratio = 1e-5; ratio < 1e3; ratio *= 1.5) {
        double lambda[LAMBDAS];
        fill_lambda(ratio, lambda);
        const double closed = candidates_closed_form(&layer, parts[0].threshold, lambda);
        const size_t best = parts_cheapest(parts, count, lambda);
        if (closed <= 4 || closed >= parts[count - 1].input_parts)
            continue; /* beyond the parts, or where one operand is whole */
        inside++;
        assert_true(best == 0 || parts[best - 1].input_parts < closed);
        assert_true(best + 1 == count || parts[best + 1].input_parts > closed);
    }
    assert_true(inside > 3);
    free(parts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_cheapest),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_closed_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
