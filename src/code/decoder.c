/* Decoding: the survivors' answers to the output tensor, in one pass over both.
 *
 * The answers are read in chunks that fit the cache. Of each chunk: the answers' lines are gathered (for
 * paired codes as F and G of rotation.c), combined with the solution's matrix, and the parts are written
 * where they belong in Y, without surplus rows and channels, with bias and activation, which do not commute
 * with the code. For paired codes the last step is X_2a*K_2b = Re(F+G)/2    X_2a+1*K_2b+1 = Re(G−F)/2
 * X_2a+1*K_2b = Im(F+G)/2    X_2a*K_2b+1 = Im(F−G)/2.
 *
 * Cost, paired: 2δ multiply-adds per element of Y with its surplus; rows of f that merely choose an answer
 * are copied. Scratch: 256 KiB or, for many survivors, two short lines for each answer. Error: κ·ε (see
 * rotation.c). */
#include "code/decoder.h"

#include "base/memory.h"
#include "linalg/combine.h"
#include "linalg/lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_CHOICE UINT32_MAX

enum {
    SCRATCH_BYTES = 256 * 1024, /* gathered and combined lines of a chunk together: half of a small L2 */
    CHUNK_MIN = 128,            /* elements */
    LINE_SKEW = 256 /* bytes between scratch lines, lest all begin in one set of the first cache */
};

/* Both layouts as one: blocks, in each of them lines of elements that lie together in the answers and in Y.
 * Channels first: a block is one group of one image, a line one channel. Channels last: a block is one image,
 * a line the channels of one group at one place. All strides are in elements. */
struct walk {
    bool channels_last;
    size_t blocks, lines, run;                                   /* of one part */
    size_t in_block, in_line, in_input_piece, in_filter_piece;   /* strides in an answer */
    size_t out_block, out_line, out_input_part, out_filter_part; /* strides in Y; of parts */
};

/* One decode. Lines of scratch hold `chunk` elements; what belongs to G follows what belongs to F. */
struct decoding {
    convoy_dtype dtype;
    size_t size; /* of an element */
    const struct code *code;
    const struct code_solution *solution;
    const struct output_grid *grid;
    const void *const *answers;
    const char *bias;
    const struct activation *activation;
    bool curved;             /* the activation is none of those that lines_finish knows */
    double slope, low, high; /* for lines_finish */
    char *out;
    struct walk walk;
    size_t chunk;
    size_t systems;  /* 2 where paired, else 1 */
    void **gathered; /* [systems*columns] lines of scratch */
    void **mixed;    /* [systems*rows] lines of scratch, for the results of combine */
    const void *
        *in; /* [systems*columns] the gathered lines, or the answers themselves where these lie together */
    uint32_t *choice; /* [rows], not paired: row_choice */
    void *scratch;
};

/* Lines [line, line+lines) and positions [k, k+count) of them, of one block. */
struct chunk {
    size_t block, line, lines, k, count;
};

static struct walk walk_of(const struct code *code, const struct output_grid *grid) {
    size_t m = (size_t)grid->part_channels, rows = (size_t)grid->rows, channels = (size_t)grid->channels;
    size_t slice = (size_t)grid->part_rows * grid->inner;
    if (grid->layout == CONV_CHANNELS_FIRST) {
        size_t piece = m * slice, blocks = grid->batch * grid->groups;
        return (struct walk){
            .blocks = blocks,
            .lines = m,
            .run = slice,
            .in_block = code->filter_pieces * piece,
            .in_line = slice,
            .in_input_piece = blocks * code->filter_pieces * piece,
            .in_filter_piece = piece,
            .out_block = channels * rows * grid->inner,
            .out_line = rows * grid->inner,
            .out_input_part = slice,
            .out_filter_part = m * rows * grid->inner,
        };
    }
    size_t places = slice * grid->groups;
    return (struct walk){
        .channels_last = true,
        .blocks = grid->batch,
        .lines = places,
        .run = m,
        .in_block = places * code->filter_pieces * m,
        .in_line = code->filter_pieces * m,
        .in_input_piece = grid->batch * places * code->filter_pieces * m,
        .in_filter_piece = m,
        .out_block = rows * grid->inner * grid->groups * channels,
        .out_line = channels,
        .out_input_part = places * channels,
        .out_filter_part = m,
    };
}

