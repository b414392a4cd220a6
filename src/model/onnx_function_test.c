/* Functions of the model's own: calls, nested ones, what they hand on, and files that would blow up. */
#include "onnx_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE_FLOAT 1

static const int64_t row[] = {3};

/* A graph from x [3] to y [3]. */
static struct message row_graph(void) {
    struct message graph = {0}, input = value_message("x", row, 1), output = value_message("y", row, 1);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    return graph;
}

static struct message call_message(const char *function, const char *name, const char *inputs,
                                   const char *outputs) {
    struct message node = node_message(function, name, inputs, outputs);
    message_text(&node, 7, "own");
    return node;
}

static struct message start_function(const char *name, const char *inputs, const char *outputs) {
    struct message function = function_message("own", name, inputs, outputs), opset = opset_message("", 13);
    message_take(&function, FUNCTION_OPSET, &opset);
    return function;
}

static void function_node(struct message *function, struct message node) {
    message_take(function, FUNCTION_NODE, &node);
}

/* elu(x) with an attribute that a call may leave out, and -elu(x) by a call of it that hands its own on. */
static void add_functions(struct message *model) {
    struct message inner = start_function("inner", "a", "b"), outer = start_function("outer", "a", "b");
    struct message elu = node_message("Elu", "elu", "a", "b"), value = {0};
    node_reference(&elu, "alpha", TYPE_FLOAT, "slope");
    function_node(&inner, elu);
    message_text(&value, 1, "slope");
    message_float(&value, 2, 3);
    message_varint(&value, 20, TYPE_FLOAT);
    message_take(&inner, FUNCTION_ATTRIBUTE, &value);

    struct message call = call_message("inner", "call", "a", "c");
    node_reference(&call, "slope", TYPE_FLOAT, "steepness");
    message_text(&outer, FUNCTION_ATTRIBUTE_NAME, "steepness");
    function_node(&outer, node_message("Neg", "neg", "c", "b")); /* out of order, too */
    function_node(&outer, call);
    message_take(model, MODEL_FUNCTION, &outer);
    message_take(model, MODEL_FUNCTION, &inner);
}

/* y for x = -1, 0, 2. */
static void run_row(const convoy_model *model, float *y) {
    const convoy_shape shape = {1, {3}};
    convoy_tensor in = {0}, out = {0};
    assert_int_equal(convoy_tensor_create(&in, CONVOY_F32, &shape, NULL), CONVOY_OK);
    memcpy(in.data, (const float[]){-1, 0, 2}, 3 * sizeof(float));
    run_model(model, &in, &out);
    assert_int_equal(convoy_tensor_elements(&out), 3);
    memcpy(y, out.data, 3 * sizeof *y);
    convoy_tensor_release(&in);
    convoy_tensor_release(&out);
}

