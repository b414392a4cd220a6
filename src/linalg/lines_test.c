/* The kernels of lines.h against the definitions, bit by bit: the loops do the same roundings. */
#include "linalg/lines.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 9, ELEMENTS = 700 };

static const struct {
    size_t lines, count, in_stride, out_stride;
} shapes[] = {{1, 1, 1, 1},       {1, 33, 33, 40}, {5, 7, 9, 7}, {20, 8, 8, 30},
              {3, 100, 101, 200}, {1, 700, 0, 0},  {0, 3, 3, 3}};

static const struct {
    double slope, low, high;
} curves[] = {{1, -INFINITY, INFINITY}, {1, 0, INFINITY}, {1, -0.25, 0.5}, {0.125, -INFINITY, INFINITY}};

static void fill(struct random *random, float *f, double *d) {
    for (size_t i = 0; i < ELEMENTS; i++)
        f[i] = (float)(d[i] = random_normal(random));
}

static void test_split(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (const struct line_kernel *kernel = line_kernels(); kernel->name; kernel++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            static float y[4][ELEMENTS], out[4][ELEMENTS];
            static double z[4][ELEMENTS], to[4][ELEMENTS];
            struct line_split job = {CONVOY_F32,          {y[0], y[1], y[2], y[3]}, {out[0], out[1]},
                                     {out[2], out[3]},    shapes[i].lines,          shapes[i].count,
                                     shapes[i].in_stride, shapes[i].out_stride};
            struct line_split wide = job;
            wide.dtype = CONVOY_F64;
            for (int k = 0; k < 4; k++) {
                fill(&random, y[k], z[k]);
                memset(out[k], 0, sizeof out[k]);
                memset(to[k], 0, sizeof to[k]);
                wide.y[k] = z[k];
                (k < 2 ? wide.f : wide.g)[k % 2] = to[k];
            }
            kernel->split(&job);
            kernel->split(&wide);
            for (size_t t = 0; t < ELEMENTS; t++) {
                size_t line = job.out_stride ? t / job.out_stride : 0, k = t - line * job.out_stride;
                size_t from = line * job.in_stride + k;
                bool in = line < job.lines && k < job.count;
                assert_true(out[0][t] == (in ? y[0][from] - y[3][from] : 0));
                assert_true(out[1][t] == (in ? y[1][from] + y[2][from] : 0));
                assert_true(out[2][t] == (in ? y[0][from] + y[3][from] : 0));
                assert_true(out[3][t] == (in ? y[2][from] - y[1][from] : 0));
                assert_true(to[0][t] == (in ? z[0][from] - z[3][from] : 0));
                assert_true(to[1][t] == (in ? z[1][from] + z[2][from] : 0));
                assert_true(to[2][t] == (in ? z[0][from] + z[3][from] : 0));
                assert_true(to[3][t] == (in ? z[2][from] - z[1][from] : 0));
            }
        }
}

static double value(enum line_mode mode, double p, double q, double bias, int curve, convoy_dtype dtype) {
    if (dtype == CONVOY_F32) {
        float v = mode == LINE_COPY ? (float)p
                                    : 0.5F * (mode == LINE_SUM ? (float)p + (float)q : (float)p - (float)q);
        v += (float)bias;
        v = fminf(fmaxf(v, (float)curves[curve].low), (float)curves[curve].high);
        return (double)(v < 0 ? (float)curves[curve].slope * v : v);
    }
    double v = mode == LINE_COPY ? p : 0.5 * (mode == LINE_SUM ? p + q : p - q);
    v += bias;
    v = fmin(fmax(v, curves[curve].low), curves[curve].high);
    return v < 0 ? curves[curve].slope * v : v;
}

/* One case; bias 0: none, 1: one for each line, 2: for each element. */
static void check_finish(struct random *random, const struct line_kernel *kernel, size_t shape,
                         enum line_mode mode, int bias, int curve, convoy_dtype dtype) {
    static float p[ELEMENTS], q[ELEMENTS], b[ELEMENTS], out[ELEMENTS];
    static double wide_p[ELEMENTS], wide_q[ELEMENTS], wide_b[ELEMENTS], wide_out[ELEMENTS];
    bool wide = dtype == CONVOY_F64;
    fill(random, p, wide_p);
    fill(random, q, wide_q);
    fill(random, b, wide_b);
    memset(out, 0, sizeof out);
    memset(wide_out, 0, sizeof wide_out);
    struct line_finish job = {
        .dtype = dtype,
        .mode = mode,
        .p = wide ? (const void *)wide_p : p,
        .q = mode == LINE_COPY ? NULL
             : wide            ? (const void *)wide_q
                               : q,
        .bias = !bias  ? NULL
                : wide ? (const void *)wide_b
                       : b,
        .bias_line = 1,
        .bias_each = bias == 2,
        .slope = curves[curve].slope,
        .low = curves[curve].low,
        .high = curves[curve].high,
        .out = wide ? (void *)wide_out : out,
        .lines = shapes[shape].lines,
        .count = shapes[shape].count,
        .in_stride = shapes[shape].in_stride,
        .out_stride = shapes[shape].out_stride,
    };
    kernel->finish(&job);
    for (size_t t = 0; t < ELEMENTS; t++) {
        size_t line = job.out_stride ? t / job.out_stride : 0, k = t - line * job.out_stride;
        size_t from = line * job.in_stride + k, at = line + (bias == 2 ? k : 0);
        double got = wide ? wide_out[t] : (double)out[t], want = 0;
        if (line < job.lines && k < job.count)
            want =
                wide ? value(mode, wide_p[from], wide_q[from], bias ? wide_b[at] : 0, curve, dtype)
                     : value(mode, (double)p[from], (double)q[from], bias ? (double)b[at] : 0, curve, dtype);
        assert_true(got == want);
    }
}

static void test_finish(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (const struct line_kernel *kernel = line_kernels(); kernel->name; kernel++)
        for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++)
            for (int mode = LINE_COPY; mode <= LINE_DIFFERENCE; mode++)
                for (int bias = 0; bias < 3; bias++)
                    for (int curve = 0; curve < 4; curve++) {
                        check_finish(&random, kernel, shape, (enum line_mode)mode, bias, curve, CONVOY_F32);
                        check_finish(&random, kernel, shape, (enum line_mode)mode, bias, curve, CONVOY_F64);
                    }
}

/* A NaN that a worker's answer brings is not hidden by a clamp; what is only copied stays as it is, -0 too.
 */
static void test_special_values(void **state) {
    (void)state;
    for (const struct line_kernel *kernel = line_kernels(); kernel->name; kernel++) {
        float p[11], out[11];
        for (int i = 0; i < 11; i++)
            p[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -0.0F : -INFINITY;
        struct line_finish job = {.dtype = CONVOY_F32,
                                  .p = p,
                                  .slope = 1,
                                  .low = -INFINITY,
                                  .high = INFINITY,
                                  .out = out,
                                  .lines = 1,
                                  .count = 11};
        kernel->finish(&job);
        assert_memory_equal(p, out, sizeof p);
        job.low = 0;
        kernel->finish(&job);
        for (int i = 0; i < 11; i++)
            assert_true(i % 3 == 0 ? isnan(out[i]) : out[i] == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
