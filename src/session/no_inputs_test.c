/* A model without inputs, by the public functions alone: NULL stands for what it does not have. */
#include "onnx_writer.h"

#include <convoy/convoy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_no_inputs(void **state) {
    (void)state;
    struct message graph = {0}, output = value_message("y", NULL, 0),
                   node = node_message("Constant", "", "", "y");
    char path[64];
    node_float(&node, "value_float", 2.5f);
    message_take(&graph, GRAPH_NODE, &node);
    message_take(&graph, GRAPH_OUTPUT, &output);
    struct message bytes = model_message(&graph, 13);
    file_write(path, bytes.bytes, bytes.size);
    message_free(&bytes);

    convoy_model *model = NULL;
    convoy_session *session = NULL;
    convoy_result *result = NULL;
    convoy_options options;
    convoy_check check;
    convoy_error error = {0};
    convoy_options_init(&options);
    options.workers = 4;
    options.stragglers = 1;
    if (convoy_model_load(&model, path, &error) != CONVOY_OK ||
        convoy_session_create(&session, model, NULL, &options, &error) != CONVOY_OK ||
        convoy_session_run(session, NULL, &result, &error) != CONVOY_OK ||
        convoy_session_check(session, NULL, result, &check, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    unlink(path);
    assert_int_equal(result->output_count, 1);
    assert_int_equal(result->outputs[0].shape.rank, 0);
    assert_float_equal(*(float *)result->outputs[0].data, 2.5f, 0);
    assert_float_equal(check.max_rel_error, 0, 0);
    convoy_result_destroy(&result);
    convoy_session_destroy(&session);
    convoy_model_destroy(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_inputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
