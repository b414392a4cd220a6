/* The official ONNX node tests (Debian: libonnx-testdata): every one whose operator is in the table, on every
 * backend. Another copy of them is taken from $CONVOY_ONNX_NODE_TESTS. */
#include "base/tensor.h"
#include "io/file_map.h"
#include "io/tensor_proto.h"
#include "model/executor.h"
#include "model/lowering.h"
#include "model/operators.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEFAULT_FOLDER "/usr/share/libonnx-testdata/data/node"
#define MAX_TENSORS    16
#define TOLERANCE      1e-5 /* of the largest magnitude in the expected tensor */
#define FEWEST_PASSED  280  /* of ONNX 1.12's; guards against a mistake that skips everything */

/* What the operators in the table deliberately do not do. */
static const struct {
    const char *test, *reason;
} exceptions[] = {
    {"test_training_dropout", "training"},
    {"test_training_dropout_default", "training"},
    {"test_training_dropout_default_mask", "training"},
    {"test_training_dropout_mask", "training"},
    {"test_training_dropout_zero_ratio", "training"},
    {"test_training_dropout_zero_ratio_mask", "training"},
    {"test_dropout_default_mask", "second output"},
    {"test_dropout_default_mask_ratio", "second output"},
};

/* Cases whose expected numbers are less exact than TOLERANCE: written with four decimals, of which the last
 * one is wrong by up to 1. */
static const char *const four_decimals[] = {"test_roialign_aligned_false", "test_roialign_aligned_true"};

struct node_test {
    const char *name;
    char folder[512]; /* of the test */
    convoy_model *model;
    convoy_tensor inputs[MAX_TENSORS], expected[MAX_TENSORS];
    size_t input_count, output_count;
    struct tensor_proto protos[2 * MAX_TENSORS]; /* own what inputs and expected borrow */
    size_t proto_count;
};

enum verdict { PASSED, SKIPPED, FAILED };

/* --- Files ---------------------------------------------------------------------------------------------- */

static bool read_tensor(struct node_test *test, const char *kind, size_t i, convoy_tensor *tensor) {
    char path[640];
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%zu.pb", test->folder, kind, i);
    struct buffer *map;
    if (file_map(&map, path, NULL) != CONVOY_OK)
        return false;
    struct tensor_proto *proto = &test->protos[test->proto_count];
    bool done = tensor_proto_parse(proto, map, 0, map->bytes, NULL, NULL) == CONVOY_OK;
    buffer_release(&map);
    if (done) {
        test->proto_count++;
        done = tensor_align(&proto->tensor, NULL) == CONVOY_OK;
        *tensor = proto->tensor;
        tensor->owner = NULL;
    }
    return done;
}

static bool read_tensors(struct node_test *test) {
    const convoy_value_info *infos;
    test->input_count = convoy_model_inputs(test->model, &infos);
    test->output_count = convoy_model_outputs(test->model, &infos);
    if (test->input_count > MAX_TENSORS || test->output_count > MAX_TENSORS)
        return false;
    for (size_t i = 0; i < test->input_count; i++)
        if (!read_tensor(test, "input", i, &test->inputs[i]))
            return false;
    for (size_t i = 0; i < test->output_count; i++)
        if (!read_tensor(test, "output", i, &test->expected[i]))
            return false;
    return true;
}

/* --- Comparison ----------------------------------------------------------------------------------------- */

static double tolerance_of(const struct node_test *test, double largest) {
    for (size_t i = 0; i < sizeof four_decimals / sizeof *four_decimals; i++)
        if (strcmp(test->name, four_decimals[i]) == 0)
            return 1e-4;
    return TOLERANCE * largest;
}

static bool floats_agree(const struct node_test *test, const float *got, const float *expected,
                         size_t count) {
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(expected[i]))
            largest = fmax(largest, fabs((double)expected[i]));
    for (size_t i = 0; i < count; i++) {
        if (isnan(got[i]) != isnan(expected[i]) || isinf(got[i]) != isinf(expected[i]))
            return false;
        if (isfinite(got[i]) && fabs((double)got[i] - (double)expected[i]) > tolerance_of(test, largest))
            return false;
    }
    return true;
}

static bool tensors_agree(const struct node_test *test, const convoy_tensor *got,
                          const convoy_tensor *expected) {
    if (got->dtype != expected->dtype || !shape_equal(&got->shape, &expected->shape))
        return false;
    size_t count = convoy_tensor_elements(got);
    if (got->dtype == CONVOY_F32)
        return floats_agree(test, got->data, expected->data, count);
    return memcmp(got->data, expected->data, count * convoy_dtype_bytes(got->dtype)) == 0;
}

/* --- One test ------------------------------------------------------------------------------------------- */

static convoy_status run_network(const struct node_test *test, const struct network *network,
                                 const char *backend_name, bool *agrees, convoy_error *error) {
    struct backend *backend;
    struct executor *executor = NULL;
    convoy_tensor outputs[MAX_TENSORS] = {0};
    convoy_status status = backend_create(&backend, backend_name, 1, error);
    if (status != CONVOY_OK)
        return status;
    status = executor_create(&executor, network, backend, NULL, NULL, NULL, NULL, error);
    if (status == CONVOY_OK)
        status = executor_run(executor, test->inputs, outputs, NULL, error);
    *agrees = status == CONVOY_OK;
    for (size_t i = 0; i < test->output_count; i++) {
        *agrees = *agrees && tensors_agree(test, &outputs[i], &test->expected[i]);
        convoy_tensor_release(&outputs[i]);
    }
    executor_destroy(&executor);
    backend->ops->destroy(&backend);
    return status;
}

