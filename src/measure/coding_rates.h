/* How fast the master encodes and decodes one layer, beside memcpy on the same machine in the same minute. */
#ifndef MEASURE_CODING_RATES_H
#define MEASURE_CODING_RATES_H

#include "base/conv.h"
#include "code/code.h"

#include <convoy/status.h>
#include <convoy/tensor.h>

/* The code and how it is timed. Any δ of the n workers answer. */
struct coding_setup {
    const struct code_family *family;
    uint64_t seed;                      /* of the code */
    uint32_t workers;                   /* n */
    uint32_t input_parts, filter_parts; /* k_A, k_B */
    uint32_t threads;                   /* that do the same at once, each on operands of its own; >= 1 */
    uint32_t rounds;                    /* >= 1 */
    convoy_dtype frames;                /* of pieces and answers: F32, or BF16 or F16; the layer is float32 */
};

/* One operation on one thread. bytes: every operand read once and every result written once. ns and copy_ns:
 * medians over the rounds until the last of the threads was done, of the operation and of a memcpy from
 * bytes/2 to bytes/2 others, which so moves as much. GB/s of one thread: bytes/ns. */
struct coding_rate {
    double bytes, ns, copy_ns;
};

struct coding_rates {
    struct coding_rate encode; /* the input of one inference for n workers */
    struct coding_rate decode; /* δ answers to the output, merged, with bias and ReLU */
};

/* Times the layer (complete) as the runtime codes it: resident buffers, the four operations (encode, its
 * copy, decode, its copy) in turns, so that each finds in the caches what the other three left there.
 * CONVOY_E_USAGE where the code does not admit the parts, CONVOY_E_MEMORY. Blocks for all rounds. */
convoy_status coding_rates_measure(const struct conv_geometry *layer, const struct coding_setup *setup,
                                   struct coding_rates *rates, convoy_error *error);

#endif
