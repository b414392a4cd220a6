/* Encoding, a bilinear operation at every worker, decoding: a 1 x 1 convolution by a naive loop in the
 * tensors' own type, against the same in double precision without code. Real convolutions are for
 * tests/coding_test.c. */
#include "code/code.h"
#include "code/decoder.h"
#include "code/encoder.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 20240611, SETS = 12 };

/* Largest ‖Ŷ−Y‖_F / (κ·‖Y‖_F), Y before bias and activation. float32: 4·6e-8, the bound found for the scheme;
 * float64: as many units of its rounding. */
static double tolerance(convoy_dtype dtype) {
    return dtype == CONVOY_F32 ? 4 * 6e-8 : 4 * 1.1e-16;
}

/* Channels and rows are chosen beside the codes' parts, so that in most cases some are surplus. */
static const struct shape {
    size_t batch, groups, in_channels, channels, rows, inner; /* channels of one group */
} shapes[] = {
    {1, 1, 3, 4, 4, 1},   {1, 1, 3, 8, 8, 5},    {2, 1, 4, 9, 13, 3},    {1, 3, 2, 5, 9, 7},
    {2, 2, 3, 11, 10, 2}, {1, 1, 5, 6, 17, 260}, {1, 1, 2, 1100, 16, 1}, {1, 1, 2, 17, 130, 17},
};

static const struct {
    const char *family;
    uint32_t input_parts, filter_parts, workers;
} codes[] = {
    {"rotation", 4, 4, 6},   {"rotation", 4, 4, 4},    {"rotation", 2, 4, 5},    {"rotation", 4, 2, 3},
    {"rotation", 2, 2, 2},   {"rotation", 1, 4, 5},    {"rotation", 4, 1, 4},    {"rotation", 1, 2, 3},
    {"rotation", 2, 1, 1},   {"rotation", 1, 1, 3},    {"rotation", 8, 4, 9},    {"replicate", 2, 2, 9},
    {"replicate", 3, 1, 7},  {"uncoded", 3, 2, 6},     {"uncoded", 1, 1, 1},     {"systematic", 1, 5, 8},
    {"systematic", 4, 1, 6}, {"systematic", 3, 1, 12}, {"vandermonde", 2, 3, 8}, {"vandermonde", 3, 1, 5},
    {"chebyshev", 3, 2, 7},  {"khatri-rao", 2, 4, 10}, {"khatri-rao", 1, 3, 4},
};

static const struct activation activations[] = {
    {ACTIVATION_NONE, 0, 0},           {ACTIVATION_RELU, 0, 0},    {ACTIVATION_CLIP, -0.5F, 0.75F},
    {ACTIVATION_LEAKY_RELU, 0.25F, 0}, {ACTIVATION_SIGMOID, 0, 0},
};

struct problem {
    struct shape shape;
    convoy_dtype dtype;
    enum conv_layout layout;
    void *x, *k, *bias;
    double *y, norm; /* without bias; ‖Y‖_F */
};

static size_t place(enum conv_layout layout, const struct shape *s, size_t channels, size_t rows,
                    const size_t at[5]) {
    if (layout == CONV_CHANNELS_FIRST) /* image, group, channel, row, column */
        return (((at[0] * s->groups + at[1]) * channels + at[2]) * rows + at[3]) * s->inner + at[4];
    return (((at[0] * rows + at[3]) * s->inner + at[4]) * s->groups + at[1]) * channels + at[2];
}

