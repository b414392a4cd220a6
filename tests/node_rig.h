/* A model of one node, with tensors of any type as inputs: what tests of operators are made of. Every run is
 * made with all inputs at run time, with all but the first as constants, and with all of them constant, on
 * every backend. */
#ifndef TESTS_NODE_RIG_H
#define TESTS_NODE_RIG_H

#include "layer_sample.h"
#include "onnx_writer.h"

#define VALUES(...)   ((const double[]){__VA_ARGS__})
#define SCALAR        shape_of(0, 0, 0, 0, 0)
#define VECTOR(n)     shape_of(1, n, 0, 0, 0)
#define MATRIX(m, n)  shape_of(2, m, n, 0, 0)
#define CUBE(a, b, c) shape_of(3, a, b, c, 0)

#define RIG_INPUTS  5
#define RIG_OUTPUTS 2

struct node_rig {
    struct message node; /* to which a test adds attributes */
    int64_t opset;
    convoy_tensor inputs[RIG_INPUTS]; /* [input_count] data NULL: left out */
    size_t input_count, output_count;
};

/* outputs: how many of the node's outputs the model has. */
void node_rig_begin(struct node_rig *rig, const char *op, int64_t opset, size_t outputs);

/* The next input, with these elements (of halves: as bits), or, if values is NULL, 0, 1, 2, ... */
void node_rig_input(struct node_rig *rig, convoy_dtype dtype, convoy_shape shape, const double *values);
void node_rig_left_out(struct node_rig *rig);

/* Expects this output from every run; NaN is NaN, and floats may differ by some roundings. */
void node_rig_expect(struct node_rig *rig, size_t output, convoy_dtype dtype, convoy_shape shape,
                     const double *values);

/* Expects every run to fail, from the first step to the last. */
void node_rig_expect_failure(struct node_rig *rig, convoy_status status, const char *words);

void node_rig_end(struct node_rig *rig);

/* The same of output 0, and the end. */
void node_rig_gives(struct node_rig *rig, convoy_dtype dtype, convoy_shape shape, const double *values);
void node_rig_fails(struct node_rig *rig, convoy_status status, const char *words);

#endif
