/* The operators that Convoy knows. Each is a row in the table of the file that lowers it; operators.c lists
 * the tables. */
#ifndef MODEL_OPERATORS_H
#define MODEL_OPERATORS_H

#include "model/lowering.h"

/* Turns the lowering's node into layers, aliases and constants (lowering.h), and sets its outputs. Inputs up
 * to the operator's least number are given. */
typedef convoy_status lower_fn(struct lowering *lowering);

/* An attribute that is a number, and what it is if it is left out. */
struct number_attribute {
    const char *name;
    float fallback;
};

struct onnx_operator {
    const char *name;
    int64_t first_opset, last_opset; /* whose definitions the function follows */
    lower_fn *lower;
    uint32_t min_inputs, max_inputs;
    uint32_t optional; /* of the first min_inputs: a bit for each that may be left out */
    int parameter;     /* what the function makes of it: an activation_kind, a binary_op, ... */
    struct number_attribute alpha, beta; /* of a function of one number */
};

#define LAST_OPSET 24
#define ANY_INPUTS UINT32_MAX /* as many as there are */

/* A row; behind the numbers of inputs may stand .optional, .parameter, .alpha and .beta. */
#define OPERATOR(NAME, FIRST_OPSET, ...) OPERATOR_UNTIL(NAME, FIRST_OPSET, LAST_OPSET, __VA_ARGS__)
#define OPERATOR_UNTIL(NAME, FIRST_OPSET, UNTIL_OPSET, LOWER, MIN_INPUTS, MAX_INPUTS, ...)                   \
    {                                                                                                        \
        .name = NAME, .first_opset = FIRST_OPSET, .last_opset = UNTIL_OPSET, .lower = LOWER,                 \
        .min_inputs = MIN_INPUTS, .max_inputs = MAX_INPUTS, __VA_ARGS__                                      \
    }
#define LAST_OPERATOR                                                                                        \
    { .name = NULL } /* the end of a table */

extern const struct onnx_operator activation_operators[], block_operators[], control_operators[],
    conv_operators[], conv_transpose_operators[], einsum_operators[], index_operators[],
    layer_norm_operators[], legacy_operators[], make_operators[], math_operators[], microsoft_operators[],
    microsoft_quantize_operators[], move_operators[], nms_operators[], norm_operators[], pool_operators[],
    quantize_operators[], reduce_operators[], resize_operators[], roi_operators[], shape_operators[];

/* The operator of a domain; NULL if it is unknown. */
const struct onnx_operator *operator_find(const char *domain, const char *name);

/* Whether a BatchNormalization takes the statistics of its batch, as in training. */
bool batch_norm_trains(const convoy_model *model, const struct node *node);

#endif
