/* What one input makes of a projection, and the checks against that. */
#include "base/memory.h"
#include "code/projection.h"
#include "linalg/combine.h"
#include "linalg/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the pieces of projected.memory lie. */
struct rooms {
    double *mean_squares; /* [k_B][k_A] */
    double *rows;         /* [ℓ_A·ℓ_B][k_B·k_A]: the products of both */
    float *output;        /* of the convolution */
    float *parts;         /* [batch][k_B][k_A][h][inner] */
    float *expected;      /* [ℓ_A][ℓ_B][batch][h][inner] */
    float *sums;          /* [h][inner] */
};

/* Positions of one part of one image. */
static size_t part_positions(const struct output_grid *grid) {
    return (size_t)grid->part_rows * grid->inner;
}

static size_t parts_of(const struct output_grid *grid) {
    return (size_t)grid->input_parts * grid->filter_parts;
}

static void *take(char **at, size_t count, size_t size) {
    void *room = *at;
    *at += (count * size + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    return room;
}

/* Lays the rooms out from `memory` on (NULL: to count). Returns their bytes, which are no more than some
 * times those of the convolution and of an answer, which were checked. */
static size_t lay_out(struct rooms *rooms, const struct projection *projection, void *memory) {
    const struct output_grid *grid = projection->grid;
    const struct code *code = projection->code;
    const size_t parts = parts_of(grid), positions = part_positions(grid);
    const size_t pieces = (size_t)code->input_pieces * code->filter_pieces;
    const struct conv_geometry *conv = &projection->conv;
    const size_t output =
        (size_t)(conv->batch * conv->out_channels * conv->out[0] * conv->out[1] * conv->out[2]);
    char *at = memory;
    rooms->mean_squares = take(&at, parts, sizeof(double));
    rooms->rows = take(&at, pieces * parts, sizeof(double));
    rooms->output = take(&at, output, sizeof(float));
    rooms->parts = take(&at, grid->batch * parts * positions, sizeof(float));
    rooms->expected = take(&at, pieces * grid->batch * positions, sizeof(float));
    rooms->sums = take(&at, positions, sizeof(float));
    return (size_t)(at - (char *)memory);
}

void projected_clear(struct projected *projected) {
    free(projected->memory);
    *projected = (struct projected){0};
}

convoy_status projected_reserve(struct projected *projected, const struct projection *projection) {
    struct rooms rooms;
    size_t bytes = lay_out(&rooms, projection, NULL);
    if (bytes > projected->capacity) {
        void *memory = memory_aligned(bytes);
        if (!memory)
            return CONVOY_E_MEMORY;
        free(projected->memory);
        projected->memory = memory;
        projected->capacity = bytes;
    }
    lay_out(&rooms, projection, projected->memory);
    projected->output = rooms.output;
    projected->mean_squares = rooms.mean_squares;
    projected->parts = rooms.parts;
    return CONVOY_OK;
}

/* Where the convolution's output has what. Axes are those of the layer, moved so that the last one is the
 * last of three, and runs along memory but for `step`. */
struct plane {
    int64_t in[CONV_MAX_SPATIAL];  /* extents of the convolution's output */
    int64_t out[CONV_MAX_SPATIAL]; /* of all parts together */
    size_t step;                   /* elements between neighbours along the last axis */
    size_t image;                  /* elements of an image */
};

/* The convolution's axes, right-aligned in three. */
static struct plane describe_plane(const struct projection *projection) {
    const struct conv_geometry *conv = &projection->conv;
    const struct output_grid *grid = projection->grid;
    const uint32_t shift = CONV_MAX_SPATIAL - conv->spatial;
    struct plane plane = {.in = {1, 1, 1}, .out = {1, 1, 1}};
    size_t positions = 1;
    for (uint32_t i = 0; i < conv->spatial; i++) {
        plane.in[i + shift] = conv->out[i];
        plane.out[i + shift] = projection->layer->out[i];
        positions *= (size_t)conv->out[i];
    }
    plane.out[shift] = grid->part_rows * grid->input_parts;
    plane.image = positions * (size_t)conv->out_channels;
    plane.step = conv->layout == CONV_CHANNELS_LAST ? (size_t)conv->out_channels
                 : conv->out_block                  ? conv->out_block
                                                    : 1;
    return plane;
}

/* Where an output channel begins in an image. */
static size_t channel_at(const struct projection *projection, const struct plane *plane, size_t channel) {
    const size_t step = plane->step, positions = plane->image / (size_t)projection->conv.out_channels;
    return channel / step * step * positions + channel % step;
}

/* How far tap `tap` of the layer's kernel looks from an output position. */
static void tap_offset(const struct projection *projection, uint32_t tap, int64_t *offset) {
    const struct conv_geometry *g = projection->layer;
    const uint32_t shift = CONV_MAX_SPATIAL - g->spatial;
    for (int i = 0; i < CONV_MAX_SPATIAL; i++)
        offset[i] = 0;
    for (uint32_t i = g->spatial; projection->taps > 1 && i-- > 0; tap /= (uint32_t)g->kernel[i])
        offset[i + shift] = tap % (uint32_t)g->kernel[i] * g->dilation[i] - g->pad_begin[i];
}

/* row[k] += from[k + offset] along the last axis, at all positions k of the parts where there is one; `from`
 * begins at the row (i,j) of an image's output channel. Rows outside the convolution's output are zeros. */
static void add_row(const struct plane *plane, int64_t i, int64_t j, int64_t offset, const float *from,
                    float *row) {
    if (i < 0 || i >= plane->in[0] || j < 0 || j >= plane->in[1])
        return;
    const int64_t begin = offset < 0 ? -offset : 0, step = (int64_t)plane->step;
    const int64_t end = plane->in[2] - offset < plane->out[2] ? plane->in[2] - offset : plane->out[2];
    const float *source = from + ((i * plane->in[1] + j) * plane->in[2] + offset) * step;
    for (int64_t k = begin; k < end; k++)
        row[k] += source[k * step];
}

/* All taps of one row (i,j) of one filter part, so that the rows that they come from stay in the cache. */
static void sum_taps(const struct projection *projection, const struct plane *plane, const float *image,
                     size_t part, int64_t i, int64_t j, float *row) {
    for (uint32_t tap = 0; tap < projection->taps; tap++) {
        int64_t offset[CONV_MAX_SPATIAL];
        tap_offset(projection, tap, offset);
        add_row(plane, i + offset[0], j + offset[1], offset[2],
                image + channel_at(projection, plane, tap * projection->grid->filter_parts + part), row);
    }
}

/* The mean squares of all P_ab. Whether they are finite. */
static bool sum_squares(struct projected *projected, const struct output_grid *grid) {
    const size_t positions = part_positions(grid), parts = parts_of(grid);
    bool finite = true;
    for (size_t part = 0; part < parts; part++) {
        double sum = 0;
        for (size_t n = 0; n < grid->batch; n++) {
            const float *from = projected->parts + (n * parts + part) * positions;
            for (size_t p = 0; p < positions; p++)
                sum += (double)from[p] * (double)from[p];
        }
        projected->mean_squares[part] = sum / (double)(positions * grid->batch);
        finite = finite && isfinite(sum);
    }
    return finite;
}

bool projected_take(struct projected *projected, const struct projection *projection) {
    const struct output_grid *grid = projection->grid;
    const struct plane plane = describe_plane(projection);
    float *row = projected->parts;
    memset(row, 0, grid->batch * parts_of(grid) * part_positions(grid) * sizeof *row);
    for (size_t n = 0; n < grid->batch; n++)
        for (size_t b = 0; b < grid->filter_parts; b++)
            for (int64_t i = 0; i < plane.out[0]; i++)
                for (int64_t j = 0; j < plane.out[1]; j++, row += plane.out[2])
                    sum_taps(projection, &plane, projected->output + n * plane.image, b, i, j, row);
    return sum_squares(projected, grid);
}

/* Codes the parts as the worker's answer is coded. Returns S². */
static double expect(const struct rooms *rooms, const struct projected *projected,
                     const struct projection *projection, uint32_t worker) {
    const struct output_grid *grid = projection->grid;
    const struct code *code = projection->code;
    const size_t positions = part_positions(grid), parts = parts_of(grid);
    const uint32_t pieces = code->input_pieces * code->filter_pieces;
    double square = 0;
    const double *input_rows = code_input_rows(code, worker), *filter_rows = code_filter_rows(code, worker);
    for (uint32_t piece = 0; piece < pieces; piece++) {
        const double *input = input_rows + piece / code->filter_pieces * grid->input_parts;
        const double *filter = filter_rows + piece % code->filter_pieces * grid->filter_parts;
        double *row = rooms->rows + piece * parts;
        for (size_t part = 0; part < parts; part++) {
            row[part] = filter[part / grid->input_parts] * input[part % grid->input_parts];
            square += row[part] * row[part] * projected->mean_squares[part];
        }
        float *to = rooms->expected + piece * grid->batch * positions;
        combine_repeated(&(struct combine_job){.dtype = CONVOY_F32,
                                               .out_dtype = CONVOY_F32,
                                               .outputs = 1,
                                               .inputs = parts,
                                               .g = row,
                                               .g_stride = parts,
                                               .first = projected->parts,
                                               .step = positions,
                                               .out = (void *[]){to},
                                               .length = positions,
                                               .repeats = grid->batch,
                                               .in_stride = parts * positions,
                                               .out_stride = positions});
    }
    return square / pieces;
}

/* ---- what came ---- */

/* Piece (r,s) of image n of an answer, as project() reads it. */
static struct project_job describe_piece(const struct projection *projection, uint32_t r, uint32_t s,
                                         size_t n) {
    const struct output_grid *grid = projection->grid;
    const size_t positions = part_positions(grid), channels = (size_t)grid->part_channels;
    const size_t pieces = projection->code->filter_pieces, all = grid->groups * pieces * channels;
    const bool last = grid->layout == CONV_CHANNELS_LAST;
    const size_t lanes = last ? channels : grid->block ? grid->block : 1;
    return (struct project_job){.r = projection->r,
                                .first = (r * grid->batch + n) * all * positions +
                                         s * channels * (last ? 1 : positions),
                                .groups = grid->groups,
                                .rows = channels / lanes,
                                .positions = positions,
                                .lanes = lanes,
                                .group_stride = pieces * channels * (last ? 1 : positions),
                                .row_stride = positions * lanes,
                                .position_stride = last ? all : lanes};
}

/* The largest |z - e|² / (e² + S²); infinite if one of them is not finite. */
static double largest_ratio(const struct rooms *rooms, const float *expected, size_t positions,
                            double square) {
    double largest = 0;
    for (size_t p = 0; p < positions; p++) {
        const double e = (double)expected[p], off = (double)rooms->sums[p] - e;
        const double ratio = off == 0 ? 0 : off * off / (e * e + square);
        if (!(ratio <= largest))
            largest = isfinite(ratio) ? ratio : INFINITY;
    }
    return largest;
}

double projected_deviation(struct projected *projected, const struct projection *projection, uint32_t worker,
                           convoy_dtype answer_dtype, const void *answer) {
    const struct output_grid *grid = projection->grid;
    const struct code *code = projection->code;
    const size_t positions = part_positions(grid);
    struct rooms rooms;
    lay_out(&rooms, projection, projected->memory);
    const double square = expect(&rooms, projected, projection, worker);
    const float *expected = rooms.expected;
    double largest = 0;
    for (uint32_t r = 0; r < code->input_pieces; r++)
        for (uint32_t s = 0; s < code->filter_pieces; s++)
            for (size_t n = 0; n < grid->batch; n++, expected += positions) {
                struct project_job job = describe_piece(projection, r, s, n);
                job.dtype = answer_dtype;
                job.map = answer;
                project(&job, rooms.sums);
                largest = fmax(largest, largest_ratio(&rooms, expected, positions, square));
            }
    return sqrt(largest);
}
