/* Nodes that do not stand in the order in which they can be computed. */
#include "onnx_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect_order(struct message *graph, const char *const *names, size_t count) {
    convoy_model *model = NULL;
    convoy_error error = {0};
    if (load_graph(&model, graph, 13, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(model->node_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(model->nodes[i].name, names[i]);
    convoy_model_destroy(&model);
}

static void test_sound_order_stays(void **state) {
    (void)state;
    static const char *const names[] = {"d", "a", "c", "b"};
    struct message graph = graph_start();
    graph_node(&graph, node_message("Relu", "d", "x", "vd"));
    graph_node(&graph, node_message("Conv", "a", "x w", "va"));
    graph_node(&graph, node_message("Conv", "c", "vd w", "vc"));
    graph_node(&graph, node_message("Add", "b", "va vc", "y"));
    expect_order(&graph, names, 4);
}

static void test_makers_come_first(void **state) {
    (void)state;
    static const char *const names[] = {"first", "second", "third", "last"};
    struct message graph = graph_start();
    graph_node(&graph, node_message("Add", "last", "v3 v1", "y"));
    graph_node(&graph, node_message("Relu", "third", "v2", "v3"));
    graph_node(&graph, node_message("Conv", "second", "v1 w", "v2"));
    graph_node(&graph, node_message("Relu", "first", "x", "v1"));
    /* last waits for third, which waits for second, which waits for first */
    expect_order(&graph, names, 4);
}

/* A chain that is written backwards; it would be too deep for the stack. */
static void test_long_chain(void **state) {
    (void)state;
    enum { LENGTH = 200000 };
    struct message graph = graph_start();
    graph_node(&graph, node_message("Conv", "end", "v0 w", "y"));
    for (int i = 0; i < LENGTH; i++) {
        char input[16], output[16];
        snprintf(input, sizeof input, i < LENGTH - 1 ? "v%d" : "x", i + 1);
        snprintf(output, sizeof output, "v%d", i);
        graph_node(&graph, node_message("Relu", "", input, output));
    }
    convoy_model *model = NULL;
    assert_int_equal(load_graph(&model, &graph, 13, NULL), CONVOY_OK);
    assert_int_equal(model->node_count, LENGTH + 1);
    for (size_t i = 1; i < model->node_count; i++)
        assert_int_equal(model->nodes[i].inputs[0], model->nodes[i - 1].outputs[0]);
    convoy_model_destroy(&model);
}

static void test_cycles(void **state) {
    (void)state;
    struct message graph = graph_start();
    graph_node(&graph, node_message("Relu", "loop", "y", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "node 'loop' (Relu): reads what depends on its own output");

    graph = graph_start();
    graph_node(&graph, node_message("Add", "a", "x c", "b"));
    graph_node(&graph, node_message("Relu", "c", "b", "c"));
    graph_node(&graph, node_message("Conv", "behind", "c w", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "node 'a' (Add): reads what depends on its own output");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_order_stays),
        cmocka_unit_test(test_makers_come_first),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
