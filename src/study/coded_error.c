#include "study/coded_error.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "code/decoder.h"
#include "code/encoder.h"
#include "code/filter_encoder.h"
#include "compute/layer.h"
#include "linalg/halves.h"
#include "study/double_conv.h"

#include <math.h>
#include <stdlib.h>

/* The type of what is not on its way. */
static convoy_dtype arithmetic(const struct coded_setup *setup) {
    return setup->frames == CONVOY_F64 ? CONVOY_F64 : CONVOY_F32;
}

static bool is_half(convoy_dtype dtype) {
    return dtype == CONVOY_BF16 || dtype == CONVOY_F16;
}

static size_t elements_of(convoy_shape shape) {
    size_t product = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        product *= (size_t)shape.dims[i];
    return product;
}

/* ---- one worker ---- */

/* What a worker is given and makes of it; used again for the next one. */
struct desk {
    void *frames; /* its coded slices, one after the other, as frames */
    void *x, *k;  /* the same as they are computed with, and its coded filters */
    void *answer; /* before it becomes frames */
    struct context *context;
};

static void desk_clear(struct desk *desk, struct backend *backend) {
    if (desk->context)
        backend->ops->context_destroy(&desk->context);
    if (desk->frames != desk->x)
        free(desk->frames);
    free(desk->x);
    free(desk->k);
    free(desk->answer);
}

static convoy_status desk_prepare(struct desk *desk, const struct coded_sample *layer, convoy_error *error) {
    const struct coded_setup *setup = &layer->setup;
    const size_t size = convoy_dtype_bytes(arithmetic(setup));
    const size_t inputs = elements_of(conv_input_shape(&layer->task));
    *desk = (struct desk){.x = memory_aligned(inputs * size),
                          .k = memory_aligned(elements_of(conv_filter_shape(&layer->task)) * size),
                          .answer = memory_aligned(layer->answer_elements * size)};
    desk->frames = is_half(setup->frames) ? memory_aligned(inputs * sizeof(uint16_t)) : desk->x;
    if (!desk->frames || !desk->x || !desk->k || !desk->answer)
        return error_memory(error);
    return setup->backend ? setup->backend->ops->context_create(setup->backend, &desk->context, error)
                          : CONVOY_OK;
}

static void encode_slices(const struct coded_sample *layer, uint32_t worker, struct desk *desk) {
    const struct coded_setup *setup = &layer->setup;
    const struct code *code = setup->code;
    const struct axis_cut *cut = &layer->partition.input;
    void *pieces[2] = {desk->frames, (char *)desk->frames + encoded_bytes(setup->frames, cut)};
    const void *x =
        setup->frames == CONVOY_F64 ? (const void *)setup->operands->x : setup->operands->narrow_x;
    encode(arithmetic(setup), setup->frames, cut, code->input_pieces, code_input_rows(code, worker), x,
           pieces);
    if (is_half(setup->frames))
        halves_widen(setup->frames, desk->frames, elements_of(conv_input_shape(&layer->task)), desk->x);
}

static convoy_status encode_groups(const struct coded_sample *layer, uint32_t worker, struct desk *desk) {
    const struct coded_setup *setup = &layer->setup;
    const void *k =
        setup->frames == CONVOY_F64 ? (const void *)setup->operands->k : setup->operands->narrow_k;
    return encode_filters(&(struct filter_job){.dtype = arithmetic(setup),
                                               .cut = &layer->partition.filter,
                                               .workers = 1,
                                               .pieces = setup->code->filter_pieces,
                                               .rows = code_filter_rows(setup->code, worker),
                                               .filters = k,
                                               .factors = layer->factors,
                                               .out = &desk->k});
}

