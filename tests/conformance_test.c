/* The official ONNX test cases, alone: with all inputs at run time, and with all but the first as constants,
 * as weights are; on every backend. What is refused by design (conformance_refusal.c) is not applicable, with
 * the reason; everything else that is refused or wrong has failed. */
#include "base/error.h"
#include "conformance_case.h"
#include "conformance_refusal.h"
#include "model/executor.h"
#include "model/lowering.h"
#include "tensor_agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_REASONS 16

struct tally {
    unsigned passed, failed, refused;
    struct {
        const char *reason;
        unsigned count;
    } reasons[MAX_REASONS];
};

/* --- One case ------------------------------------------------------------------------------------------- */

/* Once, on a fresh executor; outputs that are not what is expected: CONVOY_E_INTERNAL with which. */
static convoy_status run_network(const struct conformance_case *c, const struct case_data *data,
                                 const struct network *network, const char *backend_name,
                                 convoy_error *error) {
    struct backend *backend = NULL;
    struct executor *executor = NULL;
    convoy_tensor *outputs = calloc(c->output_count + 1, sizeof *outputs);
    assert_non_null(outputs);
    convoy_status status = backend_create(&backend, backend_name, 1, error);
    if (status == CONVOY_OK)
        status = executor_create(&executor, network, backend, NULL, NULL, NULL, NULL, error);
    if (status == CONVOY_OK)
        status = executor_run(executor, data->inputs, outputs, NULL, error);
    for (size_t i = 0; i < c->output_count; i++) {
        if (status == CONVOY_OK && !tensors_agree(&outputs[i], &data->outputs[i], case_widening(c)))
            status = error_set(error, CONVOY_E_INTERNAL, "output %zu is wrong on %s", i, backend_name);
        convoy_tensor_release(&outputs[i]);
    }
    executor_destroy(&executor);
    if (backend)
        backend->ops->destroy(&backend);
    free(outputs);
    return status;
}

/* On every backend. constant: all inputs but the first are constants. */
static convoy_status run_variant(const struct conformance_case *c, const struct case_data *data,
                                 bool constant, convoy_error *error) {
    static const char *const backends[] = {"reference", "onednn"};
    convoy_tensor *constants = calloc(c->input_count + 1, sizeof *constants);
    convoy_shape *shapes = calloc(c->input_count + 1, sizeof *shapes);
    struct network *network = NULL;
    assert_true(constants && shapes);
    for (size_t i = 0; i < c->input_count; i++) {
        shapes[i] = data->inputs[i].shape;
        if (constant && i > 0) {
            constants[i] = data->inputs[i];
            constants[i].owner = NULL; /* borrowed */
        }
    }
    convoy_status status = network_create_with(&network, c->model, shapes, constants, error);
    for (size_t i = 0; i < 2 && status == CONVOY_OK; i++)
        status = run_network(c, data, network, backends[i], error);
    network_destroy(&network);
    free(constants);
    free(shapes);
    return status;
}

static convoy_status run_case(struct conformance_case *c, const struct case_list *list, size_t number,
                              convoy_error *error) {
    convoy_status status = case_open(c, list, number, error);
    for (size_t d = 0; d < c->data_count && status == CONVOY_OK; d++) {
        status = run_variant(c, &c->data[d], true, error);
        if (status == CONVOY_OK && c->input_count > 1)
            status = run_variant(c, &c->data[d], false, error);
    }
    return status;
}

/* --- All of them ---------------------------------------------------------------------------------------- */

static void count_reason(struct tally *tally, const char *reason) {
    size_t i = 0;
    while (i < MAX_REASONS && tally->reasons[i].reason && tally->reasons[i].reason != reason)
        i++;
    assert_true(i < MAX_REASONS);
    tally->reasons[i].reason = reason;
    tally->reasons[i].count++;
    tally->refused++;
}

static void judge(struct tally *tally, const struct case_list *list, size_t number) {
    struct conformance_case c;
    convoy_error error = {0};
    convoy_status status = run_case(&c, list, number, &error);
    const char *reason = status == CONVOY_OK ? NULL : case_refusal(&c, &error);
    const char *said = error.message;
    if (strncmp(said, c.folder, strlen(c.folder)) == 0)
        said += strlen(c.folder);
    if (status == CONVOY_OK) {
        printf("passed  %s/%s\n", c.group, c.name);
        tally->passed++;
    } else if (reason) {
        printf("not applicable  %s/%s: %s\n", c.group, c.name, reason);
        count_reason(tally, reason);
    } else {
        printf("FAILED  %s/%s: %s\n", c.group, c.name, said);
        tally->failed++;
    }
    case_close(&c);
}

static void test_official_cases(void **state) {
    (void)state;
    struct case_list list;
    struct tally tally = {0};
    if (!case_list_open(&list)) {
        skip();
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        judge(&tally, &list, i);
    printf("%zu cases: %u passed, %u failed, %u not applicable\n", list.count, tally.passed, tally.failed,
           tally.refused);
    for (size_t i = 0; i < MAX_REASONS && tally.reasons[i].reason; i++)
        printf("%6u %s\n", tally.reasons[i].count, tally.reasons[i].reason);
    case_list_close(&list);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > tally.refused); /* not everything is refused by mistake */
}

static void test_refusals_are_true(void **state) {
    (void)state;
    const char *op = refusal_outdated();
    if (op)
        fail_msg("%s is on the list of refused operators, but it is supported", op);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_official_cases),
                                       cmocka_unit_test(test_refusals_are_true)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
