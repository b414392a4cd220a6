/* Y = G·X over whole tensors: what encoding is. (Decoding, which does more on the way: unmix.h.) */
#ifndef LINALG_COMBINE_H
#define LINALG_COMBINE_H

#include <convoy/tensor.h>

#include <stdbool.h>

/* One combination, repeated at regular distances:
 *     out[j][out_offset + r*out_stride + t] = sum over i < inputs of g[j*g_stride + i] * in[i][r*in_stride +
 * t] for j < outputs, r < repeats, t < length. Offsets and strides count elements. */
struct combine_job {
    convoy_dtype dtype;     /* F32 or F64, of in and of the arithmetic; the coefficients are rounded to it */
    convoy_dtype out_dtype; /* of out: dtype; or BF16 or F16 where that is F32, rounded at the end */
    size_t outputs, inputs;
    const double *g;
    size_t g_stride;
    const void *const *in; /* [inputs]; NULL: input i begins at first + i*step elements */
    const void *first;
    size_t step;
    void *const *out; /* [outputs] */
    size_t out_offset;
    size_t length;
    size_t repeats, in_stride, out_stride;
    bool stream; /* write around the caches where the processor can: for results larger than these */
};

/* Beyond so many inputs sums of these are rounded to out_dtype on the way; as many as parts that a code of
 * CONVOY_MAX_WORKERS has. */
#define COMBINE_INPUTS_AT_ONCE 512

/* Any alignment, even of single bytes; an output overlaps no input and no other output. inputs may be 0
 * (zeros). Returns the largest magnitude of the results, NaN apart, where out_dtype is F16, else 0: the other
 * types have the range of the arithmetic. Cost: outputs*inputs*length*repeats multiply-adds; blocked so that
 * each operand is read once from memory and each result written once. Chosen at run time among kernels for
 * AVX-512, AVX2 and plain C, which are tested against one another. Allocates nothing. */
float combine_repeated(const struct combine_job *job);

/* The kernels by name in order of preference, ended by a NULL name; those that this processor lacks are left
 * out. For tests and timing. */
struct combine_kernel {
    const char *name;
    float (*run)(const struct combine_job *job);
};
const struct combine_kernel *combine_kernels(void);

#endif
