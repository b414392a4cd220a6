/* No library starts threads that nobody asked for: not when it is loaded, not for the small systems of
 * coding, and for a layer exactly as many as the session was given. */
#include "linalg/dense.h"

#include <convoy/convoy.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MODEL CONVOY_SOURCE_DIR "/models/lenet5/lenet5.onnx"

/* ThreadSanitizer starts a thread of its own with the first one of the program. */
#ifdef __SANITIZE_THREAD__
enum { SANITIZERS_OWN = 1 };
#else
enum { SANITIZERS_OWN = 0 };
#endif
static unsigned at_first;

static unsigned count_threads(void) {
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void test_loaded(void **state) {
    (void)state;
    at_first = count_threads();
    assert_in_range(at_first, 1, 1 + SANITIZERS_OWN);
}

static void test_dense(void **state) {
    (void)state;
    enum { ORDER = 256 };
    static double matrix[ORDER * ORDER], inverse[ORDER * ORDER];
    static double values[ORDER];
    for (size_t i = 0; i < ORDER * ORDER; i++)
        matrix[i] = (i % (ORDER + 1) == 0) + 1e-3 * (double)(i * 7919 % 1000);
    assert_int_equal(dense_invert(ORDER, matrix, inverse), CONVOY_OK);
    assert_int_equal(dense_singular_values(ORDER, ORDER, matrix, values), CONVOY_OK);
    assert_int_equal(count_threads(), at_first);
}

/* Ascending: OpenMP keeps the helpers that it has. */
static void test_layers(void **state) {
    (void)state;
    const convoy_shape shape = {4, {1, 1, 32, 32}};
    convoy_model *model = NULL;
    assert_int_equal(convoy_model_load(&model, MODEL, NULL), CONVOY_OK);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        convoy_options options;
        convoy_session *session = NULL;
        convoy_result *result = NULL;
        convoy_tensor input;
        convoy_options_init(&options);
        options.local = true;
        options.threads = threads;
        assert_int_equal(convoy_tensor_create(&input, CONVOY_F32, &shape, NULL), CONVOY_OK);
        assert_int_equal(convoy_session_create(&session, model, &shape, &options, NULL), CONVOY_OK);
        assert_int_equal(convoy_session_run(session, &input, &result, NULL), CONVOY_OK);
        const unsigned expected = at_first + threads - 1;
        assert_in_range(count_threads(), expected, expected + SANITIZERS_OWN);
        convoy_result_destroy(&result);
        convoy_session_destroy(&session);
        convoy_tensor_release(&input);
    }
    convoy_model_destroy(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
