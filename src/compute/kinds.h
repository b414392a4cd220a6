/* The kinds of layers, one row each (kinds.c). A row says what every backend checks before it prepares a
 * layer, and which function of the reference defines what the kind computes. */
#ifndef COMPUTE_KINDS_H
#define COMPUTE_KINDS_H

#include "base/dtype.h"
#include "compute/backend.h"

/* Whether a description whose numbers of inputs and outputs, types and sizes were checked is one of its kind:
 * a kernel that trusts it stays inside the tensors. CONVOY_E_INPUT or CONVOY_E_UNSUPPORTED with the node and
 * what is wrong. */
typedef convoy_status kind_check(const struct layer_desc *desc, const struct layer_params *params,
                                 convoy_error *error);

struct reference_layer;

/* Computes out[0..output_count); description, tensors and constants were checked to agree. *error is filled
 * on failure.
 */
typedef convoy_status reference_kernel(const struct reference_layer *layer, const convoy_tensor *in,
                                       convoy_tensor *out, convoy_error *error);

/* The types that a tensor may have: a sum of classes, or the type of an input. */
#define TYPE_OF_INPUT(number) (UINT32_C(0x80000000) | (number))
#define ANY_TYPE              (DTYPE_REALS | DTYPE_INTEGERS | DTYPE_BOOL)

struct kind {
    const char *name;
    uint32_t min_inputs, max_inputs, max_outputs;
    uint32_t inputs[3]; /* types of the first inputs; all behind the last that is given have its types */
    uint32_t outputs[LAYER_MAX_OUTPUTS];
    kind_check *check;
    reference_kernel *compute;
};

/* NULL for a number that is no kind. */
const struct kind *kind_find(enum layer_kind kind);

/* --- For checks ----------------------------------------------------------------------------------------- */

/* Fills "Op node: what". Returns CONVOY_E_INPUT. */
convoy_status kind_refuse(const struct layer_desc *desc, convoy_error *error, const char *what);

/* Whether a shape has a * b * c elements. */
bool shape_has(const convoy_shape *shape, size_t a, size_t b, size_t c);

/* shape_has of input 0 and of output 0. */
bool both_have(const struct layer_desc *desc, size_t a, size_t b, size_t c);

/* Whether a constant is there, of the type of input 0, with so many elements. */
bool is_vector(const convoy_tensor *tensor, const struct layer_desc *desc, size_t elements);

/* numpy's rule, over all axes of the output but the last `tail`, aligned at the right. */
bool shape_broadcasts(const convoy_shape *shape, const convoy_shape *output, uint32_t tail);

/* Sizes and steps of windows stay below this: sums and products of two of them stay within int64_t. */
#define KIND_LIMIT ((int64_t)1 << 30)

#endif
