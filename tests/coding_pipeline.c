#include "coding_pipeline.h"

#include "code/decoder.h"
#include "code/encoder.h"
#include "code/filter_encoder.h"
#include "compute/layer.h"
#include "conv_oracle.h"
#include "linalg/halves.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *test_memory(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    assert_non_null(memory);
    return memory;
}

static size_t elements(convoy_shape shape) {
    size_t product = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        product *= (size_t)shape.dims[i];
    return product;
}

static void compute_directly(struct pipeline *p) {
    double *x = test_memory(p->inputs, sizeof *x), *k = test_memory(p->filters, sizeof *k);
    for (size_t i = 0; i < p->inputs; i++)
        x[i] = oracle_get(p->setup.dtype, p->x, i);
    for (size_t i = 0; i < p->filters; i++)
        k[i] = oracle_get(p->setup.dtype, p->k, i);
    oracle_convolve(&p->setup.layer, CONVOY_F64, x, k, p->y);
    free(x);
    free(k);
}

convoy_dtype pipeline_frames(const struct pipeline *p) {
    return p->setup.half ? p->setup.half : p->setup.dtype;
}

/* The worker's coded slices, one after the other, as frames. */
static void encode_input(const struct pipeline *p, uint32_t worker, void *task_x) {
    void *pieces[2];
    for (uint32_t r = 0; r < p->code.input_pieces; r++)
        pieces[r] = (char *)task_x + r * encoded_bytes(pipeline_frames(p), &p->partition.input);
    encode(p->setup.dtype, pipeline_frames(p), &p->partition.input, p->code.input_pieces,
           code_input_rows(&p->code, worker), p->x, pieces);
}

/* The worker's coded filters [group][piece][m]. */
static void encode_task_filters(const struct pipeline *p, uint32_t worker, void *task_k) {
    const struct filter_job job = {.dtype = p->setup.dtype,
                                   .cut = &p->partition.filter,
                                   .workers = 1,
                                   .pieces = p->code.filter_pieces,
                                   .rows = code_filter_rows(&p->code, worker),
                                   .filters = p->k,
                                   .factors = p->factors,
                                   .out = &task_k};
    assert_int_equal(encode_filters(&job), CONVOY_OK);
}

/* The worker's convolution by the naive backend, as a worker would have it done. */
static void compute_task(const struct pipeline *p, void *task_x, void *task_k, void *answer) {
    struct backend *backend = NULL;
    struct layer *layer = NULL;
    struct context *context = NULL;
    convoy_shape filter = conv_filter_shape(&p->task), output = conv_output_shape(&p->task);
    struct value_desc input;
    struct layer_desc desc = conv_layer_desc(&p->task, p->setup.dtype, &input);
    struct layer_params params = {.weights = {.dtype = p->setup.dtype, .shape = filter, .data = task_k}};
    convoy_tensor in = {.dtype = p->setup.dtype, .shape = input.shape, .data = task_x};
    convoy_tensor out = {.dtype = p->setup.dtype, .shape = output, .data = answer};
    assert_int_equal(reference_backend_create(&backend, NULL), CONVOY_OK);
    assert_int_equal(backend->ops->layer_prepare(backend, &desc, &params, &layer, NULL), CONVOY_OK);
    assert_int_equal(backend->ops->context_create(backend, &context, NULL), CONVOY_OK);
    assert_int_equal(layer->ops->layer_run(layer, context, &in, &out, NULL, NULL), CONVOY_OK);
    backend->ops->context_destroy(&context);
    backend->ops->layer_destroy(&layer);
    backend->ops->destroy(&backend);
}

/* The same of an input that comes as halves, for an answer that goes so. */
static void compute_halves(const struct pipeline *p, const void *task_x, void *task_k, void *answer) {
    size_t inputs = elements(conv_input_shape(&p->task));
    float *wide_x = test_memory(inputs, sizeof *wide_x),
          *wide_answer = test_memory(p->answer_elements, sizeof *wide_answer);
    halves_widen(p->setup.half, task_x, inputs, wide_x);
    compute_task(p, wide_x, task_k, wide_answer);
    assert_true(halves_narrow(wide_answer, p->answer_elements, p->setup.half, answer));
    free(wide_x);
    free(wide_answer);
}

void pipeline_compute(struct pipeline *p) {
    size_t size = convoy_dtype_bytes(p->setup.dtype);
    size_t channels = (size_t)p->setup.layer.out_channels;
    compute_directly(p);
    if (p->setup.unequal)
        for (size_t c = 0; c < channels; c++)
            oracle_set(p->setup.dtype, p->factors, c, 1);
    else
        equilibrate(p->setup.dtype, p->k, channels, p->filters / channels, p->factors);
    for (uint32_t j = 0; j < p->code.placement.workers; j++) {
        void *task_x = test_memory(elements(conv_input_shape(&p->task)), size);
        void *task_k = test_memory(elements(conv_filter_shape(&p->task)), size);
        encode_input(p, j, task_x);
        encode_task_filters(p, j, task_k);
        if (p->setup.half)
            compute_halves(p, task_x, task_k, p->answers[j]);
        else
            compute_task(p, task_x, task_k, p->answers[j]);
        free(task_x);
        free(task_k);
    }
}

