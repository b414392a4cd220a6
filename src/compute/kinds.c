#include "compute/kinds.h"

#include "compute/reference.h"

#define ANY_NUMBER UINT32_MAX /* of inputs */

#define FLOATS    DTYPE_FLOAT
#define NUMBERS   (DTYPE_FLOAT | DTYPE_INTEGERS)
#define NO_HALVES (NUMBERS | DTYPE_BOOL)
#define SAME      TYPE_OF_INPUT(0)
#define SECOND    TYPE_OF_INPUT(1)

static const struct kind kinds[LAYER_KINDS] = {
    [LAYER_CONV] = {"conv", 1, 2, 1, {FLOATS, SAME}, {SAME}, check_conv, reference_conv},
    [LAYER_POOL] = {"pool", 1, 1, 2, {NUMBERS}, {SAME, DTYPE_SIGNED}, check_pool, reference_pool},
    [LAYER_ACTIVATION] = {"activation", 1, 1, 1, {NO_HALVES}, {SAME}, check_activation, reference_activation},
    [LAYER_BINARY] = {"binary", 2, 2, 1, {NO_HALVES, SAME}, {NO_HALVES}, check_binary, reference_binary},
    [LAYER_AFFINE] = {"affine", 1, 1, 1, {FLOATS}, {SAME}, check_affine, reference_affine},
    [LAYER_SOFTMAX] = {"softmax", 1, 1, 1, {FLOATS}, {SAME}, check_softmax, reference_softmax},
    [LAYER_LRN] = {"lrn", 1, 1, 1, {FLOATS}, {SAME}, check_lrn, reference_lrn},
    [LAYER_NORMALIZE] = {"normalize", 1, 1, 1, {FLOATS}, {SAME}, check_normalize, reference_normalize},
    [LAYER_MATMUL] = {"matmul", 2, 2, 1, {NUMBERS, SAME}, {SAME}, check_matmul, reference_matmul},
    [LAYER_CONCAT] = {"concat", 1, ANY_NUMBER, 1, {ANY_TYPE, SAME}, {SAME}, check_concat, reference_concat},
    [LAYER_TRANSPOSE] = {"transpose", 1, 1, 1, {ANY_TYPE}, {SAME}, check_transpose, reference_transpose},
    [LAYER_PAD] = {"pad", 1, 1, 1, {ANY_TYPE}, {SAME}, check_pad, reference_pad},
    [LAYER_SLICE] = {"slice", 1, 1, 1, {ANY_TYPE}, {SAME}, check_slice, reference_slice},
    [LAYER_GATHER] = {"gather", 2, 2, 1, {ANY_TYPE, DTYPE_SIGNED}, {SAME}, check_gather, reference_gather},
    [LAYER_REDUCE] = {"reduce", 1, 1, 1, {NUMBERS | DTYPE_BOOL}, {SAME}, check_reduce, reference_reduce},
    [LAYER_WHERE] =
        {"where", 3, 3, 1, {DTYPE_BOOL, ANY_TYPE, SECOND}, {SECOND}, check_where, reference_where},
    [LAYER_CAST] = {"cast", 1, 1, 1, {ANY_TYPE}, {ANY_TYPE}, check_cast, reference_cast},
    [LAYER_CONV_TRANSPOSE] =
        {"conv_transpose", 1, 1, 1, {FLOATS}, {SAME}, check_conv_transpose, reference_conv_transpose},
    [LAYER_UNPOOL] = {"unpool", 2, 2, 1, {ANY_TYPE, DTYPE_SIGNED}, {SAME}, check_unpool, reference_unpool},
    [LAYER_ROI] = {"roi", 3, 3, 1, {FLOATS, SAME, DTYPE_SIGNED}, {SAME}, check_roi, reference_roi},
    [LAYER_GRID_SAMPLE] =
        {"grid_sample", 2, 2, 1, {NO_HALVES, FLOATS}, {SAME}, check_grid_sample, reference_grid_sample},
    [LAYER_RESIZE] = {"resize", 1, 1, 1, {FLOATS}, {SAME}, check_resize, reference_resize},
};

const struct kind *kind_find(enum layer_kind kind) {
    return (unsigned)kind < LAYER_KINDS ? &kinds[kind] : NULL;
}
