/* What the reader makes of sound models, and the one sentence that it has for each kind of bad one. */
#include "model/opset.h"
#include "onnx_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CONV_WEIGHTS (2 * 1 * 3 * 3)
static const int64_t weights[] = {2, 1, 3, 3};

/* --- Sound models --------------------------------------------------------------------------------------- */

static void test_reads_a_graph(void **state) {
    (void)state;
    struct message graph = graph_start(), listed = value_message("w", weights, 4);
    message_take(&graph, GRAPH_INPUT, &listed); /* a weight that is an input as well */
    graph_node(&graph, node_message("Conv", "", "x w", "c"));
    graph_node(&graph, node_message("Relu", "same", "c", "d"));
    graph_node(&graph, node_message("Relu", "same", "d", "y"));
    convoy_model *model;
    assert_int_equal(load_graph(&model, &graph, 13, NULL), CONVOY_OK);
    const convoy_value_info *inputs, *outputs;
    assert_int_equal(convoy_model_inputs(model, &inputs), 1);
    assert_int_equal(convoy_model_outputs(model, &outputs), 1);
    assert_string_equal(inputs[0].name, "x");
    assert_string_equal(outputs[0].name, "y");
    assert_int_equal(inputs[0].dtype, CONVOY_F32);
    assert_int_equal(inputs[0].shape.rank, 4);
    assert_int_equal(inputs[0].shape.dims[0], -1);
    assert_int_equal(inputs[0].shape.dims[3], 8);
    assert_int_equal(convoy_model_opset(model), 13);
    assert_string_equal(model->nodes[0].name, "Conv_0");
    assert_string_equal(model->nodes[1].name, "same");
    assert_string_equal(model->nodes[2].name, "Relu_2");
    convoy_model_destroy(&model);
    assert_null(model);
    convoy_model_destroy(&model);
}

/* The weight's bytes are those of the file, wherever they are aligned. */
static void test_weights_are_not_copied(void **state) {
    (void)state;
    struct message graph = graph_start();
    graph_node(&graph, node_message("Conv", "c", "x w", "y"));
    for (size_t padding = 0; padding < 4; padding++) {
        struct message copy = {0}, bytes;
        char filler[4] = "aaa";
        filler[padding] = 0;
        message_text(&copy, 2, filler); /* the graph's name, in front */
        message_append(&copy, graph.bytes, graph.size);
        bytes = model_message(&copy, 13);
        convoy_model *model;
        assert_int_equal(load_bytes(&model, bytes.bytes, bytes.size, NULL), CONVOY_OK);
        const uint8_t *data = model->values[0].constant.data, *map = model->map->data;
        bool inside = data >= map && data < map + model->map->bytes;
        const uint8_t *raw = memmem(bytes.bytes, bytes.size, data, CONV_WEIGHTS * sizeof(float));
        assert_non_null(raw);
        assert_true(inside || (raw - bytes.bytes) % 4 != 0);
        message_free(&bytes);
        convoy_model_destroy(&model);
    }
    message_free(&graph);
}

/* --- Files that are no model ---------------------------------------------------------------------------- */

static void test_no_model(void **state) {
    (void)state;
    const char text[] = "This is a text file that somebody named model.onnx.\n";
    expect_bytes(text, sizeof text - 1, CONVOY_E_INPUT, "not an ONNX model");
    expect_bytes("", 0, CONVOY_E_INPUT, "empty");
    convoy_error error = {0};
    convoy_model *model = NULL;
    assert_int_equal(convoy_model_load(&model, "/nowhere/model.onnx", &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "/nowhere/model.onnx"));
    assert_int_equal(convoy_model_load(&model, "/", &error), CONVOY_E_IO);
    struct message graph = {0}, bytes = model_message(&graph, 13);
    expect_bytes(bytes.bytes, bytes.size, CONVOY_E_INPUT, "no output");
    message_free(&bytes);
}

/* Cut anywhere, a model is refused or, where only the end of the list of operator sets is gone, said to lack
 * that. */
static void test_truncated(void **state) {
    (void)state;
    struct message graph = graph_start();
    graph_node(&graph, node_message("Conv", "c", "x w", "y"));
    struct message bytes = model_message(&graph, 13);
    for (size_t size = 1; size < bytes.size; size++) {
        convoy_model *model = NULL;
        convoy_error error = {0};
        convoy_status status = load_bytes(&model, bytes.bytes, size, &error);
        assert_true(status == CONVOY_E_INPUT || status == CONVOY_E_UNSUPPORTED);
        assert_true(error.message[0] != 0);
    }
    message_free(&bytes);
}

