/* What decoding does element by element beside combine: the complex sums and differences of paired codes on
 * the way in and out, with bias and clamping. Bound by memory and caches, hence chosen at run time like
 * combine. */
#ifndef LINALG_LINES_H
#define LINALG_LINES_H

#include <convoy/tensor.h>

#include <stdbool.h>

/* lines x count elements, which begin every in_stride elements in the operands and every out_stride in the
 * results. Operands and results do not overlap and are aligned to their elements. dtype F32 or F64. */

/* From y[2r+s] = y_rs of one survivor: f = y00 − y11, y01 + y10 and g = y00 + y11, y10 − y01 (real,
 * imaginary). */
struct line_split {
    convoy_dtype dtype;
    const void *y[4];
    void *f[2], *g[2];
    size_t lines, count, in_stride, out_stride;
};

/* v = p, (p + q)/2 or (p − q)/2; then + bias; then clamped to [low,high]; then * slope where negative. A NaN
 * stays one. */
enum line_mode { LINE_COPY, LINE_SUM, LINE_DIFFERENCE };
struct line_finish {
    convoy_dtype dtype;
    enum line_mode mode;
    const void *p, *q; /* q: not for LINE_COPY */
    const void *bias;  /* element (line,k) is bias[line*bias_line + (bias_each ? k : 0)]; NULL: none */
    size_t bias_line;
    bool bias_each;
    double slope, low, high; /* 1, -INFINITY, INFINITY: nothing; rounded to dtype */
    void *out;
    size_t lines, count, in_stride, out_stride;
};

void lines_split(const struct line_split *job);
void lines_finish(const struct line_finish *job);

/* The kernels by name in order of preference, ended by a NULL name, as in combine.h. For tests and timing. */
struct line_kernel {
    const char *name;
    void (*split)(const struct line_split *job);
    void (*finish)(const struct line_finish *job);
};
const struct line_kernel *line_kernels(void);

#endif
