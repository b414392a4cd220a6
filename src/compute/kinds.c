#include "compute/kinds.h"

#include "compute/reference.h"

#define ANY_NUMBER UINT32_MAX /* of inputs */

#define FLOATS    DTYPE_FLOAT
#define NUMBERS   (DTYPE_FLOAT | DTYPE_INTEGERS)
#define NO_HALVES (NUMBERS | DTYPE_BOOL)
#define ORDERED   (DTYPE_REALS | DTYPE_INTEGERS)
#define INDEX     DTYPE_SIGNED
#define SAME      TYPE_OF_INPUT(0)
#define SECOND    TYPE_OF_INPUT(1)

#define BY(NAME) check_##NAME, reference_##NAME /* who checks and who computes */

static const struct kind kinds[LAYER_KINDS] = {
    [LAYER_CONV] = {"conv", 1, 2, 1, {FLOATS, SAME}, {SAME}, BY(conv)},
    [LAYER_POOL] = {"pool", 1, 1, 2, {NUMBERS}, {SAME, INDEX}, BY(pool)},
    [LAYER_ACTIVATION] = {"activation", 1, 1, 1, {NO_HALVES}, {SAME}, BY(activation)},
    [LAYER_BINARY] = {"binary", 2, 2, 1, {NO_HALVES, SAME}, {NO_HALVES}, BY(binary)},
    [LAYER_AFFINE] = {"affine", 1, 1, 1, {FLOATS}, {SAME}, BY(affine)},
    [LAYER_SOFTMAX] = {"softmax", 1, 1, 1, {FLOATS}, {SAME}, BY(softmax)},
    [LAYER_LRN] = {"lrn", 1, 1, 1, {FLOATS}, {SAME}, BY(lrn)},
    [LAYER_NORMALIZE] = {"normalize", 1, 1, 1, {FLOATS}, {SAME}, BY(normalize)},
    [LAYER_MATMUL] = {"matmul", 2, 2, 1, {NUMBERS, SAME}, {SAME}, BY(matmul)},
    [LAYER_CONCAT] = {"concat", 1, ANY_NUMBER, 1, {ANY_TYPE, SAME}, {SAME}, BY(concat)},
    [LAYER_TRANSPOSE] = {"transpose", 1, 1, 1, {ANY_TYPE}, {SAME}, BY(transpose)},
    [LAYER_PAD] = {"pad", 1, 1, 1, {ANY_TYPE}, {SAME}, BY(pad)},
    [LAYER_SLICE] = {"slice", 1, 1, 1, {ANY_TYPE}, {SAME}, BY(slice)},
    [LAYER_GATHER] = {"gather", 2, 2, 1, {ANY_TYPE, INDEX}, {SAME}, BY(gather)},
    [LAYER_REDUCE] = {"reduce", 1, 1, 1, {NO_HALVES}, {SAME}, BY(reduce)},
    [LAYER_WHERE] = {"where", 3, 3, 1, {DTYPE_BOOL, ANY_TYPE, SECOND}, {SECOND}, BY(where)},
    [LAYER_CAST] = {"cast", 1, 1, 1, {ANY_TYPE}, {ANY_TYPE}, BY(cast)},
    [LAYER_CONV_TRANSPOSE] = {"conv_transpose", 1, 1, 1, {FLOATS}, {SAME}, BY(conv_transpose)},
    [LAYER_UNPOOL] = {"unpool", 2, 2, 1, {ANY_TYPE, INDEX}, {SAME}, BY(unpool)},
    [LAYER_ROI] = {"roi", 3, 3, 1, {FLOATS, SAME, INDEX}, {SAME}, BY(roi)},
    [LAYER_GRID_SAMPLE] = {"grid_sample", 2, 2, 1, {NO_HALVES, FLOATS}, {SAME}, BY(grid_sample)},
    [LAYER_RESIZE] = {"resize", 1, 1, 1, {FLOATS}, {SAME}, BY(resize)},
    [LAYER_GATHER_ELEMENTS] = {"gather_elements", 2, 2, 1, {ANY_TYPE, INDEX}, {SAME}, BY(gather_elements)},
    [LAYER_GATHER_ND] = {"gather_nd", 2, 2, 1, {ANY_TYPE, INDEX}, {SAME}, BY(gather_nd)},
    [LAYER_SCATTER_ELEMENTS] =
        {"scatter_elements", 3, 3, 1, {ANY_TYPE, INDEX, SAME}, {SAME}, BY(scatter_elements)},
    [LAYER_SCATTER_ND] = {"scatter_nd", 3, 3, 1, {ANY_TYPE, INDEX, SAME}, {SAME}, BY(scatter_nd)},
    [LAYER_ARG] = {"arg", 1, 1, 1, {ORDERED}, {INDEX}, BY(arg)},
    [LAYER_TOP_K] = {"top_k", 1, 1, 2, {ORDERED}, {SAME, INDEX}, BY(top_k)},
    [LAYER_CUMULATIVE_SUM] = {"cumulative_sum", 1, 1, 1, {NUMBERS}, {SAME}, BY(cumulative_sum)},
    [LAYER_REVERSE_SEQUENCE] = {"reverse_sequence", 2, 2, 1, {ANY_TYPE, INDEX}, {SAME}, BY(reverse_sequence)},
};

const struct kind *kind_find(enum layer_kind kind) {
    return (unsigned)kind < LAYER_KINDS ? &kinds[kind] : NULL;
}