static void test_opsets(void **state) {
    (void)state;
    static const int64_t opsets[] = {25, INT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct message graph = graph_start();
        graph_node(&graph, node_message("Conv", "first", "x w", "y"));
        expect_lowering(&graph, opsets[i], one_image, CONVOY_E_UNSUPPORTED, "1 to 24");
    }
    struct message graph = graph_start();
    convoy_model *model = NULL;
    assert_int_equal(load_graph(&model, &graph, 0, NULL), CONVOY_E_UNSUPPORTED);
}

/* The sets of other domains count for their operators. */
static void test_opsets_of_other_domains(void **state) {
    (void)state;
    struct message graph = graph_start(), import = opset_message("com.example", 7);
    graph_node(&graph, node_message("Conv", "c", "x w", "y"));
    struct message bytes = model_message(&graph, 13);
    message_take(&bytes, 8, &import);
    convoy_model *model = NULL;
    assert_int_equal(load_bytes(&model, bytes.bytes, bytes.size, NULL), CONVOY_OK);
    assert_int_equal(convoy_model_opset(model), 13);
    assert_int_equal(opset_version(model, "ai.onnx"), 13);
    assert_int_equal(opset_version(model, "com.example"), 7);
    assert_int_equal(opset_version(model, "com.microsoft"), 0);
    message_free(&bytes);
    convoy_model_destroy(&model);
}

/* An input of another type is refused with the names of all types that there are. */
static void test_types_of_inputs(void **state) {
    (void)state;
    struct message graph = graph_start(), type = {0}, tensor = {0}, shape = {0}, input = {0};
    message_varint(&tensor, 1, 8); /* strings */
    message_take(&tensor, 2, &shape);
    message_take(&type, 1, &tensor);
    message_text(&input, 1, "words");
    message_take(&input, 2, &type);
    message_take(&graph, GRAPH_INPUT, &input);
    graph_node(&graph, node_message("Conv", "c", "x w", "y"));
    convoy_model *model = NULL;
    convoy_error error = {0};
    assert_int_equal(load_graph(&model, &graph, 13, &error), CONVOY_E_UNSUPPORTED);
    assert_non_null(
        strstr(error.message, "input 'words' must be a tensor with a shape, of one of the types "));
    for (int number = 0; number < 32; number++)
        if (convoy_dtype_bytes((convoy_dtype)number) > 0 &&
            !strstr(error.message, convoy_dtype_text((convoy_dtype)number)))
            fail_msg("'%s' does not name %s", error.message, convoy_dtype_text((convoy_dtype)number));
}

/* --- Graphs that are wrong ------------------------------------------------------------------------------ */

