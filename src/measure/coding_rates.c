#include "measure/coding_rates.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/median.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "code/decoder.h"
#include "code/encoder.h"
#include "partition/partition.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum operation { ENCODE, ENCODE_COPY, DECODE, DECODE_COPY, OPERATIONS };

/* What all threads share. */
struct measurement {
    const struct coding_setup *setup;
    struct partition partition;
    struct code code;
    struct code_solution *solution;
    size_t source_bytes, piece_bytes, answer_bytes, out_bytes;
    size_t encode_bytes, decode_bytes; /* as struct coding_rate counts */
    atomic_uint arrived;               /* threads at the line, since the beginning */
    uint64_t *start_ns, *end_ns;       /* [threads][OPERATIONS][rounds] */
};

/* One thread and its operands. */
struct lane {
    struct measurement *m;
    uint32_t number;
    pthread_t thread;
    void *source, *pieces_memory, *answers_memory, *factors, *bias, *out, *copy_from, *copy_to;
    void **pieces;        /* [n*input_pieces] */
    const void **answers; /* [δ] */
    convoy_status status;
};

/* ---- operands ---- */

/* Memory that is there: never touched pages would cost a fault each. Small normal numbers, as data has. */
static void *resident(size_t bytes) {
    float *memory = memory_aligned(bytes);
    for (size_t i = 0; memory && i < bytes / sizeof *memory; i++)
        memory[i] = (float)(i % 1000) / 1000.0F - 0.5F;
    return memory;
}

static void lane_free(struct lane *lane) {
    void *all[] = {lane->source, lane->pieces_memory, lane->answers_memory, lane->factors, lane->bias,
                   lane->out,    lane->copy_from,     lane->copy_to,        lane->pieces,  lane->answers};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static convoy_status lane_fill(struct lane *lane, struct measurement *m, uint32_t number) {
    size_t pieces = (size_t)m->setup->workers * m->code.input_pieces, survivors = m->solution->survivors;
    size_t most = m->encode_bytes > m->decode_bytes ? m->encode_bytes : m->decode_bytes;
    *lane = (struct lane){
        .m = m,
        .number = number,
        .source = resident(m->source_bytes),
        .pieces_memory = resident(pieces * m->piece_bytes),
        .answers_memory = resident(survivors * m->answer_bytes),
        .factors = resident((size_t)m->partition.layer.out_channels * sizeof(float)),
        .bias = resident((size_t)m->partition.layer.out_channels * sizeof(float)),
        .out = resident(m->out_bytes),
        .copy_from = resident(most / 2),
        .copy_to = resident(most / 2),
        .pieces = calloc(pieces, sizeof *lane->pieces),
        .answers = calloc(survivors, sizeof *lane->answers),
    };
    if (!lane->source || !lane->pieces_memory || !lane->answers_memory || !lane->factors || !lane->bias ||
        !lane->out || !lane->copy_from || !lane->copy_to || !lane->pieces || !lane->answers)
        return CONVOY_E_MEMORY;
    for (size_t i = 0; i < pieces; i++)
        lane->pieces[i] = (char *)lane->pieces_memory + i * m->piece_bytes;
    for (size_t i = 0; i < survivors; i++)
        lane->answers[i] = (char *)lane->answers_memory + i * m->answer_bytes;
    return CONVOY_OK;
}

/* ---- timing ---- */

/* Spinning, not sleeping: waking takes as long as a small layer. */
static void line_up(struct measurement *m, uint32_t *passed) {
    *passed += m->setup->threads;
    atomic_fetch_add(&m->arrived, 1);
    while (atomic_load(&m->arrived) < *passed)
        sched_yield();
}

static convoy_status operate(const struct lane *lane, enum operation operation) {
    static const struct activation relu = {.kind = ACTIVATION_RELU};
    const struct measurement *m = lane->m;
    bool finite;
    switch (operation) {
    case ENCODE:
        encode(CONVOY_F32, m->setup->frames, &m->partition.input, m->setup->workers * m->code.input_pieces,
               m->code.input_rows, lane->source, lane->pieces);
        break;
    case DECODE:
        return decode(&(struct decode_job){.dtype = CONVOY_F32,
                                           .answer_dtype = m->setup->frames,
                                           .code = &m->code,
                                           .solution = m->solution,
                                           .grid = &m->partition.output,
                                           .answers = lane->answers,
                                           .factors = lane->factors,
                                           .bias = lane->bias,
                                           .activation = &relu,
                                           .out = lane->out},
                      &finite);
    default:
        memcpy(lane->copy_to, lane->copy_from,
               (operation == ENCODE_COPY ? m->encode_bytes : m->decode_bytes) / 2);
    }
    return CONVOY_OK;
}

/* One round more than is counted: the first one warms up. */
static void *lane_run(void *argument) {
    struct lane *lane = argument;
    struct measurement *m = lane->m;
    uint32_t rounds = m->setup->rounds, passed = 0;
    for (uint32_t round = 0; round <= rounds; round++)
        for (enum operation operation = 0; operation < OPERATIONS; operation++) {
            size_t at = ((size_t)lane->number * OPERATIONS + operation) * rounds + (round ? round - 1 : 0);
            line_up(m, &passed);
            m->start_ns[at] = clock_now_ns();
            convoy_status status = operate(lane, operation);
            m->end_ns[at] = clock_now_ns();
            lane->status = lane->status == CONVOY_OK ? status : lane->status;
        }
    return NULL;
}

/* Median over the rounds of the time from the first start to the last end. Reuses start_ns' first lane. */
static double median_ns(const struct measurement *m, enum operation operation, double *spans) {
    uint32_t rounds = m->setup->rounds;
    for (uint32_t round = 0; round < rounds; round++) {
        uint64_t start = UINT64_MAX, end = 0;
        for (uint32_t lane = 0; lane < m->setup->threads; lane++) {
            size_t at = ((size_t)lane * OPERATIONS + operation) * rounds + round;
            start = m->start_ns[at] < start ? m->start_ns[at] : start;
            end = m->end_ns[at] > end ? m->end_ns[at] : end;
        }
        spans[round] = (double)(end - start);
    }
    return median(spans, rounds);
}

/* Runs all lanes; the caller's thread is the first. Lanes that could not be started would keep the others
 * waiting: threads are made before any of them runs, under the count of those that wait. */
static convoy_status run_lanes(struct measurement *m, struct lane *lanes) {
    uint32_t threads = m->setup->threads, started = 1;
    for (; started < threads; started++)
        if (pthread_create(&lanes[started].thread, NULL, lane_run, &lanes[started]) != 0)
            break;
    convoy_status status = started == threads ? CONVOY_OK : CONVOY_E_MEMORY;
    if (status == CONVOY_OK)
        lane_run(&lanes[0]);
    else
        atomic_store(&m->arrived, UINT32_MAX / 2); /* lets those that wait run through */
    for (uint32_t i = 1; i < started; i++)
        pthread_join(lanes[i].thread, NULL);
    for (uint32_t i = 0; i < threads && status == CONVOY_OK; i++)
        status = lanes[i].status;
    return status;
}

static convoy_status time_lanes(struct measurement *m, struct coding_rates *rates) {
    uint32_t threads = m->setup->threads;
    size_t samples = (size_t)threads * OPERATIONS * m->setup->rounds;
    struct lane *lanes = calloc(threads, sizeof *lanes);
    double *spans = calloc(m->setup->rounds, sizeof *spans);
    m->start_ns = calloc(samples, sizeof *m->start_ns);
    m->end_ns = calloc(samples, sizeof *m->end_ns);
    convoy_status status = lanes && spans && m->start_ns && m->end_ns ? CONVOY_OK : CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < threads && status == CONVOY_OK; i++)
        status = lane_fill(&lanes[i], m, i);
    if (status == CONVOY_OK)
        status = run_lanes(m, lanes);
    if (status == CONVOY_OK)
        *rates = (struct coding_rates){
            .encode = {(double)m->encode_bytes, median_ns(m, ENCODE, spans),
                       median_ns(m, ENCODE_COPY, spans)},
            .decode = {(double)m->decode_bytes, median_ns(m, DECODE, spans),
                       median_ns(m, DECODE_COPY, spans)},
        };
    for (uint32_t i = 0; lanes && i < threads; i++)
        lane_free(&lanes[i]);
    free(lanes);
    free(spans);
    free(m->start_ns);
    free(m->end_ns);
    return status;
}