void pipeline_create(struct pipeline *pipeline, const struct pipeline_setup *setup, struct random *random) {
    struct pipeline p = {.setup = *setup};
    const struct code_family *family = NULL;
    size_t size = convoy_dtype_bytes(setup->dtype);
    assert_int_equal(code_family_find(setup->family, &family, NULL), CONVOY_OK);
    assert_int_equal(
        code_create(&p.code, family, setup->input_parts, setup->filter_parts, &setup->placement, 1, NULL),
        CONVOY_OK);
    assert_int_equal(
        partition_create(&p.partition, &setup->layer, setup->input_parts, setup->filter_parts, NULL),
        CONVOY_OK);
    assert_int_equal(partition_task(&p.partition, p.code.input_pieces, p.code.filter_pieces, &p.task, NULL),
                     CONVOY_OK);
    p.inputs = elements(conv_input_shape(&setup->layer));
    p.filters = elements(conv_filter_shape(&setup->layer));
    p.outputs = elements(conv_output_shape(&setup->layer));
    p.answer_elements = elements(conv_output_shape(&p.task));
    p.x = test_memory(p.inputs, size);
    p.k = test_memory(p.filters, size);
    p.factors = test_memory((size_t)setup->layer.out_channels, size);
    p.y = test_memory(p.outputs, sizeof *p.y);
    p.answers = test_memory(setup->placement.workers, sizeof *p.answers);
    for (uint32_t j = 0; j < setup->placement.workers; j++)
        p.answers[j] = test_memory(p.answer_elements, size);
    for (size_t i = 0; i < p.inputs; i++)
        oracle_set(setup->dtype, p.x, i, random_normal(random));
    for (size_t i = 0; i < p.filters; i++)
        oracle_set(setup->dtype, p.k, i, random_normal(random));
    pipeline_compute(&p);
    *pipeline = p;
}

void pipeline_destroy(struct pipeline *p) {
    for (uint32_t j = 0; j < p->setup.placement.workers; j++)
        free(p->answers[j]);
    free(p->answers);
    free(p->x);
    free(p->k);
    free(p->factors);
    free(p->y);
    code_destroy(&p->code);
    *p = (struct pipeline){0};
}

double pipeline_decode(const struct pipeline *p, const uint32_t *workers, uint32_t count, const void *bias,
                       const struct activation *activation, void *out) {
    struct code_solution *solution = NULL;
    assert_int_equal(code_solve(&p->code, workers, count, &solution), CONVOY_OK);
    const void **answers = test_memory(solution->survivors, sizeof *answers);
    for (uint32_t i = 0; i < solution->survivors; i++)
        answers[i] = p->answers[solution->workers[i]];
    const struct decode_job job = {.dtype = p->setup.dtype,
                                   .answer_dtype = pipeline_frames(p),
                                   .code = &p->code,
                                   .solution = solution,
                                   .grid = &p->partition.output,
                                   .answers = answers,
                                   .factors = p->factors,
                                   .bias = bias,
                                   .activation = activation,
                                   .out = out};
    bool finite = false;
    assert_int_equal(decode(&job, &finite), CONVOY_OK);
    assert_true(finite);
    double condition = solution->condition;
    free(answers);
    code_solution_destroy(&solution);
    return condition;
}

double pipeline_distance(const struct pipeline *p, const void *out, const double *y) {
    double sum = 0;
    for (size_t i = 0; i < p->outputs; i++) {
        double difference = oracle_get(p->setup.dtype, out, i) - y[i];
        sum += difference * difference;
    }
    return sqrt(sum);
}

double pipeline_norm(const struct pipeline *p, const double *y) {
    double sum = 0;
    for (size_t i = 0; i < p->outputs; i++)
        sum += y[i] * y[i];
    return sqrt(sum);
}

const char *pipeline_text(const struct pipeline *p, char *text, size_t size) {
    char geometry[256];
    snprintf(text, size, "%s %s, n %u, q %u, g %u, parts %u,%u, threshold %u: %s", p->setup.family,
             convoy_dtype_text(pipeline_frames(p)), p->setup.placement.workers, p->setup.placement.order,
             p->setup.placement.step, p->setup.input_parts, p->setup.filter_parts, p->code.threshold,
             oracle_geometry_text(&p->setup.layer, geometry, sizeof geometry));
    return text;
}