/* Where a line of one piece lies in an answer. */
static const char *answer_line(const struct decoding *d, const void *answer, size_t piece,
                               const struct chunk *c, size_t line) {
    const struct walk *w = &d->walk;
    size_t r = piece / d->code->filter_pieces, s = piece % d->code->filter_pieces;
    return (const char *)answer + (c->block * w->in_block + r * w->in_input_piece + s * w->in_filter_piece +
                                   (c->line + line) * w->in_line + c->k) *
                                      d->size;
}

/* Elements of part i that are no surplus, where `total` are cut in parts of `part`. */
static size_t part_size(int64_t total, int64_t part, uint32_t i) {
    int64_t left = total - i * part;
    return left < 0 ? 0 : (size_t)(left < part ? left : part);
}

static size_t size_least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* One element through a curved activation. */
static void activate(const struct decoding *d, void *element) {
    if (d->dtype == CONVOY_F32)
        *(float *)element = activation_apply(d->activation, *(float *)element);
    else
        *(double *)element = activation_apply(d->activation, (float)*(double *)element);
}

/* F and G of all answers, line after line. */
static void gather_pairs(struct decoding *d, const struct chunk *c, size_t lines, size_t count) {
    void **g = d->gathered + d->solution->columns;
    for (uint32_t i = 0; i < d->solution->survivors; i++) {
        struct line_split job = {
            .dtype = d->dtype,
            .f = {d->gathered[2 * i], d->gathered[2 * i + 1]},
            .g = {g[2 * i], g[2 * i + 1]},
            .lines = lines,
            .count = count,
            .in_stride = d->walk.in_line,
            .out_stride = count,
        };
        for (size_t piece = 0; piece < 4; piece++)
            job.y[piece] = answer_line(d, d->answers[i], piece, c, 0);
        lines_split(&job);
    }
}

/* The answers' pieces, copied only where their lines lie apart. */
static void gather_plain(struct decoding *d, const struct chunk *c, size_t lines, size_t count) {
    size_t pieces = (size_t)d->code->input_pieces * d->code->filter_pieces;
    for (size_t column = 0; column < d->solution->columns; column++) {
        const void *answer = d->answers[column / pieces];
        d->in[column] = lines == 1 ? answer_line(d, answer, column % pieces, c, 0) : d->gathered[column];
        for (size_t line = 0; lines > 1 && line < lines; line++)
            memcpy((char *)d->gathered[column] + line * count * d->size,
                   answer_line(d, answer, column % pieces, c, line), count * d->size);
    }
}

/* Lines [line, line + step*n), every step-th, of part (a,b) with bias and activation. job says all but where
 * and which bias. */
static void write_lines(const struct decoding *d, const struct chunk *c, struct line_finish *job, uint32_t a,
                        uint32_t b, size_t line, size_t group) {
    const struct walk *w = &d->walk;
    size_t channel = group * (size_t)d->grid->channels + b * (size_t)d->grid->part_channels;
    channel += w->channels_last ? c->k : line;
    size_t to =
        c->block * w->out_block + line * w->out_line + a * w->out_input_part + b * w->out_filter_part + c->k;
    job->bias = d->bias ? d->bias + channel * d->size : NULL;
    job->bias_line = !w->channels_last;
    job->bias_each = w->channels_last;
    job->out = d->out + to * d->size;
    lines_finish(job);
    for (size_t i = 0; d->curved && i < job->lines; i++)
        for (size_t k = 0; k < job->count; k++)
            activate(d, (char *)job->out + (i * job->out_stride + k) * d->size);
}

