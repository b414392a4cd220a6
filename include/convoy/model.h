/* A neural network, as an ONNX file describes it. */
#ifndef CONVOY_MODEL_H
#define CONVOY_MODEL_H

#include <convoy/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct convoy_model convoy_model;

/* A graph input or output. Strings are the model's. */
typedef struct convoy_value_info {
    const char *name;
    convoy_dtype dtype;
    bool shaped;        /* the model declares the shape; of an output it may not: shape is a scalar's then */
    convoy_shape shape; /* -1: an axis that the model leaves open */
    int32_t symbols[CONVOY_MAX_RANK]; /* of an open axis: the number of its name (convoy_model_symbols); -1:
                                         it has none. Axes of one name have one size, in all inputs. */
} convoy_value_info;

/* Reads and checks an ONNX model (weights inside or in external files beside it, or beside the file to which
 * path links; links out of these two folders are refused). Nodes that no output depends on are dropped,
 * whatever their operators, attributes and inputs. The file is mapped, not copied, and must not change while
 * the model lives. CONVOY_E_IO, CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_model_load(convoy_model **model, const char *path, convoy_error *error);

/* Frees the model and empties the pointer. Takes NULL. No session may still use it. */
CONVOY_API void convoy_model_destroy(convoy_model **model);

/* Inputs that a user feeds (weights that are also listed as inputs do not count), and outputs. Owned by the
 * model. */
CONVOY_API size_t convoy_model_inputs(const convoy_model *model, const convoy_value_info **inputs);
CONVOY_API size_t convoy_model_outputs(const convoy_model *model, const convoy_value_info **outputs);

/* The names that the model gives to open axes. Owned by the model. Thread-safe. */
CONVOY_API size_t convoy_model_symbols(const convoy_model *model, const char *const **names);

/* Whether the first axis of an input (< convoy_model_inputs) is a batch, so that an array with more along it
 * is several inferences: an axis of 1, of at least two; or one that the model leaves open, if no other axis
 * is open, or if there are four axes, or three or five and the network begins with convolutions of as many
 * axes. An open axis is no batch if a layer takes the statistics of the batch (BatchNormalization in training
 * mode). */
CONVOY_API bool convoy_model_batched(const convoy_model *model, size_t input);

/* How many images one inference takes along the first axis of an input (< convoy_model_inputs): N if the
 * input has four axes and the first of them is fixed, N > 1, if the first output is declared with N rows, of
 * at least two axes, and no layer takes the statistics of the batch; else 1. Row i of the first output is
 * then the result of image i. Thread-safe. */
CONVOY_API size_t convoy_model_group(const convoy_model *model, size_t input);

/* Version of the default operator set. */
CONVOY_API int64_t convoy_model_opset(const convoy_model *model);

/* A node of the graph. Strings are the model's. */
typedef struct convoy_node_info {
    const char *name, *op; /* of the node, and of its operator; a node without a name of its own has one */
    const char *domain;    /* of the operator; "": ONNX's own */
    uint32_t depth;        /* 0: of the graph; 1: of a branch of the If above it; 2: of a branch there, ... */
    bool supported; /* Convoy has the operator at the version that the model imports. Whether it takes this
                       node's attributes, types and shapes is known when a session is created. */
} convoy_node_info;

/* The nodes that outputs depend on, in an order in which they can be computed, those of the branches of an If
 * behind it. Functions of the model's own are replaced by their nodes. Owned by the model. A model with a
 * node that is not supported can be loaded and looked at; convoy_session_create refuses it, unless all such
 * nodes are in branches: the one that is chosen is refused then. Thread-safe. */
CONVOY_API size_t convoy_model_nodes(const convoy_model *model, const convoy_node_info **nodes);

/* An operator that the graph uses, outside of branches, and Convoy does not have, or not at the version that
 * the model imports. Strings are the model's. */
typedef struct convoy_unsupported {
    const char *op, *domain; /* domain "": ONNX's own */
    size_t count;            /* of nodes, at least 1 */
    const char *first;       /* name of the first of them */
} convoy_unsupported;

/* These operators, in the order of their first nodes; 0: there are none. Owned by the model. Thread-safe. */
CONVOY_API size_t convoy_model_unsupported(const convoy_model *model, const convoy_unsupported **operators);

/* An operator that Convoy has. Strings are static. */
typedef struct convoy_operator {
    const char *name, *domain;       /* domain "": ONNX's own */
    int64_t first_opset, last_opset; /* versions of the operator set whose definitions it follows */
} convoy_operator;

/* Fills operators[0..capacity); returns how many there are. If that is all, they are in the order of domain
 * and name. capacity 0: operators may be NULL. Thread-safe. */
CONVOY_API size_t convoy_operators(convoy_operator *operators, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
