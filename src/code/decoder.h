/* Decoding: the output tensor from the survivors' answers, merged, with bias and activation, in one pass. */
#ifndef CODE_DECODER_H
#define CODE_DECODER_H

#include "base/conv.h"
#include "code/code.h"

/* out, laid out as grid says, from answers[i] of solution->workers[i] (of answer_dtype, dense, as grid says,
 * input_pieces x filter_pieces of the code). bias [groups*channels] of dtype, or NULL; activation or NULL.
 * dtype F32 or F64, answer_dtype the same, or BF16 or F16 where it is F32; every pointer is aligned to its
 * elements; in float64 NONE, RELU, CLIP and LEAKY_RELU are exact, the others are computed in float32.
 * Allocates one block of the size of the matrices in dtype and a little more (7 KiB at δ = 8):
 * CONVOY_E_MEMORY. Thread-safe. Cost for paired codes: 2δ multiply-adds per element of Y with its surplus,
 * half of the papers' real 4δ x 4δ system. */
convoy_status decode(convoy_dtype dtype, convoy_dtype answer_dtype, const struct code *code,
                     const struct code_solution *solution, const struct output_grid *grid,
                     const void *const *answers, const void *bias, const struct activation *activation,
                     void *out);

#endif
