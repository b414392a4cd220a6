#include "runtime/own_answer.h"

#include "code/encoder.h"
#include "compute/conv_element.h"
#include "linalg/halves.h"
#include "runtime/coded_filters.h"
#include "runtime/layer_message.h"
#include "runtime/task.h"

#include <math.h>

/* What rounding explains, in root mean squares of own_answer.rounding. Kernels of different processors differ
 * by some two or three; single elements by as much more as the input is larger around them. */
#define MOST_TOGETHER 8
#define MOST_ALONE    128

#define ELEMENTS 256 /* that are computed in double; their mean square is known to a tenth */

/* The input as it travels to the worker. */
static struct buffer *encode_for(const struct coded_layer *layer, const convoy_tensor *in, uint32_t worker) {
    const uint32_t pieces = layer->code.input_pieces;
    const double *rows = code_input_rows(&layer->code, worker);
    struct buffer *payload = buffer_pool_take(layer->cluster->inputs, layer->piece_bytes * pieces);
    for (uint32_t r = 0; payload && r < pieces; r++) {
        void *out = (char *)payload->data + r * layer->piece_bytes;
        encode(layer->input.dtype, layer->frames, &layer->partition.input, 1,
               rows + (size_t)r * layer->code.input_parts, in->data, &out);
    }
    return payload;
}

/* What lies in a buffer as float32: the buffer itself, or a copy. */
static struct buffer *widen(struct buffer *narrow, convoy_dtype dtype) {
    if (dtype == CONVOY_F32)
        return buffer_retain(narrow);
    size_t count = narrow->bytes / sizeof(uint16_t);
    struct buffer *wide = buffer_create(count * sizeof(float));
    if (wide)
        halves_widen(dtype, narrow->data, count, wide->data);
    return wide;
}

/* What an element is off at least that was computed from rounded inputs and then rounded, relative to its
 * size, about. */
static double least_rounding(convoy_dtype dtype) {
    return dtype == CONVOY_BF16 ? 0x1p-9 : dtype == CONVOY_F16 ? 0x1p-12 : 0x1p-24;
}

static struct conv_place random_place(const struct conv_geometry *task, struct random *random) {
    struct conv_place place = {.image = (int64_t)random_below(random, (uint64_t)task->batch),
                               .channel = (int64_t)random_below(random, (uint64_t)task->out_channels)};
    for (int i = 0; i < CONV_MAX_SPATIAL; i++)
        place.axis[i] = (int64_t)random_below(random, (uint64_t)task->out[i]);
    return place;
}

static bool is_finite(const float *elements, size_t count) {
    float zeros = 0;
    for (size_t i = 0; i < count; i++)
        zeros += 0 * elements[i];
    return zeros == 0;
}

/* Describes own->answer, by input and answer as they travel. CONVOY_E_MEMORY. */
static convoy_status describe(struct own_answer *own, const struct layer_message *message,
                              convoy_dtype frames, struct buffer *payload, struct random *random) {
    struct buffer *input = widen(payload, frames), *output = widen(own->answer, frames);
    double errors = 0, squares = 0;
    if (input && output) {
        const convoy_tensor in = {
            .dtype = CONVOY_F32, .shape = conv_input_shape(&message->task), .data = input->data};
        for (int i = 0; i < ELEMENTS; i++) {
            const struct conv_place place = random_place(&message->task, random);
            const double exact = conv_element(&message->task, &in, &message->filters, &place);
            const double off =
                ((const float *)output->data)[conv_output_index(&message->task, &place)] - exact;
            errors += off * off;
            squares += exact * exact;
        }
        const double least = least_rounding(frames);
        own->rounding = squares > 0 && isfinite(errors) ? fmax(sqrt(errors / squares), least) : least;
        own->finite = is_finite(output->data, output->bytes / sizeof(float));
    }
    const bool complete = input && output;
    buffer_release(&input);
    buffer_release(&output);
    return complete ? CONVOY_OK : CONVOY_E_MEMORY;
}

/* Computes and measures, by the layer's message. */
static convoy_status compute(struct own_answer *own, struct coded_layer *layer, struct context *inner,
                             struct buffer *content, struct buffer *payload, struct random *random) {
    struct layer_cache *cache = NULL;
    struct held_layer *held = NULL;
    struct layer_message message = {0};
    convoy_status status =
        layer_cache_create(&cache, layer->inner, 0, NULL, UINT64_MAX, (struct log){0}, NULL);
    if (status == CONVOY_OK)
        status = layer_cache_insert(cache, content, &held);
    if (status == CONVOY_OK)
        status = layer_message_parse(&message, content, NULL);
    if (status == CONVOY_OK)
        own->answer = task_compute(held, inner, layer->cluster->inputs, layer->frames, payload);
    if (status == CONVOY_OK && own->answer)
        status = describe(own, &message, layer->frames, payload, random);
    layer_message_release(&message);
    if (held)
        layer_cache_release(cache, &held);
    layer_cache_destroy(&cache);
    return status;
}

convoy_status own_answer_compute(struct own_answer *own, struct coded_layer *layer, struct context *inner,
                                 const convoy_tensor *in, uint32_t worker, struct random *random) {
    struct buffer *content = NULL, *payload = encode_for(layer, in, worker);
    *own = (struct own_answer){.rounding = least_rounding(layer->frames)};
    convoy_status status = payload ? coded_filters_make(layer, &worker, 1, &content) : CONVOY_E_MEMORY;
    if (status == CONVOY_OK)
        status = compute(own, layer, inner, content, payload, random);
    if (status != CONVOY_OK)
        own_answer_clear(own);
    buffer_release(&content);
    buffer_release(&payload);
    return status;
}

/* Elements of [count] in float32. */
static bool agree(const float *own, const float *other, size_t count, double rounding) {
    double errors = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double a = (double)own[i], off = (double)other[i] - a;
        if (!isfinite(a) && (isnan(a) ? isnan(other[i]) : other[i] == own[i]))
            continue;
        errors += off * off;
        squares += a * a;
        largest = fmax(largest, fabs(off));
    }
    const double rms = sqrt(squares / (double)count) * rounding;
    return sqrt(errors / (double)count) <= MOST_TOGETHER * rms && largest <= MOST_ALONE * rms;
}

convoy_status own_answer_compare(const struct own_answer *own, convoy_dtype frames, struct buffer *answer,
                                 bool *agrees) {
    struct buffer *a = widen(own->answer, frames), *b = widen(answer, frames);
    const bool complete = a && b;
    if (complete)
        *agrees = agree(a->data, b->data, a->bytes / sizeof(float), own->rounding);
    buffer_release(&a);
    buffer_release(&b);
    return complete ? CONVOY_OK : CONVOY_E_MEMORY;
}

void own_answer_clear(struct own_answer *own) {
    buffer_release(&own->answer);
}
