/* Which layer is the first to make something that is not finite, whatever hides it afterwards. */
#include "network_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const backends[] = {"reference", "onednn"};

/* Runs the graph, which is freed, on these values, and expects the layer (NULL: none) and the element. */
static void expect_first(struct message *graph, float *values, const char *op, const char *element) {
    struct network_rig rig;
    rig_unfused_network(&rig, graph);
    for (int b = 0; b < 2; b++) {
        convoy_tensor in = rig_image(values), out = {0};
        convoy_not_finite first = {0};
        char text[64];
        rig_executor(&rig, backends[b]);
        for (int run = 0; run < 2; run++) {
            assert_int_equal(executor_run_watched(rig.executor, &in, &out, NULL, &first, NULL), CONVOY_OK);
            convoy_tensor_release(&out);
            assert_int_equal(first.layer != NULL, op != NULL);
            if (op) {
                assert_string_equal(first.op, op);
                assert_string_equal(convoy_element_text(&first.element, text, sizeof text), element);
            }
        }
        executor_destroy(&rig.executor);
        rig.backend->ops->destroy(&rig.backend);
    }
    rig_destroy(&rig);
}

/* NaN that a root makes of a negative number, behind which stands every operator that may lose it. */
static void test_nan_that_vanishes(void **state) {
    (void)state;
    static const struct {
        const char *op, *inputs;
    } hiding[] = {{"Relu", "s"},    {"Clip", "s"},      {"Max", "s x"},
                  {"MaxPool", "s"}, {"ReduceMax", "s"}, {"Conv", "s w"}};
    const int64_t none = 0;
    float values[RIG_ELEMENTS];
    for (int k = 0; k < RIG_ELEMENTS; k++)
        values[k] = (float)(k + 1);
    values[19] = -0.5f;
    for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++) {
        print_message("%s behind Sqrt\n", hiding[i].op);
        struct message graph = rig_graph("y"), one = tensor_message("one", &none, 0, 1);
        message_take(&graph, GRAPH_INITIALIZER, &one);
        rig_node(&graph, "Abs", "x", "a");
        rig_node(&graph, "Sub", "a one", "b");
        rig_node(&graph, "Sqrt", "b", "s");
        rig_node(&graph, hiding[i].op, hiding[i].inputs, "h");
        rig_node(&graph, "Relu", "h", "y");
        expect_first(&graph, values, "Sqrt", "[0,0,2,3] is nan");
    }
}

/* What a fused layer would hide from itself: infinities before its activation, and before its addition. */
static void test_layers_that_would_be_fused(void **state) {
    (void)state;
    float values[RIG_ELEMENTS];
    for (int k = 0; k < RIG_ELEMENTS; k++)
        values[k] = k / 8 == 5 && k % 8 == 6 ? -3e38f : 0;
    values[5 * 8 + 7] = -3e38f;
    struct message graph = rig_graph("y");
    rig_node(&graph, "Conv", "x w", "c"); /* the first whose window has both */
    rig_node(&graph, "Relu", "c", "y");
    expect_first(&graph, values, "Conv", "[0,0,4,6] is -inf");

    graph = rig_graph("y");
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Add", "c x", "d");
    rig_node(&graph, "Relu", "d", "y");
    expect_first(&graph, values, "Conv", "[0,0,4,6] is -inf");

    graph = rig_graph("y");
    rig_node(&graph, "Add", "x x", "d");
    rig_node(&graph, "Relu", "d", "y");
    expect_first(&graph, values, "Add", "[0,0,5,6] is -inf");
}

/* A node of constants alone is computed beforehand; what it makes is not lost to the eye either. */
static void test_constants(void **state) {
    (void)state;
    float values[RIG_ELEMENTS];
    rig_fill(values, 1);
    struct message graph = rig_graph("y");
    rig_node(&graph, "GlobalMaxPool", "w", "g");
    rig_node(&graph, "Neg", "g", "n");
    rig_node(&graph, "Sqrt", "n", "s");
    rig_node(&graph, "Max", "x s", "y");
    expect_first(&graph, values, "Sqrt", "[0,0,0,0] is nan");
}

static void test_all_is_finite(void **state) {
    (void)state;
    float values[RIG_ELEMENTS];
    rig_fill(values, 1);
    struct message graph = rig_graph("y");
    rig_node(&graph, "Conv", "x w", "c");
    rig_node(&graph, "Relu", "c", "r");
    rig_node(&graph, "Concat", "r x", "j");
    rig_node(&graph, "ReduceMax", "j", "m");
    rig_node(&graph, "Add", "m x", "y");
    expect_first(&graph, values, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nan_that_vanishes),
        cmocka_unit_test(test_layers_that_would_be_fused),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_all_is_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
