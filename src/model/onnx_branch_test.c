/* If: branches that are chosen beforehand or by the data, what they see of the graph around them, and how
 * deep they nest. */
#include "onnx_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t row[] = {3};
static const convoy_shape row_shape = {1, {3}};

static struct message row_graph(void) {
    struct message graph = {0}, input = value_message("x", row, 1), output = value_message("y", row, 1);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    return graph;
}

/* A branch that makes an output of an input by one node. */
static struct message branch_message(struct message node, const char *output) {
    struct message graph = {0}, value = value_message(output, row, 1);
    message_take(&graph, GRAPH_NODE, &node);
    message_take(&graph, GRAPH_OUTPUT, &value);
    return graph;
}

static struct message if_message(const char *condition, const char *output, struct message then,
                                 struct message other) {
    struct message node = node_message("If", "choice", condition, output);
    node_graph(&node, "then_branch", &then);
    node_graph(&node, "else_branch", &other);
    return node;
}

/* A constant scalar, as bool. */
static void add_condition(struct message *graph, const char *name, int64_t value) {
    struct message constant = node_message("Constant", "", "", "number"),
                   cast = node_message("Cast", "", "number", name);
    node_int(&constant, "value_int", value);
    node_int(&cast, "to", CONVOY_BOOL);
    message_take(graph, GRAPH_NODE, &constant);
    message_take(graph, GRAPH_NODE, &cast);
}

/* Whether x[0] > 0, which depends on the data. */
static void add_comparison(struct message *graph, const char *name) {
    struct message zero = int_tensor_message("index", (const int64_t[]){0}, 1),
                   cast = node_message("Cast", "", "positive", name);
    node_int(&cast, "to", CONVOY_BOOL);
    message_take(graph, GRAPH_INITIALIZER, &zero);
    graph_node(graph, node_message("Gather", "", "x index", "first"));
    graph_node(graph, node_message("Relu", "", "first", "positive"));
    graph_node(graph, cast);
}

