#include "study/layer_stages.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "code/decoder.h"
#include "code/encoder.h"
#include "compute/trial.h"

#include <stdlib.h>
#include <string.h>

/* As many weights as other layers like this one have, within bounds: as kernel_times.c has it. */
enum { OTHER_LAYERS = 32 };
#define LEAST_OTHER ((size_t)8 << 20)

/* One layer, and the memory of its stages. */
struct stages {
    const struct stage_case *stage_case;
    struct partition partition;
    struct code code;
    struct code_solution *solution;
    struct trial task;
    void *source, *pieces_memory, *answers_memory, *out;
    float *factors, *bias; /* [channels] */
    double *rows;          /* [pieces][k_A]: coefficients of the pieces that differ */
    void **pieces;         /* [piece_count] */
    const void **answers;  /* [δ] */
    uint32_t piece_count;
    size_t source_bytes, answers_bytes;
};

/* Memory that is there, of small normal numbers. */
static void *resident(size_t bytes) {
    float *memory = memory_aligned(bytes);
    for (size_t i = 0; memory && i < bytes / sizeof *memory; i++)
        memory[i] = (float)(i % 1000) / 1000.0F - 0.5F;
    return memory;
}

static void read_all(const volatile unsigned char *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i += MEMORY_ALIGNMENT)
        (void)data[i];
}

/* Leaves the caches to a convolution as a network does: its weights gone, its input there. */
static void settle_convolution(const struct trial *trial, const struct conv_geometry *geometry,
                               const void *other) {
    const convoy_shape filters = conv_filter_shape(geometry);
    size_t bytes = 0;
    if (!tensor_bytes(CONVOY_F32, &filters, &bytes) || bytes > STAGE_OTHER_BYTES / OTHER_LAYERS)
        bytes = STAGE_OTHER_BYTES / OTHER_LAYERS;
    bytes *= OTHER_LAYERS;
    read_all(other, bytes > LEAST_OTHER ? bytes : LEAST_OTHER);
    read_all(trial->in.data, convoy_tensor_elements(&trial->in) * sizeof(float));
}

static void stages_clear(struct stages *s) {
    void *all[] = {s->source, s->pieces_memory, s->answers_memory, s->out,    s->factors,
                   s->bias,   s->rows,          s->pieces,         s->answers};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    if (s->task.backend)
        trial_end(&s->task);
    code_solution_destroy(&s->solution);
    code_destroy(&s->code);
}

/* Whether an earlier worker gets the same coded input. */
static bool has_twin(const struct code *code, uint32_t worker) {
    const size_t bytes = (size_t)code->input_pieces * code->input_parts * sizeof(double);
    for (uint32_t w = 0; w < worker; w++)
        if (memcmp(code_input_rows(code, w), code_input_rows(code, worker), bytes) == 0)
            return true;
    return false;
}

/* The coefficients of the coded inputs that differ. */
static convoy_status gather_rows(struct stages *s) {
    const struct code *code = &s->code;
    const uint32_t n = code->placement.workers;
    const size_t each = (size_t)code->input_pieces * code->input_parts;
    s->rows = calloc(n * each, sizeof *s->rows);
    s->pieces = calloc((size_t)n * code->input_pieces, sizeof *s->pieces);
    if (!s->rows || !s->pieces)
        return CONVOY_E_MEMORY;
    for (uint32_t w = 0; w < n; w++) {
        if (has_twin(code, w))
            continue;
        memcpy(s->rows + (size_t)s->piece_count * code->input_parts, code_input_rows(code, w),
               each * sizeof *s->rows);
        s->piece_count += code->input_pieces;
    }
    return CONVOY_OK;
}

/* The last δ workers answer. */
static convoy_status solve(struct stages *s) {
    const uint32_t threshold = s->code.threshold, n = s->code.placement.workers;
    uint32_t *workers = calloc(threshold, sizeof *workers);
    if (!workers)
        return CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < threshold; i++)
        workers[i] = n - threshold + i;
    const convoy_status status = code_solve(&s->code, workers, threshold, &s->solution);
    free(workers);
    return status;
}

static convoy_status fill_memory(struct stages *s) {
    const struct conv_geometry *layer = &s->partition.layer;
    const convoy_shape in = conv_input_shape(layer), out = conv_output_shape(layer);
    const convoy_shape answer = conv_output_shape(&s->stage_case->parts->task);
    const size_t piece_bytes = encoded_bytes(CONVOY_F32, &s->partition.input);
    const size_t channels = (size_t)layer->out_channels * sizeof(float);
    size_t answer_bytes = 0;
    size_t out_bytes = 0;
    if (!tensor_bytes(CONVOY_F32, &answer, &answer_bytes) || !tensor_bytes(CONVOY_F32, &out, &out_bytes) ||
        !tensor_bytes(CONVOY_F32, &in, &s->source_bytes))
        return CONVOY_E_MEMORY;
    s->source = resident(s->source_bytes);
    s->out = resident(out_bytes);
    s->pieces_memory = resident(s->piece_count * piece_bytes);
    s->answers_bytes = s->solution->survivors * answer_bytes;
    s->answers_memory = resident(s->answers_bytes);
    s->factors = resident(channels);
    s->bias = resident(channels);
    s->answers = calloc(s->solution->survivors, sizeof *s->answers);
    if (!s->source || !s->out || !s->pieces_memory || !s->answers_memory || !s->factors || !s->bias ||
        !s->answers)
        return CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < s->piece_count; i++)
        s->pieces[i] = (char *)s->pieces_memory + i * piece_bytes;
    for (uint32_t i = 0; i < s->solution->survivors; i++)
        s->answers[i] = (char *)s->answers_memory + i * answer_bytes;
    return CONVOY_OK;
}

