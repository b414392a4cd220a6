/* What the tests of networks share: small graphs over one image, and all that it takes to run one. What fails
 * fails the test. */
#ifndef TESTS_NETWORK_RIG_H
#define TESTS_NETWORK_RIG_H

#include "model/executor.h"
#include "model/graph.h"
#include "onnx_writer.h"

#define RIG_ELEMENTS 64 /* of the image, [1,1,8,8] */

/* A graph of input x, [1,1,8,8], and a weight w, [1,1,3,3]; outputs as named, separated by a space. */
struct message rig_graph(const char *outputs);

/* Adds a node; convolutions and pools keep the size, what joins or reduces does so along the channels. */
void rig_node(struct message *graph, const char *op, const char *inputs, const char *output);

/* A model and all that it takes to run it. */
struct network_rig {
    convoy_model *model;
    struct network *network;
    struct backend *backend;
    struct executor *executor;
};

/* The network of a graph, which is freed. */
void rig_network(struct network_rig *rig, struct message *graph);

/* The same with nothing fused. */
void rig_unfused_network(struct network_rig *rig, struct message *graph);

/* Its executor, on a backend of one thread. */
void rig_executor(struct network_rig *rig, const char *backend);

void rig_destroy(struct network_rig *rig);

/* An image of these values. */
convoy_tensor rig_image(float *values);

/* RIG_ELEMENTS whole numbers between -11 and 11. */
void rig_fill(float *values, int seed);

/* The network of make(which) has so many steps, and on both backends computes what it does unfused, within
 * 1e-4.
 */
void rig_expect_steps(struct message (*make)(int), int which, size_t steps);

#endif
