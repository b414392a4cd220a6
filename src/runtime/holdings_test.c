/* A layer's way to a worker, by what is said alone. */
#include "runtime/holdings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct content_hash hash = {1, 2};

/* One layer, made for worker 0 of two. */
static uint32_t supply(struct holdings *holdings) {
    uint32_t layer;
    holdings_init(holdings, 2);
    assert_int_equal(holdings_add(holdings, &layer), CONVOY_OK);
    assert_true(holdings_has_gap(holdings, layer, 0));
    holdings_begin(holdings, layer, 0);
    assert_false(holdings_has_gap(holdings, layer, 0));
    assert_true(holdings_has_gap(holdings, layer, 1));
    struct buffer *content = buffer_create(8);
    assert_true(holdings_supply(holdings, layer, 0, &content, hash, 3));
    assert_null(content);
    assert_true(holdings->due);
    assert_int_equal(holdings_at(holdings, layer, 0)->state, HOLDING_OFFERING);
    holdings_at(holdings, layer, 0)->state = HOLDING_OFFERED;
    return layer;
}

/* A worker that holds the content is sent nothing; what it loses it gets anew, three times. */
static void test_held_and_lost(void **state) {
    (void)state;
    struct holdings holdings;
    uint32_t layer = supply(&holdings);
    struct holding *holding = holdings_at(&holdings, layer, 0);
    assert_int_equal(holdings_take_reply(&holdings, layer, 0, FRAME_READY), HOLDINGS_CHANGED);
    assert_int_equal(holding->state, HOLDING_READY);
    assert_null(holding->payload);
    for (int losses = 0; losses < 3; losses++) {
        assert_int_equal(holdings_take_reply(&holdings, layer, 0, FRAME_WANT), HOLDINGS_DAMAGED);
        assert_true(holdings_has_gap(&holdings, layer, 0));
        holding->state = HOLDING_READY;
    }
    assert_int_equal(holdings_take_reply(&holdings, layer, 0, FRAME_WANT), HOLDINGS_UNSTABLE);
    assert_int_equal(holding->state, HOLDING_UNFIT);
    assert_false(holdings_has_gap(&holdings, layer, 0));
    holdings_clear(&holdings);
}

/* One that lacks it is sent it; one that comes back is offered it by its hash. */
static void test_wanted(void **state) {
    (void)state;
    struct holdings holdings;
    uint32_t layer = supply(&holdings);
    struct holding *holding = holdings_at(&holdings, layer, 0);
    holdings.due = false;
    assert_int_equal(holdings_take_reply(&holdings, layer, 0, FRAME_WANT), HOLDINGS_CHANGED);
    assert_int_equal(holding->state, HOLDING_SENDING);
    assert_true(holdings.due);
    buffer_release(&holding->payload);
    holding->state = HOLDING_SENT;
    assert_int_equal(holdings_take_reply(&holdings, layer, 0, FRAME_UNFIT), HOLDINGS_DECLINED);
    holdings_forget(&holdings, 0);
    assert_int_equal(holding->state, HOLDING_MISSING);
    holdings_offer_known(&holdings, 0);
    holdings_offer_known(&holdings, 1); /* nothing was made for it: its hash is not known */
    assert_int_equal(holding->state, HOLDING_OFFERING);
    assert_int_equal(holdings_at(&holdings, layer, 1)->state, HOLDING_MISSING);
    holdings_clear(&holdings);
}

/* What answers nothing is ignored, whatever layer it names. */
static void test_ignored(void **state) {
    (void)state;
    struct holdings holdings;
    uint32_t layer = supply(&holdings);
    assert_int_equal(holdings_take_reply(&holdings, layer + 1, 0, FRAME_READY), HOLDINGS_SAME);
    assert_int_equal(holdings_take_reply(&holdings, UINT32_MAX, 0, FRAME_READY), HOLDINGS_SAME);
    assert_int_equal(holdings_take_reply(&holdings, layer, 1, FRAME_READY), HOLDINGS_SAME);
    assert_int_equal(holdings_at(&holdings, layer, 1)->state, HOLDING_MISSING);
    holdings_clear(&holdings);
}

/* What was made is of no use if the worker came anew, or the layer is gone; what could not be made is not
 * tried again. */
static void test_supplied_in_vain(void **state) {
    (void)state;
    struct holdings holdings;
    uint32_t layer = supply(&holdings);
    struct buffer *content = buffer_create(8);
    holdings_begin(&holdings, layer, 1);
    holdings_forget(&holdings, 1);
    assert_true(holdings_supply(&holdings, layer, 1, &content, hash, 3));
    assert_non_null(content);
    holdings_begin(&holdings, layer, 1);
    struct buffer *none = NULL;
    assert_false(holdings_supply(&holdings, layer, 1, &none, (struct content_hash){0}, 0));
    holdings_remove(&holdings, layer);
    assert_false(holdings_has_gap(&holdings, layer, 0));
    buffer_release(&content);
    holdings_clear(&holdings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_and_lost),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_supplied_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
