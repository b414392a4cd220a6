/* Open axes of one name, in one input and in several. */
#include "model/symbols.h"

#include "onnx_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const int64_t open_axes[] = {-1, -1, -1};

/* Inputs a [N,M,3], b [N,?], c [M,M], of which y reads the first. */
static convoy_model *load(void) {
    struct message graph = {0};
    const char *const a[] = {"N", "M", ""}, *const b[] = {"N", "?"}, *const c[] = {"M", "M"};
    struct message values[] = {symbol_message("a", (const int64_t[]){-1, -1, 3}, a, 3),
                               symbol_message("b", open_axes, b, 2), symbol_message("c", open_axes, c, 2)};
    struct message output = symbol_message("y", open_axes, a, 3);
    for (size_t i = 0; i < 3; i++)
        message_take(&graph, GRAPH_INPUT, &values[i]);
    message_take(&graph, GRAPH_OUTPUT, &output);
    graph_node(&graph, node_message("Relu", "", "a", "y"));
    convoy_model *model = NULL;
    assert_int_equal(load_graph(&model, &graph, 13, NULL), CONVOY_OK);
    return model;
}

static void test_names(void **state) {
    (void)state;
    convoy_model *model = load();
    const convoy_value_info *inputs, *outputs;
    const char *const *names;
    assert_int_equal(convoy_model_inputs(model, &inputs), 3);
    assert_int_equal(convoy_model_outputs(model, &outputs), 1);
    assert_int_equal(convoy_model_symbols(model, &names), 2);
    assert_string_equal(names[0], "N");
    assert_string_equal(names[1], "M");
    static const int32_t expected[3][3] = {{0, 1, -1}, {0, -1}, {1, 1}};
    for (size_t i = 0; i < 3; i++)
        for (uint32_t axis = 0; axis < inputs[i].shape.rank; axis++)
            assert_int_equal(inputs[i].symbols[axis], expected[i][axis]);
    assert_int_equal(outputs[0].symbols[1], 1);
    convoy_model_destroy(&model);
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        convoy_shape given[3];
        const char *words; /* NULL: they fit */
        convoy_shape bound[3];
    } cases[] = {
        {{{3, {2, 5, 3}}, {2, {2, 9}}, {2, {5, 5}}}, NULL, {{3, {2, 5, 3}}, {2, {2, 9}}, {2, {5, 5}}}},
        {{{3, {2, -1, 3}}, {2, {-1, 9}}, {2, {-1, 5}}}, NULL, {{3, {2, 5, 3}}, {2, {2, 9}}, {2, {5, 5}}}},
        {{{3, {2, 5, 3}}, {2, {4, 9}}, {2, {5, 5}}}, "'N' is 2 in input 'a' and 4 in input 'b'", {{0}}},
        {{{3, {2, 5, 3}}, {2, {2, 9}}, {2, {5, 6}}}, "'M' is 5 in input 'a' and 6 in input 'c'", {{0}}},
    };
    convoy_model *model = load();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_shape bound[3];
        convoy_error error = {0};
        convoy_status status = symbols_bind(model, cases[i].given, bound, &error);
        assert_int_equal(status, cases[i].words ? CONVOY_E_INPUT : CONVOY_OK);
        if (cases[i].words && !strstr(error.message, cases[i].words))
            fail_msg("%s", error.message);
        for (size_t k = 0; k < 3 && !cases[i].words; k++)
            for (uint32_t axis = 0; axis < bound[k].rank; axis++)
                assert_int_equal(bound[k].dims[axis], cases[i].bound[k].dims[axis]);
    }
    convoy_model_destroy(&model);
}

/* An axis whose size nobody gives stays open, which no network takes. */
static void test_open_axes(void **state) {
    (void)state;
    convoy_model *model = load();
    struct network *network = NULL;
    convoy_error error = {0};
    const convoy_shape given[] = {{3, {2, -1, 3}}, {2, {2, 9}}, {2, {-1, -1}}};
    assert_int_equal(network_create(&network, model, given, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "input 'a' got the shape 2x?x3; the model takes ?x?x3"));
    convoy_model_destroy(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_open_axes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
