/* Properties of coding that hold whatever the layer: it is linear, it does not depend on who was first,
 * decoding in complex pairs is the solution of the papers' real system, and bias and activation may follow
 * it. */
#include "coding_tally.h"
#include "conv_oracle.h"
#include "linalg/dense.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORKERS = 6, STRAGGLERS = 2, PIPELINES = 40 };

/* Pipeline i of a sequence that goes through codes with both operands split and with one, both types, and
 * layers of all kinds. */
static void pipeline_of(struct pipeline *p, uint32_t i, struct random *random) {
    static const uint32_t parts[][2] = {{4, 4}, {8, 2}, {1, 8}, {8, 1}};
    struct pipeline_setup setup = {.family = "rotation",
                                   .placement = coding_placement(true, WORKERS, STRAGGLERS),
                                   .input_parts = parts[i % 4][0],
                                   .filter_parts = parts[i % 4][1],
                                   .dtype = coding_tolerances[i / 4 % CODING_DTYPES].dtype,
                                   .layer = coding_layer(i)};
    pipeline_create(p, &setup, random);
}

/* decode(encode(aX + bZ)) = a·decode(encode(X)) + b·decode(encode(Z)). */
static void test_linearity(void **state) {
    (void)state;
    const double a = 1.5, b = -0.75;
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (uint32_t i = 0; i < PIPELINES; i++) {
        struct pipeline p;
        uint32_t survivors[WORKERS];
        pipeline_of(&p, i, &random);
        convoy_dtype dtype = p.setup.dtype;
        random_survivors(&random, WORKERS, p.code.threshold, survivors);
        double *x = test_memory(p.inputs, sizeof *x), *y = test_memory(p.outputs, sizeof *y), norm;
        void *out = test_memory(p.outputs, sizeof(double));

        pipeline_decode(&p, survivors, p.code.threshold, NULL, NULL, out);
        norm = fabs(a) * pipeline_norm(&p, p.y);
        for (size_t k = 0; k < p.outputs; k++)
            y[k] = a * oracle_get(dtype, out, k);
        for (size_t k = 0; k < p.inputs; k++) {
            double z = random_normal(&random), first = oracle_get(dtype, p.x, k);
            oracle_set(dtype, p.x, k, z);
            x[k] = a * first + b * oracle_get(dtype, p.x, k);
        }
        pipeline_compute(&p);
        pipeline_decode(&p, survivors, p.code.threshold, NULL, NULL, out);
        norm += fabs(b) * pipeline_norm(&p, p.y);
        for (size_t k = 0; k < p.outputs; k++)
            y[k] += b * oracle_get(dtype, out, k);

        for (size_t k = 0; k < p.inputs; k++)
            oracle_set(dtype, p.x, k, x[k]);
        pipeline_compute(&p);
        double condition = pipeline_decode(&p, survivors, p.code.threshold, NULL, NULL, out);
        tally_error(&tally, &p, condition, pipeline_distance(&p, out, y), norm);
        free(x);
        free(y);
        free(out);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
}

/* One decode for every set of at least δ answers: κ is no worse than that of the first δ, and to decode again
 * after others gives the same bits. */
static void test_order_of_answers(void **state) {
    (void)state;
    enum { SETS = 1 << WORKERS };
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (uint32_t i = 0; i < PIPELINES; i++) {
        struct pipeline p;
        pipeline_of(&p, i, &random);
        size_t bytes = p.outputs * convoy_dtype_bytes(p.setup.dtype);
        void *first[SETS] = {0}, *out = test_memory(p.outputs, sizeof(double));
        for (int round = 0; round < 2 * SETS; round++) {
            uint32_t set = 0, survivors[WORKERS];
            uint32_t came =
                p.code.threshold + (uint32_t)random_below(&random, WORKERS - p.code.threshold + 1);
            random_survivors(&random, WORKERS, came, survivors);
            for (uint32_t k = 0; k < came; k++)
                set |= 1u << survivors[k];
            double condition = tally_survivors(&tally, &p, survivors, came, 0, out);
            assert_true(condition <=
                        code_conditioning(&p.code, survivors, p.code.threshold).condition * (1 + 1e-9));
            if (!first[set])
                first[set] = memcpy(test_memory(1, bytes), out, bytes);
            assert_memory_equal(first[set], out, bytes);
        }
        for (size_t set = 0; set < SETS; set++)
            free(first[set]);
        free(out);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
}

/* The papers' system: row (j,r,s) of E holds the coefficients of all X_a*K_b in worker j's result of pieces r
 * and s. inverse [order][order], order = k_A·k_B. */
static void invert_real_system(const struct code *code, const uint32_t *survivors, double *inverse) {
    size_t order = (size_t)code->input_parts * code->filter_parts, row = 0;
    double *e = test_memory(order * order, sizeof *e);
    for (uint32_t i = 0; i < code->threshold; i++) {
        const double *input = code_input_rows(code, survivors[i]);
        const double *filter = code_filter_rows(code, survivors[i]);
        for (uint32_t r = 0; r < code->input_pieces; r++)
            for (uint32_t s = 0; s < code->filter_pieces; s++, row++)
                for (uint32_t part = 0; part < order; part++)
                    e[row * order + part] = input[r * code->input_parts + part / code->filter_parts] *
                                            filter[s * code->filter_parts + part % code->filter_parts];
    }
    assert_int_equal(row, order); /* as many results as parts: 4δ with both operands split */
    assert_int_equal(dense_invert(order, e, inverse), CONVOY_OK);
    free(e);
}

/* Element k of Y from the answers by the inverse of the real system. */
static double real_value(const struct pipeline *p, const uint32_t *survivors, const double *inverse,
                         size_t k) {
    const struct code *code = &p->code;
    struct oracle_place place = oracle_place_of(&p->partition.output, k);
    const double *row =
        inverse + (size_t)(place.a * code->filter_parts + place.b) * code->input_parts * code->filter_parts;
    double sum = 0;
    for (uint32_t i = 0; i < code->threshold; i++)
        for (uint32_t r = 0; r < code->input_pieces; r++)
            for (uint32_t s = 0; s < code->filter_pieces; s++) {
                size_t at = oracle_answer_index(&p->partition.output, code->filter_pieces, r, s, &place);
                sum += *row++ * oracle_get(p->setup.dtype, p->answers[survivors[i]], at);
            }
    return sum * oracle_get(p->setup.dtype, p->factors, oracle_channel(&p->partition.output, &place));
}

static void test_decoding_is_the_real_system(void **state) {
    (void)state;
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (uint32_t i = 0; i < PIPELINES; i++) {
        struct pipeline p;
        uint32_t survivors[WORKERS];
        pipeline_of(&p, i, &random);
        size_t order = (size_t)p.code.input_parts * p.code.filter_parts;
        double *inverse = test_memory(order * order, sizeof *inverse), *y = test_memory(p.outputs, sizeof *y);
        void *out = test_memory(p.outputs, sizeof(double));
        random_survivors(&random, WORKERS, p.code.threshold, survivors);
        invert_real_system(&p.code, survivors, inverse);
        for (size_t k = 0; k < p.outputs; k++)
            y[k] = real_value(&p, survivors, inverse, k);
        double condition = pipeline_decode(&p, survivors, p.code.threshold, NULL, NULL, out);
        tally_error(&tally, &p, condition, pipeline_distance(&p, out, y), pipeline_norm(&p, y));
        free(inverse);
        free(y);
        free(out);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
}

/* The activations that decoding computes in the type of the tensor; the others are computed in float32. */
static bool activate(const struct activation *activation, double value, double *result) {
    switch (activation->kind) {
    case ACTIVATION_NONE:
        *result = value;
        return true;
    case ACTIVATION_RELU:
        *result = fmax(value, 0);
        return true;
    case ACTIVATION_CLIP:
        *result = fmin(fmax(value, activation->alpha), activation->beta);
        return true;
    default:
        *result = activation_apply(activation, (float)value);
        return false;
    }
}

/* y [outputs]: the layer with bias and activation. Returns whether that is exact in float64. */
static bool finish_layer(const struct pipeline *p, const void *bias, const struct activation *activation,
                         double *y) {
    const struct conv_geometry *g = &p->setup.layer;
    size_t channels = (size_t)g->out_channels, inner = p->outputs / (size_t)g->batch / channels;
    bool exact = true;
    for (size_t k = 0; k < p->outputs; k++) {
        size_t channel = g->layout == CONV_CHANNELS_LAST ? k % channels : k / inner % channels;
        exact = activate(activation, p->y[k] + oracle_get(p->setup.dtype, bias, channel), &y[k]) && exact;
    }
    return exact;
}

/* None of these activations stretches a difference, so the error stays that of decoding. */
static void test_bias_and_activation(void **state) {
    (void)state;
    static const struct activation activations[] = {
        {ACTIVATION_NONE, 0, 0},  {ACTIVATION_RELU, 0, 0},    {ACTIVATION_CLIP, 0, 2},
        {ACTIVATION_CLIP, 1, -1}, {ACTIVATION_SIGMOID, 0, 0}, {ACTIVATION_LEAKY_RELU, 0.1f, 0},
        {ACTIVATION_ELU, 1, 0},   {ACTIVATION_TANH, 0, 0},    {ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f},
        {ACTIVATION_ABS, 0, 0},   {ACTIVATION_NEG, 0, 0},     {ACTIVATION_SOFTPLUS, 0, 0},
    };
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (uint32_t i = 0; i < PIPELINES * sizeof activations / sizeof *activations; i++) {
        struct pipeline p;
        uint32_t survivors[WORKERS];
        pipeline_of(&p, i, &random);
        size_t channels = (size_t)p.setup.layer.out_channels;
        void *bias = test_memory(channels, sizeof(double)), *out = test_memory(p.outputs, sizeof(double));
        double *y = test_memory(p.outputs, sizeof *y);
        random_survivors(&random, WORKERS, p.code.threshold, survivors);
        for (size_t c = 0; c < channels; c++)
            oracle_set(p.setup.dtype, bias, c, random_normal(&random));
        const struct activation *activation = &activations[i / PIPELINES];
        if (finish_layer(&p, bias, activation, y) || p.setup.dtype == CONVOY_F32) {
            double condition = pipeline_decode(&p, survivors, p.code.threshold, bias, activation, out);
            tally_error(&tally, &p, condition, pipeline_distance(&p, out, y), pipeline_norm(&p, p.y));
        }
        free(bias);
        free(out);
        free(y);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linearity),
        cmocka_unit_test(test_order_of_answers),
        cmocka_unit_test(test_decoding_is_the_real_system),
        cmocka_unit_test(test_bias_and_activation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
