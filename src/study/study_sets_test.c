/* Which sets are listed: all of them once where they are few, else the likely losses and drawn ones. */
#include "study/study_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t of_loss(const struct study_sets *sets, enum study_loss loss) {
    size_t count = 0;
    for (size_t i = 0; i < sets->count; i++)
        count += sets->losses[i] == loss;
    return count;
}

/* Ascending workers of the cluster, in every set. */
static void check_members(const struct study_sets *sets) {
    for (size_t i = 0; i < sets->count; i++) {
        const uint32_t *set = study_set(sets, i);
        for (uint32_t k = 0; k < sets->size; k++)
            assert_true(set[k] < sets->workers && (k == 0 || set[k] > set[k - 1]));
    }
}

static size_t width; /* of a set in bytes, for compare */

static int compare(const void *a, const void *b) {
    return memcmp(a, b, width);
}

/* Equal ones among sets [first, first + count). */
static size_t repeated(struct study_sets *sets, size_t first, size_t count) {
    size_t found = 0;
    width = sets->size * sizeof *sets->members;
    qsort(sets->members + first * sets->size, count, width, compare);
    for (size_t i = first + 1; i < first + count; i++)
        found += compare(study_set(sets, i - 1), study_set(sets, i)) == 0;
    return found;
}

static void test_all(void **state) {
    (void)state;
    static const struct {
        uint32_t workers, size;
        size_t count, neighbours;
    } cases[] = {{5, 4, 5, 5},       {10, 8, 45, 10},    {20, 16, 4845, 20},
                 {31, 28, 4495, 31}, {66, 64, 2145, 66}, {7, 7, 1, 1}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct study_sets sets;
        assert_int_equal(study_sets_create(&sets, cases[c].workers, cases[c].size, 100000, 9, 1), CONVOY_OK);
        assert_true(sets.all);
        assert_int_equal(sets.count, cases[c].count);
        assert_int_equal(sets.fair, 0);
        assert_int_equal(sets.fair_count, cases[c].count);
        assert_int_equal(of_loss(&sets, STUDY_LOSS_NEIGHBOURS), cases[c].neighbours);
        check_members(&sets);
        assert_int_equal(repeated(&sets, 0, sets.count), 0);
        study_sets_destroy(&sets);
    }
}

/* Of two half windows of 4 in a ring of 40: 40·33/2 pairs do not overlap, and 40 of these are neighbours. */
static void test_some(void **state) {
    (void)state;
    struct study_sets sets, again, other;
    assert_int_equal(study_sets_create(&sets, 40, 32, 100000, 500, 1), CONVOY_OK);
    assert_int_equal(study_sets_create(&again, 40, 32, 100000, 500, 1), CONVOY_OK);
    assert_int_equal(study_sets_create(&other, 40, 32, 100000, 500, 2), CONVOY_OK);
    assert_false(sets.all);
    assert_int_equal(of_loss(&sets, STUDY_LOSS_NEIGHBOURS), 40);
    assert_int_equal(of_loss(&sets, STUDY_LOSS_STRIDE_2), 40);
    assert_int_equal(of_loss(&sets, STUDY_LOSS_HALVES), 40 * 33 / 2 - 40);
    assert_int_equal(of_loss(&sets, STUDY_LOSS_DRAWN), 500);
    assert_int_equal(sets.fair + sets.fair_count, sets.count);
    assert_int_equal(sets.fair_count, 500);
    assert_int_equal(again.count, sets.count);
    assert_memory_equal(sets.members, again.members, sets.count * sets.size * sizeof *sets.members);
    assert_memory_equal(sets.members, other.members, sets.fair * sets.size * sizeof *sets.members);
    assert_memory_not_equal(study_set(&sets, sets.fair), study_set(&other, other.fair),
                            500 * sets.size * sizeof *sets.members);
    check_members(&sets);
    assert_int_equal(repeated(&sets, 0, sets.fair), 0);
    study_sets_destroy(&sets);
    study_sets_destroy(&again);
    study_sets_destroy(&other);
}

/* Every worker is lost about equally often. */
static void test_drawn_are_fair(void **state) {
    (void)state;
    struct study_sets sets;
    uint32_t lost[60] = {0};
    assert_int_equal(study_sets_create(&sets, 60, 32, 100000, 2000, 1), CONVOY_OK);
    for (size_t i = sets.fair; i < sets.count; i++)
        for (uint32_t k = 0; k < sets.size; k++)
            lost[study_set(&sets, i)[k]]++;
    for (size_t w = 0; w < 60; w++) /* binomial, 2000·32/60 = 1067 ± 5·22 */
        assert_in_range(lost[w], 957, 1177);
    study_sets_destroy(&sets);
}

static void test_refusals(void **state) {
    (void)state;
    struct study_sets sets;
    assert_int_equal(study_sets_create(&sets, 4, 5, 10, 1, 1), CONVOY_E_USAGE);
    assert_int_equal(study_sets_create(&sets, 4, 0, 10, 1, 1), CONVOY_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_some),
        cmocka_unit_test(test_drawn_are_fair),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
