/* Small models for tests of the reader: written, loaded, refused, run. */
#ifndef TESTS_ONNX_RIG_H
#define TESTS_ONNX_RIG_H

#include "model/graph.h"
#include "model/network.h"
#include "onnx_writer.h"

/* A graph with the input x [-1,1,8,8], the output y [-1,2,6,6], a weight w [2,1,3,3], and nodes to come. */
struct message graph_start(void);
void graph_node(struct message *graph, struct message node);

static const convoy_shape one_image = {4, {1, 1, 8, 8}};

/* Writes a file and loads it. load_graph frees the graph. */
convoy_status load_bytes(convoy_model **model, const void *bytes, size_t size, convoy_error *error);
convoy_status load_graph(convoy_model **model, struct message *graph, int64_t opset, convoy_error *error);

/* The model is refused with this status and a sentence that names the file and holds these words. */
void expect_bytes(const void *bytes, size_t size, convoy_status expected, const char *words);
void expect_graph(struct message *graph, convoy_status expected, const char *words); /* operator set 13 */

/* The model is read, and refused when it is lowered for an input of this shape. */
void expect_lowering(struct message *graph, int64_t opset, convoy_shape shape, convoy_status expected,
                     const char *words);

/* Runs a model once on the reference; fails the test if that fails. in[i]: its inputs; out: its outputs.
 */
void run_model(const convoy_model *model, const convoy_tensor *in, convoy_tensor *out);

#endif
