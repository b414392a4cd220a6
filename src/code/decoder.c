/* Decoding: the survivors' answers to the output tensor, in one pass over both.
 *
 * Every block (one group of one image) is one job for unmix: lines of all answers come in, the lines of all
 * parts go where they belong in Y, without surplus rows and channels, with the factors that undo
 * equilibration, bias and activation, which do not commute with the code. For paired codes unmix makes F and
 * G of rotation.c on the way in and, on the way out, X_2a*K_2b   = Re(F+G)/2    X_2a+1*K_2b+1 = Re(G-F)/2
 *     X_2a+1*K_2b = Im(F+G)/2    X_2a*K_2b+1   = Im(F-G)/2.
 *
 * Cost, paired: 2δ multiply-adds per element of Y with its surplus; rows of f that merely choose an answer
 * are copied. Error: κ·ε (see rotation.c). */
#include "code/decoder.h"

#include "base/memory.h"
#include "linalg/unmix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From so many bytes of Y on it is written around the caches. */
#define STREAM_BYTES ((size_t)2 << 20)

/* Both layouts as one: in every group of every image lines of elements that lie together in the answers and
 * in Y. Channels first: a line is one channel, or one block of channels. Channels last: a line is
 * the channels at one place. All strides are in elements. */
struct walk {
    bool channels_last;
    size_t lines, run;                                                      /* of one part */
    size_t in_image, in_group, in_line, in_input_piece, in_filter_piece;    /* strides in an answer */
    size_t out_image, out_group, out_line, out_input_part, out_filter_part; /* strides in Y; of parts */
};

/* One decode. */
struct decoding {
    const struct decode_job *job;
    size_t size, answer_size; /* of an element of Y, and of the answers */
    char *factors, *bias;     /* as unmix wants them */
    struct walk walk;
    struct unmix_map map;
    struct unmix_job unmix;
    size_t inputs, results;   /* operands and results of unmix */
    const void **in;          /* [inputs] */
    struct unmix_part *parts; /* [results] */
    uint32_t *choice;         /* not paired: [rows] */
    uint32_t *g_pair;         /* paired: [rows/2] */
    void *memory;             /* of all these and of unmix */
};

static struct walk walk_of(const struct code *code, const struct output_grid *grid) {
    size_t m = (size_t)grid->part_channels, rows = (size_t)grid->rows, channels = (size_t)grid->channels;
    size_t slice = (size_t)grid->part_rows * grid->inner;
    if (grid->layout == CONV_CHANNELS_FIRST) {
        size_t group = code->filter_pieces * m * slice, together = grid->block ? grid->block : 1;
        return (struct walk){
            .lines = m / together,
            .run = slice * together,
            .in_image = grid->groups * group,
            .in_group = group,
            .in_line = slice * together,
            .in_input_piece = grid->batch * grid->groups * group,
            .in_filter_piece = m * slice,
            .out_image = grid->groups * channels * rows * grid->inner,
            .out_group = channels * rows * grid->inner,
            .out_line = rows * grid->inner * together,
            .out_input_part = slice * together,
            .out_filter_part = m * rows * grid->inner,
        };
    }
    size_t place = grid->groups * code->filter_pieces * m;
    return (struct walk){
        .channels_last = true,
        .lines = slice,
        .run = m,
        .in_image = slice * place,
        .in_group = code->filter_pieces * m,
        .in_line = place,
        .in_input_piece = grid->batch * slice * place,
        .in_filter_piece = m,
        .out_image = rows * grid->inner * grid->groups * channels,
        .out_group = channels,
        .out_line = grid->groups * channels,
        .out_input_part = slice * grid->groups * channels,
        .out_filter_part = m,
    };
}

/* Elements of part i that are no surplus, where `total` are cut in parts of `part`. */
static size_t part_size(int64_t total, int64_t part, uint32_t i) {
    int64_t left = total - i * part;
    return left < 0 ? 0 : (size_t)(left < part ? left : part);
}

/* Operands of one block, in the order of unmix: column after column, the pieces of one answer together. */
static void aim_operands(struct decoding *d, size_t image, size_t group) {
    const struct walk *w = &d->walk;
    size_t filter_pieces = d->job->code->filter_pieces, pieces = d->job->code->input_pieces * filter_pieces;
    for (size_t i = 0; i < d->inputs; i++) {
        size_t r = i % pieces / filter_pieces, s = i % filter_pieces;
        size_t at =
            image * w->in_image + group * w->in_group + r * w->in_input_piece + s * w->in_filter_piece;
        d->in[i] = (const char *)d->job->answers[i / pieces] + at * d->answer_size;
    }
}

