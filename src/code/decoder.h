/* Decoding: the output tensor from the survivors' answers, merged, with bias and activation, in one pass. */
#ifndef CODE_DECODER_H
#define CODE_DECODER_H

#include "base/activation.h"
#include "base/conv.h"
#include "code/code.h"

/* What is decoded. Everything is borrowed; every pointer is aligned to its elements. */
struct decode_job {
    convoy_dtype dtype;        /* of out, factors and bias, and of the arithmetic: F32 or F64 */
    convoy_dtype answer_dtype; /* of the answers: dtype; or BF16 or F16 if dtype is F32 */
    const struct code *code;
    const struct code_solution *solution;
    const struct output_grid *grid; /* how answers and out lie */
    const void *const *answers;     /* [survivors], of solution->workers[i]; each dense, input_pieces x
                                       filter_pieces of the code */
    const void *factors;            /* [groups*channels], of equilibrate: each output channel is multiplied by
                                       its own; NULL: 1 */
    const void *bias;               /* [groups*channels], added then; NULL: none */
    const struct activation *activation; /* applied last, in dtype; NULL: none */
    void *out;
};

/* Decodes. *finite: whether all of out was finite before the activation, which could hide it. Allocates one
 * block of the size of the matrices in dtype (7 KiB at δ = 8) and of 32 elements for each channel or block of
 * channels: CONVOY_E_MEMORY.
 * Thread-safe. Cost for paired codes: 2δ+2 multiply-adds per element of Y with its surplus, half of the
 * papers' real 4δ x 4δ system. */
convoy_status decode(const struct decode_job *job, bool *finite);

#endif
