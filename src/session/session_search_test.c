/* What the options leave to the plan: the code and the precision. LeNet-5 behind a slow link. */
#include "session/session.h"

#include "lenet5.h"

#include <convoy/convoy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct steps {
    size_t calls, last, total;
    bool falls;
};

static void note_planning(void *context, size_t done, size_t total) {
    struct steps *steps = context;
    steps->falls |= done <= steps->last || done > total || (steps->total && total != steps->total);
    *steps = (struct steps){steps->calls + 1, done, total, steps->falls};
}

static convoy_options open_options(uint32_t workers, uint32_t stragglers) {
    convoy_options options;
    convoy_options_init(&options);
    options.workers = workers;
    options.stragglers = stragglers;
    options.code = "auto";
    options.precision = CONVOY_PRECISION_AUTO;
    options.profile = "pi4-wifi";
    options.objective = CONVOY_OBJECTIVE_THROUGHPUT;
    options.no_trials = true;
    return options;
}

/* Every code that may be taken was planned for, the best of them was taken, and then halves for it; with none
 * missing on this slow link that is the one of plain parts in float16. */
static size_t count_families(void) {
    size_t count = 0;
    const char *summary;
    while (convoy_code_at(count, &summary))
        count++;
    return count;
}

static void the_best_code_and_frames_are_taken(void **state) {
    struct steps steps = {0};
    convoy_options options = open_options(4, 0);
    options.planning = note_planning;
    options.progress_context = &steps;
    convoy_session *session = lenet5_session(*state, &options);
    const size_t families = count_families();
    convoy_plan_alternative found[16];
    convoy_plan_totals totals;
    const size_t count = convoy_session_alternatives(session, found, 16);
    convoy_session_plan(session, &totals);
    assert_string_equal(totals.code, "systematic"); /* plain parts, and nothing is lost */
    assert_int_equal(totals.precision, CONVOY_PRECISION_F16);
    assert_int_equal(count, families + 1);
    assert_true(steps.calls == count * session->plan->count && !steps.falls);
    for (size_t i = 0; i < count; i++) {
        assert_null(found[i].refused);
        assert_int_equal(found[i].precision, i < families ? CONVOY_PRECISION_F32 : CONVOY_PRECISION_F16);
        assert_true(found[i].planned_ms > 0 && found[i].busiest_ms > 0 && found[i].coded_layers == 5);
        assert_int_equal(found[i].chosen, i == families);
        assert_true(totals.busiest_ms <= found[i].busiest_ms);
    }
    assert_true(found[families].busiest_ms == totals.busiest_ms);

    convoy_tensor input;
    assert_int_equal(convoy_tensor_create(&input, CONVOY_F32, &lenet5_shape, NULL), CONVOY_OK);
    for (size_t i = 0; i < convoy_tensor_elements(&input); i++)
        ((float *)input.data)[i] = (float)(i % 7);
    convoy_result *result = NULL;
    assert_int_equal(convoy_session_run(session, &input, &result, NULL), CONVOY_OK);
    assert_true(result->layers[0].coded);
    assert_string_equal(result->layers[0].family, "systematic");
    convoy_result_destroy(&result);
    convoy_tensor_release(&input);
    convoy_session_destroy(&session);

    options.planning = NULL;
    assert_int_equal(convoy_options_settle(&options, *state, &lenet5_shape, NULL), CONVOY_OK);
    assert_string_equal(options.code, "systematic");
    assert_int_equal(options.precision, CONVOY_PRECISION_F16);
    session = lenet5_session(*state, &options); /* what is given is not compared with anything */
    assert_int_equal(convoy_session_alternatives(session, NULL, 0), 0);
    convoy_session_destroy(&session);
}

/* A code that needs all answers is left out if workers may be missing. */
static void a_code_that_does_not_tolerate_losses_is_left_out(void **state) {
    convoy_options options = open_options(6, 2);
    struct steps steps = {0};
    options.planning = note_planning;
    options.progress_context = &steps;
    convoy_session *session = lenet5_session(*state, &options);
    convoy_plan_alternative found[16];
    const size_t count = convoy_session_alternatives(session, found, 16), families = count_families();
    size_t chosen = 0;
    /* All codes but one, and two types of halves at most. */
    assert_int_equal(steps.total, (families - 1 + 2) * session->plan->count);
    assert_true(count >= families + 1);
    for (size_t i = 0; i < count; i++) {
        const bool uncoded = strcmp(found[i].code, "uncoded") == 0;
        assert_int_equal(found[i].planned_ms == 0, uncoded);
        assert_true(!uncoded || (found[i].refused && !found[i].chosen));
        chosen += found[i].chosen;
    }
    assert_int_equal(chosen, 1);
    convoy_session_destroy(&session);
}

static void a_plan_file_is_for_one_code(void **state) {
    convoy_options options = open_options(6, 2);
    options.plan_file = "plan.json";
    convoy_session *session = NULL;
    convoy_error error = {0};
    assert_int_equal(convoy_session_create(&session, *state, &lenet5_shape, &options, &error),
                     CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "plan.json: give the code"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_code_and_frames_are_taken),
        cmocka_unit_test(a_code_that_does_not_tolerate_losses_is_left_out),
        cmocka_unit_test(a_plan_file_is_for_one_code),
    };
    return cmocka_run_group_tests(tests, lenet5_load, lenet5_drop);
}