/* Part (a,b) of Y in one block. */
static struct unmix_part part_of(const struct decoding *d, size_t image, size_t group, uint32_t a,
                                 uint32_t b) {
    const struct walk *w = &d->walk;
    const struct output_grid *grid = d->job->grid;
    size_t places = part_size(grid->rows, grid->part_rows, a) * grid->inner;
    size_t channels = part_size(grid->channels, grid->part_channels, b);
    size_t together = grid->block ? grid->block : 1;
    size_t channel = group * (size_t)grid->channels + b * (size_t)grid->part_channels;
    size_t to = image * w->out_image + group * w->out_group + a * w->out_input_part + b * w->out_filter_part;
    size_t at = (w->channels_last ? channel : channel / together * UNMIX_PATTERN) * d->size;
    return (struct unmix_part){
        .out = (char *)d->job->out + to * d->size,
        .factor = d->factors + at,
        .bias = d->bias + at,
        .lines = w->channels_last ? places : channels / together,
        .count = w->channels_last ? channels : places * together,
    };
}

/* The parts of one block in the order of unmix's results. */
static void aim_results(struct decoding *d, size_t image, size_t group) {
    const struct code_solution *s = d->job->solution;
    uint32_t across = d->job->code->filter_parts; /* k_B, or v where paired */
    struct unmix_part *part = d->parts;
    if (s->paired)
        across /= 2;
    for (uint32_t m = 0; m < (s->paired ? s->rows / 2 : s->rows); m++) {
        uint32_t a = s->part[m] / across, b = s->part[m] % across;
        if (!s->paired) {
            *part++ = part_of(d, image, group, a, b);
            continue;
        }
        *part++ = part_of(d, image, group, 2 * a, 2 * b);
        *part++ = part_of(d, image, group, 2 * a + 1, 2 * b);
        *part++ = part_of(d, image, group, 2 * a, 2 * b + 1);
        *part++ = part_of(d, image, group, 2 * a + 1, 2 * b + 1);
    }
}

/* Whether the activation is more than unmix knows; what it knows is set in the job. */
static bool activation_prepare(struct unmix_job *job, const struct activation *activation) {
    job->slope = 1;
    job->low = -INFINITY;
    job->high = INFINITY;
    switch (activation ? activation->kind : ACTIVATION_NONE) {
    case ACTIVATION_NONE:
        return false;
    case ACTIVATION_RELU:
        job->low = 0;
        return false;
    case ACTIVATION_CLIP:
        job->low = (double)activation->alpha;
        job->high = (double)activation->beta;
        return false;
    case ACTIVATION_LEAKY_RELU:
        job->slope = (double)activation->alpha;
        return false;
    default:
        return true;
    }
}

/* All of Y through any activation. */
static void activate(const struct decoding *d, const struct activation *activation) {
    size_t count = d->job->grid->batch * d->walk.out_image;
    float *f = d->job->out;
    double *wide = d->job->out;
    for (size_t i = 0; i < count; i++)
        if (d->map.dtype == CONVOY_F32)
            f[i] = activation_apply(activation, f[i]);
        else
            wide[i] = activation_apply_wide(activation, wide[i]);
}

/* The column that a row of f chooses as it is, or UNMIX_NO_CHOICE. */
static uint32_t row_choice(const struct code_solution *solution, uint32_t row) {
    uint32_t choice = UNMIX_NO_CHOICE;
    for (uint32_t column = 0; column < solution->columns; column++) {
        double g = solution->f[(size_t)row * solution->columns + column];
        if (g != 0 && (g != 1 || choice != UNMIX_NO_CHOICE))
            return UNMIX_NO_CHOICE;
        choice = g != 0 ? column : choice;
    }
    return choice;
}

/* Elements of all factors, or biases, as unmix wants them: channels last as they are; else, for each channel
 * or block of channels, UNMIX_PATTERN. Vectors read as many beyond the last. */
static size_t pattern_elements(const struct decoding *d) {
    const struct output_grid *grid = d->job->grid;
    size_t channels = grid->groups * (size_t)grid->channels, together = grid->block ? grid->block : 1;
    return (d->walk.channels_last ? channels : channels / together * UNMIX_PATTERN) + UNMIX_PATTERN;
}

/* count elements of one value. */
static void fill(convoy_dtype dtype, void *to, size_t count, double value) {
    float *narrow = to;
    double *wide = to;
    for (size_t i = 0; i < count && dtype == CONVOY_F32; i++)
        narrow[i] = (float)value;
    for (size_t i = 0; i < count && dtype == CONVOY_F64; i++)
        wide[i] = value;
}

