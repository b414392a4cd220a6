/* A model with the shapes of its inputs bound: shape inference done, constants folded, every remaining node
 * lowered to a layer description that any backend can prepare. */
#ifndef MODEL_NETWORK_H
#define MODEL_NETWORK_H

#include "compute/backend.h"
#include "model/graph.h"

#include <convoy/model.h>

/* One node that computes, or one of several layers that a node takes: these are named "node", "node.2", ...
 * Values (tensors between steps) are numbered. The shapes in desc are the layer's; those of the values are
 * the node's, with as many elements ([M,N] for a product, which desc makes a convolution with the output
 * [1,M,N]). */
struct network_step {
    struct layer_desc desc; /* desc.inputs points to memory of the network */
    struct layer_params params;
    uint32_t *inputs;                    /* [desc.input_count] value numbers */
    uint32_t outputs[LAYER_MAX_OUTPUTS]; /* [desc.output_count] value numbers */
};

struct network_value {
    convoy_dtype dtype;
    convoy_shape shape;
    convoy_tensor constant; /* data not NULL: known beforehand */
    uint32_t wide;     /* of halves: the same in float32, before it was rounded; NO_VALUE: there is none */
    uint32_t alias_of; /* another value with the same elements under another shape (Reshape, Flatten, ...), or
                          its own number */
};

/* Nodes whose results have shapes that depend on data (NonZero, a Reshape to a computed shape, ...), and all
 * nodes behind them. They are lowered at the end of every run, when everything before them is known, by the
 * functions that fold constants (postponed.h). */
struct postponed_node {
    const struct node *node; /* the model's */
    const char *why;         /* what it waits for; the network's */
};

struct postponed {
    struct postponed_node *nodes; /* [node_count] in order */
    size_t node_count;
    uint32_t *known; /* [network.output_count] the model's values that network.outputs stand for */
};

struct network {
    const convoy_model *model;  /* borrowed */
    struct network_step *steps; /* in order of execution */
    size_t step_count;
    struct network_value *values;
    size_t value_count;
    uint32_t *inputs; /* value number of each model input */
    size_t input_count;
    uint32_t *outputs; /* value numbers: of the model's outputs, or, if nodes are postponed, of all that these
                          and the model's outputs need */
    size_t output_count;
    size_t result_count;                 /* of the model's outputs */
    struct postponed postponed;          /* node_count 0: none */
    bool unfused;                        /* made by network_create_unfused */
    convoy_not_finite folded_not_finite; /* of an unfused one: the first constant that was computed beforehand
                                            and is not finite; layer NULL: none */
};

/* Lowers the model for inputs of these shapes (one for each of convoy_model_inputs; complete). The model is
 * borrowed and outlives the network. Fuses an activation into the convolution, product, addition or affine
 * layer before it where nothing else reads the value between. The sentence names node and operator.
 * CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_MEMORY. */
convoy_status network_create(struct network **network, const convoy_model *model,
                             const convoy_shape *input_shapes, convoy_error *error);

/* The same with nothing fused: every node's output is one of a step, or an input or a constant. */
convoy_status network_create_unfused(struct network **network, const convoy_model *model,
                                     const convoy_shape *input_shapes, convoy_error *error);
void network_destroy(struct network **network);

/* Multiply-adds of a step (convolutions and products; 0 for others), and bytes of its constants. */
uint64_t network_step_macs(const struct network_step *step);
uint64_t network_step_weights_bytes(const struct network_step *step);

#endif
