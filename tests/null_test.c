/* Every public function that returns a status, given NULL for each pointer that it takes: CONVOY_E_USAGE and
 * one sentence that names the function, unless its description allows NULL. */
#include <convoy/convoy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MODEL CONVOY_SOURCE_DIR "/models/lenet5/lenet5.onnx"

static convoy_error error;

/* The call, written with NULL in place of one pointer, is refused; error is the last argument of all. */
#define REFUSED(function, ...)                                                                               \
    do {                                                                                                     \
        error = (convoy_error){0};                                                                           \
        assert_int_equal(function(__VA_ARGS__, &error), CONVOY_E_USAGE);                                     \
        assert_int_equal(error.status, CONVOY_E_USAGE);                                                      \
        assert_memory_equal(error.message, #function " ", strlen(#function " "));                            \
        assert_int_equal(function(__VA_ARGS__, NULL), CONVOY_E_USAGE);                                       \
    } while (0)

static void no_figures(void *context, const convoy_bench_figure *figure) {
    (void)context;
    (void)figure;
}

static convoy_status no_more(void *context, convoy_tensor *inputs, bool *end, convoy_error *reason) {
    (void)context;
    (void)inputs;
    (void)reason;
    *end = true;
    return CONVOY_OK;
}

static convoy_status no_run(void *context, size_t index, uint32_t run, const convoy_result *result,
                            const convoy_check *check, convoy_error *reason) {
    (void)context;
    (void)index;
    (void)run;
    (void)result;
    (void)check;
    (void)reason;
    return CONVOY_OK;
}

static void test_files_and_tensors(void **state) {
    (void)state;
    const convoy_shape shape = {1, {3}};
    convoy_tensor tensor = {0};
    convoy_model *model = NULL;
    REFUSED(convoy_tensor_create, NULL, CONVOY_F32, &shape);
    REFUSED(convoy_tensor_create, &tensor, CONVOY_F32, NULL);
    REFUSED(convoy_model_load, NULL, MODEL);
    REFUSED(convoy_model_load, &model, NULL);
    REFUSED(convoy_input_load, NULL, MODEL, CONVOY_F32, &shape, NULL);
    REFUSED(convoy_input_load, &tensor, NULL, CONVOY_F32, &shape, NULL);
    REFUSED(convoy_input_load, &tensor, MODEL, CONVOY_F32, NULL, NULL);
    REFUSED(convoy_input_parse, NULL, "P5", 2, "x", CONVOY_F32, &shape, NULL);
    REFUSED(convoy_input_parse, &tensor, NULL, 2, "x", CONVOY_F32, &shape, NULL);
    REFUSED(convoy_input_parse, &tensor, "P5", 2, NULL, CONVOY_F32, &shape, NULL);
    REFUSED(convoy_input_parse, &tensor, "P5", 2, "x", CONVOY_F32, NULL, NULL);
    REFUSED(convoy_output_save, NULL, &tensor);
    REFUSED(convoy_output_save, "/nowhere/x.npy", NULL);
    REFUSED(convoy_keygen, NULL, "name");
    REFUSED(convoy_keygen, "/nowhere", NULL);
    REFUSED(convoy_worker_run, NULL);
}

static void test_sessions(void **state) {
    (void)state;
    const convoy_shape shape = {4, {1, 1, 32, 32}};
    convoy_model *model = NULL;
    convoy_session *session = NULL;
    convoy_options options;
    convoy_result *result = NULL, empty = {0};
    convoy_check check;
    convoy_tensor input = {0};
    convoy_options_init(&options);
    options.local = true;
    assert_int_equal(convoy_model_load(&model, MODEL, &error), CONVOY_OK);
    REFUSED(convoy_session_create, NULL, model, &shape, &options);
    REFUSED(convoy_session_create, &session, NULL, &shape, &options);
    REFUSED(convoy_session_create, &session, model, NULL, &options);
    REFUSED(convoy_session_create, &session, model, &shape, NULL);
    REFUSED(convoy_bench, NULL, &shape, &options, 1, no_figures, NULL);
    REFUSED(convoy_bench, model, NULL, &options, 1, no_figures, NULL);
    REFUSED(convoy_bench, model, &shape, NULL, 1, no_figures, NULL);
    REFUSED(convoy_bench, model, &shape, &options, 1, NULL, NULL);
    assert_int_equal(convoy_session_create(&session, model, &shape, &options, &error), CONVOY_OK);
    REFUSED(convoy_session_run, NULL, &input, &result);
    REFUSED(convoy_session_run, session, NULL, &result);
    REFUSED(convoy_session_run, session, &input, NULL);
    REFUSED(convoy_session_check, NULL, &input, &empty, &check);
    REFUSED(convoy_session_check, session, NULL, &empty, &check);
    REFUSED(convoy_session_check, session, &input, NULL, &check);
    REFUSED(convoy_session_check, session, &input, &empty, NULL);
    REFUSED(convoy_session_leave_out, NULL, NULL, 0);
    REFUSED(convoy_session_leave_out, session, NULL, 1);
    REFUSED(convoy_bench_inputs, NULL, &shape, 1, &input);
    REFUSED(convoy_bench_inputs, model, NULL, 1, &input);
    REFUSED(convoy_bench_inputs, model, &shape, 1, NULL);
    REFUSED(convoy_options_settle, NULL, model, &shape);
    REFUSED(convoy_options_settle, &options, NULL, &shape);
    REFUSED(convoy_options_settle, &options, model, NULL);
    REFUSED(convoy_session_plan_save, NULL, "/nowhere/plan.json");
    REFUSED(convoy_session_plan_save, session, NULL);
    const convoy_stream whole = {.in_flight = 1, .repeat = 1, .next = no_more, .done = no_run};
    convoy_stream without_next = whole, without_done = whole;
    without_next.next = NULL;
    without_done.done = NULL;
    REFUSED(convoy_session_stream, NULL, &whole, NULL);
    REFUSED(convoy_session_stream, session, NULL, NULL);
    REFUSED(convoy_session_stream, session, &without_next, NULL);
    REFUSED(convoy_session_stream, session, &without_done, NULL);
    assert_int_equal(convoy_session_stream(session, &whole, NULL, NULL), CONVOY_OK);
    convoy_session_destroy(&session);
    convoy_model_destroy(&model);
}

static void test_plans(void **state) {
    (void)state;
    convoy_options options;
    convoy_options_init(&options);
    REFUSED(convoy_calibrate, NULL, "/nowhere/profile.json");
    REFUSED(convoy_calibrate, &options, NULL);
}

static void test_mpi(void **state) {
    (void)state;
    convoy_options options;
    convoy_worker_options worker;
    convoy_options_init(&options);
    convoy_worker_options_init(&worker);
    assert_int_equal(convoy_mpi_start(NULL, &error), CONVOY_E_USAGE);
    REFUSED(convoy_mpi_fill_master, NULL, &options);
    REFUSED(convoy_mpi_fill_worker, NULL, &worker);
}

/* What ends something takes NULL, and a pointer to NULL. */
static void test_ends(void **state) {
    (void)state;
    convoy_model *model = NULL;
    convoy_session *session = NULL;
    convoy_result *result = NULL;
    convoy_mpi *mpi = NULL;
    convoy_model_destroy(NULL);
    convoy_model_destroy(&model);
    convoy_session_destroy(NULL);
    convoy_session_destroy(&session);
    convoy_result_destroy(NULL);
    convoy_result_destroy(&result);
    convoy_mpi_destroy(NULL);
    convoy_mpi_destroy(&mpi);
    convoy_tensor_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_and_tensors),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_mpi),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
