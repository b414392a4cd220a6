/* Which elements of a result differ from the uncoded model, by the public functions alone. */
#include "onnx_writer.h"

#include <convoy/convoy.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ELEMENTS = 8 };

struct rig {
    convoy_model *model;
    convoy_session *session;
    convoy_tensor input;
    convoy_result *result;
};

/* y = x as float32, i = x as int64, for x = 1, 2, ... */
static void rig_open(struct rig *rig) {
    static const int64_t dims[] = {1, ELEMENTS};
    const convoy_shape shape = {2, {1, ELEMENTS}};
    struct message graph = {0}, input = value_message("x", dims, 2),
                   outputs[] = {value_message("y", dims, 2), typed_value_message("i", CONVOY_I64, dims, 2)},
                   same = node_message("Identity", "", "x", "y"), cast = node_message("Cast", "", "x", "i");
    char path[64];
    *rig = (struct rig){0};
    node_int(&cast, "to", CONVOY_I64);
    message_take(&graph, GRAPH_NODE, &same);
    message_take(&graph, GRAPH_NODE, &cast);
    message_take(&graph, GRAPH_INPUT, &input);
    for (int i = 0; i < 2; i++)
        message_take(&graph, GRAPH_OUTPUT, &outputs[i]);
    struct message bytes = model_message(&graph, 13);
    file_write(path, bytes.bytes, bytes.size);
    message_free(&bytes);

    convoy_options options;
    convoy_error error = {0};
    convoy_options_init(&options);
    options.local = true;
    if (convoy_model_load(&rig->model, path, &error) != CONVOY_OK ||
        convoy_session_create(&rig->session, rig->model, &shape, &options, &error) != CONVOY_OK ||
        convoy_tensor_create(&rig->input, CONVOY_F32, &shape, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    unlink(path);
    for (int i = 0; i < ELEMENTS; i++)
        ((float *)rig->input.data)[i] = (float)i + 1;
    assert_int_equal(convoy_session_run(rig->session, &rig->input, &rig->result, NULL), CONVOY_OK);
}

static void rig_close(struct rig *rig) {
    convoy_result_destroy(&rig->result);
    convoy_tensor_release(&rig->input);
    convoy_session_destroy(&rig->session);
    convoy_model_destroy(&rig->model);
}

/* So many of the elements of both outputs differ. */
static void expect_differing(struct rig *rig, double count) {
    convoy_check check;
    assert_int_equal(convoy_session_check(rig->session, &rig->input, rig->result, &check, NULL), CONVOY_OK);
    assert_float_equal(check.differing, count / (2.0 * ELEMENTS), 1e-12);
}

static void test_differing(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig);
    float *reals = rig.result->outputs[0].data;
    int64_t *integers = rig.result->outputs[1].data;
    expect_differing(&rig, 0);
    reals[0] += 0.9F * (float)CONVOY_CHECK_CLOSE * ELEMENTS; /* the largest is 8 */
    expect_differing(&rig, 0);
    reals[0] += 0.2F * (float)CONVOY_CHECK_CLOSE * ELEMENTS;
    expect_differing(&rig, 1);
    reals[1] = NAN;
    expect_differing(&rig, 2);
    integers[2]++; /* of integers any difference counts */
    integers[3] = -integers[3];
    expect_differing(&rig, 4);
    rig.result->outputs[1].shape = (convoy_shape){1, {ELEMENTS}};
    expect_differing(&rig, 2 + ELEMENTS);
    rig_close(&rig);
}

/* Of the uncoded model's 2^53 and a 2^53 + 1, which are the same number as doubles. */
static void test_wide_integers(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig);
    ((float *)rig.input.data)[4] = 0x1p53F;
    ((int64_t *)rig.result->outputs[1].data)[4] = (INT64_C(1) << 53) + 1;
    ((float *)rig.result->outputs[0].data)[4] = 0x1p53F;
    expect_differing(&rig, 1);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_differing),
                                       cmocka_unit_test(test_wide_integers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
