#include "node_run.h"

#include "model/executor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

convoy_status run_node(struct message *node, struct message *initializers, size_t initializer_count,
                       int64_t opset, const convoy_shape *shape, convoy_tensor *out, convoy_error *error) {
    struct message graph = {0}, input = value_message("x", shape->dims, shape->rank);
    struct message output = value_message("y", shape->dims, shape->rank);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    for (size_t i = 0; i < initializer_count; i++)
        message_take(&graph, GRAPH_INITIALIZER, &initializers[i]);
    message_take(&graph, GRAPH_NODE, node);
    struct message bytes = model_message(&graph, opset);
    char path[64];
    file_write(path, bytes.bytes, bytes.size);
    message_free(&bytes);

    convoy_model *model = NULL;
    struct network *network = NULL;
    struct backend *backend = NULL;
    struct executor *executor = NULL;
    convoy_tensor in = {0};
    assert_int_equal(backend_create(&backend, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(convoy_tensor_create(&in, CONVOY_F32, shape, NULL), CONVOY_OK);
    for (size_t i = 0; i < convoy_tensor_elements(&in); i++)
        ((float *)in.data)[i] = (float)i;
    convoy_status status = convoy_model_load(&model, path, error);
    unlink(path);
    if (status == CONVOY_OK)
        status = network_create(&network, model, shape, error);
    if (status == CONVOY_OK)
        status = executor_create(&executor, network, backend, NULL, NULL, NULL, NULL, error);
    if (status == CONVOY_OK)
        status = executor_run(executor, &in, out, NULL, error);
    executor_destroy(&executor);
    backend->ops->destroy(&backend);
    network_destroy(&network);
    convoy_model_destroy(&model);
    convoy_tensor_release(&in);
    return status;
}
