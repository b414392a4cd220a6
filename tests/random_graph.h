/* Random ONNX graphs: nodes of many kinds behind each other, of which every one is an output, so that nothing
 * that a fusion or a layout gets wrong stays hidden. What jumps (comparisons, rounding, casts to integers)
 * reads only values that every backend computes alike, so that two backends may differ by rounding alone. */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include "base/random.h"
#include "onnx_writer.h"

#include <convoy/tensor.h>

#include <stdbool.h>

#define RANDOM_GRAPH_OPSET  20
#define RANDOM_GRAPH_VALUES 24

struct graph_item {
    char name[12];
    convoy_dtype dtype;
    convoy_shape shape;
    bool exact; /* the same in every backend: an input, or only moved, compared, ... since */
};

struct random_graph {
    struct message graph;
    struct random *random;
    struct graph_item values[RANDOM_GRAPH_VALUES];
    uint32_t count, inputs; /* values[0..inputs) are the graph's inputs, of float32 */
    uint32_t constants;     /* added so far */
    char log[4096];         /* the nodes, for messages */
};

/* Makes a graph of some nodes, and names its outputs. graph.graph is the caller's, to be freed with
 * message_free. */
void random_graph_make(struct random_graph *graph, struct random *random);

#endif
