#include "base/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The memory that was given back comes again, the smallest that is large enough, and is as large as asked
 * for. */
static void test_memory_comes_again(void **state) {
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(8);
    struct buffer *small = buffer_pool_take(pool, 100), *large = buffer_pool_take(pool, 5000);
    assert_true(small && large && small->bytes == 100 && large->bytes == 5000);
    assert_true((uintptr_t)small->data % MEMORY_ALIGNMENT == 0);
    void *small_data = small->data, *large_data = large->data;
    assert_ptr_not_equal(small_data, large_data);
    buffer_release(&large);
    buffer_release(&small);
    struct buffer *middle = buffer_pool_take(pool, 101), *least = buffer_pool_take(pool, 1);
    assert_ptr_equal(middle->data, large_data);
    assert_ptr_equal(least->data, small_data);
    assert_true(middle->bytes == 101 && least->bytes == 1);
    struct buffer *third = buffer_pool_take(pool, 100); /* nothing is idle */
    assert_true(third->data != large_data && third->data != small_data);
    buffer_release(&third);
    buffer_release(&middle);
    buffer_release(&least);
    buffer_pool_destroy(&pool);
    assert_null(pool);
}

/* Of three idle blocks a pool of two keeps the larger ones. */
static void test_keeps_the_largest(void **state) {
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(2);
    struct buffer *buffers[3];
    void *data[3];
    for (size_t i = 0; i < 3; i++) {
        buffers[i] = buffer_pool_take(pool, 1000 * (3 - i));
        data[i] = buffers[i]->data;
    }
    for (size_t i = 0; i < 3; i++)
        buffer_release(&buffers[i]);
    buffers[0] = buffer_pool_take(pool, 1);
    buffers[1] = buffer_pool_take(pool, 1);
    assert_ptr_equal(buffers[0]->data, data[1]);
    assert_ptr_equal(buffers[1]->data, data[0]);
    buffer_release(&buffers[0]);
    buffer_release(&buffers[1]);
    buffer_pool_destroy(&pool);
}

/* A buffer may outlive its pool: the memory goes with the last of them (sanitizers look). */
static void test_outlives(void **state) {
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(4);
    struct buffer *buffer = buffer_pool_take(pool, 64), *again = buffer_retain(buffer);
    buffer_pool_destroy(&pool);
    memset(again->data, 1, again->bytes);
    buffer_release(&buffer);
    buffer_release(&again);
    buffer_pool_destroy(&pool); /* NULL */
}

static void test_too_large(void **state) {
    (void)state;
    struct buffer_pool *pool = buffer_pool_create(4);
    assert_null(buffer_pool_take(pool, SIZE_MAX));
    assert_null(buffer_pool_take(pool, SIZE_MAX - MEMORY_ALIGNMENT));
    struct buffer *none = buffer_pool_take(pool, 0);
    assert_non_null(none);
    buffer_release(&none);
    buffer_pool_destroy(&pool);
}

/* NULL where every buffer was its taker's alone. (Assertions belong to the test's own thread.) */
static void *take_and_release(void *pool) {
    for (size_t i = 0; i < 2000; i++) {
        struct buffer *buffer = buffer_pool_take(pool, 1 + i % 7 * 50);
        if (!buffer)
            return pool;
        memset(buffer->data, (int)i, buffer->bytes);
        for (size_t k = 0; k < buffer->bytes; k++)
            if (((unsigned char *)buffer->data)[k] != (unsigned char)i)
                return pool;
        buffer_release(&buffer);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    struct buffer_pool *pool = buffer_pool_create(3);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_release, pool), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    buffer_pool_destroy(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_comes_again),
        cmocka_unit_test(test_keeps_the_largest),
        cmocka_unit_test(test_outlives),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