/* to[pattern_elements] from values[channels]; of the neutral value if there are none. */
static void fill_patterns(const struct decoding *d, const void *values, double neutral, char *to) {
    const struct output_grid *grid = d->job->grid;
    const size_t size = d->size, channels = grid->groups * (size_t)grid->channels, used = channels * size;
    const char *from = values;
    if (!values) {
        fill(d->job->dtype, to, pattern_elements(d), neutral);
        return;
    }
    if (d->walk.channels_last) {
        memcpy(to, from, used);
        to += used;
    } else if (grid->block) {
        for (size_t c = 0; c < channels; c += grid->block)
            for (size_t i = 0; i < UNMIX_PATTERN; i += grid->block, to += grid->block * size)
                memcpy(to, from + c * size, grid->block * size);
    } else {
        for (size_t c = 0; c < channels; c++, to += UNMIX_PATTERN * size)
            fill(d->job->dtype, to, UNMIX_PATTERN,
                 d->job->dtype == CONVOY_F32 ? (double)((const float *)values)[c]
                                             : ((const double *)values)[c]);
    }
    fill(d->job->dtype, to, UNMIX_PATTERN, neutral); /* read beyond the last */
}

/* One allocation: unmix's scratch, which must be aligned, factors and biases, then what is read through
 * pointers, then numbers. */
static convoy_status allocate(struct decoding *d) {
    const struct code_solution *s = d->job->solution;
    size_t systems = s->paired ? 2 : 1, scratch = unmix_scratch_bytes(&d->map), in, parts, numbers, all;
    size_t patterns = pattern_elements(d) * d->size;
    d->inputs = systems * s->columns;
    d->results = systems * s->rows;
    if (scratch == 0 || !size_mul(d->inputs, sizeof *d->in, &in) ||
        !size_mul(d->results, sizeof *d->parts, &parts) || !size_mul(s->rows, sizeof *d->choice, &numbers) ||
        !size_add(scratch, in, &all) || !size_add(all, parts, &all) || !size_add(all, numbers, &all) ||
        !size_add(all, patterns, &all) || !size_add(all, patterns, &all))
        return CONVOY_E_MEMORY;
    d->memory = memory_aligned(all);
    if (!d->memory)
        return CONVOY_E_MEMORY;
    d->factors = (char *)d->memory + scratch;
    d->bias = d->factors + patterns;
    d->in = (const void **)(d->bias + patterns);
    d->parts = (struct unmix_part *)((char *)d->in + in);
    d->choice = d->g_pair = (uint32_t *)((char *)d->parts + parts);
    return CONVOY_OK;
}

/* The map of the solution: which rows choose, and which pair of g's rows goes with which of f's. */
static void map_fill(struct decoding *d) {
    const struct code_solution *s = d->job->solution;
    for (uint32_t row = 0; !s->paired && row < s->rows; row++)
        d->choice[row] = row_choice(s, row);
    for (uint32_t m = 0; s->paired && m < s->rows / 2; m++) {
        uint32_t n = 0;
        while (s->part_g[n] != s->part[m])
            n++;
        d->g_pair[m] = n;
    }
    d->map.choice = s->paired ? NULL : d->choice;
    d->map.g_pair = s->paired ? d->g_pair : NULL;
    unmix_prepare(&d->map, d->memory);
}

/* Whether all was finite. */
static bool decode_blocks(struct decoding *d) {
    bool finite = true;
    const struct walk *w = &d->walk;
    const struct output_grid *grid = d->job->grid;
    d->unmix.map = &d->map;
    d->unmix.scratch = d->memory;
    d->unmix.in = d->in;
    d->unmix.parts = d->parts;
    d->unmix.lines = w->lines;
    d->unmix.count = w->run;
    d->unmix.in_stride = w->in_line;
    d->unmix.out_stride = w->out_line;
    d->unmix.pattern_line = w->channels_last ? 0 : UNMIX_PATTERN;
    d->unmix.pattern_period = w->channels_last ? w->run : UNMIX_PATTERN;
    d->unmix.stream = grid->batch * w->out_image * d->size >= STREAM_BYTES;
    for (size_t image = 0; image < grid->batch; image++)
        for (size_t group = 0; group < grid->groups; group++) {
            aim_operands(d, image, group);
            aim_results(d, image, group);
            finite = unmix(&d->unmix) && finite;
        }
    return finite;
}

convoy_status decode(const struct decode_job *job, bool *finite) {
    const struct code_solution *solution = job->solution;
    struct decoding d = {
        .job = job,
        .size = convoy_dtype_bytes(job->dtype),
        .answer_size = convoy_dtype_bytes(job->answer_dtype),
        .walk = walk_of(job->code, job->grid),
        .map = {.dtype = job->dtype,
                .in_dtype = job->answer_dtype,
                .paired = solution->paired,
                .rows = solution->rows,
                .columns = solution->columns,
                .f = solution->f,
                .g = solution->g},
    };
    convoy_status status = allocate(&d);
    if (status != CONVOY_OK)
        return status;
    fill_patterns(&d, job->factors, 1, d.factors);
    fill_patterns(&d, job->bias, -0.0, d.bias);
    map_fill(&d);
    bool curved = activation_prepare(&d.unmix, job->activation);
    *finite = decode_blocks(&d);
    if (curved)
        activate(&d, job->activation);
    free(d.memory);
    return CONVOY_OK;
}
