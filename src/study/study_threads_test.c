/* Every item is run once, whatever the threads; what one fails with is told. */
#include "study/study_threads.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 1000 };

struct tally {
    atomic_int runs[ITEMS];
    atomic_int on_thread[64];
    size_t fails;
};

static convoy_status count(void *context, size_t index, const struct study_hand *hand, convoy_error *error) {
    struct tally *tally = context;
    const uint32_t thread = hand->number;
    assert_int_equal(study_hand_goes_on(NULL, error), CONVOY_OK);
    atomic_fetch_add(&tally->runs[index], 1);
    assert_true(thread < study_threads());
    assert_int_equal(atomic_fetch_add(&tally->on_thread[thread], 1), 0);
    atomic_fetch_sub(&tally->on_thread[thread], 1);
    return index == tally->fails ? error_set(error, CONVOY_E_INPUT, "item %zu", index) : CONVOY_OK;
}

static void test_once(void **state) {
    (void)state;
    static struct tally tally;
    tally.fails = ITEMS;
    const struct study_items items = {.count = ITEMS, .run = count, .context = &tally};
    assert_int_equal(study_items_run(NULL, &items, NULL), CONVOY_OK);
    for (size_t i = 0; i < ITEMS; i++)
        assert_int_equal(tally.runs[i], 1);
}

static void test_failure(void **state) {
    (void)state;
    static struct tally tally;
    tally.fails = 3;
    convoy_error error = {0};
    const struct study_items items = {.count = ITEMS, .run = count, .context = &tally};
    assert_int_equal(study_items_run(NULL, &items, &error), CONVOY_E_INPUT);
    assert_string_equal(error.message, "item 3");
    assert_int_equal(tally.runs[ITEMS - 1], 0);
}

static size_t told_done, told_total;

static void tell(void *context, const char *what, size_t done, size_t total) {
    (void)context;
    assert_string_equal(what, "counting");
    assert_true(done >= told_done);
    told_done = done;
    told_total = total;
}

static bool at_once(void *context) {
    (void)context;
    return true;
}

/* An item that takes long gives up by itself, also if another one is what failed. */
static convoy_status wait_for_the_end(void *context, size_t index, const struct study_hand *hand,
                                      convoy_error *error) {
    (void)context;
    if (index == 1 || study_threads() == 1)
        return error_set(error, CONVOY_E_INPUT, "item %zu", index);
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK)
        status = study_hand_goes_on(hand, error);
    return status;
}

static void test_long_items(void **state) {
    (void)state;
    convoy_error error = {0};
    const struct study_items items = {.count = 2, .run = wait_for_the_end};
    assert_int_equal(study_items_run(NULL, &items, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "item"));
}

static void test_progress_and_cancelling(void **state) {
    (void)state;
    static struct tally tally;
    tally.fails = ITEMS;
    convoy_study_options options = {.topic = "numerics", .progress = tell};
    const struct study study = {.options = &options};
    const struct study_items items = {
        .what = "counting", .done = 10, .total = 2 * ITEMS, .count = ITEMS, .run = count, .context = &tally};
    told_done = 0;
    assert_int_equal(study_items_run(&study, &items, NULL), CONVOY_OK);
    assert_int_equal(told_done, 10 + ITEMS);
    assert_int_equal(told_total, 2 * ITEMS);
    options.cancelled = at_once;
    assert_int_equal(study_items_run(&study, &items, NULL), CONVOY_E_CANCELLED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_long_items),
        cmocka_unit_test(test_progress_and_cancelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
