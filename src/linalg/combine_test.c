#include "linalg/combine.h"

#include "base/half.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 5 };

/* One rounding of the type for each input and of its coefficient, relative to the sum of the terms'
 * magnitudes. */
static double tolerance(convoy_dtype dtype, size_t inputs) {
    return (double)(inputs + 1) * (dtype == CONVOY_F32 ? 0x1p-24 : 0x1p-53);
}

static const struct shape {
    size_t outputs, inputs, length, repeats, gap; /* gap: elements between repeats */
} shapes[] = {
    {1, 1, 1, 1, 0},    {4, 4, 64, 1, 0},   {3, 0, 37, 2, 5},    {5, 3, 16, 3, 0},   {2, 7, 15, 4, 1},
    {6, 2, 131, 1, 0},  {7, 16, 333, 2, 3}, {5, 16, 2001, 1, 0}, {20, 4, 9, 70, 11}, {9, 4, 4099, 2, 1},
    {9, 1, 17, 1, 0},   {4, 127, 41, 1, 0}, {5, 128, 300, 1, 0}, {3, 129, 67, 2, 2}, {5, 300, 297, 1, 0},
    {3, 513, 67, 2, 2}, {0, 4, 10, 1, 0},   {4, 4, 0, 3, 2},     {4, 4, 10, 0, 0},   {1, 2, 8200, 1, 0},
    {13, 5, 1, 900, 3},
};

static double get(convoy_dtype dtype, const void *data, size_t i) {
    float f;
    double d;
    if (dtype == CONVOY_F64)
        return memcpy(&d, (const char *)data + i * sizeof d, sizeof d), d;
    return memcpy(&f, (const char *)data + i * sizeof f, sizeof f), (double)f;
}

static void set(convoy_dtype dtype, void *data, size_t i, double value) {
    float f = (float)value;
    if (dtype == CONVOY_F64)
        memcpy((char *)data + i * sizeof value, &value, sizeof value);
    else
        memcpy((char *)data + i * sizeof f, &f, sizeof f);
}

/* Memory of exactly `skew` bytes and count elements, filled with normal numbers; sanitizers see a step beyond
 * its end. */
static char *line_create(struct random *random, convoy_dtype dtype, size_t count, size_t skew) {
    char *memory = malloc(skew + count * convoy_dtype_bytes(dtype));
    assert_non_null(memory);
    for (size_t i = 0; i < count; i++)
        set(dtype, memory + skew, i, random_normal(random));
    return memory;
}

/* One shape through one kernel against a naive double loop; also that nothing is written between repeats. */
static void check(struct random *random, const struct combine_kernel *kernel, convoy_dtype dtype,
                  const struct shape *s, size_t skew) {
    size_t stride = s->length + s->gap, count = s->repeats ? (s->repeats - 1) * stride + s->length : 0;
    char *in = line_create(random, dtype, (s->inputs + 1) * (count + 2), skew);
    char **out = calloc(s->outputs + 1, sizeof *out), **to = calloc(s->outputs + 1, sizeof *to);
    const void **from = calloc(s->inputs + 1, sizeof *from);
    double *g = calloc(s->outputs * (s->inputs + 2) + 1, sizeof *g);
    assert_true(out && to && from && g);
    for (size_t i = 0; i < s->inputs; i++)
        from[i] = in + skew + i * (count + 2) * convoy_dtype_bytes(dtype);
    for (size_t i = 0; i < s->outputs * (s->inputs + 2); i++)
        g[i] = random_normal(random);
    for (size_t j = 0; j < s->outputs; j++) {
        out[j] = line_create(random, dtype, count + 1, skew);
        to[j] = out[j] + skew;
        for (size_t t = 0; t < count + 1; t++)
            set(dtype, to[j], t, 1000);
    }
    struct combine_job job = {
        .dtype = dtype,
        .out_dtype = dtype,
        .outputs = s->outputs,
        .inputs = s->inputs,
        .g = g,
        .g_stride = s->inputs + 2,
        .in = skew % 2 ? from : NULL,
        .first = in + skew,
        .step = count + 2,
        .out = (void *const *)to,
        .out_offset = 1,
        .length = s->length,
        .repeats = s->repeats,
        .in_stride = stride,
        .out_stride = stride,
        .stream = skew / 2 % 2,
    };
    kernel->run(&job);
    for (size_t j = 0; j < s->outputs; j++) {
        assert_true(get(dtype, to[j], 0) == 1000);
        for (size_t t = 0; t < count; t++) {
            double sum = 0, size = 0, got = get(dtype, to[j], t + 1);
            for (size_t i = 0; i < s->inputs; i++) {
                double term = g[j * (s->inputs + 2) + i] * get(dtype, from[i], t);
                sum += term;
                size += fabs(term);
            }
            bool between = t % (stride ? stride : 1) >= s->length;
            if (between ? got != 1000 : !(fabs(got - sum) <= tolerance(dtype, s->inputs) * size))
                fail_msg("%s: %g instead of %g, %zu x %zu, length %zu, at %zu", kernel->name, got, sum,
                         s->outputs, s->inputs, s->length, t);
        }
        free(out[j]);
    }
    free(g);
    free(from);
    free(to);
    free(out);
    free(in);
}

