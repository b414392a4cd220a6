/* One node as a model, for the tests of operators. */
#ifndef TESTS_NODE_RUN_H
#define TESTS_NODE_RUN_H

#include "onnx_writer.h"

#include <convoy/tensor.h>

/* Runs a model of the node, which takes x and gives y, on a float32 x of this shape, 0, 1, 2, ..., and gives
 * its output; CONVOY_OK, or the first failure. Frees node and initializers. */
convoy_status run_node(struct message *node, struct message *initializers, size_t initializer_count,
                       int64_t opset, const convoy_shape *shape, convoy_tensor *out, convoy_error *error);

#endif