static double get(convoy_dtype dtype, const void *data, size_t i) {
    return dtype == CONVOY_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void set(convoy_dtype dtype, void *data, size_t i, double value) {
    if (dtype == CONVOY_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

static void *random_data(struct random *random, convoy_dtype dtype, size_t count) {
    void *data = malloc(count * convoy_dtype_bytes(dtype));
    assert_non_null(data);
    for (size_t i = 0; i < count; i++)
        set(dtype, data, i, random_normal(random));
    return data;
}

/* The next of all (image, group, channel, row, column); false after the last. */
static bool next(const struct shape *s, size_t channels, size_t rows, size_t at[5]) {
    const size_t end[5] = {s->batch, s->groups, channels, rows, s->inner};
    for (int axis = 4; axis >= 0; axis--) {
        if (++at[axis] < end[axis])
            return true;
        at[axis] = 0;
    }
    return false;
}

static struct problem problem_create(struct random *random, const struct shape *s, convoy_dtype dtype,
                                     enum conv_layout layout) {
    size_t places = s->batch * s->groups * s->rows * s->inner, filters = s->groups * s->channels;
    struct problem p = {.shape = *s, .dtype = dtype, .layout = layout};
    p.x = random_data(random, dtype, places * s->in_channels);
    p.k = random_data(random, dtype, filters * s->in_channels);
    p.bias = random_data(random, dtype, filters);
    p.y = calloc(places * s->channels, sizeof *p.y);
    assert_non_null(p.y);
    size_t at[5] = {0};
    do {
        double sum = 0;
        for (size_t c = 0; c < s->in_channels; c++) {
            const size_t from[5] = {at[0], at[1], c, at[3], at[4]};
            sum += get(dtype, p.x, place(layout, s, s->in_channels, s->rows, from)) *
                   get(dtype, p.k, (at[1] * s->channels + at[2]) * s->in_channels + c);
        }
        p.y[place(layout, s, s->channels, s->rows, at)] = sum;
        p.norm += sum * sum;
    } while (next(s, s->channels, s->rows, at));
    p.norm = sqrt(p.norm);
    return p;
}

static void problem_destroy(struct problem *p) {
    free(p->x);
    free(p->k);
    free(p->bias);
    free(p->y);
}

/* One worker's answer to its coded pieces, [input_pieces][slice in the layout] and [filter_pieces][filters of
 * a group]: dense, as output_grid says. */
static void *answer_create(const struct problem *p, const struct code *code, const struct output_grid *grid,
                           void **x, void **k) {
    const struct shape *s = &p->shape;
    size_t m = (size_t)grid->part_channels, h = (size_t)grid->part_rows, wide = code->filter_pieces * m;
    size_t slice = s->batch * s->groups * wide * h * s->inner;
    void *answer = malloc(slice * code->input_pieces * convoy_dtype_bytes(p->dtype));
    assert_non_null(answer);
    for (size_t r = 0; r < code->input_pieces; r++) {
        size_t at[5] = {0};
        do {
            double sum = 0;
            for (size_t c = 0; c < s->in_channels; c++) {
                const size_t from[5] = {at[0], at[1], c, at[3], at[4]};
                double product = get(p->dtype, x[r], place(p->layout, s, s->in_channels, h, from)) *
                                 get(p->dtype, k[at[2] / m], (at[1] * m + at[2] % m) * s->in_channels + c);
                sum = p->dtype == CONVOY_F32 ? (double)((float)sum + (float)product) : sum + product;
            }
            set(p->dtype, answer, r * slice + place(p->layout, s, wide, h, at), sum);
        } while (next(s, wide, h, at));
    }
    return answer;
}

/* A code over a problem: how both are cut, and every worker's answer. */
struct coded {
    struct code code;
    struct output_grid grid;
    void **answers; /* [n] */
};

static struct coded coded_create(const struct problem *p, const struct code *code) {
    const struct shape *s = &p->shape;
    size_t h = (s->rows + code->input_parts - 1) / code->input_parts, size = convoy_dtype_bytes(p->dtype);
    size_t m = (s->channels + code->filter_parts - 1) / code->filter_parts;
    bool first = p->layout == CONV_CHANNELS_FIRST;
    struct axis_cut input = {
        .outer = s->batch * (first ? s->groups * s->in_channels : 1),
        .inner = s->inner * (first ? 1 : s->groups * s->in_channels),
        .extent = (int64_t)s->rows,
        .step = (int64_t)h,
        .length = (int64_t)h,
        .parts = code->input_parts,
    };
    struct axis_cut filter = {
        .outer = s->groups,
        .inner = s->in_channels,
        .extent = (int64_t)s->channels,
        .step = (int64_t)m,
        .length = (int64_t)m,
        .parts = code->filter_parts,
    };
    struct coded c = {
        .code = *code,
        .grid = {p->layout, 0, s->batch, s->groups, s->inner, (int64_t)s->channels, (int64_t)s->rows,
                 (int64_t)m, (int64_t)h, code->input_parts, code->filter_parts},
        .answers = calloc(code->placement.workers, sizeof *c.answers),
    };
    assert_non_null(c.answers);
    assert_int_equal(encoded_bytes(p->dtype, &filter), s->groups * m * s->in_channels * size);
    for (uint32_t w = 0; w < code->placement.workers; w++) {
        void *x[2], *k[2];
        for (int piece = 0; piece < 2; piece++) {
            x[piece] = malloc(encoded_bytes(p->dtype, &input));
            k[piece] = malloc(encoded_bytes(p->dtype, &filter));
            assert_true(x[piece] && k[piece]);
        }
        encode(p->dtype, p->dtype, &input, code->input_pieces, code_input_rows(code, w), p->x, x);
        encode(p->dtype, p->dtype, &filter, code->filter_pieces, code_filter_rows(code, w), p->k, k);
        c.answers[w] = answer_create(p, code, &c.grid, x, k);
        for (int piece = 0; piece < 2; piece++) {
            free(x[piece]);
            free(k[piece]);
        }
    }
    return c;
}

static void coded_destroy(struct coded *c) {
    for (uint32_t w = 0; w < c->code.placement.workers; w++)
        free(c->answers[w]);
    free(c->answers);
}

/* Decodes from these workers and compares. */
static void check_decode(const struct problem *p, const struct coded *c, const uint32_t *workers,
                         uint32_t count, bool bias, const struct activation *activation) {
    const struct shape *s = &p->shape;
    size_t elements = s->batch * s->groups * s->channels * s->rows * s->inner,
           size = convoy_dtype_bytes(p->dtype);
    struct code_solution *solution;
    assert_int_equal(code_solve(&c->code, workers, count, &solution), CONVOY_OK);
    const void **answers = calloc(solution->survivors, sizeof *answers);
    void *out = malloc(elements * size);
    assert_true(answers && out);
    memset(out, 0xff, elements * size); /* NaN wherever nothing is written */
    for (uint32_t i = 0; i < solution->survivors; i++)
        answers[i] = c->answers[solution->workers[i]];
    const struct decode_job job = {.dtype = p->dtype,
                                   .answer_dtype = p->dtype,
                                   .code = &c->code,
                                   .solution = solution,
                                   .grid = &c->grid,
                                   .answers = answers,
                                   .bias = bias ? p->bias : NULL,
                                   .activation = activation,
                                   .out = out};
    bool finite = false;
    assert_int_equal(decode(&job, &finite), CONVOY_OK);
    assert_true(finite);
    double error = 0;
    size_t at[5] = {0};
    do {
        size_t i = place(p->layout, s, s->channels, s->rows, at);
        double want = p->y[i] + (bias ? get(p->dtype, p->bias, at[1] * s->channels + at[2]) : 0);
        if (activation && activation->kind == ACTIVATION_RELU)
            want = fmax(want, 0);
        if (activation && activation->kind == ACTIVATION_CLIP)
            want = fmin(fmax(want, (double)activation->alpha), (double)activation->beta);
        if (activation && activation->kind == ACTIVATION_LEAKY_RELU)
            want = want < 0 ? (double)activation->alpha * want : want;
        if (activation && activation->kind == ACTIVATION_SIGMOID)
            want = 1 / (1 + exp(-want));
        error += (get(p->dtype, out, i) - want) * (get(p->dtype, out, i) - want);
    } while (next(s, s->channels, s->rows, at));
    double bound = tolerance(p->dtype) * solution->condition * p->norm;
    if (!(sqrt(error) <= bound))
        fail_msg("error %g above %g: %s %u x %u, n %u, κ %g, %s, layout %d", sqrt(error), bound,
                 c->code.family->name, c->code.input_parts, c->code.filter_parts, c->code.placement.workers,
                 solution->condition, convoy_dtype_text(p->dtype), (int)p->layout);
    free(out);
    free(answers);
    code_solution_destroy(&solution);
}

/* Random sets of workers that suffice, the largest one first. */
static void check_sets(struct random *random, const struct problem *p, const struct coded *c) {
    for (int set = 0; set < SETS; set++) {
        uint32_t workers[16], count = 0, n = c->code.placement.workers;
        while (!code_suffices(&c->code, workers, count)) {
            count = 0;
            for (uint32_t w = 0; w < n; w++)
                if (set == 0 || random_unit(random) < 0.8)
                    workers[count++] = w;
        }
        const struct activation *activation =
            &activations[random_below(random, sizeof activations / sizeof *activations)];
        check_decode(p, c, workers, count, random_below(random, 2), activation);
    }
}

static void check_shapes(convoy_dtype dtype, enum conv_layout layout) {
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct problem problem = problem_create(&random, &shapes[i], dtype, layout);
        for (size_t j = 0; j < sizeof codes / sizeof codes[0]; j++) {
            const struct code_family *family;
            struct placement placement = placement_plain(codes[j].workers);
            struct code code;
            assert_int_equal(code_family_find(codes[j].family, &family, NULL), CONVOY_OK);
            assert_int_equal(
                code_create(&code, family, codes[j].input_parts, codes[j].filter_parts, &placement, 1, NULL),
                CONVOY_OK);
            struct coded coded = coded_create(&problem, &code);
            check_sets(&random, &problem, &coded);
            coded_destroy(&coded);
            code_destroy(&code);
        }
        problem_destroy(&problem);
    }
}

static void test_channels_first_f32(void **state) {
    (void)state;
    check_shapes(CONVOY_F32, CONV_CHANNELS_FIRST);
}

static void test_channels_first_f64(void **state) {
    (void)state;
    check_shapes(CONVOY_F64, CONV_CHANNELS_FIRST);
}

static void test_channels_last_f32(void **state) {
    (void)state;
    check_shapes(CONVOY_F32, CONV_CHANNELS_LAST);
}

static void test_channels_last_f64(void **state) {
    (void)state;
    check_shapes(CONVOY_F64, CONV_CHANNELS_LAST);
}

/* Windows that overlap, leave gaps, reach over both ends or lie beyond them. */
static void test_windows(void **state) {
    (void)state;
    static const struct axis_cut cuts[] = {
        {1, 1, 10, 0, 5, 5, 2},   {3, 7, 13, -2, 4, 8, 4},    {2, 5, 7, -1, 2, 3, 6},
        {1, 3, 4, -5, 3, 2, 5},   {2, 40, 9, 3, 5, 2, 1},     {1, 17, 5, -3, 1, 12, 3},
        {600, 3, 6, -1, 2, 4, 4}, {1, 2, 300, -1, 2, 4, 150}, {1, 5000, 6, -1, 3, 5, 2},
    };
    struct random random;
    random_seed(&random, SEED);
    for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
        const struct axis_cut *cut = &cuts[c];
        size_t in = cut->outer * (size_t)cut->extent * cut->inner, length = (size_t)cut->length * cut->inner;
        enum { OUTPUTS = 5 };
        double *source = random_data(&random, CONVOY_F64, in), *out[OUTPUTS];
        double *rows = random_data(&random, CONVOY_F64, (size_t)OUTPUTS * cut->parts);
        for (int j = 0; j < OUTPUTS; j++)
            out[j] = random_data(&random, CONVOY_F64, cut->outer * length);
        assert_int_equal(encoded_bytes(CONVOY_F64, cut), cut->outer * length * sizeof(double));
        encode(CONVOY_F64, CONVOY_F64, cut, OUTPUTS, rows, source, (void *const *)out);
        for (size_t i = 0; i < OUTPUTS * cut->outer * length; i++) {
            size_t j = i / (cut->outer * length), o = i / length % cut->outer;
            double sum = 0, size = 0;
            for (size_t a = 0; a < cut->parts; a++) {
                int64_t at = cut->first + (int64_t)a * cut->step + (int64_t)(i % length / cut->inner);
                if (at < 0 || at >= cut->extent)
                    continue;
                double x = source[(o * (size_t)cut->extent + (size_t)at) * cut->inner + i % cut->inner];
                sum += rows[j * cut->parts + a] * x;
                size += fabs(rows[j * cut->parts + a] * x);
            }
            assert_true(fabs(out[j][i % (cut->outer * length)] - sum) <= 2.3e-16 * size * (cut->parts + 1));
        }
        for (int j = 0; j < OUTPUTS; j++)
            free(out[j]);
        free(rows);
        free(source);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_channels_first_f32),
        cmocka_unit_test(test_channels_first_f64),
        cmocka_unit_test(test_channels_last_f32),
        cmocka_unit_test(test_channels_last_f64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
