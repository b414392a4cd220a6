/* What becomes part of the convolution before it, and what must not. */
#include "network_rig.h"

#include "base/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_activation_is_fused(void **state) {
    (void)state;
    static const char *const ops[] = {"Conv", "ConvTranspose"};
    for (int i = 0; i < 2; i++) {
        struct network_rig rig;
        struct message graph = rig_graph("y");
        rig_node(&graph, ops[i], "x w", "c");
        rig_node(&graph, "Flatten", "c", "f"); /* another shape in between does not hinder it */
        rig_node(&graph, "Relu", "f", "r");
        rig_node(&graph, "Tanh", "r", "y"); /* a second activation stays */
        rig_network(&rig, &graph);
        assert_int_equal(rig.network->step_count, 2);
        assert_int_equal(rig.network->steps[0].desc.activation.kind, ACTIVATION_RELU);
        assert_int_equal(rig.network->steps[1].desc.activation.kind, ACTIVATION_TANH);
        rig_destroy(&rig);
    }
}

static void test_activation_is_not_fused(void **state) {
    (void)state;
    struct network_rig rig;
    struct message graph = rig_graph("y c"); /* the value before is an output as well */
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Relu", "c", "y");
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 2);
    assert_int_equal(rig.network->steps[0].desc.activation.kind, ACTIVATION_NONE);
    rig_destroy(&rig);

    graph = rig_graph("y"); /* another node reads it */
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Relu", "c", "r");
    rig_node(&graph, "Add", "c r", "y");
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 3);
    rig_destroy(&rig);
}

/* Swish as exporters write it becomes the convolution's; not if the gate is read elsewhere, or belongs to
 * another value. */
