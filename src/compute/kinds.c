#include "compute/kinds.h"

#include "compute/reference.h"

#define ANY_NUMBER UINT32_MAX /* of inputs */

#define FLOATS    DTYPE_FLOAT
#define NUMBERS   (DTYPE_FLOAT | DTYPE_INTEGERS)
#define NO_HALVES (NUMBERS | DTYPE_BOOL)

static const struct kind kinds[LAYER_KINDS] = {
    [LAYER_CONV] =
        {"conv", 1, 2, 1, {FLOATS, TYPE_OF_INPUT(0)}, {TYPE_OF_INPUT(0)}, check_conv, reference_conv},
    [LAYER_POOL] = {"pool", 1, 1, 1, {NUMBERS}, {TYPE_OF_INPUT(0)}, check_pool, reference_pool},
    [LAYER_ACTIVATION] =
        {"activation", 1, 1, 1, {ANY_TYPE}, {TYPE_OF_INPUT(0)}, check_activation, reference_activation},
    [LAYER_BINARY] =
        {"binary", 2, 2, 1, {NO_HALVES, TYPE_OF_INPUT(0)}, {ANY_TYPE}, check_binary, reference_binary},
    [LAYER_AFFINE] = {"affine", 1, 1, 1, {FLOATS}, {TYPE_OF_INPUT(0)}, check_affine, reference_affine},
    [LAYER_SOFTMAX] = {"softmax", 1, 1, 1, {FLOATS}, {TYPE_OF_INPUT(0)}, check_softmax, reference_softmax},
    [LAYER_LRN] = {"lrn", 1, 1, 1, {FLOATS}, {TYPE_OF_INPUT(0)}, check_lrn, reference_lrn},
    [LAYER_MATMUL] =
        {"matmul", 2, 2, 1, {NUMBERS, TYPE_OF_INPUT(0)}, {TYPE_OF_INPUT(0)}, check_matmul, reference_matmul},
    [LAYER_CONCAT] = {"concat",
                      1,
                      ANY_NUMBER,
                      1,
                      {ANY_TYPE, TYPE_OF_INPUT(0)},
                      {TYPE_OF_INPUT(0)},
                      check_concat,
                      reference_concat},
    [LAYER_TRANSPOSE] =
        {"transpose", 1, 1, 1, {ANY_TYPE}, {TYPE_OF_INPUT(0)}, check_transpose, reference_transpose},
    [LAYER_PAD] = {"pad", 1, 1, 1, {ANY_TYPE}, {TYPE_OF_INPUT(0)}, check_pad, reference_pad},
    [LAYER_SLICE] = {"slice", 1, 1, 1, {ANY_TYPE}, {TYPE_OF_INPUT(0)}, check_slice, reference_slice},
    [LAYER_GATHER] =
        {"gather", 2, 2, 1, {ANY_TYPE, DTYPE_SIGNED}, {TYPE_OF_INPUT(0)}, check_gather, reference_gather},
    [LAYER_REDUCE] =
        {"reduce", 1, 1, 1, {NUMBERS | DTYPE_BOOL}, {TYPE_OF_INPUT(0)}, check_reduce, reference_reduce},
    [LAYER_WHERE] = {"where",
                     3,
                     3,
                     1,
                     {DTYPE_BOOL, ANY_TYPE, TYPE_OF_INPUT(1)},
                     {TYPE_OF_INPUT(1)},
                     check_where,
                     reference_where},
    [LAYER_CAST] = {"cast", 1, 1, 1, {ANY_TYPE}, {ANY_TYPE}, check_cast, reference_cast},
};

const struct kind *kind_find(enum layer_kind kind) {
    return (unsigned)kind < LAYER_KINDS ? &kinds[kind] : NULL;
}
