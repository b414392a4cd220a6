#include "onnx_rig.h"

#include "model/executor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CONV_WEIGHTS (2 * 1 * 3 * 3)
static const int64_t image[] = {-1, 1, 8, 8}, weights[] = {2, 1, 3, 3}, maps[] = {-1, 2, 6, 6};

struct message graph_start(void) {
    struct message graph = {0};
    struct message input = value_message("x", image, 4), output = value_message("y", maps, 4);
    struct message weight = tensor_message("w", weights, 4, CONV_WEIGHTS);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    message_take(&graph, GRAPH_INITIALIZER, &weight);
    return graph;
}

void graph_node(struct message *graph, struct message node) {
    message_take(graph, GRAPH_NODE, &node);
}

convoy_status load_bytes(convoy_model **model, const void *bytes, size_t size, convoy_error *error) {
    char path[64];
    file_write(path, bytes, size);
    convoy_status status = convoy_model_load(model, path, error);
    unlink(path);
    return status;
}

convoy_status load_graph(convoy_model **model, struct message *graph, int64_t opset, convoy_error *error) {
    struct message bytes = model_message(graph, opset);
    convoy_status status = load_bytes(model, bytes.bytes, bytes.size, error);
    message_free(&bytes);
    return status;
}

void expect_bytes(const void *bytes, size_t size, convoy_status expected, const char *words) {
    convoy_model *model = NULL;
    convoy_error error = {0};
    assert_int_equal(load_bytes(&model, bytes, size, &error), expected);
    assert_null(model);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
    assert_non_null(strstr(error.message, "/tmp/convoy-test-"));
    assert_null(strchr(error.message, '\n'));
}

void expect_graph(struct message *graph, convoy_status expected, const char *words) {
    struct message bytes = model_message(graph, 13);
    expect_bytes(bytes.bytes, bytes.size, expected, words);
    message_free(&bytes);
}

void expect_lowering(struct message *graph, int64_t opset, convoy_shape shape, convoy_status expected,
                     const char *words) {
    convoy_model *model = NULL;
    struct network *network = NULL;
    convoy_error error = {0};
    assert_int_equal(load_graph(&model, graph, opset, NULL), CONVOY_OK);
    assert_int_equal(network_create(&network, model, &shape, &error), expected);
    assert_null(network);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
    assert_non_null(strstr(error.message, "/tmp/convoy-test-"));
    convoy_model_destroy(&model);
}

void run_model(const convoy_model *model, const convoy_tensor *in, convoy_tensor *out) {
    struct network *network = NULL;
    struct backend *backend = NULL;
    struct executor *executor = NULL;
    convoy_error error = {0};
    const convoy_value_info *infos;
    size_t count = convoy_model_inputs(model, &infos);
    convoy_shape *shapes = calloc(count + 1, sizeof *shapes);
    assert_non_null(shapes);
    for (size_t i = 0; i < count; i++)
        shapes[i] = in[i].shape;
    assert_int_equal(backend_create(&backend, "reference", 1, NULL), CONVOY_OK);
    if (network_create(&network, model, shapes, &error) != CONVOY_OK ||
        executor_create(&executor, network, backend, NULL, NULL, NULL, NULL, &error) != CONVOY_OK ||
        executor_run(executor, in, out, NULL, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    executor_destroy(&executor);
    network_destroy(&network);
    backend->ops->destroy(&backend);
    free(shapes);
}
