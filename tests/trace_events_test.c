/* convoy_options.trace: what is told of the runs of a session agrees with their reports, and the steps of
 * each row nest. */
#include "lenet5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS    6
#define RUNS       12
#define MOST_STEPS 8192

#define MOST_LAYERS 32
#define NAME_SIZE   24

/* Its layer's name outlives the session. */
struct step {
    convoy_trace_event event;
    char layer[NAME_SIZE]; /* "": none */
};

struct told {
    struct step steps[MOST_STEPS];
    atomic_uint count;
};

static void tell(void *context, const convoy_trace_event *event) {
    struct told *told = context;
    unsigned place = atomic_fetch_add(&told->count, 1);
    if (place >= MOST_STEPS)
        return;
    told->steps[place].event = *event;
    snprintf(told->steps[place].layer, NAME_SIZE, "%s", event->layer ? event->layer : "");
}

static bool is_worker(const convoy_trace_event *event) {
    return event->step == CONVOY_TRACE_TASK || event->step == CONVOY_TRACE_COMPUTE;
}

/* By row, then by time, the whole before its parts. */
static int compare(const void *first, const void *second) {
    const convoy_trace_event *a = &((const struct step *)first)->event,
                             *b = &((const struct step *)second)->event;
    const uint64_t keys[][2] = {{is_worker(a), is_worker(b)},
                                {a->worker, b->worker},
                                {a->row, b->row},
                                {a->start_ns, b->start_ns},
                                {b->end_ns, a->end_ns},
                                {a->step == CONVOY_TRACE_COMPUTE, b->step == CONVOY_TRACE_COMPUTE}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

static bool same_row(const convoy_trace_event *a, const convoy_trace_event *b) {
    return is_worker(a) == is_worker(b) && a->worker == b->worker && a->row == b->row;
}

/* A step lies within what it is part of. */
static void expect_part(const struct step *whole, const struct step *part) {
    static const convoy_trace_step wholes[] = {
        [CONVOY_TRACE_LAYER] = CONVOY_TRACE_INFERENCE, [CONVOY_TRACE_ENCODE] = CONVOY_TRACE_LAYER,
        [CONVOY_TRACE_SEND] = CONVOY_TRACE_LAYER,      [CONVOY_TRACE_WAIT] = CONVOY_TRACE_LAYER,
        [CONVOY_TRACE_VERIFY] = CONVOY_TRACE_WAIT,     [CONVOY_TRACE_DECODE] = CONVOY_TRACE_LAYER,
        [CONVOY_TRACE_HERE] = CONVOY_TRACE_LAYER,      [CONVOY_TRACE_COMPUTE] = CONVOY_TRACE_TASK};
    assert_int_equal(whole->event.step, wholes[part->event.step]);
    assert_int_equal(whole->event.inference, part->event.inference);
    assert_true(part->event.end_ns <= whole->event.end_ns);
    if (part->event.step != CONVOY_TRACE_LAYER)
        assert_string_equal(whole->layer, part->layer);
}

/* Steps of a row lie behind one another or within one another. */
static void expect_nested(struct told *told) {
    const struct step *open[8];
    size_t depth = 0;
    assert_in_range(told->count, 1, MOST_STEPS);
    qsort(told->steps, told->count, sizeof *told->steps, compare);
    for (unsigned i = 0; i < told->count; i++) {
        const struct step *step = &told->steps[i];
        const convoy_trace_event *event = &step->event;
        assert_true(event->start_ns <= event->end_ns);
        while (depth && (!same_row(&open[depth - 1]->event, event) ||
                         open[depth - 1]->event.end_ns <= event->start_ns))
            depth--;
        if (event->step == CONVOY_TRACE_INFERENCE || event->step == CONVOY_TRACE_TASK) {
            assert_int_equal(depth, 0);
        } else {
            assert_in_range(depth, 1, 7);
            expect_part(open[depth - 1], step);
        }
        open[depth++] = step;
    }
}

static uint32_t count_steps(const struct told *told, convoy_trace_step step, uint64_t inference,
                            const char *layer) {
    uint32_t count = 0;
    for (unsigned i = 0; i < told->count; i++) {
        const struct step *s = &told->steps[i];
        count += s->event.step == step && s->event.inference == inference &&
                 (!layer || strcmp(s->layer, layer) == 0);
    }
    return count;
}

/* What was told of a worker's tasks of a layer agrees with the report. That a task was lost may be known only
 * when the layer is done. */
static void expect_task(const struct told *told, uint64_t inference, const char *layer, uint32_t worker,
                        convoy_outcome outcome) {
    uint32_t tasks = 0, same = 0, lost = 0;
    for (unsigned i = 0; i < told->count; i++) {
        const struct step *s = &told->steps[i];
        if (s->event.step != CONVOY_TRACE_TASK || s->event.inference != inference ||
            s->event.worker != worker || strcmp(s->layer, layer) != 0)
            continue;
        assert_true(s->event.asked_ns > 0 && s->event.asked_ns <= s->event.start_ns);
        tasks++;
        same += s->event.outcome == outcome;
        lost += s->event.outcome == CONVOY_OUTCOME_LOST;
    }
    bool answered =
        outcome == CONVOY_OUTCOME_USED || outcome == CONVOY_OUTCOME_UNUSED || outcome == CONVOY_OUTCOME_WRONG;
    if (answered)
        assert_int_equal(same, 1);
    else
        assert_int_equal(outcome == CONVOY_OUTCOME_LOST ? same : same + lost, tasks);
}

/* names: of the layers. */
static void expect_report(const struct told *told, uint64_t inference, const convoy_result *result,
                          char names[][NAME_SIZE]) {
    assert_int_equal(count_steps(told, CONVOY_TRACE_INFERENCE, inference, NULL), 1);
    assert_int_equal(count_steps(told, CONVOY_TRACE_LAYER, inference, NULL), result->layer_count);
    for (size_t i = 0; i < result->layer_count; i++) {
        const convoy_layer_report *layer = &result->layers[i];
        assert_int_equal(count_steps(told, CONVOY_TRACE_LAYER, inference, names[i]), 1);
        assert_int_equal(count_steps(told, CONVOY_TRACE_DECODE, inference, names[i]), layer->coded);
        assert_int_equal(count_steps(told, CONVOY_TRACE_HERE, inference, names[i]), layer->fallback);
        for (uint32_t w = 0; w < WORKERS && layer->asked <= WORKERS; w++) /* else some were asked twice */
            expect_task(told, inference, names[i], w, (convoy_outcome)layer->outcome[w]);
    }
}

/* ---- sessions ---- */

static convoy_options options_of(struct told *told, const char *const *faults, size_t count) {
    convoy_options options;
    convoy_options_init(&options);
    options.workers = WORKERS;
    options.no_trials = true;
    options.verify = CONVOY_VERIFY_ALL;
    options.faults = faults;
    options.fault_count = count;
    options.trace = tell;
    options.trace_context = told;
    return options;
}

static void fill(convoy_tensor *input) {
    assert_int_equal(convoy_tensor_create(input, CONVOY_F32, &lenet5_shape, NULL), CONVOY_OK);
    for (size_t i = 0; i < convoy_tensor_elements(input); i++)
        ((float *)input->data)[i] = (float)(i % 7) - 3;
}

/* One inference after the other. What was told, some of it when the session ended, is the caller's to free.
 */
static struct told *run_session(const convoy_model *model, const char *const *faults, size_t count) {
    struct told *told = calloc(1, sizeof *told);
    assert_non_null(told);
    convoy_options options = options_of(told, faults, count);
    convoy_session *session = lenet5_session(model, &options);
    convoy_result *results[RUNS] = {NULL};
    convoy_tensor input = {0};
    const convoy_layer_info *layers;
    char names[MOST_LAYERS][NAME_SIZE];
    size_t layer_count = convoy_session_layers(session, &layers);
    assert_in_range(layer_count, 1, MOST_LAYERS);
    for (size_t i = 0; i < layer_count; i++)
        snprintf(names[i], NAME_SIZE, "%s", layers[i].name);
    fill(&input);
    for (size_t i = 0; i < RUNS; i++)
        assert_int_equal(convoy_session_run(session, &input, &results[i], NULL), CONVOY_OK);
    convoy_session_destroy(&session);
    expect_nested(told);
    for (size_t i = 0; i < RUNS; i++) {
        expect_report(told, i, results[i], names);
        convoy_result_destroy(&results[i]);
    }
    convoy_tensor_release(&input);
    return told;
}

/* How many tasks of a worker had this outcome. */
static uint32_t count_outcome(const struct told *told, uint32_t worker, convoy_outcome outcome) {
    uint32_t count = 0;
    for (unsigned i = 0; i < told->count; i++) {
        const convoy_trace_event *event = &told->steps[i].event;
        count += event->step == CONVOY_TRACE_TASK && event->worker == worker && event->outcome == outcome;
    }
    return count;
}

/* The same of answers that were taken in before their layer was done. */
static uint32_t count_answered(const struct told *told, uint32_t worker) {
    return count_outcome(told, worker, CONVOY_OUTCOME_USED) +
           count_outcome(told, worker, CONVOY_OUTCOME_UNUSED);
}

static void test_well(void **state) {
    struct told *told = run_session(*state, NULL, 0);
    for (uint32_t w = 0; w < WORKERS; w++)
        assert_int_equal(
            count_outcome(told, w, CONVOY_OUTCOME_LOST) + count_outcome(told, w, CONVOY_OUTCOME_WRONG), 0);
    free(told);
}

/* A worker that dies at a layer, one that never answers, one whose answers are damaged and one that lies.
 * With another that is dead from the start, the first and the last two are needed, however slow they are. */
static void test_faults(void **state) {
    static const char *const dead[] = {"0:kill", "1:kill@conv2", "4:slow=1000000x"};
    static const char *const broken[] = {"0:kill", "2:corrupt", "5:lie=0.1"};
    struct told *told = run_session(*state, dead, 3);
    assert_in_range(count_outcome(told, 1, CONVOY_OUTCOME_LOST), 1, 2); /* a task ahead, too */
    assert_int_equal(count_answered(told, 4), 0);
    assert_true(count_outcome(told, 4, CONVOY_OUTCOME_LATE) > 0);
    free(told);
    told = run_session(*state, broken, 3);
    assert_int_equal(count_answered(told, 2), 0);
    assert_true(count_outcome(told, 2, CONVOY_OUTCOME_LOST) > 0);
    assert_in_range(count_outcome(told, 5, CONVOY_OUTCOME_WRONG), 1, 2);
    free(told);
}

/* Too few are left: layers are computed here. */
static void test_fallback(void **state) {
    static const char *const faults[] = {"0:kill@conv2", "1:kill@conv2", "2:kill@conv2"};
    struct told *told = run_session(*state, faults, 3);
    assert_true(count_steps(told, CONVOY_TRACE_HERE, RUNS - 1, NULL) > 0);
    free(told);
}

/* ---- several at once ---- */

static convoy_status next(void *context, convoy_tensor *inputs, bool *end, convoy_error *error) {
    uint32_t *left = context;
    (void)error;
    *end = *left == 0;
    if (*end)
        return CONVOY_OK;
    (*left)--;
    fill(&inputs[0]);
    return CONVOY_OK;
}

static convoy_status done(void *context, size_t index, uint32_t run, const convoy_result *result,
                          const convoy_check *check, convoy_error *error) {
    (void)context;
    (void)index;
    (void)run;
    (void)result;
    (void)check;
    (void)error;
    return CONVOY_OK;
}

static void test_in_flight(void **state) {
    static const char *const faults[] = {"3:delay=3ms"};
    struct told *told = calloc(1, sizeof *told);
    assert_non_null(told);
    convoy_options options = options_of(told, faults, 1);
    convoy_session *session = lenet5_session(*state, &options);
    uint32_t left = 2 * RUNS;
    const convoy_stream stream = {
        .context = &left, .in_flight = 4, .repeat = 1, .check = true, .next = next, .done = done};
    assert_int_equal(convoy_session_stream(session, &stream, NULL, NULL), CONVOY_OK);
    convoy_session_destroy(&session);
    expect_nested(told);
    for (uint64_t i = 0; i < 2 * RUNS; i++)
        assert_int_equal(count_steps(told, CONVOY_TRACE_INFERENCE, i, NULL), 1);
    for (unsigned i = 0; i < told->count; i++)
        assert_in_range(told->steps[i].event.row, 0, is_worker(&told->steps[i].event) ? 1 : 3);
    free(told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_fallback),
        cmocka_unit_test(test_in_flight),
    };
    return cmocka_run_group_tests(tests, lenet5_load, lenet5_drop);
}
