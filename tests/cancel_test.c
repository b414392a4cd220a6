/* convoy_options.cancelled: whatever a session does when the answer becomes true, it fails with
 * CONVOY_E_CANCELLED, and does not wait for what it waited for. */
#include <convoy/convoy.h>

#include "onnx_writer.h"
#include "temp_folder.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MODEL CONVOY_SOURCE_DIR "/models/lenet5/lenet5.onnx"
#define DIGIT CONVOY_SOURCE_DIR "/models/lenet5/digits/000.png"
#define LONG_NS                                                                                              \
    UINT64_C(600000000000) /* of a wait that must not come to its end: the test would time out               \
                            */
#define MOST_LOOKS 200

static const convoy_shape shape = {4, {1, 1, 32, 32}};
static convoy_model *model;
static convoy_tensor digit;
static char folder[TEMP_PATH];

static int begin(void **state) {
    convoy_error error = {0};
    convoy_image_options image = {0};
    if (temp_folder_create(state) == 0 && convoy_model_load(&model, MODEL, &error) == CONVOY_OK &&
        convoy_input_load(&digit, DIGIT, CONVOY_F32, &shape, &image, &error) == CONVOY_OK) {
        snprintf(folder, sizeof folder, "%s", (const char *)*state);
        return 0;
    }
    print_error("%s\n", error.message);
    return -1;
}

static int end(void **state) {
    convoy_tensor_release(&digit);
    convoy_model_destroy(&model);
    return temp_folder_remove(state);
}

/* The answer is true from a number of looks on. */
static bool countdown(void *context) {
    return atomic_fetch_sub((atomic_int *)context, 1) <= 0;
}

static convoy_options options_of(bool (*cancelled)(void *context), void *context) {
    convoy_options options;
    convoy_options_init(&options);
    options.backend = "reference";
    options.workers = 3;
    options.stragglers = 1;
    options.no_trials = true;
    options.cancelled = cancelled;
    options.cancelled_context = context;
    return options;
}

/* ---- at every look ---- */

/* Makes a session, runs and checks it, and returns what ended that. */
static convoy_status use_session(const convoy_options *options, convoy_error *error) {
    convoy_session *session = NULL;
    convoy_result *result = NULL;
    convoy_check check;
    convoy_status status = convoy_session_create(&session, model, &shape, options, error);
    assert_int_equal(session != NULL, status == CONVOY_OK);
    if (status == CONVOY_OK)
        status = convoy_session_run(session, &digit, &result, error);
    if (status == CONVOY_OK)
        status = convoy_session_check(session, &digit, result, &check, error);
    convoy_result_destroy(&result);
    convoy_session_destroy(&session);
    return status;
}

/* From the first look to the last one that there is. */
static void cancel_at_every_look(convoy_options options, atomic_int *left) {
    for (int looks = 0; looks < MOST_LOOKS; looks++) {
        convoy_error error = {0};
        atomic_store(left, looks);
        const convoy_status status = use_session(&options, &error);
        if (status == CONVOY_OK && atomic_load(left) > 0) {
            assert_true(looks > 20); /* it looks at every step, three times */
            return;
        }
        if (status == CONVOY_OK)
            continue; /* asked again after the last step was done */
        if (status != CONVOY_E_CANCELLED)
            fail_msg("cancelled at look %d: %s: %s", looks, convoy_status_text(status), error.message);
        assert_int_equal(error.status, CONVOY_E_CANCELLED);
    }
}

static void alone(void **state) {
    (void)state;
    atomic_int left;
    convoy_options options = options_of(countdown, &left);
    options.local = true;
    cancel_at_every_look(options, &left);
}

static void with_workers(void **state) {
    (void)state;
    atomic_int left;
    cancel_at_every_look(options_of(countdown, &left), &left);
}

/* NonZero, whose output has a shape that depends on the data, and four nodes behind it. */
static convoy_model *model_of_postponed_nodes(void) {
    static const int64_t row[] = {3}, open[] = {1, -1};
    static const char *const names[] = {"a", "b", "c", "d", "y"};
    convoy_model *made = NULL;
    char path[64];
    struct message graph = {0}, input = value_message("x", row, 1),
                   output = typed_value_message("y", CONVOY_I64, open, 2),
                   node = node_message("NonZero", "", "x", names[0]);
    message_take(&graph, GRAPH_NODE, &node);
    for (size_t i = 0; i < 4; i++) {
        node = node_message("Neg", "", names[i], names[i + 1]);
        message_take(&graph, GRAPH_NODE, &node);
    }
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    struct message bytes = model_message(&graph, 13);
    file_write(path, bytes.bytes, bytes.size);
    message_free(&bytes);
    assert_int_equal(convoy_model_load(&made, path, NULL), CONVOY_OK);
    unlink(path);
    return made;
}

