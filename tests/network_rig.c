#include "network_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t image[] = {1, 1, 8, 8}, weights[] = {1, 1, 3, 3}, pads[] = {1, 1, 1, 1},
                     window[] = {3, 3}, channel_axis[] = {1};
static const convoy_shape image_shape = {4, {1, 1, 8, 8}};

struct message rig_graph(const char *outputs) {
    struct message graph = {0};
    struct message input = value_message("x", image, 4), weight = tensor_message("w", weights, 4, 9);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_INITIALIZER, &weight);
    while (*outputs) {
        char name[16] = {0};
        size_t length = strcspn(outputs, " ");
        memcpy(name, outputs, length);
        struct message output = value_message(name, image, 4);
        message_take(&graph, GRAPH_OUTPUT, &output);
        outputs += length + strspn(outputs + length, " ");
    }
    return graph;
}

void rig_node(struct message *graph, const char *op, const char *inputs, const char *output) {
    struct message node = node_message(op, "", inputs, output);
    if (strcmp(op, "Conv") == 0 || strcmp(op, "MaxPool") == 0)
        node_ints(&node, "pads", pads, 4);
    if (strcmp(op, "MaxPool") == 0)
        node_ints(&node, "kernel_shape", window, 2);
    if (strcmp(op, "Concat") == 0)
        node_int(&node, "axis", 1);
    if (strcmp(op, "ReduceMax") == 0)
        node_ints(&node, "axes", channel_axis, 1);
    message_take(graph, GRAPH_NODE, &node);
}

typedef convoy_status create_fn(struct network **network, const convoy_model *model,
                                const convoy_shape *input_shapes, convoy_error *error);

static void make_network(struct network_rig *rig, struct message *graph, create_fn *create) {
    char path[64];
    convoy_error error = {0};
    struct message bytes = model_message(graph, 13);
    file_write(path, bytes.bytes, bytes.size);
    *rig = (struct network_rig){0};
    convoy_status status = convoy_model_load(&rig->model, path, &error);
    unlink(path);
    message_free(&bytes);
    if (status == CONVOY_OK)
        status = create(&rig->network, rig->model, &image_shape, &error);
    if (status != CONVOY_OK)
        fail_msg("%s", error.message);
}

void rig_network(struct network_rig *rig, struct message *graph) {
    make_network(rig, graph, network_create);
}

void rig_unfused_network(struct network_rig *rig, struct message *graph) {
    make_network(rig, graph, network_create_unfused);
}

void rig_executor(struct network_rig *rig, const char *backend) {
    assert_int_equal(backend_create(&rig->backend, backend, 1, NULL), CONVOY_OK);
    assert_int_equal(
        executor_create(&rig->executor, rig->network, rig->backend, NULL, NULL, NULL, NULL, NULL), CONVOY_OK);
}

void rig_destroy(struct network_rig *rig) {
    executor_destroy(&rig->executor);
    if (rig->backend)
        rig->backend->ops->destroy(&rig->backend);
    network_destroy(&rig->network);
    convoy_model_destroy(&rig->model);
}

convoy_tensor rig_image(float *values) {
    return (convoy_tensor){.dtype = CONVOY_F32, .shape = image_shape, .data = values};
}

void rig_fill(float *values, int seed) {
    for (int i = 0; i < RIG_ELEMENTS; i++)
        values[i] = (float)((i * 37 + seed * 11) % 23 - 11);
}

void rig_expect_steps(struct message (*make)(int), int which, size_t steps) {
    struct network_rig rig;
    float values[RIG_ELEMENTS];
    rig_fill(values, 3);
    convoy_tensor in = rig_image(values), out[3] = {0};
    for (int i = 0; i < 3; i++) {
        struct message graph = make(which);
        if (i == 0)
            rig_unfused_network(&rig, &graph);
        else
            rig_network(&rig, &graph);
        if (i > 0)
            assert_int_equal(rig.network->step_count, steps);
        rig_executor(&rig, i == 2 ? "onednn" : "reference");
        assert_int_equal(executor_run(rig.executor, &in, &out[i], NULL, NULL), CONVOY_OK);
        rig_destroy(&rig);
    }
    for (size_t i = 0; i < convoy_tensor_elements(&out[0]); i++)
        for (int k = 1; k < 3; k++)
            assert_float_equal(((float *)out[k].data)[i], ((float *)out[0].data)[i], 1e-4);
    for (int i = 0; i < 3; i++)
        convoy_tensor_release(&out[i]);
}
