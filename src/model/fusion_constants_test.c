/* Constants and zeros behind and before a layer that become part of it, and those that must not; on both
 * backends what is fused computes what its nodes did. */
#include "network_rig.h"

#include "base/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add_constant(struct message *graph, const char *name, const int64_t *dims, uint32_t rank) {
    int64_t elements = 1;
    for (uint32_t i = 0; i < rank; i++)
        elements *= dims[i];
    struct message tensor = tensor_message(name, dims, rank, (size_t)elements);
    message_take(graph, GRAPH_INITIALIZER, &tensor);
}

/* x · p, and what is added to it: one number for each column, or something else. */
static struct message product_graph(int which) {
    static const int64_t square[] = {8, 8}, row[] = {8}, long_row[] = {1, 1, 8}, column[] = {8, 1};
    static const struct {
        const int64_t *dims;
        uint32_t rank;
    } constants[] = {{row, 1}, {long_row, 3}, {column, 2}, {square, 2}};
    struct message graph = rig_graph("y");
    add_constant(&graph, "p", square, 2);
    add_constant(&graph, "b", constants[which].dims, constants[which].rank);
    rig_node(&graph, "MatMul", "x p", "m");
    rig_node(&graph, "Add", "b m", "s");
    rig_node(&graph, "Relu", "s", "y");
    return graph;
}

static void test_biases_of_products(void **state) {
    (void)state;
    rig_expect_steps(product_graph, 0, 1);
    rig_expect_steps(product_graph, 1, 1);
    rig_expect_steps(product_graph, 2, 2); /* a number for each row */
    rig_expect_steps(product_graph, 3, 2); /* and for each element */
}

/* Of a convolution with one channel: its channel, a row of its map, twice, behind an activation, and of a
 * value that is an output. */
static struct message convolution_graph(int which) {
    static const int64_t channel[] = {1, 1, 1}, row[] = {1, 1, 8};
    struct message graph = rig_graph(which == 4 ? "y c" : "y");
    add_constant(&graph, "b", which == 1 ? row : channel, 3);
    rig_node(&graph, "Conv", "x w", "c");
    if (which == 2)
        rig_node(&graph, "Add", "c b", "d");
    if (which == 3)
        rig_node(&graph, "Relu", "c", "d");
    rig_node(&graph, which == 5 ? "Sub" : "Add", which == 2 || which == 3 ? "d b" : "c b", "y");
    return graph;
}

static void test_biases_of_convolutions(void **state) {
    (void)state;
    rig_expect_steps(convolution_graph, 0, 1);
    rig_expect_steps(convolution_graph, 1, 2);
    rig_expect_steps(convolution_graph, 2, 1);
    rig_expect_steps(convolution_graph, 3, 2);
    rig_expect_steps(convolution_graph, 5, 2);
    struct network_rig rig;
    struct message graph = convolution_graph(4);
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 2);
    rig_destroy(&rig);
}

static void add_number(struct message *graph, const char *name, float number) {
    struct message node = node_message("Constant", "", "", name);
    node_float(&node, "value_float", number);
    message_take(graph, GRAPH_NODE, &node);
}

static void add_mean(struct message *graph, const char *of, const char *name) {
    static const int64_t axis = -1;
    struct message node = node_message("ReduceMean", "", of, name);
    node_ints(&node, "axes", &axis, 1);
    message_take(graph, GRAPH_NODE, &node);
}

/* As exporters write it, with parameters, and another sum or factor behind; which 2: of three axes. */
static struct message normalisation_graph(int which) {
    static const int64_t row[] = {8}, three[] = {1, 8, 8};
    struct message graph = rig_graph("y"), shape = node_message("Constant", "", "", "shape");
    node_ints(&shape, "value_ints", three, 3);
    message_take(&graph, GRAPH_NODE, &shape);
    rig_node(&graph, which == 2 ? "Reshape" : "Identity", which == 2 ? "x shape" : "x", "z");
    add_constant(&graph, "s", row, 1);
    add_number(&graph, "two", 2);
    add_number(&graph, "epsilon", 1e-3f);
    add_mean(&graph, "z", "m");
    rig_node(&graph, "Sub", "z m", "d");
    rig_node(&graph, "Pow", "d two", "p");
    add_mean(&graph, "p", "v");
    rig_node(&graph, "Add", "v epsilon", "t");
    rig_node(&graph, "Sqrt", "t", "r");
    rig_node(&graph, "Div", "d r", "q");
    rig_node(&graph, "Mul", "q s", "u");
    rig_node(&graph, "Add", "s u", "n");
    rig_node(&graph, which == 1 ? "Mul" : "Add", "n s", "y"); /* a second factor would scale the bias */
    return graph;
}

static void test_layer_normalisation(void **state) {
    (void)state;
    rig_expect_steps(normalisation_graph, 0, 1);
    rig_expect_steps(normalisation_graph, 1, 2);
    rig_expect_steps(normalisation_graph, 2, 1);
}

static void add_pads(struct message *graph, const char *name, const int64_t *pads) {
    struct message node = node_message("Constant", "", "", name);
    node_ints(&node, "value_ints", pads, 8);
    message_take(graph, GRAPH_NODE, &node);
}

/* Zeros around the map, more of them than a window reaches over, ones, and zeros before the channels; then a
 * convolution, or average pooling. */
static struct message pad_graph(int which) {
    static const int64_t around[] = {0, 0, 1, 1, 0, 0, 1, 1}, far[] = {0, 0, 3, 3, 0, 0, 3, 3},
                         before[] = {0, 1, 1, 1, 0, 0, 1, 1};
    static const int64_t *const pads[] = {around, far, around, before};
    static const int64_t channels[] = {1, 2, 3, 3}, window[] = {3, 3};
    struct message graph = rig_graph("y");
    add_pads(&graph, "pads", pads[which % 4]);
    add_number(&graph, "value", which % 4 == 2);
    rig_node(&graph, "Pad", "x pads value", "p");
    if (which == 3)
        add_constant(&graph, "two", channels, 4);
    struct message node = node_message(which < 4 ? "Conv" : "AveragePool", "",
                                       which >= 4   ? "p"
                                       : which == 3 ? "p two"
                                                    : "p w",
                                       "y");
    node_ints(&node, "kernel_shape", window, 2);
    message_take(&graph, GRAPH_NODE, &node);
    return graph;
}

static void test_zeros(void **state) {
    (void)state;
    for (int which = 0; which < 8; which++)
        rig_expect_steps(pad_graph, which, which % 4 == 0 ? 1 : 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_biases_of_products),
        cmocka_unit_test(test_biases_of_convolutions),
        cmocka_unit_test(test_layer_normalisation),
        cmocka_unit_test(test_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
