/* What the tests of compute/ share: the list of backends, and one layer with everything that it needs to run.
 */
#ifndef TESTS_LAYER_SAMPLE_H
#define TESTS_LAYER_SAMPLE_H

#include "base/dtype.h"
#include "base/random.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* A new backend is one more line. */
static const struct {
    const char *name;
    uint32_t threads;
} backends[] = {{"reference", 1}, {"onednn", 1}, {"onednn", 2}};

enum { BACKENDS = sizeof backends / sizeof backends[0], MAX_INPUTS = 4 };

struct sample {
    struct layer_desc desc;
    struct value_desc inputs[MAX_INPUTS];
    struct layer_params params;
    convoy_tensor in[MAX_INPUTS];
};

static inline convoy_shape shape_of(uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    return (convoy_shape){.rank = rank, .dims = {a, b, c, d}};
}

static inline convoy_tensor tensor_of(convoy_dtype dtype, convoy_shape shape) {
    convoy_tensor tensor;
    convoy_error error;
    if (convoy_tensor_create(&tensor, dtype, &shape, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return tensor;
}

/* Stores a number in a tensor of any type that it fits; as bits in one of halves or bool. */
static inline void tensor_set(convoy_tensor *tensor, size_t i, double value) {
    const struct dtype *dtype = dtype_find(tensor->dtype);
    if (dtype->class == DTYPE_HALF)
        ((uint16_t *)tensor->data)[i] = (uint16_t)value;
    else if (dtype->class == DTYPE_BOOL)
        ((uint8_t *)tensor->data)[i] = (uint8_t)value;
    else
        dtype->store((char *)tensor->data + i * dtype->bytes, value);
}

static inline double tensor_get(const convoy_tensor *tensor, size_t i) {
    if (dtype_is(tensor->dtype, DTYPE_HALF))
        return ((const uint16_t *)tensor->data)[i];
    if (dtype_is(tensor->dtype, DTYPE_BOOL))
        return ((const uint8_t *)tensor->data)[i];
    return convoy_tensor_element(tensor, i);
}

static inline convoy_tensor tensor_values(convoy_dtype dtype, convoy_shape shape, const double *values) {
    convoy_tensor tensor = tensor_of(dtype, shape);
    for (size_t i = 0; i < convoy_tensor_elements(&tensor); i++)
        tensor_set(&tensor, i, values[i]);
    return tensor;
}

/* Uniform in [low,high). */
static inline convoy_tensor tensor_random(struct random *random, convoy_dtype dtype, convoy_shape shape,
                                          double low, double high) {
    convoy_tensor tensor = tensor_of(dtype, shape);
    for (size_t i = 0; i < convoy_tensor_elements(&tensor); i++)
        tensor_set(&tensor, i, low + (high - low) * random_unit(random));
    return tensor;
}

/* Begins a sample; the caller adds what belongs to the kind, and the inputs with sample_input. */
static inline void sample_begin(struct sample *s, enum layer_kind kind, convoy_dtype dtype,
                                convoy_shape output) {
    memset(s, 0, sizeof *s);
    s->desc = (struct layer_desc){
        .name = "sample", .op = "Test", .kind = kind, .output_count = 1, .outputs = {{dtype, output, 0}}};
}

/* Takes the tensor. */
static inline void sample_input(struct sample *s, convoy_tensor tensor) {
    s->inputs[s->desc.input_count] = (struct value_desc){tensor.dtype, tensor.shape, 0};
    s->in[s->desc.input_count++] = tensor;
}

static inline void sample_end(struct sample *s) {
    for (int i = 0; i < MAX_INPUTS; i++)
        convoy_tensor_release(&s->in[i]);
    convoy_tensor_release(&s->params.weights);
    convoy_tensor_release(&s->params.bias);
}

/* Prepares the layer, runs it twice in one context (cold and warm must agree), and leaves the outputs in
 * out[0..output_count). */
static inline convoy_status sample_run(struct sample *s, const char *name, uint32_t threads,
                                       convoy_tensor *out, convoy_error *error) {
    struct backend *backend;
    struct layer *layer = NULL;
    struct context *context = NULL;
    convoy_tensor cold[LAYER_MAX_OUTPUTS] = {0}, warm[LAYER_MAX_OUTPUTS] = {0};
    s->desc.inputs = s->inputs;
    if (backend_create(&backend, name, threads, error) != CONVOY_OK)
        fail_msg("%s", error->message);
    for (uint32_t i = 0; i < s->desc.output_count; i++) {
        cold[i] = tensor_of(s->desc.outputs[i].dtype, s->desc.outputs[i].shape);
        warm[i] = tensor_of(s->desc.outputs[i].dtype, s->desc.outputs[i].shape);
    }
    convoy_status status = backend->ops->layer_prepare(backend, &s->desc, &s->params, &layer, error);
    if (status == CONVOY_OK && backend->ops->context_create(backend, &context, error) != CONVOY_OK)
        fail_msg("%s", error->message);
    if (status == CONVOY_OK)
        status = backend->ops->layer_run(layer, context, s->in, cold, NULL, error);
    if (status == CONVOY_OK)
        status = backend->ops->layer_run(layer, context, s->in, warm, NULL, error);
    backend->ops->layer_destroy(&layer);
    backend->ops->context_destroy(&context);
    backend->ops->destroy(&backend);
    for (uint32_t i = 0; i < s->desc.output_count; i++) {
        if (status == CONVOY_OK)
            assert_memory_equal(cold[i].data, warm[i].data,
                                convoy_tensor_elements(&cold[i]) * convoy_dtype_bytes(cold[i].dtype));
        convoy_tensor_release(&warm[i]);
        if (status == CONVOY_OK)
            out[i] = cold[i];
        else
            convoy_tensor_release(&cold[i]);
    }
    return status;
}

/* Expects these elements, within a few roundings of float32 (of float64 in one of that type), of output 0
 * from every backend, and, if second is not NULL, those of output 1. Ends the sample. */
static inline void sample_expect(struct sample *s, const double *first, const double *second) {
    const double *expected[LAYER_MAX_OUTPUTS] = {first, second};
    for (int b = 0; b < BACKENDS; b++) {
        convoy_tensor out[LAYER_MAX_OUTPUTS];
        convoy_error error;
        if (sample_run(s, backends[b].name, backends[b].threads, out, &error) != CONVOY_OK)
            fail_msg("%s: %s", backends[b].name, error.message);
        for (uint32_t o = 0; o < s->desc.output_count; o++) {
            for (size_t i = 0; expected[o] && i < convoy_tensor_elements(&out[o]); i++) {
                double found = tensor_get(&out[o], i), wanted = expected[o][i],
                       allowed = s->desc.outputs[o].dtype == CONVOY_F32 ? 1e-6 : 1e-14;
                bool same = found == wanted || (isnan(found) && isnan(wanted)) ||
                            fabs(found - wanted) <= allowed * fmax(1, fabs(wanted));
                if (!same)
                    fail_msg("%s, output %u, element %zu: %.17g instead of %.17g", backends[b].name, o, i,
                             found, wanted);
            }
            convoy_tensor_release(&out[o]);
        }
    }
    sample_end(s);
}

/* Expects every backend to fail with this status and words. The sample goes on. */
static inline void sample_expect_failure(struct sample *s, convoy_status status, const char *words) {
    for (int b = 0; b < BACKENDS; b++) {
        convoy_tensor out[LAYER_MAX_OUTPUTS];
        convoy_error error = {0};
        assert_int_equal(sample_run(s, backends[b].name, 1, out, &error), status);
        if (error.status != status || !strstr(error.message, words))
            fail_msg("%s: '%s' does not say '%s'", backends[b].name, error.message, words);
    }
}

/* max|a-b| / max|b| over the elements; infinite where one of the two alone is not a number, or infinite. */
static inline double relative_error(const convoy_tensor *a, const convoy_tensor *b) {
    double worst = 0, largest = 0;
    for (size_t i = 0; i < convoy_tensor_elements(b); i++) {
        double x = tensor_get(a, i), y = tensor_get(b, i);
        if (isnan(x) != isnan(y) || isinf(x) != isinf(y) || (isinf(x) && x != y))
            return INFINITY;
        if (isnan(x) || isinf(x))
            continue;
        worst = fmax(worst, fabs(x - y));
        largest = fmax(largest, fabs(y));
    }
    return worst == 0 ? 0 : worst / largest;
}

#endif
