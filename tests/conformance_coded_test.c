/* The official ONNX test cases that hold a convolution or a product, on six workers of which two are gone:
 * filters become constants, as in a trained model, and every layer that may be coded is. Without fallback, so
 * that nothing hides what the workers computed. */
#include "base/clock.h"
#include "base/error.h"
#include "code/code.h"
#include "conformance_case.h"
#include "conformance_refusal.h"
#include "model/executor.h"
#include "model/lowering.h"
#include "runtime/cluster.h"
#include "session/session.h"
#include "tensor_agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS     6
#define STRAGGLERS  2
#define DEADLINE_NS (60 * NS_PER_S)
#define WIDENING    10 /* decoding multiplies roundoff by the condition number of its system */

static const char *const gone[STRAGGLERS] = {"1:kill", "4:kill"};

/* --- A network on the cluster --------------------------------------------------------------------------- */

struct rig {
    struct cluster *cluster;
    struct backend *backend;
    struct plan *plan;
    struct executor *executor;
};

static convoy_status plan_network(struct plan **plan, const struct cluster_options *options,
                                  const struct network *network, convoy_error *error) {
    struct plan_request request;
    struct plan_subject *subjects = NULL;
    struct profile profile;
    convoy_status status = cluster_plan_request(&request, options, error);
    if (status == CONVOY_OK)
        status = session_subjects_create(&subjects, network, false, error);
    if (status != CONVOY_OK)
        return status;
    profile_of_this_machine(&profile, options->workers, 1, false);
    request.distribute = PLAN_ALL;
    request.costs = cost_model_counted(&profile);
    status = plan_create(plan, &request, subjects, network->step_count, error);
    free(subjects);
    return status;
}

static convoy_status rig_open(struct rig *rig, const struct network *network, convoy_error *error) {
    struct fault faults[STRAGGLERS];
    struct backend *inner = NULL;
    struct cluster_options options = {.workers = WORKERS,
                                      .stragglers = STRAGGLERS,
                                      .spread = true,
                                      .deadline_ns = DEADLINE_NS,
                                      .frames = CONVOY_F32,
                                      .fallback = false,
                                      .faults = faults,
                                      .fault_count = STRAGGLERS};
    *rig = (struct rig){0};
    for (size_t i = 0; i < STRAGGLERS; i++)
        assert_int_equal(fault_parse(&faults[i], gone[i], WORKERS, NULL), CONVOY_OK);
    convoy_status status = code_family_find("rotation", &options.family, error);
    if (status == CONVOY_OK)
        status = backend_create(&inner, "onednn", 1, error);
    if (status != CONVOY_OK)
        return status;
    options.block = inner->block;
    status = cluster_create_local(&rig->cluster, &options, "onednn", 1, error);
    if (status == CONVOY_OK)
        status = cluster_backend_create(&rig->backend, rig->cluster, &inner, error);
    if (inner)
        inner->ops->destroy(&inner);
    if (status == CONVOY_OK)
        status = plan_network(&rig->plan, &options, network, error);
    if (status != CONVOY_OK)
        return status;
    cluster_backend_follow(rig->backend, rig->plan);
    status = executor_create(&rig->executor, network, rig->backend, NULL, NULL, NULL, NULL, error);
    return status == CONVOY_OK ? cluster_ready(rig->cluster, DEADLINE_NS, NULL, NULL, error) : status;
}

static void rig_close(struct rig *rig) {
    executor_destroy(&rig->executor);
    plan_destroy(&rig->plan);
    if (rig->backend)
        rig->backend->ops->destroy(&rig->backend);
    cluster_destroy(&rig->cluster);
}

/* --- One case ------------------------------------------------------------------------------------------- */

static bool is_heavy(const struct node *node) {
    static const char *const heavy[] = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
    for (size_t i = 0; i < sizeof heavy / sizeof *heavy; i++)
        if (strcmp(node->op, heavy[i]) == 0)
            return true;
    return false;
}