static convoy_model *load_with_functions(struct message *graph) {
    struct message bytes = model_message(graph, 13);
    convoy_model *model = NULL;
    convoy_error error = {0};
    add_functions(&bytes);
    if (load_bytes(&model, bytes.bytes, bytes.size, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    message_free(&bytes);
    return model;
}

/* Nodes of functions are named by their calls, and stand in the calls' places. */
static void test_calls(void **state) {
    (void)state;
    static const char *const names[] = {"relu", "one/elu", "outer_2/call/elu", "outer_2/neg", "sum"};
    struct message graph = row_graph(), call = call_message("outer", "", "r", "t");
    graph_node(&graph, node_message("Relu", "relu", "x", "r"));
    graph_node(&graph, call_message("inner", "one", "x", "s"));
    node_float(&call, "steepness", 5);
    graph_node(&graph, call);
    graph_node(&graph, node_message("Add", "sum", "s t", "y"));
    convoy_model *model = load_with_functions(&graph);
    assert_int_equal(model->node_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(model->nodes[i].name, names[i]);
    float y[3]; /* elu(x) by slope 3, minus relu(x) */
    run_row(model, y);
    assert_float_equal(y[0], 3 * (0.36787944f - 1), 1e-6);
    assert_float_equal(y[1], 0, 0);
    assert_float_equal(y[2], 0, 1e-6);
    convoy_model_destroy(&model);
}

/* An attribute of the call takes the place of the function's; one that is handed on but not given leaves the
 * function's. */
static void test_attributes(void **state) {
    (void)state;
    for (int given = 0; given < 2; given++) {
        struct message graph = row_graph(), call = call_message("outer", "o", "x", "y");
        if (given)
            node_float(&call, "steepness", 5);
        graph_node(&graph, call);
        convoy_model *model = load_with_functions(&graph);
        float y[3];
        run_row(model, y);
        assert_float_equal(y[0], (given ? 5 : 3) * (1 - 0.36787944f), 1e-6);
        assert_float_equal(y[2], -2, 1e-6);
        convoy_model_destroy(&model);
    }
}

/* Outputs that are inputs, inputs and outputs that a call leaves out, nodes that no output needs. */
static void test_inputs_and_outputs(void **state) {
    (void)state;
    struct message graph = row_graph(), bytes,
                   function = start_function("f", "a lower upper", "same clipped odd");
    function_node(&function, node_message("Clip", "", "a lower upper", "clipped"));
    function_node(&function, node_message("Levitate", "", "a", "odd"));
    message_text(&function, 5, "a"); /* a fourth output */
    function_node(&function, node_message("Identity", "", "a", "same"));
    struct message zero = node_message("Constant", "", "", "z");
    node_float(&zero, "value_float", 0);
    graph_node(&graph, zero);
    graph_node(&graph, call_message("f", "f", "x z", "- c - s"));
    graph_node(&graph, node_message("Sub", "", "s c", "y"));
    bytes = model_message(&graph, 13);
    message_take(&bytes, MODEL_FUNCTION, &function);
    convoy_model *model = NULL;
    convoy_error error = {0};
    if (load_bytes(&model, bytes.bytes, bytes.size, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    message_free(&bytes);
    float y[3]; /* x - max(x, 0) */
    run_row(model, y);
    assert_float_equal(y[0], -1, 0);
    assert_float_equal(y[1], 0, 0);
    assert_float_equal(y[2], 0, 0);
    convoy_model_destroy(&model);
}

/* --- Refused -------------------------------------------------------------------------------------------- */

/* y = f(x), with f and perhaps more functions, is refused. */
static void expect_functions(struct message *functions, size_t count, convoy_status status,
                             const char *words) {
    struct message graph = row_graph();
    graph_node(&graph, call_message("f0", "call", "x", "y"));
    struct message bytes = model_message(&graph, 13);
    for (size_t i = 0; i < count; i++)
        message_take(&bytes, MODEL_FUNCTION, &functions[i]);
    expect_bytes(bytes.bytes, bytes.size, status, words);
    message_free(&bytes);
}

static void test_wrong_functions(void **state) {
    (void)state;
    struct message f = start_function("f0", "a", "b");
    function_node(&f, node_message("Relu", "", "x", "b"));
    expect_functions(&f, 1, CONVOY_E_INPUT, "node 'call/Relu_0' (Relu): reads 'x', which no node makes");

    f = start_function("f0", "a", "b");
    expect_functions(&f, 1, CONVOY_E_INPUT, "node 'call' (f0): no node of the function makes its output 'b'");

    f = start_function("f0", "", "b");
    function_node(&f, node_message("Relu", "", "a", "b"));
    expect_functions(&f, 1, CONVOY_E_INPUT, "1 inputs and 1 outputs; the function has no more than 0 and 1");

    f = start_function("f0", "a", "b");
    function_node(&f, node_message("Relu", "", "a", "a"));
    expect_functions(&f, 1, CONVOY_E_INPUT, "makes 'a', which exists already");

    struct message opset = opset_message("", 12);
    f = function_message("own", "f0", "a", "b");
    message_take(&f, FUNCTION_OPSET, &opset);
    function_node(&f, node_message("Relu", "", "a", "b"));
    expect_functions(&f, 1, CONVOY_E_UNSUPPORTED,
                     "imports version 12 of the operator set of ONNX, and the model version 13");

    struct message two[] = {start_function("f0", "a", "b"), start_function("f0", "a", "b")};
    expect_functions(two, 2, CONVOY_E_INPUT, "two functions have the name 'own:f0'");
}

static void test_recursion(void **state) {
    (void)state;
    struct message f = start_function("f0", "a", "b");
    function_node(&f, call_message("f0", "again", "a", "b"));
    expect_functions(&f, 1, CONVOY_E_UNSUPPORTED, "nested more than 16 deep");

    struct message pair[] = {start_function("f0", "a", "b"), start_function("f1", "a", "b")};
    function_node(&pair[0], call_message("f1", "", "a", "b"));
    function_node(&pair[1], call_message("f0", "", "a", "b"));
    expect_functions(pair, 2, CONVOY_E_UNSUPPORTED, "nested more than 16 deep");
}

/* Ten functions of ten calls of the next would be 10^10 nodes. */
static void test_multiplication(void **state) {
    (void)state;
    struct message functions[10];
    for (int i = 0; i < 10; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, "f%d", i + 1);
        functions[i] = start_function(name, "a", "b");
        for (int k = 0; k < 10; k++) {
            char input[16], output[16];
            snprintf(input, sizeof input, k ? "v%d" : "a", k);
            snprintf(output, sizeof output, k < 9 ? "v%d" : "b", k + 1);
            function_node(&functions[i], i < 9 ? call_message(next, "", input, output)
                                               : node_message("Relu", "", input, output));
        }
    }
    expect_functions(functions, 10, CONVOY_E_UNSUPPORTED,
                     "functions that are called again and again become more than 100000 nodes or 64 MiB");
}

/* One large attribute of a call, to which many nodes refer, is not copied for all of them. */
static void test_large_references(void **state) {
    (void)state;
    enum { ELEMENTS = 1 << 20, NODES = 400 };
    static int64_t elements[ELEMENTS];
    struct message f = start_function("f0", "a", "b"), graph = row_graph();
    for (int k = 0; k < NODES; k++) {
        char input[16], output[16];
        snprintf(input, sizeof input, k ? "v%d" : "a", k);
        snprintf(output, sizeof output, k < NODES - 1 ? "v%d" : "b", k + 1);
        struct message node = node_message("Relu", "", input, output);
        node_reference(&node, "list", 7, "all");
        function_node(&f, node);
    }
    struct message call = call_message("f0", "call", "x", "y");
    node_ints(&call, "all", elements, ELEMENTS);
    graph_node(&graph, call);
    struct message bytes = model_message(&graph, 13);
    message_take(&bytes, MODEL_FUNCTION, &f);
    expect_bytes(bytes.bytes, bytes.size, CONVOY_E_UNSUPPORTED,
                 "functions that are called again and again become more than 100000 nodes or 64 MiB");
    message_free(&bytes);
}

/* What a function holds counts when it is called again, not the first time. */
static void test_large_function(void **state) {
    (void)state;
    enum { NODES = 100001 };
    for (int calls = 1; calls <= 2; calls++) {
        struct message f = start_function("f0", "a", "b"), graph = row_graph();
        for (int k = 0; k < NODES; k++) {
            char input[16], output[16];
            snprintf(input, sizeof input, k ? "v%d" : "a", k);
            snprintf(output, sizeof output, k < NODES - 1 ? "v%d" : "b", k + 1);
            function_node(&f, node_message("Relu", "", input, output));
        }
        graph_node(&graph, call_message("f0", "one", "x", calls == 1 ? "y" : "z"));
        if (calls == 2)
            graph_node(&graph, call_message("f0", "two", "z", "y"));
        struct message bytes = model_message(&graph, 13);
        message_take(&bytes, MODEL_FUNCTION, &f);
        convoy_model *model = NULL;
        convoy_error error = {0};
        convoy_status status = load_bytes(&model, bytes.bytes, bytes.size, &error);
        assert_int_equal(status, calls == 1 ? CONVOY_OK : CONVOY_E_UNSUPPORTED);
        if (calls == 1)
            assert_int_equal(model->node_count, NODES);
        else
            assert_non_null(strstr(error.message, "called again and again"));
        message_free(&bytes);
        convoy_model_destroy(&model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_inputs_and_outputs),
        cmocka_unit_test(test_wrong_functions),
        cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_multiplication),
        cmocka_unit_test(test_large_references),
        cmocka_unit_test(test_large_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
