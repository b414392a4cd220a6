/* The body of the kernels of lines.h: plain loops, in functions of their own whose restricted parameters let
 * compilers vectorise them. Included once per element type, REAL, NAME(x) being x with the type's suffix. */

static void NAME(split_line)(const REAL *restrict y00, const REAL *restrict y01, const REAL *restrict y10,
                             const REAL *restrict y11, REAL *restrict f_re, REAL *restrict f_im,
                             REAL *restrict g_re, REAL *restrict g_im, size_t count) {
    for (size_t k = 0; k < count; k++) {
        f_re[k] = y00[k] - y11[k];
        f_im[k] = y01[k] + y10[k];
        g_re[k] = y00[k] + y11[k];
        g_im[k] = y10[k] - y01[k];
    }
}

static void NAME(split)(const struct line_split *job) {
    const REAL *const *y = (const REAL *const *)job->y;
    REAL *const *f = (REAL *const *)job->f, *const *g = (REAL *const *)job->g;
    for (size_t line = 0; line < job->lines; line++) {
        size_t from = line * job->in_stride, to = line * job->out_stride;
        NAME(split_line)
        (y[0] + from, y[1] + from, y[2] + from, y[3] + from, f[0] + to, f[1] + to, g[0] + to, g[1] + to,
         job->count);
    }
}

static inline __attribute__((always_inline)) void
NAME(finish_line)(enum line_mode mode, bool each, const REAL *restrict p, const REAL *restrict q,
                  const REAL *restrict bias, REAL low, REAL high, REAL *restrict out, size_t count) {
    const REAL same = bias ? bias[0] : (REAL)-0.0; /* adding -0 changes nothing */
    for (size_t k = 0; k < count; k++) {
        REAL v = mode == LINE_COPY ? p[k] : (REAL)0.5 * (mode == LINE_SUM ? p[k] + q[k] : p[k] - q[k]);
        v += each ? bias[k] : same;
        v = v < low ? low : v;
        out[k] = v > high ? high : v;
    }
}

/* In a pass of its own, which all others need not pay for. A product on a condition would not be vectorised.
 */
static void NAME(slope_line)(REAL slope, REAL *out, size_t count) {
    for (size_t k = 0; k < count; k++) {
        REAL above = out[k] < 0 ? 0 : out[k], below = out[k] < 0 ? out[k] : (REAL)-0.0;
        out[k] = above + slope * below;
    }
}

static inline __attribute__((always_inline)) void NAME(finish_lines)(const struct line_finish *job,
                                                                     enum line_mode mode, bool each) {
    const REAL *p = job->p, *q = mode == LINE_COPY ? p : job->q, *bias = job->bias;
    const REAL slope = (REAL)job->slope, low = (REAL)job->low, high = (REAL)job->high;
    for (size_t line = 0; line < job->lines; line++) {
        size_t from = line * job->in_stride;
        const REAL *line_bias = bias ? bias + line * job->bias_line : NULL;
        REAL *out = (REAL *)job->out + line * job->out_stride;
        NAME(finish_line)(mode, each, p + from, q + from, line_bias, low, high, out, job->count);
        if (slope != 1)
            NAME(slope_line)(slope, out, job->count);
    }
}

static void NAME(finish)(const struct line_finish *job) {
    bool each = job->bias && job->bias_each;
    switch (job->mode) {
    case LINE_COPY:
        each ? NAME(finish_lines)(job, LINE_COPY, true) : NAME(finish_lines)(job, LINE_COPY, false);
        break;
    case LINE_SUM:
        each ? NAME(finish_lines)(job, LINE_SUM, true) : NAME(finish_lines)(job, LINE_SUM, false);
        break;
    case LINE_DIFFERENCE:
        each ? NAME(finish_lines)(job, LINE_DIFFERENCE, true)
             : NAME(finish_lines)(job, LINE_DIFFERENCE, false);
        break;
    }
}
