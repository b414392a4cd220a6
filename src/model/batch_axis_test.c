/* Which first axes are batches, by shape and by how the network begins. */
#include "model/graph.h"
#include "onnx_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t one = 1;

/* Loads a model of input x and output y, whose first operator has these outputs. */
static convoy_model *load(const int64_t *dims, size_t rank, const int64_t *output_dims, size_t output_rank,
                          size_t filter_rank, const char *first, const char *outputs, int64_t opset) {
    static const int64_t filters[] = {1, 1, 1, 1, 1};
    struct message graph = {0}, input = value_message("x", dims, rank),
                   output = value_message("y", output_dims, output_rank);
    struct message w = tensor_message("w", filters, filter_rank, 1), s = tensor_message("s", &one, 1, 1);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    message_take(&graph, GRAPH_INITIALIZER, &w);
    message_take(&graph, GRAPH_INITIALIZER, &s);
    struct message node =
        node_message(first, "", strcmp(first, "BatchNormalization") ? "x" : "x s s s s", outputs);
    message_take(&graph, GRAPH_NODE, &node);
    node = node_message("Conv", "", "a w", "y");
    message_take(&graph, GRAPH_NODE, &node);
    struct message bytes = model_message(&graph, opset);
    char path[64];
    convoy_model *model = NULL;
    convoy_error error = {0};
    file_write(path, bytes.bytes, bytes.size);
    if (convoy_model_load(&model, path, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    unlink(path);
    message_free(&bytes);
    return model;
}

static bool is_batched(const int64_t *dims, size_t rank, size_t filter_rank, const char *first,
                       const char *outputs, int64_t opset) {
    convoy_model *model = load(dims, rank, dims, rank, filter_rank, first, outputs, opset);
    bool batched = convoy_model_batched(model, 0);
    convoy_model_destroy(&model);
    return batched;
}

static void test_rule(void **state) {
    (void)state;
    static const struct {
        int64_t dims[6];
        size_t rank, filter_rank;
        const char *first;
        bool expected;
    } cases[] = {
        {{-1, 3, 32, 32}, 4, 4, "Relu", true}, /* open alone */
        {{-1, 10}, 2, 4, "Tanh", true},        /* of any rank, before any operator */
        {{-1, 2, 2, 2, 2, 2}, 6, 4, "Tanh", true},
        {{-1, 3, -1, -1}, 4, 4, "Transpose", true}, /* an image of any size */
        {{-1, -1, -1, 3}, 4, 4, "Transpose", true},
        {{-1, -1, 3}, 3, 4, "Transpose", false}, /* one image, [h,w,3] */
        {{-1, -1, 3}, 3, 3, "Transpose", false}, /* what is convolved is not the input */
        {{-1, 3, -1}, 3, 3, "Relu", true},       /* sound of any length */
        {{-1, 3, -1}, 3, 4, "Relu", false},
        {{-1, 1, -1, -1, -1}, 5, 5, "Identity", true}, /* a volume of any size */
        {{-1, 1, -1, -1, -1}, 5, 4, "Identity", false},
        {{-1, -1}, 2, 4, "Relu", false},
        {{-1}, 1, 4, "Relu", false},
        {{1, -1, -1, 3}, 4, 4, "Transpose", true}, /* takes one at a time */
        {{1, 10}, 2, 4, "Tanh", true},
        {{2, 3, 8, 8}, 4, 4, "Relu", false}, /* is as large as it is */
        {{3, -1, -1}, 3, 3, "Relu", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (is_batched(cases[i].dims, cases[i].rank, cases[i].filter_rank, cases[i].first, "a", 13) !=
            cases[i].expected)
            fail_msg("case %zu: %s", i, cases[i].expected ? "is no batch" : "is a batch");
}

/* Where the statistics of the batch are taken, its rows belong together. */
static void test_training(void **state) {
    (void)state;
    static const int64_t open[] = {-1, 1, 8, 8}, single[] = {1, 1, 8, 8};
    assert_true(is_batched(open, 4, 4, "BatchNormalization", "a", 9));
    assert_false(is_batched(open, 4, 4, "BatchNormalization", "a m v", 9));
    assert_true(is_batched(single, 4, 4, "BatchNormalization", "a m v", 9));
}

/* How many images an inference takes. */
static void test_groups(void **state) {
    (void)state;
    static const struct {
        int64_t in[4], out[4];
        size_t rank, out_rank;
        const char *first, *outputs;
        size_t group;
    } cases[] = {
        {{4, 3, 8, 8}, {4, 10}, 4, 2, "Relu", "a", 4},
        {{4, 3, -1, -1}, {4, 3, -1, -1}, 4, 4, "Relu", "a", 4},
        {{1, 3, 8, 8}, {1, 10}, 4, 2, "Relu", "a", 1},
        {{-1, 3, 8, 8}, {-1, 10}, 4, 2, "Relu", "a", 1},
        {{4, 3, 8, 8}, {1, 10}, 4, 2, "Relu", "a", 1}, /* no row for each image */
        {{4, 3, 8, 8}, {4}, 4, 1, "Relu", "a", 1},
        {{4, 3, 8, 8}, {-1, 10}, 4, 2, "Relu", "a", 1},
        {{3, 8, 8}, {3, 8, 8}, 3, 3, "Relu", "a", 1}, /* channels */
        {{4, 3, 8, 8}, {4, 10}, 4, 2, "BatchNormalization", "a m v", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convoy_model *model = load(cases[i].in, cases[i].rank, cases[i].out, cases[i].out_rank, 4,
                                   cases[i].first, cases[i].outputs, 9);
        if (convoy_model_group(model, 0) != cases[i].group)
            fail_msg("case %zu: not %zu images", i, cases[i].group);
        convoy_model_destroy(&model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_training),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
