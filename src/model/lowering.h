/* From ONNX nodes to layers: what an operator's function works with. One node is lowered at a time; its
 * function reads attributes and inputs, and adds layers. The helpers that return plain values note a failure
 * in the lowering: a function checks status once after reading what it needs; layers are not added any more
 * after a failure. */
#ifndef MODEL_LOWERING_H
#define MODEL_LOWERING_H

#include "base/dtype.h"
#include "compute/layer.h"
#include "model/graph.h"
#include "model/network.h"

struct lowering {
    const convoy_model *model;
    struct network *network;
    size_t step_capacity, value_capacity;
    struct arena *arena;            /* the network's */
    uint32_t *value_of;             /* [model->value_count] number in the network, NO_VALUE: not made */
    const struct node *node;        /* being lowered */
    const struct onnx_operator *op; /* its row */
    bool postponing;                /* nodes that need data may wait for it (node_needs_data) */
    bool needs_data;                /* the node must wait */
    char waits_for[300];            /* for what, if it must */
    uint64_t attributes_read;       /* bit per attribute of the node */
    uint32_t steps_of_node;         /* added so far */
    struct backend *backend;        /* that folds constants */
    struct context *context;
    size_t folded_bytes;
    double folded_work;   /* elements of constants that were looked at */
    bool bounded;         /* the work is: there is no run yet that could be cancelled */
    convoy_status status; /* the first failure; its sentence is in error */
    convoy_error *error;
};

