/* Concatenations that begin as others do, whose values are read between; each in the memory of the next, or
 * copied. */
#include "network_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Three layers that read what all before made, as in DenseNets. which: 0: no more; 1: another concatenation
 * begins as the second one does; 2: the first one is read at the end, too; 3: one of the values is an output.
 */
static struct message dense_graph(int which) {
    struct message graph = rig_graph(which == 3 ? "y b" : "y");
    rig_node(&graph, "Conv", "x w", "a");
    rig_node(&graph, "Conv", "a w", "s");
    rig_node(&graph, "Tanh", "s", "b");
    rig_node(&graph, "Concat", "a b", "ab");
    rig_node(&graph, "ReduceMax", "ab", "m");
    rig_node(&graph, "Conv", "m w", "c");
    rig_node(&graph, "Concat", "a b c", "abc");
    rig_node(&graph, "ReduceMax", "abc", "n");
    rig_node(&graph, "Conv", "n w", "d");
    rig_node(&graph, "Concat", "a b c d", "abcd");
    rig_node(&graph, "ReduceMax", "abcd", "o");
    rig_node(&graph, which == 1 ? "Concat" : "Neg", which == 1 ? "a b d" : "d", "e");
    rig_node(&graph, which == 1 ? "ReduceMax" : "Neg", "e", "f");
    rig_node(&graph, which == 2 ? "ReduceMax" : "Neg", which == 2 ? "ab" : "f", "g");
    rig_node(&graph, "Add", "g f", "h");
    rig_node(&graph, "Add", "o h", "y");
    return graph;
}

static void test_values(void **state) {
    (void)state;
    for (int which = 0; which < 3; which++)
        rig_expect_steps(dense_graph, which, 15);
}

static void test_inputs(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++) {
        struct network_rig rig;
        struct message graph = dense_graph(which);
        rig_network(&rig, &graph);
        int concatenations = 0; /* the first has two inputs, the others the one before and one more */
        for (size_t s = 0; s < rig.network->step_count; s++)
            if (rig.network->steps[s].desc.kind == LAYER_CONCAT && concatenations++ < 3)
                assert_int_equal(rig.network->steps[s].desc.input_count, 2);
        assert_int_equal(concatenations, which == 1 ? 4 : 3);
        rig_destroy(&rig);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_inputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