/* Writes (p ± q)/2 or p, as mode says, to part (a,b) of Y: what of the chunk is no surplus. */
static void write_part(const struct decoding *d, const struct chunk *c, uint32_t a, uint32_t b,
                       enum line_mode mode, const char *p, const char *q) {
    const struct walk *w = &d->walk;
    const struct output_grid *grid = d->grid;
    size_t places = part_size(grid->rows, grid->part_rows, a) * grid->inner;
    size_t channels = part_size(grid->channels, grid->part_channels, b);
    size_t lines = w->channels_last ? places * grid->groups : channels;
    size_t run = w->channels_last ? channels : places;
    if (run <= c->k || lines <= c->line)
        return;
    lines = size_least(lines - c->line, c->lines);
    size_t groups =
        w->channels_last ? grid->groups : 1; /* lines of one group, which share a bias, at a time */
    for (size_t i = 0; i < groups && i < lines; i++) {
        size_t from = i * c->count * d->size;
        struct line_finish job = {
            .dtype = d->dtype,
            .mode = mode,
            .p = p + from,
            .q = q ? q + from : NULL,
            .slope = d->slope,
            .low = d->low,
            .high = d->high,
            .lines = (lines - i + groups - 1) / groups,
            .count = size_least(run - c->k, c->count),
            .in_stride = groups * c->count,
            .out_stride = groups * w->out_line,
        };
        write_lines(d, c, &job, a, b, c->line + i,
                    (w->channels_last ? c->line + i : c->block) % grid->groups);
    }
}

/* The four parts of every pair. f's and g's row of a pair differ. */
static void write_pairs(const struct decoding *d, const struct chunk *c) {
    const struct code_solution *s = d->solution;
    uint32_t v = d->code->filter_parts / 2;
    for (uint32_t m = 0; m < s->rows / 2; m++) {
        uint32_t n = 0;
        while (s->part_g[n] != s->part[m])
            n++;
        uint32_t a = s->part[m] / v, b = s->part[m] % v;
        const void *f_re = d->mixed[2 * m], *f_im = d->mixed[2 * m + 1];
        const void *g_re = d->mixed[s->rows + 2 * n], *g_im = d->mixed[s->rows + 2 * n + 1];
        write_part(d, c, 2 * a, 2 * b, LINE_SUM, f_re, g_re);
        write_part(d, c, 2 * a + 1, 2 * b + 1, LINE_DIFFERENCE, g_re, f_re);
        write_part(d, c, 2 * a + 1, 2 * b, LINE_SUM, f_im, g_im);
        write_part(d, c, 2 * a, 2 * b + 1, LINE_DIFFERENCE, f_im, g_im);
    }
}

static void decode_chunk(struct decoding *d, const struct chunk *c) {
    const struct code_solution *s = d->solution;
    bool together = c->lines == 1 || d->walk.in_line == c->count;
    size_t lines = together ? 1 : c->lines, count = together ? c->lines * c->count : c->count;
    if (s->paired) {
        gather_pairs(d, c, lines, count);
        combine(d->dtype, s->rows, s->columns, s->f, (const void *const *)d->gathered, d->mixed,
                c->lines * c->count);
        combine(d->dtype, s->rows, s->columns, s->g, (const void *const *)d->gathered + s->columns,
                d->mixed + s->rows, c->lines * c->count);
        write_pairs(d, c);
        return;
    }
    gather_plain(d, c, lines, count);
    for (uint32_t row = 0, end; row < s->rows; row = end) {
        for (end = row; end < s->rows && d->choice[end] == NO_CHOICE; end++)
            continue;
        combine(d->dtype, end - row, s->columns, s->f + (size_t)row * s->columns, d->in, d->mixed + row,
                c->lines * c->count);
        end += end == row;
    }
    for (uint32_t row = 0; row < s->rows; row++)
        write_part(d, c, s->part[row] / d->code->filter_parts, s->part[row] % d->code->filter_parts,
                   LINE_COPY, d->choice[row] == NO_CHOICE ? d->mixed[row] : d->in[d->choice[row]], NULL);
}