/* By the backend, as a worker would. */
static convoy_status compute_narrow(const struct coded_sample *layer, struct desk *desk,
                                    convoy_error *error) {
    struct backend *backend = layer->setup.backend;
    struct value_desc input;
    const struct layer_desc desc = conv_layer_desc(&layer->task, CONVOY_F32, &input);
    const struct layer_params params = {
        .weights = {.dtype = CONVOY_F32, .shape = conv_filter_shape(&layer->task), .data = desk->k}};
    const convoy_tensor in = {.dtype = CONVOY_F32, .shape = input.shape, .data = desk->x};
    convoy_tensor out = {.dtype = CONVOY_F32, .shape = conv_output_shape(&layer->task), .data = desk->answer};
    struct layer *prepared = NULL;
    convoy_status status = backend->ops->layer_prepare(backend, &desc, &params, &prepared, error);
    if (status == CONVOY_OK)
        status = prepared->ops->layer_run(prepared, desk->context, &in, &out, NULL, error);
    if (prepared)
        backend->ops->layer_destroy(&prepared);
    return status;
}

static convoy_status answer(struct coded_sample *layer, uint32_t worker, struct desk *desk,
                            convoy_error *error) {
    const convoy_dtype frames = layer->setup.frames;
    const size_t count = layer->answer_elements;
    layer->answers[worker] = memory_aligned(count * convoy_dtype_bytes(frames));
    if (!layer->answers[worker])
        return error_memory(error);
    encode_slices(layer, worker, desk);
    if (encode_groups(layer, worker, desk) != CONVOY_OK)
        return error_memory(error);
    const convoy_status status = layer->setup.backend
                                     ? compute_narrow(layer, desk, error)
                                     : double_conv(&layer->task, desk->x, desk->k, desk->answer);
    if (is_half(frames))
        halves_narrow(desk->answer, count, frames, layer->answers[worker]);
    else
        memcpy(layer->answers[worker], desk->answer, count * convoy_dtype_bytes(frames));
    return status;
}

/* ---- all workers ---- */

static convoy_status make_factors(struct coded_sample *layer, convoy_error *error) {
    const struct study_operands *operands = layer->setup.operands;
    const bool wide = layer->setup.frames == CONVOY_F64;
    const size_t channels = (size_t)operands->layer.out_channels;
    layer->factors = calloc(channels, sizeof(double));
    if (!layer->factors)
        return error_memory(error);
    if (layer->setup.scaled)
        equilibrate(arithmetic(&layer->setup), wide ? (const void *)operands->k : operands->narrow_k,
                    channels, operands->filters / channels, layer->factors);
    for (size_t c = 0; !layer->setup.scaled && c < channels; c++) {
        if (wide)
            ((double *)layer->factors)[c] = 1;
        else
            ((float *)layer->factors)[c] = 1;
    }
    return CONVOY_OK;
}

convoy_status coded_sample_create(struct coded_sample *out, const struct coded_setup *setup,
                                  convoy_error *error) {
    const struct code *code = setup->code;
    struct coded_sample layer = {.setup = *setup};
    struct desk desk = {0};
    convoy_status status = partition_create(&layer.partition, &setup->operands->layer, code->input_parts,
                                            code->filter_parts, error);
    if (status == CONVOY_OK)
        status =
            partition_task(&layer.partition, code->input_pieces, code->filter_pieces, &layer.task, error);
    if (status != CONVOY_OK)
        return status;
    layer.answer_elements = elements_of(conv_output_shape(&layer.task));
    layer.answers = calloc(code->placement.workers, sizeof *layer.answers);
    status = layer.answers ? make_factors(&layer, error) : error_memory(error);
    if (status == CONVOY_OK)
        status = desk_prepare(&desk, &layer, error);
    for (uint32_t w = 0; w < code->placement.workers && status == CONVOY_OK; w++) {
        status = study_hand_goes_on(setup->hand, error);
        if (status == CONVOY_OK)
            status = answer(&layer, w, &desk, error);
    }
    desk_clear(&desk, setup->backend);
    if (status == CONVOY_OK)
        *out = layer;
    else
        coded_sample_destroy(&layer);
    return status;
}

void coded_sample_destroy(struct coded_sample *layer) {
    for (uint32_t w = 0; layer->answers && w < layer->setup.code->placement.workers; w++)
        free(layer->answers[w]);
    free(layer->answers);
    free(layer->factors);
    *layer = (struct coded_sample){0};
}

/* ---- decoding ---- */

