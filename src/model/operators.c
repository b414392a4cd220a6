#include "model/operators.h"

#include <string.h>

#define ANY UINT32_MAX

/* One line an operator. The opsets are those whose definition the function follows: the official tests reach
 * 17, later sets are by the text of the standard. */
static const struct onnx_operator operators[] = {
    {"Abs", 7, 21, lower_abs, 1, 1},
    {"Add", 7, 21, lower_add, 2, 2},
    {"AveragePool", 7, 21, lower_average_pool, 1, 1},
    {"BatchNormalization", 7, 21, lower_batch_normalization, 5, 5},
    {"Cast", 7, 21, lower_cast, 1, 1},
    {"Clip", 7, 21, lower_clip, 1, 3},
    {"Concat", 7, 21, lower_concat, 1, ANY},
    {"Constant", 7, 21, lower_constant, 0, 0},
    {"ConstantOfShape", 9, 21, lower_constant_of_shape, 1, 1},
    {"Conv", 7, 21, lower_conv, 2, 3},
    {"Div", 7, 21, lower_div, 2, 2},
    {"Dropout", 7, 21, lower_dropout, 1, 3},
    {"Elu", 6, 21, lower_elu, 1, 1},
    {"Exp", 7, 21, lower_exp, 1, 1},
    {"Flatten", 7, 21, lower_flatten, 1, 1},
    {"Gather", 7, 21, lower_gather, 2, 2},
    {"Gemm", 7, 21, lower_gemm, 2, 3},
    {"GlobalAveragePool", 1, 21, lower_global_average_pool, 1, 1},
    {"GlobalMaxPool", 1, 21, lower_global_max_pool, 1, 1},
    {"HardSigmoid", 6, 21, lower_hard_sigmoid, 1, 1},
    {"HardSwish", 14, 21, lower_hard_swish, 1, 1},
    {"Identity", 7, 21, lower_identity, 1, 1},
    {"LRN", 7, 21, lower_lrn, 1, 1},
    {"LeakyRelu", 7, 21, lower_leaky_relu, 1, 1},
    {"Log", 7, 21, lower_log, 1, 1},
    {"LogSoftmax", 7, 21, lower_log_softmax, 1, 1},
    {"MatMul", 7, 21, lower_matmul, 2, 2},
    {"Max", 7, 21, lower_max, 1, ANY},
    {"MaxPool", 7, 21, lower_max_pool, 1, 1},
    {"Mean", 7, 21, lower_mean, 1, ANY},
    {"Min", 7, 21, lower_min, 1, ANY},
    {"Mul", 7, 21, lower_mul, 2, 2},
    {"Neg", 7, 21, lower_neg, 1, 1},
    {"Pad", 7, 21, lower_pad, 1, 4},
    {"Pow", 7, 21, lower_pow, 2, 2},
    {"ReduceMax", 7, 21, lower_reduce_max, 1, 2},
    {"ReduceMean", 7, 21, lower_reduce_mean, 1, 2},
    {"ReduceMin", 7, 21, lower_reduce_min, 1, 2},
    {"ReduceSum", 7, 21, lower_reduce_sum, 1, 2},
    {"Relu", 7, 21, lower_relu, 1, 1},
    {"Reshape", 7, 21, lower_reshape, 2, 2},
    {"Shape", 7, 21, lower_shape, 1, 1},
    {"Sigmoid", 7, 21, lower_sigmoid, 1, 1},
    {"Slice", 7, 21, lower_slice, 1, 5},
    {"Softmax", 7, 21, lower_softmax, 1, 1},
    {"Softplus", 1, 21, lower_softplus, 1, 1},
    {"Split", 7, 21, lower_split, 1, 2},
    {"Sqrt", 7, 21, lower_sqrt, 1, 1},
    {"Squeeze", 7, 21, lower_squeeze, 1, 2},
    {"Sub", 7, 21, lower_sub, 2, 2},
    {"Sum", 7, 21, lower_sum, 1, ANY},
    {"Tanh", 7, 21, lower_tanh, 1, 1},
    {"Transpose", 7, 21, lower_transpose, 1, 1},
    {"Unsqueeze", 7, 21, lower_unsqueeze, 1, 2},
};

const struct onnx_operator *operator_find(const char *name) {
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strcmp(operators[i].name, name) == 0)
            return &operators[i];
    return NULL;
}