static void activation_prepare(struct decoding *d) {
    d->slope = 1;
    d->low = -INFINITY;
    d->high = INFINITY;
    switch (d->activation ? d->activation->kind : ACTIVATION_NONE) {
    case ACTIVATION_NONE:
        break;
    case ACTIVATION_RELU:
        d->low = 0;
        break;
    case ACTIVATION_CLIP:
        d->low = (double)d->activation->alpha;
        d->high = (double)d->activation->beta;
        break;
    case ACTIVATION_LEAKY_RELU:
        d->slope = (double)d->activation->alpha;
        break;
    default:
        d->curved = true;
    }
}

/* The column that a row of f chooses as it is, or NO_CHOICE. */
static uint32_t row_choice(const struct code_solution *solution, uint32_t row) {
    uint32_t choice = NO_CHOICE;
    for (uint32_t column = 0; column < solution->columns; column++) {
        double g = solution->f[(size_t)row * solution->columns + column];
        if (g != 0 && (g != 1 || choice != NO_CHOICE))
            return NO_CHOICE;
        choice = g != 0 ? column : choice;
    }
    return choice;
}

/* Scratch: `chunk` elements for each of `lines` gathered and mixed lines. */
static convoy_status scratch_create(struct decoding *d) {
    size_t gathered = d->systems * d->solution->columns, mixed = d->systems * d->solution->rows;
    size_t lines = gathered + mixed, bytes;
    d->chunk = SCRATCH_BYTES / d->size / lines;
    d->chunk = d->chunk < CHUNK_MIN ? CHUNK_MIN : d->chunk - d->chunk % CHUNK_MIN;
    size_t line_bytes = d->chunk * d->size + LINE_SKEW;
    if (!size_mul(lines, line_bytes, &bytes))
        return CONVOY_E_MEMORY;
    d->scratch = memory_aligned(bytes);
    d->gathered = calloc(lines, sizeof *d->gathered);
    d->in = calloc(gathered, sizeof *d->in);
    d->choice = calloc(mixed, sizeof *d->choice);
    if (!d->scratch || !d->gathered || !d->in || !d->choice)
        return CONVOY_E_MEMORY;
    for (uint32_t row = 0; !d->solution->paired && row < mixed; row++)
        d->choice[row] = row_choice(d->solution, row);
    for (size_t i = 0; i < lines; i++)
        d->gathered[i] = (char *)d->scratch + i * line_bytes;
    d->mixed = d->gathered + gathered;
    return CONVOY_OK;
}

convoy_status decode(convoy_dtype dtype, const struct code *code, const struct code_solution *solution,
                     const struct output_grid *grid, const void *const *answers, const void *bias,
                     const struct activation *activation, void *out) {
    struct decoding d = {
        .dtype = dtype,
        .size = convoy_dtype_bytes(dtype),
        .code = code,
        .solution = solution,
        .grid = grid,
        .answers = answers,
        .bias = bias,
        .activation = activation,
        .out = out,
        .walk = walk_of(code, grid),
        .systems = solution->paired ? 2 : 1,
    };
    activation_prepare(&d);
    convoy_status status = scratch_create(&d);
    if (status != CONVOY_OK)
        goto out;
    size_t lines = d.chunk / d.walk.run; /* of a chunk; where not even one fits, lines are cut */
    lines = lines ? lines : 1;
    for (size_t block = 0; block < d.walk.blocks; block++)
        for (size_t line = 0; line < d.walk.lines; line += lines)
            for (size_t k = 0; k < d.walk.run; k += d.chunk) {
                struct chunk c = {.block = block, .line = line, .lines = lines, .k = k, .count = d.chunk};
                c.lines = d.walk.lines - line < lines ? d.walk.lines - line : lines;
                c.count = d.walk.run - k < d.chunk ? d.walk.run - k : d.chunk;
                decode_chunk(&d, &c);
            }
out:
    free(d.choice);
    free(d.in);
    free(d.gathered);
    free(d.scratch);
    return status;
}
