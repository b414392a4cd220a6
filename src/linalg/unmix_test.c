/* The kernels of unmix.h against the definitions, in double, over shapes that meet every path: full and part
 * vectors, several lines in one, lines and elements that are dropped. */
#include "linalg/unmix.h"

#include "base/half.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 9 };

static const struct shape {
    size_t rows, columns, lines, count, gap; /* gap: elements between lines */
    size_t fewer_lines, fewer;               /* that some parts do not keep */
} shapes[] = {
    {2, 2, 1, 1, 0, 0, 0},     {16, 16, 3, 64, 0, 1, 0},   {16, 16, 5, 56, 0, 0, 28},
    {6, 4, 7, 33, 5, 2, 20},   {8, 10, 9, 8, 8, 3, 2},     {4, 4, 40, 3, 1, 1, 1},
    {2, 6, 6, 16, 16, 1, 7},   {10, 8, 2, 131, 3, 1, 131}, {12, 14, 4, 32, 0, 4, 0},
    {14, 130, 2, 37, 0, 0, 5}, {4, 4, 0, 9, 0, 0, 0},      {4, 4, 9, 0, 0, 0, 0},
    {2, 8, 5, 12, 0, 0, 3},    {16, 8, 3, 48, 16, 1, 40},
};

static const struct {
    double slope, low, high;
} curves[] = {{1, -INFINITY, INFINITY}, {1, 0, INFINITY}, {1, -0.25, 0.5}, {0.125, -INFINITY, INFINITY}};

/* How a result is finished. each: factors and biases are for each element of a line, else sixteen for each
 * line, again and again. */
struct way {
    bool each;
    int curve;
    bool stream, choose;
};

