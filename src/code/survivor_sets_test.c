#include "code/survivor_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_LISTED 20000
#define WIDEST      64 /* workers; a set is a word of bits */

struct listing {
    uint32_t workers, stragglers;
    uint32_t stop; /* after so many; 0: never */
    uint32_t count;
    uint64_t sets[MOST_LISTED];
};

static bool list(void *context, const uint32_t *survivors, uint32_t count) {
    struct listing *listing = context;
    assert_int_equal(count, listing->workers - listing->stragglers);
    assert_true(listing->count < MOST_LISTED);
    uint64_t set = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(survivors[i] < listing->workers);
        assert_true(i == 0 || survivors[i] > survivors[i - 1]);
        set |= UINT64_C(1) << survivors[i];
    }
    listing->sets[listing->count++] = set;
    return listing->count != listing->stop;
}

static struct listing listed; /* large */

static uint32_t visit(uint32_t workers, uint32_t stragglers, uint32_t most, uint32_t stop) {
    listed.workers = workers;
    listed.stragglers = stragglers;
    listed.stop = stop;
    listed.count = 0;
    assert_int_equal(survivor_sets_visit(workers, stragglers, most, list, &listed), CONVOY_OK);
    return listed.count;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t distinct(void) {
    uint32_t count = 0;
    qsort(listed.sets, listed.count, sizeof listed.sets[0], compare);
    for (uint32_t i = 0; i < listed.count; i++)
        count += i == 0 || listed.sets[i] != listed.sets[i - 1];
    return count;
}

/* Pascal's triangle. */
static uint32_t binomial(uint32_t n, uint32_t k) {
    uint32_t row[32] = {1};
    for (uint32_t i = 1; i <= n; i++)
        for (uint32_t j = i; j > 0; j--)
            row[j] += row[j - 1];
    return row[k];
}

/* As many sets as there are are asked for, so that a count that is wrong by rounding shows. */
static void test_small_clusters_get_every_set_once(void **state) {
    (void)state;
    for (uint32_t n = 1; n <= 16; n++)
        for (uint32_t k = 0; k < n; k++) {
            uint32_t all = binomial(n, k);
            assert_int_equal(visit(n, k, all, 0), all);
            assert_int_equal(distinct(), all);
        }
}

static void test_nobody_lost_is_one_set(void **state) {
    (void)state;
    assert_int_equal(visit(WIDEST, 0, 1, 0), 1);
    assert_true(listed.sets[0] == UINT64_MAX);
}

static bool is_listed(uint64_t lost) {
    for (uint32_t i = 0; i < listed.count; i++)
        if (listed.sets[i] == ~lost)
            return true;
    return false;
}

static void test_large_clusters_get_some(void **state) {
    (void)state;
    static const uint32_t mosts[] = {1, 7, 50, 333};
    for (size_t i = 0; i < sizeof mosts / sizeof *mosts; i++)
        for (uint32_t k = 6; k < 60; k += 19)
            assert_int_equal(visit(WIDEST, k, mosts[i], 0), mosts[i]);
    visit(WIDEST, 4, 50, 0);
    assert_true(distinct() > 40);
    assert_true(is_listed(0xf));              /* neighbours */
    assert_true(is_listed(0x55));             /* every second */
    assert_true(is_listed(0x249));            /* every third */
    assert_true(is_listed(0x1111));           /* every fourth */
    assert_true(is_listed(0x01010101));       /* every eighth */
    visit(WIDEST, 40, 50, 0);                 /* round the ring more than once */
    assert_true(is_listed(UINT64_MAX >> 24)); /* the 40 neighbours from the first on */
}

static void test_visits_are_the_same_every_time(void **state) {
    (void)state;
    static uint64_t first[MOST_LISTED];
    uint32_t count = visit(40, 9, 100, 0);
    memcpy(first, listed.sets, count * sizeof *first);
    assert_int_equal(visit(40, 9, 100, 0), count);
    assert_memory_equal(first, listed.sets, count * sizeof *first);
}

static void test_the_visitor_ends_the_visit(void **state) {
    (void)state;
    assert_int_equal(visit(6, 2, 100, 1), 1); /* of all */
    assert_int_equal(visit(6, 2, 100, 14), 14);
    assert_int_equal(visit(40, 9, 100, 1), 1);   /* of neighbours */
    assert_int_equal(visit(40, 9, 100, 77), 77); /* of random ones */
}

static void test_too_few_workers_are_refused(void **state) {
    (void)state;
    assert_int_equal(survivor_sets_visit(0, 0, 50, list, &listed), CONVOY_E_USAGE);
    assert_int_equal(survivor_sets_visit(6, 6, 50, list, &listed), CONVOY_E_USAGE);
    assert_int_equal(survivor_sets_visit(6, UINT32_MAX, 50, list, &listed), CONVOY_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_clusters_get_every_set_once),
        cmocka_unit_test(test_nobody_lost_is_one_set),
        cmocka_unit_test(test_large_clusters_get_some),
        cmocka_unit_test(test_visits_are_the_same_every_time),
        cmocka_unit_test(test_the_visitor_ends_the_visit),
        cmocka_unit_test(test_too_few_workers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
