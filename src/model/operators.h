/* The operators that Convoy knows. */
#ifndef MODEL_OPERATORS_H
#define MODEL_OPERATORS_H

#include "model/lowering.h"

/* Turns the lowering's node into layers, aliases and constants (lowering.h), and sets its outputs. Inputs up
 * to the operator's least number are given. */
typedef convoy_status lower_fn(struct lowering *lowering);

struct onnx_operator {
    const char *name;
    int64_t first_opset, last_opset; /* whose definitions the function follows */
    lower_fn *lower;
    uint32_t min_inputs, max_inputs;
};

/* The operator of ONNX's own domain; NULL where it is unknown. */
const struct onnx_operator *operator_find(const char *name);

/* Whether a BatchNormalization takes the statistics of its batch, as in training. */
bool batch_norm_trains(const convoy_model *model, const struct node *node);

lower_fn lower_conv, lower_gemm, lower_matmul; /* ops_conv.c */
lower_fn lower_max_pool, lower_average_pool, lower_global_average_pool,
    lower_global_max_pool; /* ops_pool.c */
lower_fn lower_relu, lower_leaky_relu, lower_clip, lower_sigmoid, lower_tanh, lower_elu, lower_hard_sigmoid,
    lower_hard_swish, lower_exp, lower_log, lower_sqrt, lower_abs, lower_neg,
    lower_softplus; /* ops_activation.c */
lower_fn lower_add, lower_sub, lower_mul, lower_div, lower_pow, lower_max, lower_min, lower_sum, lower_mean,
    lower_reduce_mean, lower_reduce_sum, lower_reduce_max, lower_reduce_min, lower_cast; /* ops_math.c */
lower_fn lower_batch_normalization, lower_lrn, lower_softmax, lower_log_softmax;         /* ops_norm.c */
lower_fn lower_reshape, lower_flatten, lower_squeeze, lower_unsqueeze, lower_identity, lower_dropout,
    lower_shape, lower_constant, lower_constant_of_shape;                                  /* ops_shape.c */
lower_fn lower_concat, lower_transpose, lower_pad, lower_slice, lower_split, lower_gather; /* ops_move.c */

#endif
