/* What every backend does with a description before it computes anything. */
#ifndef COMPUTE_LAYER_H
#define COMPUTE_LAYER_H

#include "compute/backend.h"

/* Whether description and constants agree with each other, so that a kernel which trusts them stays inside
 * the tensors: ranges, numbers of elements, no overflow. CONVOY_E_INPUT with the node and what is wrong. */
convoy_status layer_check(const struct layer_desc *desc, const struct layer_params *params,
                          convoy_error *error);

/* The description of a convolution of one input, without activation, called "conv" of the operator Conv.
 * *input: is filled, and borrowed by the description. */
struct layer_desc conv_layer_desc(const struct conv_geometry *geometry, convoy_dtype dtype,
                                  struct value_desc *input);

/* *kept: the same elements for as long as the layer lives: a reference to the owner where there is one, else
 * a copy. An empty tensor stays empty. Release with convoy_tensor_release. */
convoy_status tensor_keep(convoy_tensor *kept, const convoy_tensor *tensor, convoy_error *error);

/* Whether the function compares: its result is bool. Else the result has the type of its operands. */
bool binary_compares(enum binary_op op);

/* A product in disguise: [rows,depth]·[depth,columns], where filters [columns,depth] and both maps are dense.
 */
struct conv_product {
    int64_t rows, depth, columns;
};

/* Whether the convolution is one: kernels of one element over channels last, or one window that covers the
 * whole map. */
bool conv_is_product(const struct conv_geometry *geometry, struct conv_product *product);

/* Whether Winograd's algorithm can be worth a trial: kernels of 3 x 3 without stride and dilation, and
 * channels enough to pay for the transformations. */
bool conv_admits_winograd(const struct conv_geometry *geometry);

/* Multiply-adds of a layer that was checked: of convolutions and products; 0 for other kinds. */
uint64_t layer_macs(const struct layer_desc *desc);

/* About how many elements the reference looks at when it computes a layer that was checked, beyond those of
 * its inputs and outputs once. */
double layer_work(const struct layer_desc *desc);

/* The shapes [...,M,K], [...,K,N] and [...,M,N] of a MATMUL whose vectors are written as matrices, as numpy
 * does; all of the output's rank, with axes of 1 where an input has none. false where they make no product.
 */
bool matmul_shapes(const struct layer_desc *desc, convoy_shape *a, convoy_shape *b, convoy_shape *y);

#endif