/* On every backend, with inputs of these numbers (a bit each) as constants. */
static convoy_status run_variant(const struct node_test *test, uint32_t constant, bool *agrees,
                                 convoy_error *error) {
    static const char *const backends[] = {"reference", "onednn"};
    convoy_tensor constants[MAX_TENSORS] = {0};
    convoy_shape shapes[MAX_TENSORS];
    for (size_t i = 0; i < test->input_count; i++) {
        shapes[i] = test->inputs[i].shape;
        if (constant >> i & 1)
            constants[i] = test->inputs[i];
    }
    struct network *network;
    convoy_status status = network_create_with(&network, test->model, shapes, constants, error);
    if (status != CONVOY_OK)
        return status;
    *agrees = true;
    for (size_t i = 0; i < 2 && status == CONVOY_OK && *agrees; i++)
        status = run_network(test, network, backends[i], agrees, error);
    network_destroy(&network);
    return status;
}

/* Whether the test is one that Convoy need not take: an operator that is not in the table, or a type that it
 * does not compute with. */
static bool may_refuse(const struct node_test *test, const char **reason) {
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (strcmp(test->name, exceptions[i].test) == 0) {
            *reason = exceptions[i].reason;
            return true;
        }
    for (size_t i = 0; i < test->model->node_count; i++)
        if (!operator_find(test->model->nodes[i].domain, test->model->nodes[i].op)) {
            *reason = "operator";
            return true;
        }
    *reason = "type";
    for (size_t i = 0; i < test->input_count; i++)
        if (test->inputs[i].dtype != CONVOY_F32 && test->inputs[i].dtype != CONVOY_I64)
            return true;
    for (size_t i = 0; i < test->output_count; i++)
        if (test->expected[i].dtype != CONVOY_F32 && test->expected[i].dtype != CONVOY_I64)
            return true;
    return false;
}

/* Twice: with all inputs but the first as constants, as weights are; and, where that is supported, with all
 * numbers at run time. */
static enum verdict run_one(struct node_test *test, convoy_error *error) {
    const char *reason;
    uint32_t all = (UINT32_C(1) << test->input_count) - 1, integers = 0;
    for (size_t i = 0; i < test->input_count; i++)
        if (test->inputs[i].dtype != CONVOY_F32)
            integers |= UINT32_C(1) << i;
    bool agrees = false;
    convoy_status status = run_variant(test, (all & ~UINT32_C(1)) | integers, &agrees, error);
    if (status == CONVOY_E_UNSUPPORTED && may_refuse(test, &reason)) {
        printf("skipped %-60s %s: %s\n", test->name, reason, error->message + strlen(test->folder));
        return SKIPPED;
    }
    if (status == CONVOY_OK && agrees && integers != (all & ~UINT32_C(1))) {
        status = run_variant(test, integers, &agrees, error);
        if (status == CONVOY_E_UNSUPPORTED)
            status = CONVOY_OK;
    }
    if (status == CONVOY_OK && agrees)
        return PASSED;
    printf("FAILED  %-60s %s\n", test->name, status == CONVOY_OK ? "wrong result" : error->message);
    return FAILED;
}

static enum verdict run_folder(const char *root, const char *name) {
    struct node_test test = {.name = name};
    char path[600];
    convoy_error error = {0};
    enum verdict verdict = SKIPPED;
    snprintf(test.folder, sizeof test.folder, "%s/%s", root, name);
    snprintf(path, sizeof path, "%s/model.onnx", test.folder);
    convoy_status status = convoy_model_load(&test.model, path, &error);
    if (status == CONVOY_E_UNSUPPORTED) {
        printf("skipped %-60s model: %s\n", name, error.message + strlen(test.folder));
    } else if (status != CONVOY_OK) {
        printf("FAILED  %-60s %s\n", name, error.message);
        verdict = FAILED;
    } else if (!read_tensors(&test)) {
        printf("skipped %-60s data: tensors of types that Convoy does not have\n", name);
    } else {
        verdict = run_one(&test, &error);
    }
    for (size_t i = 0; i < test.proto_count; i++)
        tensor_proto_release(&test.protos[i]);
    convoy_model_destroy(&test.model);
    return verdict;
}

static int is_test(const struct dirent *entry) {
    return strncmp(entry->d_name, "test_", 5) == 0;
}

static void test_official_node_tests(void **state) {
    (void)state;
    const char *folder = getenv("CONVOY_ONNX_NODE_TESTS");
    bool own = folder && *folder;
    folder = own ? folder : DEFAULT_FOLDER;
    struct dirent **entries;
    int count = scandir(folder, &entries, is_test, alphasort);
    if (count < 0) {
        printf("skipped: no folder %s (package libonnx-testdata)\n", folder);
        skip();
        return;
    }
    unsigned verdicts[3] = {0};
    for (int i = 0; i < count; i++) {
        verdicts[run_folder(folder, entries[i]->d_name)]++;
        free(entries[i]);
    }
    free(entries);
    printf("%u passed, %u skipped, %u failed\n", verdicts[PASSED], verdicts[SKIPPED], verdicts[FAILED]);
    assert_int_equal(verdicts[FAILED], 0);
    assert_true(verdicts[PASSED] >= (own ? 1 : FEWEST_PASSED));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_official_node_tests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
