#include "base/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_sizes_are_checked(void **state) {
    (void)state;
    size_t out = 7;
    assert_false(size_mul(SIZE_MAX, 2, &out));
    assert_false(size_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 7);
    assert_true(size_mul(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(size_mul(SIZE_MAX, 0, &out) && out == 0);
    assert_true(size_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
}

static void test_memory_is_aligned(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *memory = memory_aligned(sizes[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % MEMORY_ALIGNMENT, 0);
        free(memory);
    }
    assert_null(memory_aligned(SIZE_MAX));
    assert_null(memory_aligned((size_t)PTRDIFF_MAX + 1));
}

static void count_release(void *context) {
    ++*(int *)context;
}

static void test_last_reference_releases(void **state) {
    (void)state;
    int released = 0;
    char data[4];
    struct buffer *buffer = buffer_adopt(data, sizeof data, count_release, &released);
    assert_non_null(buffer);
    struct buffer *second = buffer_retain(buffer);
    assert_ptr_equal(second, buffer);
    buffer_release(&buffer);
    assert_null(buffer);
    assert_int_equal(released, 0);
    assert_ptr_equal(second->data, data);
    buffer_release(&second);
    assert_int_equal(released, 1);
    buffer_release(&second); /* a pointer to NULL */
    buffer_release(NULL);
    assert_int_equal(released, 1);
}

static void test_buffer_without_release(void **state) {
    (void)state;
    char data[4];
    struct buffer *buffer = buffer_adopt(data, sizeof data, NULL, NULL);
    assert_non_null(buffer);
    buffer_release(&buffer);
    buffer = buffer_create(1000);
    assert_non_null(buffer);
    assert_int_equal(buffer->bytes, 1000);
    assert_int_equal((uintptr_t)buffer->data % MEMORY_ALIGNMENT, 0);
    buffer_release(&buffer);
    assert_null(buffer_create(SIZE_MAX));
}

static void *hold_and_drop(void *context) {
    for (int i = 0; i < 10000; i++) {
        struct buffer *mine = buffer_retain(context);
        buffer_release(&mine);
    }
    struct buffer *last = context; /* the reference that was counted for this thread */
    buffer_release(&last);
    return NULL;
}

static void test_references_across_threads(void **state) {
    (void)state;
    int released = 0;
    char data[4];
    struct buffer *buffer = buffer_adopt(data, sizeof data, count_release, &released);
    assert_non_null(buffer);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        buffer_retain(buffer);
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, buffer), 0);
    }
    buffer_release(&buffer);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(released, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_checked),         cmocka_unit_test(test_memory_is_aligned),
        cmocka_unit_test(test_last_reference_releases),   cmocka_unit_test(test_buffer_without_release),
        cmocka_unit_test(test_references_across_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