static void at_every_postponed_node(void **state) {
    (void)state;
    const convoy_shape row = {1, {3}};
    float data[] = {1, 0, 3};
    const convoy_tensor in = {CONVOY_F32, row, data, NULL};
    convoy_model *postponed = model_of_postponed_nodes();
    convoy_session *session = NULL;
    atomic_int left = 1000;
    convoy_options options = options_of(countdown, &left);
    options.local = true;
    assert_int_equal(convoy_session_create(&session, postponed, &row, &options, NULL), CONVOY_OK);
    bool done = false;
    for (int looks = 0; !done; looks++) {
        convoy_result *result = NULL;
        atomic_store(&left, looks);
        const convoy_status status = convoy_session_run(session, &in, &result, NULL);
        done = status == CONVOY_OK;
        assert_true(done ? looks >= 5 : status == CONVOY_E_CANCELLED);
        assert_int_equal(result != NULL, done);
        convoy_result_destroy(&result);
    }
    convoy_session_destroy(&session);
    convoy_model_destroy(&postponed);
}

static void while_it_calibrates(void **state) {
    (void)state;
    char path[TEMP_PATH + 16];
    atomic_int left;
    const convoy_options options = options_of(countdown, &left);
    snprintf(path, sizeof path, "%s/profile", folder);
    for (int looks = 0; looks < 12; looks++) {
        atomic_store(&left, looks);
        assert_int_equal(convoy_calibrate(&options, path, NULL), CONVOY_E_CANCELLED);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

/* ---- while it waits ---- */

static bool is_set(void *context) {
    return atomic_load((atomic_bool *)context);
}

static void *set_later(void *flag) {
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    atomic_store((atomic_bool *)flag, true);
    return NULL;
}

static void for_workers_that_do_not_come(void **state) {
    (void)state;
    static const convoy_distribute ways[] = {CONVOY_DISTRIBUTE_ALL, CONVOY_DISTRIBUTE_PAYING};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char url[TEMP_PATH + 16];
        pthread_t setter;
        convoy_session *session = NULL;
        atomic_bool flag = false;
        convoy_options options = options_of(is_set, &flag);
        snprintf(url, sizeof url, "ipc://%s/nobody", folder);
        options.listen = url;
        options.join_ns = LONG_NS;
        options.distribute = ways[i];
        assert_int_equal(pthread_create(&setter, NULL, set_later, &flag), 0);
        assert_int_equal(convoy_session_create(&session, model, &shape, &options, NULL), CONVOY_E_CANCELLED);
        assert_null(session);
        pthread_join(setter, NULL);
    }
}

static convoy_status next_digit(void *context, convoy_tensor *inputs, bool *finished, convoy_error *error) {
    (void)context;
    (void)error;
    *finished = false;
    inputs[0] = digit;
    inputs[0].owner = NULL;
    return CONVOY_OK;
}

static convoy_status take_run(void *context, size_t index, uint32_t run, const convoy_result *result,
                              const convoy_check *check, convoy_error *error) {
    (void)context, (void)index, (void)run, (void)result, (void)check, (void)error;
    return CONVOY_OK;
}

/* A layer takes the workers minutes. One inference at a time drives the transport itself; of several some
 * sleep. */
static void for_answers_that_do_not_come(void **state) {
    (void)state;
    static const char *const slow[] = {"0:slow=1e6x", "1:slow=1e6x", "2:slow=1e6x"};
    for (uint32_t in_flight = 1; in_flight <= 4; in_flight += 3) {
        pthread_t setter;
        convoy_session *session = NULL;
        convoy_error error = {0};
        atomic_bool flag = false;
        convoy_options options = options_of(is_set, &flag);
        options.deadline_ns = LONG_NS;
        options.no_fallback = true;
        options.faults = slow;
        options.fault_count = 3;
        const convoy_stream stream = {
            .in_flight = in_flight, .repeat = 1, .next = next_digit, .done = take_run};
        assert_int_equal(pthread_create(&setter, NULL, set_later, &flag), 0);
        convoy_status status = convoy_session_create(&session, model, &shape, &options, &error);
        if (status == CONVOY_OK)
            status = convoy_session_stream(session, &stream, NULL, &error);
        pthread_join(setter, NULL);
        convoy_session_destroy(&session);
        if (status != CONVOY_E_CANCELLED)
            fail_msg("%s: %s", convoy_status_text(status), error.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),
        cmocka_unit_test(with_workers),
        cmocka_unit_test(at_every_postponed_node),
        cmocka_unit_test(while_it_calibrates),
        cmocka_unit_test(for_workers_that_do_not_come),
        cmocka_unit_test(for_answers_that_do_not_come),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