static convoy_model *load(struct message *graph) {
    convoy_model *model = NULL;
    convoy_error error = {0};
    if (load_graph(&model, graph, 13, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return model;
}

/* y for x = first, -2, 3. */
static void expect_row(const convoy_model *model, float first, const float *expected) {
    convoy_tensor in = {0}, out = {0};
    assert_int_equal(convoy_tensor_create(&in, CONVOY_F32, &row_shape, NULL), CONVOY_OK);
    memcpy(in.data, (const float[]){first, -2, 3}, 3 * sizeof(float));
    run_model(model, &in, &out);
    assert_int_equal(convoy_tensor_elements(&out), 3);
    assert_memory_equal(out.data, expected, 3 * sizeof(float));
    convoy_tensor_release(&in);
    convoy_tensor_release(&out);
}

/* The chosen branch takes the node's place; it reads what is around it, and the other may be anything. */
static void test_constant_condition(void **state) {
    (void)state;
    static const float negated[] = {-1, 2, -3}, cut[] = {1, 0, 3};
    for (int64_t condition = 0; condition < 2; condition++) {
        struct message graph = row_graph(),
                       node =
                           condition
                               ? if_message("c", "y", branch_message(node_message("Neg", "n", "x", "o"), "o"),
                                            branch_message(node_message("Levitate", "", "x", "o"), "o"))
                               : if_message("c", "y",
                                            branch_message(node_message("Levitate", "", "x", "o"), "o"),
                                            branch_message(node_message("Relu", "r", "x", "o"), "o"));
        message_take(&graph, GRAPH_NODE, &node); /* before its condition, too */
        add_condition(&graph, "c", condition);
        convoy_model *model = load(&graph);
        expect_row(model, 1, condition ? negated : cut);
        struct network *network = NULL;
        assert_int_equal(network_create(&network, model, &row_shape, NULL), CONVOY_OK);
        assert_int_equal(network->step_count, 1);
        assert_string_equal(network->steps[0].desc.name, condition ? "n" : "r");
        assert_int_equal(network->postponed.node_count, 0);
        network_destroy(&network);
        convoy_model_destroy(&model);
    }
}

/* The data chooses at the end of a run. Constants of branches and values around them are there by then. */
static void test_condition_of_the_data(void **state) {
    (void)state;
    static const float doubled[] = {2, -4, 6}, added[] = {0, -1, 4};
    struct message graph = row_graph(), then = {0}, value = value_message("o", row, 1);
    struct message two = tensor_message("two", row, 1, 3), sum = node_message("Add", "", "x x", "o");
    message_take(&then, GRAPH_INITIALIZER, &two);
    message_take(&then, GRAPH_NODE, &sum);
    message_take(&then, GRAPH_OUTPUT, &value);
    struct message other = {0}, one = {0}, plus = node_message("Add", "", "x one", "o");
    message_varint(&one, 2, CONVOY_F32); /* a scalar */
    message_text(&one, 8, "one");
    message_bytes(&one, 9, &(float){1}, sizeof(float));
    value = value_message("o", row, 1);
    message_take(&other, GRAPH_INITIALIZER, &one);
    message_take(&other, GRAPH_NODE, &plus);
    message_take(&other, GRAPH_OUTPUT, &value);
    struct message node = if_message("c", "y", then, other);
    add_comparison(&graph, "c");
    message_take(&graph, GRAPH_NODE, &node);
    convoy_model *model = load(&graph);
    expect_row(model, 1, doubled);
    expect_row(model, -1, added);
    convoy_model_destroy(&model);
}

/* A branch whose nodes need the data is postponed as a whole, and what is behind it as well. */
static void test_branch_that_needs_data(void **state) {
    (void)state;
    static const float expected[] = {1, -2, 3};
    struct message graph = row_graph(), then = {0}, value = value_message("o", (const int64_t[]){-1}, 1);
    struct message from = int_tensor_message("from", (const int64_t[]){2}, 1),
                   to = int_tensor_message("to", (const int64_t[]){3}, 1),
                   cast = node_message("Cast", "", "last", "size");
    node_int(&cast, "to", CONVOY_I64);
    graph_node(&then, node_message("Slice", "", "x from to", "last"));
    graph_node(&then, cast);
    graph_node(&then, node_message("ConstantOfShape", "", "size", "o"));
    message_take(&then, GRAPH_OUTPUT, &value);
    message_take(&graph, GRAPH_INITIALIZER, &from);
    message_take(&graph, GRAPH_INITIALIZER, &to);
    add_condition(&graph, "c", 1);
    graph_node(&graph,
               if_message("c", "zeros", then, branch_message(node_message("Relu", "", "x", "o"), "o")));
    graph_node(&graph, node_message("Sub", "", "x zeros", "y"));
    convoy_model *model = load(&graph);
    struct network *network = NULL;
    assert_int_equal(network_create(&network, model, &row_shape, NULL), CONVOY_OK);
    assert_int_equal(network->postponed.node_count, 2);
    assert_string_equal(network->postponed.nodes[0].node->op, "If");
    assert_string_equal(network->postponed.nodes[0].why,
                        "input 'input' of 'ConstantOfShape_2' inside it depends on the data");
    assert_string_equal(network->postponed.nodes[1].node->op, "Sub");
    assert_string_equal(network->postponed.nodes[1].why, "reads 'zeros'");
    network_destroy(&network);
    expect_row(model, 1, expected); /* x[2] is 3 */
    convoy_model_destroy(&model);
}

/* Two of these inside of each other; the inner one reads what the graph makes. */
static void test_nested(void **state) {
    (void)state;
    static const float expected[] = {-1, 2, -3};
    struct message graph = row_graph();
    struct message inner = if_message("c", "i", branch_message(node_message("Neg", "", "x", "o"), "o"),
                                      branch_message(node_message("Relu", "", "x", "o"), "o"));
    struct message outer = if_message("c", "y", branch_message(inner, "i"),
                                      branch_message(node_message("Relu", "", "x", "o"), "o"));
    message_take(&graph, GRAPH_NODE, &outer);
    add_condition(&graph, "c", 1);
    convoy_model *model = load(&graph);
    expect_row(model, 1, expected);
    static const uint32_t depths[] = {0, 0, 0, 1,
                                      2, 2, 1}; /* condition, outer, inner and its branches, else */
    const convoy_node_info *nodes;
    assert_int_equal(convoy_model_nodes(model, &nodes), 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(nodes[i].depth, depths[i]);
    assert_string_equal(nodes[4].op, "Neg");
    convoy_model_destroy(&model);
}

static struct message nest(int depth) {
    struct message graph = branch_message(node_message("Neg", "", "x", "o"), "o");
    for (int i = 0; i < depth; i++)
        graph = branch_message(
            if_message("c", "o", graph, branch_message(node_message("Relu", "", "x", "o"), "o")), "o");
    struct message input = value_message("x", row, 1);
    message_take(&graph, GRAPH_INPUT, &input);
    add_condition(&graph, "c", 1);
    return graph;
}

static void test_depth(void **state) {
    (void)state;
    static const float negated[] = {-1, 2, -3};
    struct message graph = nest(16);
    convoy_model *model = load(&graph);
    expect_row(model, 1, negated);
    convoy_model_destroy(&model);
    graph = nest(17);
    expect_graph(&graph, CONVOY_E_UNSUPPORTED, "functions and branches are nested more than 16 deep");
    graph = nest(3000);
    expect_graph(&graph, CONVOY_E_UNSUPPORTED, "functions and branches are nested more than 16 deep");
}

static void test_wrong_branches(void **state) {
    (void)state;
    struct message graph = row_graph(),
                   node = if_message("c", "y", branch_message(node_message("Neg", "", "hidden", "o"), "o"),
                                     branch_message(node_message("Relu", "", "x", "hidden"), "hidden"));
    add_condition(&graph, "c", 1);
    message_take(&graph, GRAPH_NODE, &node);
    expect_graph(&graph, CONVOY_E_INPUT, "node 'Neg_0' (Neg): reads 'hidden', which no node makes");

    graph = row_graph();
    node = if_message("c", "y", branch_message(node_message("Neg", "", "x", "o"), "p"),
                      branch_message(node_message("Relu", "", "x", "o"), "o"));
    add_condition(&graph, "c", 1);
    message_take(&graph, GRAPH_NODE, &node);
    expect_graph(&graph, CONVOY_E_INPUT, "node 'choice' (If): output 'p' of a branch is made by no node");

    graph = row_graph(); /* a branch that reads what its own If makes */
    node = if_message("c", "y", branch_message(node_message("Neg", "", "y", "o"), "o"),
                      branch_message(node_message("Relu", "", "x", "o"), "o"));
    add_condition(&graph, "c", 1);
    message_take(&graph, GRAPH_NODE, &node);
    expect_graph(&graph, CONVOY_E_INPUT, "node 'choice' (If): reads what depends on its own output");

    graph = row_graph();
    node = node_message("If", "half", "c", "y");
    struct message then = branch_message(node_message("Neg", "", "x", "o"), "o");
    node_graph(&node, "then_branch", &then);
    add_condition(&graph, "c", 1);
    message_take(&graph, GRAPH_NODE, &node);
    expect_lowering(&graph, 13, row_shape, CONVOY_E_INPUT,
                    "attribute 'else_branch' must be a graph with 1 outputs");

    graph = row_graph(); /* an operator that is missing in the branch that is chosen */
    node = if_message("c", "y", branch_message(node_message("Levitate", "up", "x", "o"), "o"),
                      branch_message(node_message("Relu", "", "x", "o"), "o"));
    add_condition(&graph, "c", 1);
    message_take(&graph, GRAPH_NODE, &node);
    expect_lowering(&graph, 13, row_shape, CONVOY_E_UNSUPPORTED, "Levitate (1, first at node 'up')");
}

/* Loops are refused by name, whatever they hold. */
static void test_loops(void **state) {
    (void)state;
    struct message graph = row_graph(), node = node_message("Loop", "around", "", "y"),
                   body = branch_message(node_message("Levitate", "", "x", "o"), "o");
    node_graph(&node, "body", &body);
    message_take(&graph, GRAPH_NODE, &node);
    expect_lowering(
        &graph, 13, row_shape, CONVOY_E_UNSUPPORTED,
        "1 operator of 1 kind is not supported at operator set 13: Loop (1, first at node 'around')");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_condition),
        cmocka_unit_test(test_condition_of_the_data),
        cmocka_unit_test(test_branch_that_needs_data),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_wrong_branches),
        cmocka_unit_test(test_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