static void test_gates_are_fused(void **state) {
    (void)state;
    static const struct {
        const char *gate_of, *factors, *outputs;
        bool fused;
    } cases[] = {{"c", "c g", "y", true},
                 {"c", "g c", "y", true},
                 {"c", "c g", "y g", false},
                 {"x", "c g", "y", false},
                 {"c", "g g", "y", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network_rig rig;
        struct message graph = rig_graph(cases[i].outputs);
        rig_node(&graph, "Conv", "x w", "c");
        rig_node(&graph, "Sigmoid", cases[i].gate_of, "g");
        rig_node(&graph, "Mul", cases[i].factors, "y");
        rig_network(&rig, &graph);
        assert_int_equal(rig.network->step_count == 1, cases[i].fused);
        if (cases[i].fused)
            assert_int_equal(rig.network->steps[0].desc.activation.kind, ACTIVATION_SWISH);
        rig_destroy(&rig);
    }
}

static void add_number(struct message *graph, const char *name, float number) {
    struct message node = node_message("Constant", "", "", name);
    node_float(&node, "value_float", number);
    message_take(graph, GRAPH_NODE, &node);
}

static void add_mean(struct message *graph, const char *of, const char *name, int64_t axis) {
    struct message node = node_message("ReduceMean", "", of, name);
    node_ints(&node, "axes", &axis, 1);
    message_take(graph, GRAPH_NODE, &node);
}

/* GELU as PyTorch exports it; not with another divisor. */
static void test_gelu_is_fused(void **state) {
    (void)state;
    for (int fused = 0; fused < 2; fused++) {
        struct network_rig rig;
        struct message graph = rig_graph("y");
        add_number(&graph, "root", fused ? 1.41421354f : 1.5f);
        add_number(&graph, "one", 1);
        add_number(&graph, "half", 0.5f);
        rig_node(&graph, "Conv", "x w", "c");
        rig_node(&graph, "Div", "c root", "d");
        rig_node(&graph, "Erf", "d", "e");
        rig_node(&graph, "Add", "e one", "a");
        rig_node(&graph, "Mul", "c a", "m");
        rig_node(&graph, "Mul", "m half", "y");
        rig_network(&rig, &graph);
        assert_int_equal(rig.network->step_count == 1, fused);
        if (fused)
            assert_int_equal(rig.network->steps[0].desc.activation.kind, ACTIVATION_GELU);
        rig_destroy(&rig);
    }
}

/* Layer normalisation as PyTorch exports it, with the square as a power or a product; not over an axis before
 * the last, nor over two that differ. */
static void test_layer_normalisation_is_fused(void **state) {
    (void)state;
    static const struct {
        int64_t first, second;
        bool power, fused;
    } cases[] = {{3, 3, true, true}, {3, -1, false, true}, {2, 2, true, false}, {3, 2, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network_rig rig;
        struct message graph = rig_graph("y");
        add_number(&graph, "two", 2);
        add_number(&graph, "epsilon", 1e-3f);
        add_mean(&graph, "x", "m", cases[i].first);
        rig_node(&graph, "Sub", "x m", "d");
        rig_node(&graph, cases[i].power ? "Pow" : "Mul", cases[i].power ? "d two" : "d d", "p");
        add_mean(&graph, "p", "v", cases[i].second);
        rig_node(&graph, "Add", "v epsilon", "s");
        rig_node(&graph, "Sqrt", "s", "r");
        rig_node(&graph, "Div", "d r", "y");
        rig_network(&rig, &graph);
        assert_int_equal(rig.network->step_count == 1, cases[i].fused);
        if (cases[i].fused) {
            assert_int_equal(rig.network->steps[0].desc.kind, LAYER_NORMALIZE);
            assert_int_equal(rig.network->steps[0].desc.normalize.inner, 8);
        }
        rig_destroy(&rig);
    }
}

/* Blocks of a ResNet: in the memory of the residual and beside it, on both backends. */
static void test_addition_is_fused(void **state) {
    (void)state;
    convoy_tensor out[2] = {0};
    float values[RIG_ELEMENTS];
    rig_fill(values, 5);
    convoy_tensor in = rig_image(values);
    for (int b = 0; b < 2; b++) {
        struct network_rig rig;
        struct message graph = rig_graph("y");
        rig_node(&graph, "Conv", "x w", "a");
        rig_node(&graph, "Relu", "a", "b");
        rig_node(&graph, "Conv", "b w", "c");
        rig_node(&graph, "Add", "b c", "d"); /* the last reader of b */
        rig_node(&graph, "Relu", "d", "e");
        rig_node(&graph, "Conv", "e w", "f");
        rig_node(&graph, "Conv", "e w", "g");
        rig_node(&graph, "Add", "f g", "h"); /* of two, the later one adds */
        rig_node(&graph, "Conv", "h w", "i");
        rig_node(&graph, "Add", "i x", "j"); /* an input stays as it is */
        rig_node(&graph, "Conv", "j w", "k");
        rig_node(&graph, "Add", "k j", "y");
        rig_network(&rig, &graph);
        assert_int_equal(rig.network->step_count, 6);
        assert_int_equal(rig.network->steps[1].desc.input_count, 2);
        assert_int_equal(rig.network->steps[1].desc.activation.kind, ACTIVATION_RELU);
        assert_int_equal(rig.network->steps[2].desc.input_count, 1);
        assert_int_equal(rig.network->steps[3].desc.input_count, 2);
        rig_executor(&rig, b ? "onednn" : "reference");
        for (int run = 0; run < 2; run++) {
            convoy_tensor_release(&out[b]);
            assert_int_equal(executor_run(rig.executor, &in, &out[b], NULL, NULL), CONVOY_OK);
        }
        rig_destroy(&rig);
    }
    const float *expected = out[0].data, *actual = out[1].data;
    for (int i = 0; i < RIG_ELEMENTS; i++)
        assert_float_equal(actual[i] / expected[0], expected[i] / expected[0], 1e-5);
    float untouched[RIG_ELEMENTS];
    rig_fill(untouched, 5);
    assert_memory_equal(values, untouched, sizeof values);
    convoy_tensor_release(&out[0]);
    convoy_tensor_release(&out[1]);
}

static void test_addition_is_not_fused(void **state) {
    (void)state;
    struct network_rig rig;
    struct message graph = rig_graph("y"); /* the other operand comes after the convolution */
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Neg", "x", "n");
    rig_node(&graph, "Add", "c n", "y");
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 3);
    rig_destroy(&rig);

    graph = rig_graph("y"); /* both operands are the convolution */
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Add", "c c", "y");
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 2);
    rig_destroy(&rig);

    graph = rig_graph("y c"); /* the convolution is an output as well */
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Add", "c x", "y");
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 2);
    rig_destroy(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation_is_fused),
        cmocka_unit_test(test_activation_is_not_fused),
        cmocka_unit_test(test_gates_are_fused),
        cmocka_unit_test(test_gelu_is_fused),
        cmocka_unit_test(test_layer_normalisation_is_fused),
        cmocka_unit_test(test_addition_is_fused),
        cmocka_unit_test(test_addition_is_not_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