/* Makes constants of the inputs that are filters and biases; false if the case holds no heavy layer. */
static bool fix_weights(const struct conformance_case *c, const struct case_data *data,
                        convoy_tensor *constants) {
    bool any = false;
    for (size_t n = 0; n < c->model->node_count; n++) {
        const struct node *node = &c->model->nodes[n];
        any = any || is_heavy(node);
        for (size_t i = 1; is_heavy(node) && i < node->input_count; i++)
            for (size_t k = 1; k < c->input_count; k++)
                if (c->model->input_values[k] == node->inputs[i]) {
                    constants[k] = data->inputs[k];
                    constants[k].owner = NULL; /* borrowed */
                }
    }
    return any;
}

/* *coded grows by the layers that ran on workers. */
static convoy_status run_network(const struct conformance_case *c, const struct case_data *data,
                                 const struct network *network, size_t *coded, convoy_error *error) {
    struct rig rig;
    convoy_tensor *outputs = calloc(c->output_count + 1, sizeof *outputs);
    convoy_layer_report *reports = calloc(network->step_count + 1, sizeof *reports);
    assert_true(outputs && reports);
    convoy_status status = rig_open(&rig, network, error);
    if (status == CONVOY_OK)
        status = executor_run(rig.executor, data->inputs, outputs, reports, error);
    for (size_t i = 0; i < c->output_count; i++) {
        if (status == CONVOY_OK && !tensors_agree(&outputs[i], &data->outputs[i], WIDENING))
            status = error_set(error, CONVOY_E_INTERNAL, "output %zu is wrong on workers", i);
        convoy_tensor_release(&outputs[i]);
    }
    for (size_t s = 0; s < network->step_count; s++) {
        *coded += reports[s].coded;
        if (status == CONVOY_OK && reports[s].fallback)
            status = error_set(error, CONVOY_E_WORKERS, "layer %s was computed here", reports[s].name);
    }
    rig_close(&rig);
    free(outputs);
    free(reports);
    return status;
}

static convoy_status run_data(const struct conformance_case *c, const struct case_data *data, size_t *coded,
                              bool *heavy, convoy_error *error) {
    convoy_tensor *constants = calloc(c->input_count + 1, sizeof *constants);
    convoy_shape *shapes = calloc(c->input_count + 1, sizeof *shapes);
    struct network *network = NULL;
    convoy_status status = CONVOY_OK;
    assert_true(constants && shapes);
    for (size_t i = 0; i < c->input_count; i++)
        shapes[i] = data->inputs[i].shape;
    *heavy = fix_weights(c, data, constants);
    if (*heavy)
        status = network_create_with(&network, c->model, shapes, constants, error);
    if (*heavy && status == CONVOY_OK)
        status = run_network(c, data, network, coded, error);
    network_destroy(&network);
    free(constants);
    free(shapes);
    return status;
}

/* --- All of them ---------------------------------------------------------------------------------------- */

struct tally {
    unsigned cases, failed;
    size_t coded_cases, coded_layers;
};

static void judge(struct tally *tally, const struct case_list *list, size_t number) {
    struct conformance_case c;
    convoy_error error = {0};
    size_t coded = 0;
    bool heavy = false;
    convoy_status status = case_open(&c, list, number, &error);
    for (size_t d = 0; d < c.data_count && status == CONVOY_OK; d++)
        status = run_data(&c, &c.data[d], &coded, &heavy, &error);
    tally->cases += heavy;
    tally->coded_cases += coded > 0;
    tally->coded_layers += coded;
    if (heavy && status != CONVOY_OK && !case_refusal(&c, &error)) { /* others: conformance_test's to judge */
        printf("FAILED  %s/%s: %s\n", c.group, c.name, error.message);
        tally->failed++;
    }
    case_close(&c);
}

static void test_official_cases_coded(void **state) {
    (void)state;
    struct case_list list;
    struct tally tally = {0};
    if (!case_list_open(&list)) {
        skip();
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        judge(&tally, &list, i);
    printf("%u cases with a convolution or product, %u failed; in %zu of them %zu layers ran coded\n",
           tally.cases, tally.failed, tally.coded_cases, tally.coded_layers);
    case_list_close(&list);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.coded_layers > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_official_cases_coded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