static double get(convoy_dtype dtype, const void *data, size_t i) {
    return dtype == CONVOY_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void *numbers(struct random *random, convoy_dtype dtype, size_t count) {
    void *memory = malloc(count * convoy_dtype_bytes(dtype) + !count);
    assert_non_null(memory);
    for (size_t i = 0; i < count; i++)
        if (dtype == CONVOY_F32)
            ((float *)memory)[i] = (float)random_normal(random);
        else
            ((double *)memory)[i] = random_normal(random);
    return memory;
}

/* One scene: operands, coefficients and parts of a shape, all of exactly the size that is allowed to be read
 * or written, which sanitizers watch. */
struct scene {
    const struct shape *shape;
    struct way way;
    struct unmix_map map;
    struct unmix_job job;
    size_t operands, results;
    double *f, *g;
    uint32_t *choice, *g_pair;
    void **in;
    struct unmix_part *parts;
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t extent(size_t lines, size_t count, size_t stride) {
    return lines && count ? (lines - 1) * stride + count : 0;
}

static void part_create(struct scene *scene, struct random *random, size_t r) {
    const struct shape *s = scene->shape;
    struct unmix_part *part = &scene->parts[r];
    size_t stride = scene->job.out_stride;
    part->lines = r % 3 == 1 ? s->lines - least(s->fewer_lines, s->lines) : s->lines;
    part->count = r % 4 == 2 ? s->count - least(s->fewer, s->count) : s->count;
    part->out = numbers(random, scene->map.dtype, extent(part->lines, part->count, stride));
    size_t size = convoy_dtype_bytes(scene->map.dtype);
    memset(part->out, 0, extent(part->lines, part->count, stride) * size);
    size_t patterns = (scene->way.each ? part->count : UNMIX_PATTERN * part->lines) + UNMIX_PATTERN;
    part->bias = numbers(random, scene->map.dtype, patterns);
    part->factor = numbers(random, scene->map.dtype, patterns);
}

/* Which of a part's factors and biases is element k's of a line. */
static size_t pattern_index(const struct scene *scene, size_t line, size_t k) {
    return scene->way.each ? k : line * UNMIX_PATTERN + k % UNMIX_PATTERN;
}

static void scene_create(struct scene *scene, struct random *random, const struct shape *s,
                         convoy_dtype dtype, bool paired, struct way way) {
    size_t systems = paired ? 2 : 1;
    *scene = (struct scene){
        .shape = s, .way = way, .operands = systems * s->columns, .results = systems * s->rows};
    scene->f = numbers(random, CONVOY_F64, s->rows * s->columns);
    scene->g = numbers(random, CONVOY_F64, s->rows * s->columns);
    scene->choice = calloc(s->rows, sizeof *scene->choice);
    scene->g_pair = calloc(s->rows, sizeof *scene->g_pair);
    scene->in = calloc(scene->operands, sizeof *scene->in);
    scene->parts = calloc(scene->results, sizeof *scene->parts);
    assert_true(scene->choice && scene->g_pair && scene->in && scene->parts);
    for (uint32_t row = 0; row < s->rows; row++) {
        scene->choice[row] = way.choose && row % 3 == 1 ? row % (uint32_t)s->columns : UNMIX_NO_CHOICE;
        scene->g_pair[row] =
            ((uint32_t)s->rows / 2 - 1 - row) % ((uint32_t)s->rows / 2); /* the other way round */
    }
    scene->map = (struct unmix_map){.dtype = dtype,
                                    .in_dtype = dtype,
                                    .paired = paired,
                                    .rows = s->rows,
                                    .columns = s->columns,
                                    .f = scene->f,
                                    .g = scene->g,
                                    .choice = way.choose ? scene->choice : NULL,
                                    .g_pair = scene->g_pair};
    scene->job = (struct unmix_job){.map = &scene->map,
                                    .scratch = memory_aligned(unmix_scratch_bytes(&scene->map)),
                                    .in = (const void *const *)scene->in,
                                    .parts = scene->parts,
                                    .lines = s->lines,
                                    .count = s->count,
                                    .in_stride = s->count + s->gap,
                                    .out_stride = s->count + 3 * s->gap,
                                    .pattern_line = way.each ? 0 : UNMIX_PATTERN,
                                    .pattern_period = way.each ? s->count + !s->count : UNMIX_PATTERN,
                                    .slope = curves[way.curve].slope,
                                    .low = curves[way.curve].low,
                                    .high = curves[way.curve].high,
                                    .stream = way.stream};
    assert_non_null(scene->job.scratch);
    for (size_t i = 0; i < scene->operands; i++)
        scene->in[i] = numbers(random, dtype, extent(s->lines, s->count, scene->job.in_stride));
    for (size_t r = 0; r < scene->results; r++)
        part_create(scene, random, r);
}

static void scene_destroy(struct scene *scene) {
    for (size_t i = 0; i < scene->operands; i++)
        free(scene->in[i]);
    for (size_t r = 0; r < scene->results; r++) {
        free(scene->parts[r].out);
        free((void *)scene->parts[r].bias);
        free((void *)scene->parts[r].factor);
    }
    free(scene->f);
    free(scene->g);
    free(scene->choice);
    free(scene->g_pair);
    free(scene->in);
    free(scene->parts);
    free(scene->job.scratch);
}

/* Element `at` of column c of F (system 0) or G (1), by the definition; operands where not paired. */
static double column(const struct scene *scene, int system, size_t c, size_t at) {
    convoy_dtype dtype = scene->map.dtype;
    if (!scene->map.paired)
        return get(dtype, scene->in[c], at);
    void *const *y = scene->in + c / 2 * 4;
    double y00 = get(dtype, y[0], at), y01 = get(dtype, y[1], at), y10 = get(dtype, y[2], at),
           y11 = get(dtype, y[3], at);
    if (system == 0)
        return c % 2 ? y01 + y10 : y00 - y11;
    return c % 2 ? y10 - y01 : y00 + y11;
}

/* Row `row` of a system at `at`; adds the terms' magnitudes to *size. */
static double row_value(const struct scene *scene, int system, size_t row, size_t at, double *size) {
    const double *coefficients = (system ? scene->g : scene->f) + row * scene->map.columns;
    double sum = 0;
    for (size_t c = 0; c < scene->map.columns; c++) {
        double term = coefficients[c] * column(scene, system, c, at);
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* Result r at `at`, not finished. */
static double result_value(const struct scene *scene, size_t r, size_t at, double *size) {
    if (!scene->map.paired) {
        uint32_t choice = scene->map.choice ? scene->map.choice[r] : UNMIX_NO_CHOICE;
        return choice == UNMIX_NO_CHOICE ? row_value(scene, 0, r, at, size)
                                         : get(scene->map.dtype, scene->in[choice], at);
    }
    size_t m = r / 4, n = scene->g_pair[m], part = r % 4 == 1 || r % 4 == 2;
    double f = row_value(scene, 0, 2 * m + part, at, size), g = row_value(scene, 1, 2 * n + part, at, size);
    return r % 4 < 2 ? (f + g) / 2 : r % 4 == 2 ? (f - g) / 2 : (g - f) / 2;
}

static double finish(const struct scene *scene, double v) {
    v = fmin(fmax(v, scene->job.low), scene->job.high);
    return v < 0 ? scene->job.slope * v : v;
}

/* Two roundings for each column and some for the rest, relative to the terms' magnitudes. */
static double tolerance(const struct scene *scene, double size) {
    double rounding = scene->map.dtype == CONVOY_F32 ? 0x1p-24 : 0x1p-53;
    return (double)(2 * scene->map.columns + 6) * rounding * size;
}

static void check_part(const struct scene *scene, const char *kernel, size_t r) {
    const struct unmix_part *part = &scene->parts[r];
    size_t count = extent(part->lines, part->count, scene->job.out_stride);
    for (size_t t = 0; t < count; t++) {
        size_t line = t / scene->job.out_stride, k = t % scene->job.out_stride;
        double got = get(scene->map.dtype, part->out, t), want = 0, size = 0;
        if (k < part->count) {
            want = result_value(scene, r, line * scene->job.in_stride + k, &size);
            double factor = get(scene->map.dtype, part->factor, pattern_index(scene, line, k));
            double bias = get(scene->map.dtype, part->bias, pattern_index(scene, line, k));
            want *= factor;
            size = size * fabs(factor) + fabs(want) + fabs(bias);
            want += bias;
            want = finish(scene, want);
        }
        if (!(fabs(got - want) <= tolerance(scene, size)))
            fail_msg("%s: %g instead of %g, %zu x %zu, lines %zu of %zu, result %zu, at %zu", kernel, got,
                     want, scene->map.rows, scene->map.columns, scene->job.lines, scene->job.count, r, t);
    }
}

static void check(struct random *random, const struct unmix_kernel *kernel, const struct shape *shape,
                  convoy_dtype dtype, bool paired, struct way way) {
    struct scene scene;
    scene_create(&scene, random, shape, dtype, paired, way);
    kernel->prepare(&scene.map, scene.job.scratch);
    for (int again = 0; again < 2; again++) /* what was prepared serves any number of jobs */
        assert_true(kernel->run(&scene.job));
    for (size_t r = 0; r < scene.results; r++)
        check_part(&scene, kernel->name, r);
    scene_destroy(&scene);
}

static void check_kernels(convoy_dtype dtype) {
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (const struct unmix_kernel *kernel = unmix_kernels(); kernel->name; kernel++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (int way = 0; way < 32; way++) {
                struct way w = {way / 2 % 2, way / 4 % 4, way / 16, way % 2};
                check(&random, kernel, &shapes[i], dtype, true,
                      (struct way){w.each, w.curve, w.stream, false});
                check(&random, kernel, &shapes[i], dtype, false, w);
            }
}

/* Halves give bit by bit what the same kernel makes of the float32 numbers that they are. */
static void check_halves(struct random *random, const struct unmix_kernel *kernel, const struct shape *shape,
                         convoy_dtype half, bool paired, struct way way) {
    struct scene scene;
    scene_create(&scene, random, shape, CONVOY_F32, paired, way);
    size_t each = extent(shape->lines, shape->count, scene.job.in_stride);
    void **narrow = calloc(scene.operands + 1, sizeof *narrow), **wide = scene.in;
    assert_non_null(narrow);
    for (size_t i = 0; i < scene.operands; i++) {
        uint16_t *to = narrow[i] = malloc(each * sizeof *to + !each);
        float *from = wide[i];
        assert_non_null(to);
        for (size_t t = 0; t < each; t++) {
            to[t] = half == CONVOY_BF16 ? bf16_of(from[t]) : f16_of(from[t]);
            from[t] = half == CONVOY_BF16 ? bf16_value(to[t]) : f16_value(to[t]);
        }
    }
    float **first = calloc(scene.results + 1, sizeof *first);
    assert_non_null(first);
    kernel->prepare(&scene.map, scene.job.scratch);
    kernel->run(&scene.job);
    for (size_t r = 0; r < scene.results; r++) {
        size_t count = extent(scene.parts[r].lines, scene.parts[r].count, scene.job.out_stride);
        first[r] = scene.parts[r].out;
        scene.parts[r].out = calloc(count + 1, sizeof(float));
        assert_non_null(scene.parts[r].out);
    }
    scene.map.in_dtype = half;
    scene.job.in = (const void *const *)narrow;
    kernel->prepare(&scene.map, scene.job.scratch);
    kernel->run(&scene.job);
    for (size_t r = 0; r < scene.results; r++) {
        size_t count = extent(scene.parts[r].lines, scene.parts[r].count, scene.job.out_stride);
        assert_memory_equal(scene.parts[r].out, first[r], count * sizeof(float));
        free(first[r]);
    }
    for (size_t i = 0; i < scene.operands; i++)
        free(narrow[i]);
    free(narrow);
    free(first);
    scene_destroy(&scene);
}

static void test_halves(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (const struct unmix_kernel *kernel = unmix_kernels(); kernel->name; kernel++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (int way = 0; way < 32; way++) {
                struct way w = {way / 2 % 2, way / 4 % 4, way / 16, way % 2};
                convoy_dtype half = way / 8 % 2 ? CONVOY_BF16 : CONVOY_F16;
                check_halves(&random, kernel, &shapes[i], half, true,
                             (struct way){w.each, w.curve, w.stream, false});
                check_halves(&random, kernel, &shapes[i], half, false, w);
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

/* A NaN that a worker's answer brings is not hidden by a clamp; what is only copied stays as it is, -0 too,
 * whatever the other operand holds. */
static void test_special_values(void **state) {
    (void)state;
    enum { COUNT = 75 };
    static const uint32_t choice = 1;
    const double f[2] = {0, 1};
    for (const struct unmix_kernel *kernel = unmix_kernels(); kernel->name; kernel++) {
        float other[COUNT], p[COUNT], out[COUNT];
        for (int i = 0; i < COUNT; i++) {
            other[i] = NAN;
            p[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? -0.0F : -INFINITY;
        }
        struct unmix_map map = {
            .dtype = CONVOY_F32, .in_dtype = CONVOY_F32, .rows = 1, .columns = 2, .f = f, .choice = &choice};
        float ones[2 * UNMIX_PATTERN], nothing[2 * UNMIX_PATTERN];
        for (int i = 0; i < 2 * UNMIX_PATTERN; i++) {
            ones[i] = 1;
            nothing[i] = -0.0F;
        }
        struct unmix_part part = {.out = out, .factor = ones, .bias = nothing, .lines = 1, .count = COUNT};
        struct unmix_job job = {.map = &map,
                                .scratch = memory_aligned(unmix_scratch_bytes(&map)),
                                .in = (const void *const[]){other, p},
                                .parts = &part,
                                .lines = 1,
                                .count = COUNT,
                                .pattern_line = UNMIX_PATTERN,
                                .pattern_period = UNMIX_PATTERN,
                                .slope = 1,
                                .low = -INFINITY,
                                .high = INFINITY};
        kernel->prepare(&map, job.scratch);
        assert_false(kernel->run(&job));
        assert_memory_equal(p, out, sizeof p);
        job.low = 0;
        assert_false(kernel->run(&job));
        for (int i = 0; i < COUNT; i++)
            assert_true(i % 3 == 0 ? isnan(out[i]) : out[i] == 0);
        free(job.scratch);
    }
}

/* One element that is not finite is told, at any place, even if a clamp hides it. */
static void check_watch(const struct unmix_kernel *kernel, convoy_dtype dtype, bool paired, size_t count,
                        size_t at, double value, double high) {
    struct random random;
    random_seed(&random, SEED);
    struct scene scene;
    const struct shape shape = {4, 4, 3, count, 2, 0, 0};
    scene_create(&scene, &random, &shape, dtype, paired, (struct way){.curve = 1});
    scene.job.high = high;
    size_t element = at / count * scene.job.in_stride + at % count;
    if (dtype == CONVOY_F32)
        ((float *)scene.in[1])[element] = (float)value;
    else
        ((double *)scene.in[1])[element] = value;
    kernel->prepare(&scene.map, scene.job.scratch);
    if (kernel->run(&scene.job) != isfinite(value))
        fail_msg("%s: %g at %zu of 3 lines of %zu is told wrongly", kernel->name, value, at, count);
    scene_destroy(&scene);
}

static void test_watch(void **state) {
    (void)state;
    static const double values[] = {1, NAN, INFINITY, -INFINITY};
    static const size_t counts[] = {1, 3, 8, 16, 33, 67};
    for (const struct unmix_kernel *kernel = unmix_kernels(); kernel->name; kernel++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            for (size_t at = 0; at < 3 * counts[c]; at++) {
                double value = values[at % 4], high = at / 4 % 2 ? 1 : INFINITY;
                check_watch(kernel, CONVOY_F32, at % 3 == 1, counts[c], at, value, high);
                check_watch(kernel, CONVOY_F64, at % 3 == 2, counts[c], at, value, high);
            }
}

/* A size that overflows is told, not wrapped. */
static void test_scratch(void **state) {
    (void)state;
    struct unmix_map map = {
        .dtype = CONVOY_F64, .paired = true, .rows = (size_t)1 << 40, .columns = (size_t)1 << 30};
    assert_true(unmix_scratch_bytes(&map) == 0);
    map.rows = map.columns = 2;
    assert_true(unmix_scratch_bytes(&map) > 0 && unmix_scratch_bytes(&map) % MEMORY_ALIGNMENT == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f32),    cmocka_unit_test(test_f64),
        cmocka_unit_test(test_halves), cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_watch),  cmocka_unit_test(test_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
