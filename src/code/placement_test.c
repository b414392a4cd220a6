#include "code/placement.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* What the search finds, and the largest κ over its losses to 3 digits; the numbers were computed
 * independently in Python. */
static const struct {
    uint32_t workers, stragglers, order, step;
    double condition;
} spreads[] = {
    {1, 0, 1, 1, 1},       {2, 1, 2, 1, 1},       {5, 0, 5, 2, 1},      {6, 2, 6, 1, 4.73},
    {8, 2, 8, 3, 7.25},    {10, 2, 10, 3, 10.1},  {20, 4, 23, 9, 82.6}, {40, 8, 43, 12, 220},
    {48, 16, 48, 19, 229}, {60, 28, 60, 11, 553},
};

static void test_spread(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof spreads / sizeof spreads[0]; i++) {
        struct placement placement;
        double condition;
        assert_int_equal(placement_spread(spreads[i].workers, spreads[i].stragglers, &placement), CONVOY_OK);
        assert_int_equal(placement.workers, spreads[i].workers);
        assert_int_equal(placement.order, spreads[i].order);
        assert_int_equal(placement.step, spreads[i].step);
        assert_int_equal(placement_worst_condition(&placement, spreads[i].stragglers, &condition), CONVOY_OK);
        assert_true(fabs(condition / spreads[i].condition - 1) < 5e-3);
    }
}

/* Every placement gives every worker a node of its own, also where the search gives way to the golden
 * section. */
static void test_nodes_distinct(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{1, 0},  {2, 0},   {3, 2},    {7, 1},   {12, 5},
                                        {31, 3}, {97, 10}, {100, 99}, {1000, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct placement placement;
        assert_int_equal(placement_spread(sizes[i][0], sizes[i][1], &placement), CONVOY_OK);
        assert_int_equal(placement.workers, sizes[i][0]);
        assert_true(placement.order >= placement.workers);
        bool *taken = calloc(placement.order, sizeof *taken);
        assert_non_null(taken);
        for (uint32_t j = 0; j < placement.workers; j++) {
            uint32_t node = placement_node(&placement, j);
            assert_true(node < placement.order && !taken[node]);
            taken[node] = true;
        }
        free(taken);
    }
    struct placement placement;
    assert_int_equal(placement_spread(0, 0, &placement), CONVOY_E_USAGE);
    assert_int_equal(placement_spread(4, 4, &placement), CONVOY_E_USAGE);
}

/* γ neighbours lost, the first of them, t(j) = j and q the least odd number >= n; to the digits given. */
static const struct {
    uint32_t workers, threshold, order;
    double condition, digits;
} neighbours[] = {
    {5, 4, 5, 2.24, 0.005},      {10, 8, 11, 29.2, 0.05},       {20, 16, 21, 1.6e3, 0.05e3},
    {40, 32, 41, 6.0e6, 0.05e6}, {48, 32, 49, 2.1e10, 0.05e10}, {60, 32, 61, 1.2e14, 0.1e14},
};

static void test_neighbours_lost(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof neighbours / sizeof neighbours[0]; i++) {
        struct placement placement = {neighbours[i].workers, neighbours[i].order, 1};
        uint32_t survivors[64], first = neighbours[i].workers - neighbours[i].threshold;
        for (uint32_t j = 0; j < neighbours[i].threshold; j++)
            survivors[j] = first + j;
        struct conditioning found;
        assert_int_equal(placement_conditioning(&placement, survivors, neighbours[i].threshold, &found),
                         CONVOY_OK);
        assert_true(fabs(found.condition - neighbours[i].condition) <= neighbours[i].digits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_nodes_distinct),
        cmocka_unit_test(test_neighbours_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