static convoy_status stages_fill(struct stages *s, struct backend *backend, convoy_error *error) {
    const struct stage_case *c = s->stage_case;
    const struct candidate *parts = c->parts;
    const struct conv_geometry laid =
        candidate_geometry(c->layer, c->family, parts->input_parts, parts->filter_parts, c->block, c->block);
    convoy_status status = code_create(&s->code, c->family, parts->input_parts, parts->filter_parts,
                                       c->placement, c->seed, error);
    if (status == CONVOY_OK)
        status = partition_create(&s->partition, &laid, parts->input_parts, parts->filter_parts, error);
    if (status != CONVOY_OK)
        return status;
    status = gather_rows(s);
    if (status == CONVOY_OK)
        status = solve(s);
    if (status == CONVOY_E_INTERNAL)
        return error_set(error, status, "%s: the answers of the last %u workers do not decode",
                         c->family->name, s->code.threshold);
    if (status == CONVOY_OK)
        status = fill_memory(s);
    if (status != CONVOY_OK)
        return error_memory(error);
    if (!trial_begin(&s->task, backend, &parts->task, CONV_DIRECT))
        return error_set(error, CONVOY_E_UNSUPPORTED, "a worker's convolution cannot be prepared");
    return CONVOY_OK;
}

/* What the layer before, and the workers, have just written is in the caches. */
static void settle(const struct stages *s, enum layer_stage stage, const void *other) {
    if (stage == STAGE_ENCODE)
        read_all(s->source, s->source_bytes);
    else if (stage == STAGE_COMPUTE)
        settle_convolution(&s->task, &s->stage_case->parts->task, other);
    else
        read_all(s->answers_memory, s->answers_bytes);
}

static convoy_status operate(struct stages *s, enum layer_stage stage) {
    static const struct activation relu = {.kind = ACTIVATION_RELU};
    bool finite;
    switch (stage) {
    case STAGE_ENCODE:
        encode(CONVOY_F32, CONVOY_F32, &s->partition.input, s->piece_count, s->rows, s->source, s->pieces);
        return CONVOY_OK;
    case STAGE_COMPUTE:
        return trial_run(&s->task) ? CONVOY_OK : CONVOY_E_UNSUPPORTED;
    default:
        return decode(&(struct decode_job){.dtype = CONVOY_F32,
                                           .answer_dtype = CONVOY_F32,
                                           .code = &s->code,
                                           .solution = s->solution,
                                           .grid = &s->partition.output,
                                           .answers = s->answers,
                                           .factors = s->factors,
                                           .bias = s->bias,
                                           .activation = &relu,
                                           .out = s->out},
                      &finite);
    }
}

convoy_status layer_stages_measure(const struct stage_case *stage_case, const struct stage_timing *timing,
                                   double *const ns[LAYER_STAGES], convoy_error *error) {
    struct stages stages = {.stage_case = stage_case};
    convoy_status status = stages_fill(&stages, timing->backend, error);
    for (uint32_t round = 0; status == CONVOY_OK && round <= timing->rounds; round++) {
        status = study_goes_on(timing->study, error);
        for (enum layer_stage stage = 0; status == CONVOY_OK && stage < LAYER_STAGES; stage++) {
            settle(&stages, stage, timing->other);
            const uint64_t start_ns = clock_thread_ns();
            status = operate(&stages, stage);
            ns[stage][round ? round - 1 : 0] = (double)(clock_thread_ns() - start_ns);
            if (status != CONVOY_OK)
                error_set(error, status, "a layer's stage could not be run");
        }
    }
    stages_clear(&stages);
    return status;
}

convoy_status layer_alone_measure(const struct conv_geometry *layer, const struct stage_timing *timing,
                                  double *ns, convoy_error *error) {
    struct conv_geometry laid = *layer;
    struct trial trial;
    conv_lay_in_blocks(&laid, timing->backend->block, timing->backend->block);
    convoy_status status = CONVOY_OK;
    bool good = trial_begin(&trial, timing->backend, &laid, CONV_DIRECT);
    for (uint32_t round = 0; good && round <= timing->rounds; round++) {
        status = study_goes_on(timing->study, error);
        if (status != CONVOY_OK)
            break;
        settle_convolution(&trial, &laid, timing->other);
        const uint64_t start_ns = clock_thread_ns();
        good = trial_run(&trial);
        ns[round ? round - 1 : 0] = (double)(clock_thread_ns() - start_ns);
    }
    trial_end(&trial);
    return good ? status : error_set(error, CONVOY_E_UNSUPPORTED, "a convolution cannot be prepared");
}