/* ---- the code ---- */

/* The last δ workers answer. */
static convoy_status solve(struct measurement *m) {
    uint32_t threshold = m->code.threshold;
    uint32_t *workers = calloc(threshold, sizeof *workers);
    if (!workers)
        return CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < threshold; i++)
        workers[i] = m->setup->workers - threshold + i;
    convoy_status status = code_solve(&m->code, workers, threshold, &m->solution);
    free(workers);
    return status;
}

static void count_bytes(struct measurement *m) {
    const struct conv_geometry *layer = &m->partition.layer;
    const struct output_grid *grid = &m->partition.output;
    convoy_shape in = conv_input_shape(layer), out = conv_output_shape(layer);
    tensor_bytes(CONVOY_F32, &in, &m->source_bytes); /* conv_geometry_complete checked both */
    tensor_bytes(CONVOY_F32, &out, &m->out_bytes);
    m->piece_bytes = encoded_bytes(m->setup->frames, &m->partition.input);
    m->answer_bytes = grid->batch * grid->groups * (size_t)grid->part_channels * (size_t)grid->part_rows *
                      grid->inner * m->code.input_pieces * m->code.filter_pieces *
                      convoy_dtype_bytes(m->setup->frames);
    m->encode_bytes = m->source_bytes + (size_t)m->setup->workers * m->code.input_pieces * m->piece_bytes;
    m->decode_bytes = m->solution->survivors * m->answer_bytes + m->out_bytes;
}

convoy_status coding_rates_measure(const struct conv_geometry *layer, const struct coding_setup *setup,
                                   struct coding_rates *rates, convoy_error *error) {
    struct measurement m = {.setup = setup};
    struct placement placement = placement_plain(setup->workers);
    convoy_status status = code_create(&m.code, setup->family, setup->input_parts, setup->filter_parts,
                                       &placement, setup->seed, error);
    if (status == CONVOY_OK)
        status = partition_create(&m.partition, layer, setup->input_parts, setup->filter_parts, error);
    if (status != CONVOY_OK) {
        code_destroy(&m.code);
        return status;
    }
    status = solve(&m);
    if (status == CONVOY_OK) {
        count_bytes(&m);
        status = time_lanes(&m, rates);
    }
    if (status == CONVOY_E_MEMORY)
        error_memory(error);
    else if (status != CONVOY_OK)
        error_set(error, status, "the answers of the last %u workers do not decode", m.code.threshold);
    code_solution_destroy(&m.solution);
    code_destroy(&m.code);
    return status;
}