static void check_kernels(convoy_dtype dtype) {
    for (const struct combine_kernel *kernel = combine_kernels(); kernel->name; kernel++) {
        struct random random;
        random_seed(&random, SEED);
        print_message("%s, seed %d\n", kernel->name, SEED);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (size_t skew = 0; skew < 8; skew++)
                check(&random, kernel, dtype, &shapes[i], skew);
    }
}

static void test_f32(void **state) {
    (void)state;
    check_kernels(CONVOY_F32);
}

static void test_f64(void **state) {
    (void)state;
    check_kernels(CONVOY_F64);
}

/* Halves are the same kernel's float32 results, rounded once; and the largest magnitude is told for F16. */
static void check_halves(struct random *random, const struct combine_kernel *kernel, convoy_dtype half,
                         const struct shape *s, size_t skew) {
    size_t stride = s->length + s->gap, count = s->repeats ? s->repeats * stride : 0;
    char *in = line_create(random, CONVOY_F32, s->inputs * (count + 2), skew);
    char **out = calloc(2 * s->outputs + 1, sizeof *out), **to = calloc(2 * s->outputs + 1, sizeof *to);
    double *g = calloc(s->outputs * s->inputs + 1, sizeof *g);
    assert_true(out && to && g);
    for (size_t i = 0; i < s->outputs * s->inputs; i++)
        g[i] = random_normal(random);
    for (size_t j = 0; j < 2 * s->outputs; j++) { /* first as float32, then as halves */
        size_t bytes = count * (j < s->outputs ? sizeof(float) : sizeof(uint16_t));
        out[j] = calloc(skew + bytes + 1, 1);
        assert_non_null(out[j]);
        to[j] = out[j] + skew;
    }
    struct combine_job job = {.dtype = CONVOY_F32,
                              .out_dtype = CONVOY_F32,
                              .outputs = s->outputs,
                              .inputs = s->inputs,
                              .g = g,
                              .g_stride = s->inputs,
                              .first = in + skew,
                              .step = count + 2,
                              .out = (void *const *)to,
                              .length = s->length,
                              .repeats = s->repeats,
                              .in_stride = stride,
                              .out_stride = stride,
                              .stream = skew / 2 % 2};
    assert_true(kernel->run(&job) == 0);
    job.out_dtype = half;
    job.out = (void *const *)(to + s->outputs);
    float told = kernel->run(&job), peak = 0;
    for (size_t j = 0; j < s->outputs; j++)
        for (size_t t = 0; t < count; t++) {
            float wide = (float)get(CONVOY_F32, to[j], t);
            uint16_t want = half == CONVOY_BF16 ? bf16_of(wide) : f16_of(wide), got;
            memcpy(&got, to[s->outputs + j] + t * sizeof got, sizeof got);
            if (got != want)
                fail_msg("%s: %#x instead of %#x of %a, %zu x %zu, length %zu, at %zu", kernel->name, got,
                         want, (double)wide, s->outputs, s->inputs, s->length, t);
            peak = fmaxf(peak, fabsf(wide));
        }
    assert_true(told == (half == CONVOY_F16 ? peak : 0));
    for (size_t j = 0; j < 2 * s->outputs; j++)
        free(out[j]);
    free(g);
    free(to);
    free(out);
    free(in);
}

static void test_halves(void **state) {
    (void)state;
    for (const struct combine_kernel *kernel = combine_kernels(); kernel->name; kernel++) {
        struct random random;
        random_seed(&random, SEED);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (size_t skew = 0; skew < 16 && shapes[i].inputs <= COMBINE_INPUTS_AT_ONCE; skew++)
                check_halves(&random, kernel, skew % 2 ? CONVOY_BF16 : CONVOY_F16, &shapes[i], skew / 2);
    }
}

/* Zeros and ones are exact in every kernel: what is only copied comes through bit by bit, infinities
 * included. */
static void test_copies_exactly(void **state) {
    (void)state;
    for (const struct combine_kernel *kernel = combine_kernels(); kernel->name; kernel++) {
        float x[39], y[39];
        for (int i = 0; i < 39; i++)
            x[i] = i == 7 ? INFINITY : 1.0F / (float)(i + 1);
        const double one = 1;
        const void *in[] = {x};
        void *out[] = {y};
        const struct combine_job job = {.dtype = CONVOY_F32,
                                        .out_dtype = CONVOY_F32,
                                        .outputs = 1,
                                        .inputs = 1,
                                        .g = &one,
                                        .g_stride = 1,
                                        .in = in,
                                        .out = out,
                                        .length = 39,
                                        .repeats = 1};
        kernel->run(&job);
        assert_memory_equal(x, y, sizeof x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f32),
        cmocka_unit_test(test_f64),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_copies_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
