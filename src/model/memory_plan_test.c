/* Tensors that live at the same time never share memory, and what is dead makes room. */
#include "model/memory_plan.h"

#include "base/memory.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED 20261122

enum { BLOCKS = 40, ROUNDS = 500 };

static bool overlap(const struct plan_block *a, const struct plan_block *b) {
    bool together = a->first <= b->last && b->first <= a->last;
    return together && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void test_nothing_overlaps(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (int round = 0; round < ROUNDS; round++) {
        struct plan_block blocks[BLOCKS];
        size_t total = 0, most = 0;
        for (size_t i = 0; i < BLOCKS; i++) {
            size_t first = i / (1 + (size_t)round % 3), last = first + (size_t)random_below(&random, 6);
            blocks[i] = (struct plan_block){(size_t)random_below(&random, 5000), first, last, SIZE_MAX};
        }
        assert_int_equal(memory_plan(blocks, BLOCKS, &total, NULL), CONVOY_OK);
        for (size_t i = 0; i < BLOCKS; i++) {
            assert_int_equal(blocks[i].offset % MEMORY_ALIGNMENT, 0);
            most = blocks[i].offset + blocks[i].bytes > most ? blocks[i].offset + blocks[i].bytes : most;
            for (size_t k = 0; k < i; k++)
                assert_false(overlap(&blocks[i], &blocks[k]));
        }
        assert_true(total >= most && total < most + MEMORY_ALIGNMENT);
    }
}

/* A chain of equal tensors, each read by the next step alone, takes two of them. */
static void test_a_chain_takes_two(void **state) {
    (void)state;
    struct plan_block blocks[10];
    size_t total = 0;
    for (size_t i = 0; i < 10; i++)
        blocks[i] = (struct plan_block){640, i, i + 1, SIZE_MAX};
    assert_int_equal(memory_plan(blocks, 10, &total, NULL), CONVOY_OK);
    assert_int_equal(total, 2 * 640);
    assert_int_equal(memory_plan(blocks, 0, &total, NULL), CONVOY_OK);
    assert_int_equal(total, 0);
}

static void test_more_than_memory(void **state) {
    (void)state;
    struct plan_block blocks[] = {{SIZE_MAX / 2, 0, 3, 0}, {SIZE_MAX / 2, 1, 3, 0}, {SIZE_MAX / 2, 2, 3, 0}};
    size_t total = 7;
    convoy_error error;
    assert_int_equal(memory_plan(blocks, 3, &total, &error), CONVOY_E_MEMORY);
    assert_int_equal(total, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_overlaps),
        cmocka_unit_test(test_a_chain_takes_two),
        cmocka_unit_test(test_more_than_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