/* Fails the node with "FILE: node 'x' (Op): ...", unless it failed before. Returns the first failure. */
convoy_status node_fail(struct lowering *lowering, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The node needs to know what depends on the data: fails it as node_fail does; if nodes may be postponed, it
 * is lowered when the data is there. what: "the weights", "input 'shape'". */
convoy_status node_needs_data(struct lowering *lowering, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lowers one node. Of a node that is postponed, and of all that read its outputs, nothing is added but a
 * note. */
convoy_status node_lower(struct lowering *lowering, const struct node *node);

/* Lowers the nodes of a branch of the node, as if they stood in its place: value_of its outputs is set. If
 * one of them needs data, the node itself does. */
convoy_status subgraph_lower(struct lowering *lowering, const struct subgraph *graph);

/* Fails if one of the model's outputs was not made by its node: an output that the operator has in the
 * standard, but not here. (network.c) */
convoy_status outputs_check(struct lowering *lowering);

/* In value_of: made by a node that is postponed. */
#define VALUE_LATER (NO_VALUE - 1)

/* Inputs of the node. number: in the network, or NO_VALUE where the node leaves it out. */
uint32_t input_number(const struct lowering *lowering, size_t input);
bool input_given(const struct lowering *lowering, size_t input);
convoy_shape input_shape(const struct lowering *lowering, size_t input);
convoy_dtype input_dtype(const struct lowering *lowering, size_t input);

/* The tensor of an input that is known beforehand; NULL where it depends on the data or is left out.
 * Borrowed, until a value is added. Its elements may be misaligned: for its shape and type, and for views. */
const convoy_tensor *input_constant(const struct lowering *lowering, size_t input);

/* The same with elements that may be read: where they are misaligned in the file, a copy replaces them. NULL
 * if there is no memory, too, or if constants were looked at too often, which is noted. */
const convoy_tensor *input_elements(struct lowering *lowering, size_t input);

/* The same of any value. */
convoy_shape value_shape(const struct lowering *lowering, uint32_t value);
const convoy_tensor *value_constant(const struct lowering *lowering, uint32_t value);
const convoy_tensor *value_elements(struct lowering *lowering, uint32_t value);

/* A tensor of zeros, to be filled and added. What is made of these and of folded layers is bounded, whatever
 * shapes a model asks for. *tensor is the caller's; it is empty on failure. */
convoy_status constant_create(struct lowering *lowering, convoy_dtype dtype, const convoy_shape *shape,
                              convoy_tensor *tensor);

/* A tensor that is known. Takes its reference, also on failure. */
convoy_status constant_add(struct lowering *lowering, convoy_tensor *take_tensor, uint32_t *value);

/* The same elements under another shape. */
convoy_status alias_add(struct lowering *lowering, uint32_t of, const convoy_shape *shape, uint32_t *value);

/* A layer over inputs[0..input_count), or, if all of these are constant, its results. The caller sets
 * kind, the shapes of the outputs and what belongs to the kind; output_count (0: 1), inputs (NULL: as the
 * values are), the types of the outputs (0: that of the first input); the rest is filled here.
 * values[0..output_count): the new values. The first has the output's shape, or, if shape is not NULL,
 * that one with as many elements. Takes the references of params, which may be NULL, also on failure. */
convoy_status layer_add(struct lowering *lowering, struct layer_desc *desc, struct layer_params *take_params,
                        const uint32_t *inputs, uint32_t input_count, const convoy_shape *shape,
                        uint32_t *values);

/* layer_add on the node's first input, and its results are the node's outputs: the whole of most operators.
 */
convoy_status layer_lower(struct lowering *lowering, struct layer_desc *desc,
                          struct layer_params *take_params);

/* alias_add of the node's first input as its first output. */
convoy_status alias_lower(struct lowering *lowering, const convoy_shape *shape);

/* Two values through a binary layer, with numpy's broadcasting. */
convoy_status binary_add(struct lowering *lowering, enum binary_op op, uint32_t a, uint32_t b,
                         uint32_t *value);

/* The type in which layers compute on elements of this one: float32 for halves, else the type itself. */
static inline convoy_dtype computed_type(convoy_dtype dtype) {
    return dtype_is(dtype, DTYPE_HALF) ? CONVOY_F32 : dtype;
}

/* A value of halves in float32, as it was before it was rounded if it was; other values are what they are. */
convoy_status value_widen(struct lowering *lowering, uint32_t value, uint32_t *wide);

/* A scalar of any type. */
convoy_status scalar_add(struct lowering *lowering, convoy_dtype dtype, double scalar, uint32_t *value);

/* A constant with these elements, densely. */
convoy_status elements_add(struct lowering *lowering, convoy_dtype dtype, const convoy_shape *shape,
                           const void *elements, uint32_t *value);

/* The int64 numbers first, first + 1, ... along one axis of a shape whose other axes become 1. Their sum with
 * the length does not overflow. */
convoy_status counting_add(struct lowering *lowering, const convoy_shape *shape, uint32_t axis, int64_t first,
                           uint32_t *value);

/* A value repeated to a shape that it meets by numpy's rule; the value itself if it has that shape. */
convoy_status expand_add(struct lowering *lowering, uint32_t of, const convoy_shape *shape, uint32_t *value);

/* *shape becomes that of two tensors that meet, by numpy's rule; false if they do not. */
bool shape_meet(convoy_shape *shape, const convoy_shape *other);

/* The same elements in another type: the value itself if it has that type. */
convoy_status cast_add(struct lowering *lowering, uint32_t from, convoy_dtype dtype, uint32_t *value);

/* condition ? a : b, with numpy's broadcasting. */
convoy_status where_add(struct lowering *lowering, uint32_t condition, uint32_t a, uint32_t b,
                        uint32_t *value);

/* A function of one number. */
convoy_status activation_add(struct lowering *lowering, struct activation activation, uint32_t of,
                             uint32_t *value);

/* A convolution with the attributes of the node (Conv's); biases NO_VALUE: none. (ops_conv.c) */
convoy_status conv_add(struct lowering *lowering, uint32_t x, uint32_t filters, uint32_t biases,
                       uint32_t *value);

/* numpy's product; as a convolution if a factor is a constant matrix. (ops_conv.c) */
convoy_status matmul_add(struct lowering *lowering, uint32_t a, uint32_t b, uint32_t *value);

/* The same elements with axes of 1 around them: a list [C] as axis `axis` of `rank` axes. Other shapes stay.
 */
convoy_status along_axis_add(struct lowering *lowering, uint32_t of, uint32_t axis, uint32_t rank,
                             uint32_t *value);

/* The activation of an operator by its name, with the values that its attributes have where they are left
 * out. (ops_activation.c) */
bool activation_find(const char *name, struct activation *activation);

/* value is what output number output of the node stands for. */
void output_set(struct lowering *lowering, size_t output, uint32_t value);

/* Releases what the lowering made of a network, but what lies in the arena. */
void network_clear(struct network *network);

/* The network, made by the functions in operators.c, with values in place of some inputs: constants[i], where
 * its data is not NULL, stands for model input i (retained, or borrowed where it has no owner). constants may
 * be NULL. For tests, whose models feed weights as inputs. */
convoy_status network_create_with(struct network **network, const convoy_model *model,
                                  const convoy_shape *input_shapes, const convoy_tensor *constants,
                                  convoy_error *error);

#endif
