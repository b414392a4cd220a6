/* The results' parts from coded answers in one pass: what decoding does to every element. */
#ifndef LINALG_UNMIX_H
#define LINALG_UNMIX_H

#include <convoy/tensor.h>

#include <stdbool.h>

#define UNMIX_NO_CHOICE UINT32_MAX

/* The linear map. Not paired: result j = sum over c < columns of f[j*columns + c] * operand c, or operand
 * choice[j] as it is. Paired: operands come in fours y00, y01, y10, y11, which make two columns (real,
 * imaginary) of each of two systems, F = (y00 - y11) + i(y01 + y10) and G = (y00 + y11) + i(y10 - y01); of
 * rows 2m (real) and 2m+1 (imaginary) of f*F and rows 2*g_pair[m], 2*g_pair[m]+1 of g*G the results 4m..4m+3
 * are Re(F+G)/2, Im(F+G)/2, Im(F-G)/2, Re(G-F)/2. */
struct unmix_map {
    convoy_dtype dtype;    /* F32 or F64, of results and arithmetic; the coefficients are rounded to it */
    convoy_dtype in_dtype; /* of operands: dtype; or BF16 or F16 where that is F32 */
    bool paired;
    size_t rows, columns;   /* of a system; even where paired */
    const double *f, *g;    /* [rows][columns]; g: paired only */
    const uint32_t *choice; /* not paired: [rows], UNMIX_NO_CHOICE where f says */
    const uint32_t *g_pair; /* paired: [rows/2] */
};

/* Where a result goes: its first line, of which and of whose elements only so many are kept. The factor of
 * element (line,k) is factor[line*pattern_line + k % pattern_period], and its bias likewise; UNMIX_PATTERN
 * elements can be read from every one of them on. */
struct unmix_part {
    void *out;
    const void *factor, *bias;
    size_t lines, count;
};

#define UNMIX_PATTERN 16

/* lines x count elements of all operands, which begin every in_stride elements there and every out_stride in
 * the results. A finished element is v*factor + bias, clamped to [low,high], times slope where negative; a
 * NaN stays one. Operands and results are aligned to their elements and do not overlap. */
struct unmix_job {
    const struct unmix_map *map;
    void *scratch;                  /* as unmix_prepare filled it; of one thread at a time */
    const void *const *in;          /* [columns], paired [columns/2][4] */
    const struct unmix_part *parts; /* [rows], paired [2*rows] */
    size_t lines, count, in_stride, out_stride;
    size_t pattern_line;     /* of factors and biases */
    size_t pattern_period;   /* a multiple of UNMIX_PATTERN, or at least count */
    double slope, low, high; /* 1, -INFINITY, INFINITY: nothing; rounded to dtype */
    bool stream;             /* write around the caches where the processor can */
};

/* Of the scratch that both functions need, to be aligned to 64; 0 where that overflows. */
size_t unmix_scratch_bytes(const struct unmix_map *map);

/* Rounds and arranges the coefficients once for any number of jobs. */
void unmix_prepare(const struct unmix_map *map, void *scratch);

/* Returns whether every v*factor + bias is finite, which clamping would hide. Elements that no part keeps may
 * make it say no, too.
 * Cost: rows*columns multiply-adds per element, paired twice that for twice as many results, and two more for
 * each result; operands are read once from memory, results written once, nothing between. Allocates nothing.
 */
bool unmix(const struct unmix_job *job);

/* The kernels by name in order of preference, ended by a NULL name, as in combine.h; what one has prepared,
 * another cannot use. For tests and timing. */
struct unmix_kernel {
    const char *name;
    void (*prepare)(const struct unmix_map *map, void *scratch);
    bool (*run)(const struct unmix_job *job);
    void (*widen)(convoy_dtype from_dtype, const void *from, size_t count, float *to); /* as halves_widen */
};
const struct unmix_kernel *unmix_kernels(void);

#endif