static void add_noise(double *answer, size_t count, double decibels, struct random *random) {
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += answer[i] * answer[i];
    const double size = sqrt(square / (double)count) * pow(10, -decibels / 20);
    for (size_t i = 0; i < count; i++)
        answer[i] += size * random_normal(random);
}

static void measure(const struct coded_sample *layer, const void *out, struct decoded_error *decoded) {
    const struct study_operands *o = layer->setup.operands;
    const size_t channels = (size_t)o->layer.out_channels, each = o->outputs / channels;
    const bool wide = layer->setup.frames == CONVOY_F64;
    double error = 0, square = 0, sum = 0, largest_error = 0, largest = 0;
    for (size_t c = 0; c < channels; c++) {
        double channel_error = 0, channel = 0;
        for (size_t i = c * each; i < (c + 1) * each; i++) {
            const double found = wide ? ((const double *)out)[i] : (double)((const float *)out)[i];
            const double e = found - o->y[i];
            channel_error += e * e;
            channel += o->y[i] * o->y[i];
            sum += o->y[i];
            largest_error = fmax(largest_error, fabs(e));
            largest = fmax(largest, fabs(o->y[i]));
        }
        decoded->channel = fmax(decoded->channel, sqrt(channel_error / channel));
        error += channel_error;
        square += channel;
    }
    const double count = (double)o->outputs, mean = sum / count;
    decoded->relative = sqrt(error / square);
    decoded->largest = largest_error / largest;
    decoded->mean_squared = error / count / (square / count - mean * mean);
}

/* The survivors' answers, or noisy copies in *noisy. NULL: no memory. */
static const void **collect(const struct coded_sample *layer, const struct code_solution *solution,
                            const struct answer_noise *noise, double **noisy) {
    const size_t count = layer->answer_elements;
    const void **answers = calloc(solution->survivors, sizeof *answers);
    const bool any = noise && noise->any;
    *noisy = any ? malloc(solution->survivors * count * sizeof **noisy) : NULL;
    if (!answers || (any && !*noisy)) {
        free(answers);
        return NULL;
    }
    struct random random;
    random_seed(&random, any ? noise->seed : 0);
    for (uint32_t i = 0; i < solution->survivors; i++) {
        answers[i] = layer->answers[solution->workers[i]];
        if (any) {
            double *copy = *noisy + i * count;
            memcpy(copy, answers[i], count * sizeof *copy);
            add_noise(copy, count, noise->decibels, &random);
            answers[i] = copy;
        }
    }
    return answers;
}

convoy_status coded_sample_decode(const struct coded_sample *layer, const uint32_t *workers,
                                  const struct answer_noise *noise, struct decoded_error *decoded,
                                  convoy_error *error) {
    const struct code *code = layer->setup.code;
    const struct conditioning conditioning = code_conditioning(code, workers, code->threshold);
    *decoded =
        (struct decoded_error){.condition = conditioning.condition, .noise_gain = conditioning.noise_gain};
    struct code_solution *solution = NULL;
    convoy_status status = code_solve(code, workers, code->threshold, &solution);
    if (status == CONVOY_E_INTERNAL)
        return CONVOY_OK;
    if (status != CONVOY_OK)
        return error_memory(error);
    double *noisy = NULL;
    void *out = memory_aligned(layer->setup.operands->outputs * sizeof(double));
    const void **answers = collect(layer, solution, noise, &noisy);
    status = out && answers ? decode(&(struct decode_job){.dtype = arithmetic(&layer->setup),
                                                          .answer_dtype = layer->setup.frames,
                                                          .code = code,
                                                          .solution = solution,
                                                          .grid = &layer->partition.output,
                                                          .answers = answers,
                                                          .factors = layer->factors,
                                                          .out = out},
                                     &decoded->decoded)
                            : CONVOY_E_MEMORY;
    if (status == CONVOY_OK && decoded->decoded)
        measure(layer, out, decoded);
    free(out);
    free(noisy);
    free(answers);
    code_solution_destroy(&solution);
    return status == CONVOY_OK ? status : error_memory(error);
}
