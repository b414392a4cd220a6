/* Whether a tensor is what was expected. */
#ifndef TESTS_TENSOR_AGREEMENT_H
#define TESTS_TENSOR_AGREEMENT_H

#include <convoy/tensor.h>

/* Same type and shape, and the same elements: integers and bool exactly; floats within a tolerance of their
 * type, relative to the largest finite magnitude that is expected; NaN and infinities at the same places.
 * widening multiplies the tolerance of float32, for results that were coded. */
bool tensors_agree(const convoy_tensor *got, const convoy_tensor *expected, double widening);

#endif