static void test_wrong_weights(void **state) {
    (void)state;
    struct message graph = graph_start(), weight = tensor_message("short", weights, 4, CONV_WEIGHTS - 1);
    message_take(&graph, GRAPH_INITIALIZER, &weight);
    graph_node(&graph, node_message("Conv", "c", "x short", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "'short'");

    const int64_t huge[] = {INT64_MAX, INT64_MAX, 4};
    graph = graph_start();
    weight = tensor_message("huge", huge, 3, 1);
    message_take(&graph, GRAPH_INITIALIZER, &weight);
    expect_graph(&graph, CONVOY_E_INPUT, "'huge'");

    graph = graph_start();
    weight = tensor_message("w", weights, 4, CONV_WEIGHTS);
    message_take(&graph, GRAPH_INITIALIZER, &weight);
    expect_graph(&graph, CONVOY_E_INPUT, "two weights have the name 'w'");
}

static void test_wrong_wiring(void **state) {
    (void)state;
    struct message graph = graph_start();
    graph_node(&graph, node_message("Relu", "lost", "nothing", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "node 'lost' (Relu): reads 'nothing', which no node makes");

    graph = graph_start();
    graph_node(&graph, node_message("Conv", "a", "x w", "y"));
    graph_node(&graph, node_message("Conv", "b", "x w", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "node 'b' (Conv): makes 'y', which exists already");

    graph = graph_start();
    graph_node(&graph, node_message("Conv", "a", "x w", "z"));
    expect_graph(&graph, CONVOY_E_INPUT, "output 'y' is made by no node");

    graph = graph_start();
    graph_node(&graph, node_message("Conv", "\xff\xfe", "x w", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "UTF-8");
}

static void test_too_many_attributes(void **state) {
    (void)state;
    struct message graph = graph_start(), node = node_message("Conv", "c", "x w", "y");
    for (int i = 0; i < 65; i++)
        node_int(&node, "group", 1);
    graph_node(&graph, node);
    expect_graph(&graph, CONVOY_E_UNSUPPORTED, "65 attributes");
    graph = graph_start();
    node = node_message("Conv", "c", "x w", "y");
    node_int(&node, "group", 1);
    node_int(&node, "group", 1);
    graph_node(&graph, node);
    expect_graph(&graph, CONVOY_E_INPUT, "'group' twice");
}

/* What no output depends on may be of any operator, have any attributes, and read others of its kind. */
static void test_dead_nodes(void **state) {
    (void)state;
    struct message graph = graph_start(), odd = node_message("Levitate", "up", "x w", "a"),
                   branch = node_message("If", "branch", "a", "b"), attribute = {0}, tensor = {0};
    for (int i = 0; i < 65; i++)
        node_int(&odd, "group", 1);
    graph_node(&graph, odd);
    message_text(&attribute, 1, "then_branch");
    message_bytes(&attribute, 6, "", 0);
    message_take(&branch, 5, &attribute);
    graph_node(&graph, branch);
    odd = node_message("Constant", "text", "", "c"); /* of strings */
    message_text(&attribute, 1, "value");
    message_varint(&tensor, 2, 8);
    message_take(&attribute, 5, &tensor);
    message_varint(&attribute, 20, 4);
    message_take(&odd, 5, &attribute);
    graph_node(&graph, odd);
    graph_node(&graph, node_message("Conv", "", "w", "d")); /* lacks an input */
    graph_node(&graph, node_message("Conv", "", "x w", "y"));
    graph_node(&graph, node_message("Relu", "", "y", "e")); /* sound, and nobody reads it */
    convoy_model *model = NULL;
    struct network *network = NULL;
    convoy_error error = {0};
    if (load_graph(&model, &graph, 13, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(model->node_count, 1);
    assert_string_equal(model->nodes[0].name, "Conv_4");
    assert_int_equal(network_create(&network, model, &one_image, &error), CONVOY_OK);
    assert_int_equal(network->step_count, 1);
    network_destroy(&network);
    convoy_model_destroy(&model);

    graph = graph_start(); /* what they read is not looked for */
    graph_node(&graph, node_message("Conv", "", "x w", "y"));
    graph_node(&graph, node_message("Levitate", "up", "a nothing", "a"));
    assert_int_equal(load_graph(&model, &graph, 13, &error), CONVOY_OK);
    convoy_model_destroy(&model);

    graph = graph_start(); /* what they make is */
    graph_node(&graph, node_message("Conv", "", "x w", "y"));
    graph_node(&graph, node_message("Levitate", "up", "x", "y"));
    expect_graph(&graph, CONVOY_E_INPUT, "makes 'y', which exists already");
}

/* --- Nodes that cannot be computed ---------------------------------------------------------------------- */

/* All operators that are missing stand in one sentence, and in the lists of the model. */
static void test_unsupported_operators(void **state) {
    (void)state;
    struct message graph = graph_start(), sparkle = node_message("Sparkle", "n3", "b", "c");
    graph_node(&graph, node_message("Conv", "n0", "x w", "a"));
    graph_node(&graph, node_message("Frobnicate", "n1", "a", "b"));
    message_text(&sparkle, 7, "com.example");
    graph_node(&graph, sparkle);
    graph_node(&graph, node_message("Frobnicate", "n4", "c", "y"));
    convoy_model *model = NULL;
    struct network *network = NULL;
    const convoy_node_info *nodes;
    const convoy_unsupported *operators;
    convoy_error error = {0};
    assert_int_equal(load_graph(&model, &graph, 17, NULL), CONVOY_OK);
    assert_int_equal(network_create(&network, model, &one_image, &error), CONVOY_E_UNSUPPORTED);
    if (!strstr(error.message, ": 3 operators of 2 kinds are not supported at operator set 17: "
                               "Frobnicate (2, first at node 'n1'), com.example:Sparkle (1)"))
        fail_msg("%s", error.message);
    assert_int_equal(convoy_model_nodes(model, &nodes), 4);
    assert_string_equal(nodes[0].name, "n0");
    assert_true(nodes[0].supported && !nodes[1].supported && !nodes[2].supported && !nodes[3].supported);
    assert_string_equal(nodes[2].domain, "com.example");
    assert_string_equal(nodes[3].op, "Frobnicate");
    assert_int_equal(convoy_model_unsupported(model, &operators), 2);
    assert_int_equal(operators[0].count, 2);
    assert_string_equal(operators[0].first, "n1");
    assert_string_equal(operators[1].op, "Sparkle");
    convoy_model_destroy(&model);
}

/* An operator that is younger than the model's operator set, and more kinds than a sentence names. */
static void test_unsupported_versions(void **state) {
    (void)state;
    struct message graph = graph_start();
    graph_node(&graph, node_message("CastLike", "young", "x w", "y"));
    expect_lowering(
        &graph, 13, one_image, CONVOY_E_UNSUPPORTED,
        "1 operator of 1 kind is not supported at operator set 13: CastLike (1, first at node 'young')");

    graph = graph_start();
    for (int i = 0; i < 12; i++) {
        char op[16], input[16], output[16];
        snprintf(op, sizeof op, "Op%d", i);
        snprintf(input, sizeof input, i ? "v%d" : "x", i);
        snprintf(output, sizeof output, i < 11 ? "v%d" : "y", i + 1);
        graph_node(&graph, node_message(op, "", input, output));
    }
    expect_lowering(&graph, 13, one_image, CONVOY_E_UNSUPPORTED, "Op9 (1), and 2 more kinds");
}

static void test_unsupported_attributes(void **state) {
    (void)state;
    struct message graph = graph_start(), node = node_message("Conv", "n3", "x w", "y");
    node_int(&node, "sparkle", 1);
    graph_node(&graph, node);
    expect_lowering(&graph, 13, one_image, CONVOY_E_UNSUPPORTED, "attribute 'sparkle'");
}

static void test_wrong_nodes(void **state) {
    (void)state;
    static const int64_t zero[] = {0, 0}, many[] = {1, 1, 1}, far[] = {INT64_MAX, INT64_MAX};
    static const struct {
        const char *attribute;
        const int64_t *values;
        size_t count;
        const char *words;
    } cases[] = {
        {"strides", zero, 2, "stride 0"},      {"strides", many, 3, "3 elements, not 2"},
        {"dilations", far, 2, "2^30"},         {"kernel_shape", zero, 1, "1 elements, not 2"},
        {"pads", far, 2, "2 elements, not 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message graph = graph_start(), node = node_message("Conv", "c", "x w", "y");
        node_ints(&node, cases[i].attribute, cases[i].values, cases[i].count);
        graph_node(&graph, node);
        expect_lowering(&graph, 13, one_image, CONVOY_E_INPUT, cases[i].words);
    }
    struct message graph = graph_start(), node = node_message("Conv", "c", "x w", "y");
    node_int(&node, "group", 0);
    graph_node(&graph, node);
    expect_lowering(&graph, 13, one_image, CONVOY_E_INPUT, "groups");

    graph = graph_start();
    node = node_message("Conv", "c", "x w", "y");
    node_int(&node, "strides", 2);
    graph_node(&graph, node);
    expect_lowering(&graph, 13, one_image, CONVOY_E_INPUT, "list of integers");
}

static void test_wrong_input_shape(void **state) {
    (void)state;
    static const convoy_shape wrong[] = {{4, {1, 3, 8, 8}}, {3, {1, 8, 8}}, {4, {-1, 1, 8, 8}}, {9, {0}}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct message graph = graph_start();
        graph_node(&graph, node_message("Conv", "c", "x w", "y"));
        expect_lowering(&graph, 13, wrong[i], CONVOY_E_INPUT, "the model takes ?x1x8x8");
    }
}

/* 2^40 elements, and 2^126, made from nothing. */
static void test_hostile_constants(void **state) {
    (void)state;
    static const int64_t huge[] = {1 << 20, 1 << 20}, overflow[] = {INT64_MAX, INT64_MAX};
    static const struct {
        const int64_t *shape;
        size_t rank;
        convoy_status status;
    } cases[] = {{huge, 2, CONVOY_E_UNSUPPORTED}, {overflow, 2, CONVOY_E_INPUT}};
    for (size_t i = 0; i < 2; i++) {
        struct message graph = graph_start(), shape = int_tensor_message("s", cases[i].shape, cases[i].rank);
        message_take(&graph, GRAPH_INITIALIZER, &shape);
        graph_node(&graph, node_message("ConstantOfShape", "bomb", "s", "k"));
        graph_node(&graph, node_message("Mul", "m", "x k", "y"));
        expect_lowering(&graph, 13, one_image, cases[i].status, "node 'bomb'");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_graph),
        cmocka_unit_test(test_weights_are_not_copied),
        cmocka_unit_test(test_no_model),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_opsets),
        cmocka_unit_test(test_opsets_of_other_domains),
        cmocka_unit_test(test_types_of_inputs),
        cmocka_unit_test(test_wrong_weights),
        cmocka_unit_test(test_wrong_wiring),
        cmocka_unit_test(test_too_many_attributes),
        cmocka_unit_test(test_dead_nodes),
        cmocka_unit_test(test_unsupported_operators),
        cmocka_unit_test(test_unsupported_versions),
        cmocka_unit_test(test_unsupported_attributes),
        cmocka_unit_test(test_wrong_nodes),
        cmocka_unit_test(test_wrong_input_shape),
        cmocka_unit_test(test_hostile_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
