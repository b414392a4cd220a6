/* Sessions over the trained LeNet-5: options, many inferences at once, comparison with the uncoded model. */
#include "session/session.h"

#include "lenet5.h"

#include <convoy/convoy.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DIGIT CONVOY_SOURCE_DIR "/models/lenet5/digits/%03d.png"

static convoy_tensor load_digit(int number) {
    char path[256];
    convoy_tensor tensor;
    convoy_image_options options = {0};
    convoy_error error = {0};
    snprintf(path, sizeof path, DIGIT, number);
    if (convoy_input_load(&tensor, path, CONVOY_F32, &lenet5_shape, &options, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return tensor;
}

static void options_that_make_no_sense_are_refused(void **state) {
    static const char *const bad_faults[] = {"1:explode"}, *const far_faults[] = {"6:kill"},
                             *const lost_faults[] = {"1:kill@nowhere"}, *const local_faults[] = {"1:kill"};
    static const struct {
        uint32_t workers, stragglers, reserve, parts[2], threads;
        const char *code, *backend;
        const char *const *faults;
        bool local;
        const char *words;
    } cases[] = {
        {0, 0, 0, {0, 0}, 1, "rotation", "reference", NULL, false, "workers"},
        {257, 0, 0, {0, 0}, 1, "rotation", "reference", NULL, false, "workers"},
        {6, 6, 0, {0, 0}, 1, "rotation", "reference", NULL, false, "stragglers"},
        {6, 2, UINT32_MAX, {0, 0}, 1, "rotation", "reference", NULL, false, "reserve"},
        {6, 2, 0, {4, 0}, 1, "rotation", "reference", NULL, false, "parts"},
        {6, 2, 0, {0, 0}, 0, "rotation", "reference", NULL, false, "threads"},
        {6, 2, 0, {0, 0}, 1, "morse", "reference", NULL, false, "uncoded, table:FILE.npz, or auto"},
        {6, 2, 0, {0, 0}, 1, "rotation", "abacus", NULL, false, "reference"},
        {6, 2, 0, {0, 0}, 1, "rotation", "reference", bad_faults, false, "1:explode"},
        {6, 2, 0, {0, 0}, 1, "rotation", "reference", far_faults, false, "6:kill"},
        {6, 2, 0, {0, 0}, 1, "rotation", "reference", lost_faults, false, "conv1, conv2"},
        {6, 2, 0, {0, 0}, 1, "rotation", "reference", local_faults, true, "no workers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_options options;
        convoy_options_init(&options);
        options.workers = cases[i].workers;
        options.stragglers = cases[i].stragglers;
        options.reserve = cases[i].reserve;
        options.input_parts = cases[i].parts[0];
        options.filter_parts = cases[i].parts[1];
        options.threads = cases[i].threads;
        options.code = cases[i].code;
        options.backend = cases[i].backend;
        options.faults = cases[i].faults;
        options.fault_count = cases[i].faults ? 1 : 0;
        options.local = cases[i].local;
        convoy_session *session = NULL;
        convoy_error error = {0};
        assert_int_equal(convoy_session_create(&session, *state, &lenet5_shape, &options, &error),
                         CONVOY_E_USAGE);
        assert_null(session);
        if (!strstr(error.message, cases[i].words))
            fail_msg("'%s' lacks '%s'", error.message, cases[i].words);
    }
}

static void a_precision_that_does_not_exist_is_refused(void **state) {
    convoy_options options;
    convoy_options_init(&options);
    options.precision = (convoy_precision)4;
    convoy_session *session = NULL;
    convoy_error error = {0};
    assert_int_equal(convoy_session_create(&session, *state, &lenet5_shape, &options, &error),
                     CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "precision 4"));
}

static void layers_are_described_the_same_with_and_without_workers(void **state) {
    convoy_options options;
    convoy_options_init(&options);
    convoy_session *coded = lenet5_session(*state, &options);
    options.local = true;
    convoy_session *local = lenet5_session(*state, &options);
    const convoy_layer_info *a, *b;
    const size_t count = convoy_session_layers(coded, &a);
    assert_int_equal(convoy_session_layers(local, &b), count);
    size_t codable = 0;
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_int_equal(a[i].codable, b[i].codable);
        assert_int_equal(a[i].threshold, b[i].threshold);
        assert_true(a[i].codable ? !a[i].why && a[i].threshold == 4 && a[i].macs > 0 : a[i].why != NULL);
        codable += a[i].codable;
    }
    assert_int_equal(codable, 5); /* conv1, conv2, fc1, fc2, fc3 */
    assert_int_equal(a[0].macs, 6 * 25 * 28 * 28);
    convoy_session_destroy(&coded);
    convoy_session_destroy(&local);
    convoy_session_destroy(&local); /* takes NULL */
}

static size_t index_of_smallest(const float *values, size_t count) {
    size_t smallest = 0;
    for (size_t i = 1; i < count; i++)
        smallest = fabsf(values[i]) < fabsf(values[smallest]) ? i : smallest;
    return smallest;
}

static void check_sees_what_is_wrong(void **state) {
    convoy_options options;
    convoy_options_init(&options);
    convoy_session *session = lenet5_session(*state, &options);
    convoy_tensor input = load_digit(0);
    convoy_result *result = NULL;
    convoy_check check;
    assert_int_equal(convoy_session_run(session, &input, &result, NULL), CONVOY_OK);
    assert_int_equal(convoy_session_check(session, &input, result, &check, NULL), CONVOY_OK);
    assert_true(check.top1_agrees);
    assert_true(check.max_rel_error <= 1e-5);
    for (size_t i = 0; i < result->layer_count; i++)
        assert_true(result->layers[i].coded || result->layers[i].why_local);

    float *scores = result->outputs[0].data, largest = 0;
    for (size_t i = 0; i < 10; i++)
        largest = fmaxf(largest, fabsf(scores[i]));
    const float kept = scores[3];
    scores[3] = kept + largest / 2;
    assert_int_equal(convoy_session_check(session, &input, result, &check, NULL), CONVOY_OK);
    assert_true(fabs(check.max_rel_error - 0.5) < 1e-4);
    scores[3] = kept + 100 * largest;
    assert_int_equal(convoy_session_check(session, &input, result, &check, NULL), CONVOY_OK);
    assert_false(check.top1_agrees);
    assert_true(check.not_finite.both == 0 && check.not_finite.differ == 0);

    /* Errors are over what is finite; the smallest channel counts as much as the largest. */
    const size_t smallest = index_of_smallest(scores, 10);
    scores[3] = NAN;
    scores[smallest] *= 1.5F;
    assert_int_equal(convoy_session_check(session, &input, result, &check, NULL), CONVOY_OK);
    assert_true(check.max_rel_error < 0.5);
    assert_true(fabs(check.max_channel_error - 0.5) < 1e-2);
    assert_true(check.not_finite.both == 0 && check.not_finite.differ == 1);
    scores[3] = INFINITY;
    assert_int_equal(convoy_session_check(session, &input, result, &check, NULL), CONVOY_OK);
    assert_true(check.not_finite.both == 0 && check.not_finite.differ == 1);
    assert_false(check.top1_agrees);

    convoy_result_destroy(&result);
    convoy_tensor_release(&input);
    convoy_session_destroy(&session);
}

/* What is not finite is refused before it is coded: decoding would spread it, or an activation hide it. */
static void inputs_are_finite(void **state) {
    static const float values[] = {NAN, INFINITY, -INFINITY};
    convoy_options options;
    convoy_options_init(&options);
    convoy_session *session = lenet5_session(*state, &options);
    for (int i = 0; i < 3; i++) {
        convoy_tensor input = load_digit(0);
        convoy_result *result = NULL;
        convoy_error error = {0};
        ((float *)input.data)[7] = values[i];
        assert_int_equal(convoy_session_run(session, &input, &result, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, "element [0,0,0,7] is "));
        assert_null(result);
        convoy_tensor_release(&input);
    }
    convoy_session_destroy(&session);
}

/* Frames of halves: every layer that is coded stays so, and the digit is the same; exact it is not. */
static void halves_travel(void **state) {
    static const convoy_precision precisions[] = {CONVOY_PRECISION_BF16, CONVOY_PRECISION_F16};
    for (int i = 0; i < 2; i++) {
        convoy_options options;
        convoy_options_init(&options);
        assert_int_equal(options.precision, CONVOY_PRECISION_F32);
        options.precision = precisions[i];
        convoy_session *session = lenet5_session(*state, &options);
        convoy_tensor input = load_digit(0);
        convoy_result *result = NULL;
        convoy_check check;
        assert_int_equal(convoy_session_run(session, &input, &result, NULL), CONVOY_OK);
        assert_int_equal(convoy_session_check(session, &input, result, &check, NULL), CONVOY_OK);
        assert_false(result->degraded);
        assert_true(check.top1_agrees);
        assert_true(check.max_rel_error > 1e-5 && check.max_rel_error < (i ? 0.01 : 0.08));
        convoy_result_destroy(&result);
        convoy_tensor_release(&input);
        convoy_session_destroy(&session);
    }
}

/* --- Streams -------------------------------------------------------------------------------------------- */

#define INFERENCES 40
#define MANY       2000 /* more than threads can run away with before a failure stops them */
#define REPEAT     3

struct source {
    int handed, limit;
    int next_fails_at, done_fails_at; /* -1: never */
    bool poisoned;                    /* every third input is not finite */
    int refused;
    int runs[MANY];
    size_t wrong;
    bool inside; /* a callback is running: no other may */
};

static convoy_status next_digit(void *context, convoy_tensor *inputs, bool *end, convoy_error *error) {
    struct source *source = context;
    source->wrong += source->inside;
    source->inside = true;
    convoy_status status = CONVOY_OK;
    if (source->handed == source->next_fails_at) {
        snprintf(error->message, sizeof error->message, "no digit %d", source->handed);
        status = CONVOY_E_IO;
    } else if (source->handed == source->limit) {
        *end = true;
    } else {
        inputs[0] = load_digit(source->handed++);
        if (source->poisoned && source->handed % 3 == 0)
            ((float *)inputs[0].data)[7] = NAN;
    }
    source->inside = false;
    return status;
}

static convoy_status take_digit(void *context, size_t index, uint32_t run, const convoy_result *result,
                                const convoy_check *check, convoy_error *error) {
    struct source *source = context;
    source->wrong += source->inside;
    source->inside = true;
    source->wrong += source->runs[index]++ != (int)run;
    source->wrong += !check || !check->top1_agrees || !(check->max_rel_error <= 1e-5);
    source->wrong += result->output_count != 1 || !(result->ms > 0);
    source->inside = false;
    if ((int)index == source->done_fails_at) {
        snprintf(error->message, sizeof error->message, "result %zu is not wanted", index);
        return CONVOY_E_INPUT;
    }
    return CONVOY_OK;
}

static convoy_stream stream_of(struct source *source, uint32_t in_flight) {
    return (convoy_stream){.context = source,
                           .in_flight = in_flight,
                           .repeat = REPEAT,
                           .check = true,
                           .next = next_digit,
                           .done = take_digit};
}

static void a_stream_runs_everything_once(void **state) {
    static const char *const faults[] = {"1:kill@conv2", "4:delay=300ms"};
    convoy_options options;
    convoy_options_init(&options);
    options.faults = faults;
    options.fault_count = 2;
    convoy_session *session = lenet5_session(*state, &options);
    for (uint32_t in_flight = 1; in_flight <= 5; in_flight += 4) {
        struct source source = {.limit = INFERENCES, .next_fails_at = -1, .done_fails_at = -1};
        const convoy_stream stream = stream_of(&source, in_flight);
        double total_ms = 0;
        convoy_error error = {0};
        if (convoy_session_stream(session, &stream, &total_ms, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
        assert_int_equal(source.wrong, 0);
        for (int i = 0; i < INFERENCES; i++)
            assert_int_equal(source.runs[i], REPEAT);
        assert_true(total_ms > 0);
    }
    uint32_t lost[4];
    assert_int_equal(convoy_session_lost(session, lost, 4), 1);
    assert_int_equal(lost[0], 1);
    convoy_session_destroy(&session);
}

static void a_stream_ends_with_its_first_failure(void **state) {
    convoy_options options;
    convoy_options_init(&options);
    options.local = true;
    convoy_session *session = lenet5_session(*state, &options);
    convoy_error error = {0};

    struct source source = {.limit = INFERENCES, .next_fails_at = 7, .done_fails_at = -1};
    convoy_stream stream = stream_of(&source, 3);
    double total_ms = -1;
    assert_int_equal(convoy_session_stream(session, &stream, &total_ms, &error), CONVOY_E_IO);
    assert_string_equal(error.message, "no digit 7");
    assert_true(total_ms == -1);

    source = (struct source){.limit = MANY, .next_fails_at = -1, .done_fails_at = 5};
    assert_int_equal(convoy_session_stream(session, &stream, NULL, &error), CONVOY_E_INPUT);
    assert_string_equal(error.message, "result 5 is not wanted");
    assert_true(source.handed < MANY);

    stream.in_flight = 0;
    assert_int_equal(convoy_session_stream(session, &stream, NULL, &error), CONVOY_E_USAGE);
    stream.in_flight = CONVOY_MAX_IN_FLIGHT + 1;
    assert_int_equal(convoy_session_stream(session, &stream, NULL, &error), CONVOY_E_USAGE);
    convoy_session_destroy(&session);
}

static convoy_status count_refused(void *context, size_t index, const convoy_error *reason,
                                   convoy_error *error) {
    struct source *source = context;
    source->wrong += source->inside || index % 3 != 2 || !strstr(reason->message, "element [0,0,0,7] is nan");
    source->refused++;
    if ((int)index != source->done_fails_at)
        return CONVOY_OK;
    snprintf(error->message, sizeof error->message, "input %zu is one too many", index);
    return CONVOY_E_IO;
}

/* Without the callback the stream ends with the first input that is refused. */
static void a_stream_goes_on_without_a_refused_input(void **state) {
    convoy_options options;
    convoy_options_init(&options);
    options.local = true;
    convoy_session *session = lenet5_session(*state, &options);
    for (uint32_t in_flight = 1; in_flight <= 3; in_flight += 2) {
        convoy_error error = {0};
        struct source source = {
            .limit = INFERENCES, .next_fails_at = -1, .done_fails_at = -1, .poisoned = true};
        convoy_stream stream = stream_of(&source, in_flight);
        stream.refused = count_refused;
        if (convoy_session_stream(session, &stream, NULL, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
        assert_int_equal(source.wrong, 0);
        assert_int_equal(source.refused, INFERENCES / 3);
        for (int i = 0; i < INFERENCES; i++)
            assert_int_equal(source.runs[i], i % 3 == 2 ? 0 : REPEAT);

        source =
            (struct source){.limit = INFERENCES, .next_fails_at = -1, .done_fails_at = -1, .poisoned = true};
        stream.refused = NULL;
        assert_int_equal(convoy_session_stream(session, &stream, NULL, &error), CONVOY_E_INPUT);

        source.handed = 0; /* the callback may end the stream as well */
        source.done_fails_at = 5;
        stream.refused = count_refused;
        stream.check = false;
        assert_int_equal(convoy_session_stream(session, &stream, NULL, &error), CONVOY_E_IO);
        assert_string_equal(error.message, "input 5 is one too many");
    }
    convoy_session_destroy(&session);
}

/* With infinities in the first layer's output, which a rectifier and three coded layers follow. */
static void every_output_is_looked_at(void **state) {
    for (int local = 0; local < 2; local++)
        for (int overflow = 0; overflow < 2; overflow++) {
            convoy_options options;
            convoy_options_init(&options);
            options.local = local;
            options.finite = true;
            convoy_session *session = lenet5_session(*state, &options);
            convoy_tensor input = load_digit(0);
            convoy_result *result = NULL;
            convoy_error error = {0};
            for (size_t i = 0; overflow && i < convoy_tensor_elements(&input); i++)
                ((float *)input.data)[i] = i % 2 ? 3e38f : -3e38f;
            if (convoy_session_run(session, &input, &result, &error) != CONVOY_OK)
                fail_msg("%s", error.message);
            assert_int_equal(result->layer_count, 11); /* nothing is fused */
            if (overflow)
                assert_string_equal(result->first_not_finite.layer, "conv1");
            else
                assert_null(result->first_not_finite.layer);
            convoy_result_destroy(&result);
            convoy_tensor_release(&input);
            convoy_session_destroy(&session);
        }
}

/* What the workers did in one run. */
struct asked {
    int answered[6]; /* layers in which the worker answered */
    uint32_t most;   /* workers that a layer asked */
};

/* Runs once, as an answer that is right. */
static convoy_status run_and_count(convoy_session *session, const convoy_tensor *input, struct asked *asked,
                                   convoy_error *error) {
    convoy_result *result = NULL;
    convoy_check check;
    convoy_status status = convoy_session_run(session, input, &result, error);
    if (status != CONVOY_OK)
        return status;
    assert_int_equal(convoy_session_check(session, input, result, &check, NULL), CONVOY_OK);
    assert_true(check.max_rel_error <= 1e-5);
    *asked = (struct asked){0};
    for (size_t i = 0; i < result->layer_count; i++) {
        const convoy_layer_report *layer = &result->layers[i];
        if (layer->asked > asked->most)
            asked->most = layer->asked;
        for (int w = 0; w < 6; w++)
            asked->answered[w] +=
                layer->outcome[w] == CONVOY_OUTCOME_USED || layer->outcome[w] == CONVOY_OUTCOME_UNUSED;
    }
    convoy_result_destroy(&result);
    return CONVOY_OK;
}

static void workers_are_left_out_and_asked_again(void **state) {
    static const uint32_t two[] = {0, 3}, three[] = {0, 3, 5}, beyond[] = {1, 6};
    convoy_options options;
    convoy_options_init(&options);
    options.no_fallback = true; /* a busy machine is waited for */
    options.deadline_ns = UINT64_C(60000000000);
    convoy_session *session = lenet5_session(*state, &options);
    convoy_tensor input = load_digit(0);
    convoy_error error = {0};
    uint32_t needed;
    struct asked asked;
    assert_int_equal(convoy_session_leave_out(session, two, 2, &error), CONVOY_OK);
    assert_int_equal(run_and_count(session, &input, &asked, &error), CONVOY_OK);
    assert_int_equal(asked.most, 4);
    for (int w = 0; w < 6; w++)
        assert_int_equal(asked.answered[w] > 0, w != 0 && w != 3);
    assert_int_equal(convoy_session_live(session, &needed), 6);

    assert_int_equal(convoy_session_leave_out(session, beyond, 2, &error), CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "worker 6"));
    assert_int_equal(run_and_count(session, &input, &asked, &error), CONVOY_OK);
    assert_true(asked.answered[1] > 0 && asked.answered[0] == 0); /* nothing has changed */

    assert_int_equal(convoy_session_leave_out(session, three, 3, &error), CONVOY_OK);
    assert_int_equal(run_and_count(session, &input, &asked, &error), CONVOY_E_WORKERS);
    assert_non_null(strstr(error.message, "worker 5 left out"));

    assert_int_equal(convoy_session_leave_out(session, NULL, 0, &error), CONVOY_OK);
    assert_int_equal(run_and_count(session, &input, &asked, &error), CONVOY_OK);
    assert_int_equal(asked.most, 6);
    convoy_tensor_release(&input);
    convoy_session_destroy(&session);
}

static void inputs_to_measure_with_fit_the_model(void **state) {
    static const convoy_shape open = {4, {-1, 1, 32, 32}};
    convoy_options options;
    convoy_options_init(&options);
    options.local = true;
    convoy_session *session = lenet5_session(*state, &options);
    convoy_tensor inputs[3];
    convoy_result *result = NULL;
    convoy_error error = {0};
    const uint64_t seeds[] = {1, 1, 2};
    for (int i = 0; i < 3; i++)
        assert_int_equal(convoy_bench_inputs(*state, &lenet5_shape, seeds[i], &inputs[i], &error), CONVOY_OK);
    const size_t bytes = convoy_tensor_elements(&inputs[0]) * sizeof(float);
    assert_memory_equal(inputs[0].data, inputs[1].data, bytes);
    assert_memory_not_equal(inputs[0].data, inputs[2].data, bytes);
    assert_int_equal(convoy_session_run(session, &inputs[0], &result, &error), CONVOY_OK);
    convoy_result_destroy(&result);
    for (int i = 0; i < 3; i++)
        convoy_tensor_release(&inputs[i]);
    assert_int_equal(convoy_bench_inputs(*state, &open, 1, &inputs[0], &error), CONVOY_E_USAGE);
    convoy_session_destroy(&session);
}

static void inputs_of_another_shape_are_refused(void **state) {
    convoy_options options;
    convoy_options_init(&options);
    options.local = true;
    convoy_session *session = NULL;
    convoy_error error = {0};
    const convoy_shape three = {4, {1, 3, 32, 32}};
    assert_int_equal(convoy_session_create(&session, *state, &three, &options, &error), CONVOY_E_INPUT);
    assert_null(session);

    session = lenet5_session(*state, &options);
    convoy_tensor input;
    convoy_result *result = NULL;
    assert_int_equal(convoy_tensor_create(&input, CONVOY_F32, &three, NULL), CONVOY_OK);
    assert_int_equal(convoy_session_run(session, &input, &result, &error), CONVOY_E_INPUT);
    assert_null(result);
    convoy_tensor_release(&input);
    convoy_session_destroy(&session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(a_precision_that_does_not_exist_is_refused),
        cmocka_unit_test(layers_are_described_the_same_with_and_without_workers),
        cmocka_unit_test(check_sees_what_is_wrong),
        cmocka_unit_test(halves_travel),
        cmocka_unit_test(inputs_are_finite),
        cmocka_unit_test(a_stream_runs_everything_once),
        cmocka_unit_test(a_stream_ends_with_its_first_failure),
        cmocka_unit_test(a_stream_goes_on_without_a_refused_input),
        cmocka_unit_test(every_output_is_looked_at),
        cmocka_unit_test(workers_are_left_out_and_asked_again),
        cmocka_unit_test(inputs_to_measure_with_fit_the_model),
        cmocka_unit_test(inputs_of_another_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, lenet5_load, lenet5_drop);
}
