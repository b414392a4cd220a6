#include "code/projection.h"

#include "base/memory.h"
#include "linalg/combine.h"
#include "linalg/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

convoy_status projection_create(struct projection *projection, const struct conv_geometry *layer,
                                const struct output_grid *grid, const struct code *code,
                                struct random *random) {
    size_t count = grid->groups * (size_t)grid->part_channels;
    float *r = malloc(count * sizeof *r);
    if (!r)
        return CONVOY_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        float size = 1 + (float)random_below(random, 1 << 20) * 0x1p-20F;
        r[i] = random_below(random, 2) ? size : -size;
    }
    *projection = (struct projection){.layer = layer, .grid = grid, .code = code, .r = r};
    return CONVOY_OK;
}

void projection_clear(struct projection *projection) {
    free(projection->r);
    projection->r = NULL;
}

static int64_t whole_rows(const struct output_grid *grid) {
    return grid->part_rows * grid->input_parts;
}

convoy_status projection_conv(const struct projection *projection, struct conv_geometry *conv,
                              convoy_error *error) {
    struct conv_geometry g = *projection->layer;
    int64_t rows = whole_rows(projection->grid);
    if (rows > g.out[0]) /* rows of the last slices that are no rows of the layer: they are coded too */
        g.pad_end[0] =
            (rows - 1) * g.stride[0] + (g.kernel[0] - 1) * g.dilation[0] + 1 - g.in[0] - g.pad_begin[0];
    g.groups = 1;
    g.out_channels = projection->grid->filter_parts;
    g.out_block = 0;
    convoy_status status = conv_geometry_complete(&g, error);
    if (status == CONVOY_OK)
        *conv = g;
    return status;
}

void projection_filters(const struct projection *projection, const void *filters, const float *factors,
                        float *out) {
    const struct conv_geometry *g = projection->layer;
    const struct output_grid *grid = projection->grid;
    const size_t taps = (size_t)(g->kernel[0] * g->kernel[1] * g->kernel[2]);
    const size_t depth = (size_t)(g->in_channels / g->groups) * taps; /* elements of one filter */
    const int64_t in_group = g->out_channels / g->groups;
    memset(out, 0, grid->filter_parts * (size_t)g->groups * depth * sizeof *out);
    for (size_t group = 0; group < grid->groups; group++)
        for (int64_t c = 0; c < grid->channels; c++) {
            const int64_t part = c / grid->part_channels, channel = (int64_t)group * grid->channels + c;
            const float r = projection->r[(int64_t)group * grid->part_channels + c % grid->part_channels] /
                            factors[channel];
            const char *from = (const char *)filters + (size_t)channel * depth * sizeof(float);
            float *to = out + ((size_t)part * (size_t)g->groups + (size_t)(channel / in_group)) * depth;
            for (size_t i = 0; i < depth; i++) {
                float element;
                memcpy(&element, from + i * sizeof element, sizeof element);
                to[i] += r * element;
            }
        }
}

/* ---- what is expected ---- */

/* Where the pieces of projected.memory lie. */
struct rooms {
    double *mean_squares; /* [k_B][k_A] */
    double *input_rows;   /* [ℓ_A][k_A] */
    double *filter_rows;  /* [ℓ_B][k_B] */
    double *rows;         /* [ℓ_A·ℓ_B][k_B·k_A]: the products of both */
    float *output;        /* [batch·k_B·k_A·h·inner] */
    float *parts;         /* the same, if the output's channels lie last */
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
    const bool last = grid->layout == CONV_CHANNELS_LAST;
    char *at = memory;
    rooms->mean_squares = take(&at, parts, sizeof(double));
    rooms->input_rows = take(&at, (size_t)code->input_pieces * grid->input_parts, sizeof(double));
    rooms->filter_rows = take(&at, (size_t)code->filter_pieces * grid->filter_parts, sizeof(double));
    rooms->rows = take(&at, pieces * parts, sizeof(double));
    rooms->output = take(&at, grid->batch * parts * positions, sizeof(float));
    rooms->parts = take(&at, last ? grid->batch * parts * positions : 0, sizeof(float));
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
    projected->parts = projection->grid->layout == CONV_CHANNELS_LAST ? rooms.parts : rooms.output;
    return CONVOY_OK;
}

/* [batch][k_B][rows][inner] from [batch][rows][inner][k_B]. */
static void put_channels_first(float *to, const struct output_grid *grid, const float *from) {
    const size_t positions = part_positions(grid) * grid->input_parts, parts = grid->filter_parts;
    for (size_t n = 0; n < grid->batch; n++, from += positions * parts)
        for (size_t b = 0; b < parts; b++)
            for (size_t p = 0; p < positions; p++)
                *to++ = from[p * parts + b];
}

bool projected_take(struct projected *projected, const struct projection *projection) {
    const struct output_grid *grid = projection->grid;
    const size_t positions = part_positions(grid), parts = parts_of(grid);
    bool finite = true;
    if (grid->layout == CONV_CHANNELS_LAST)
        put_channels_first((float *)projected->parts, grid, projected->output);
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

/* Codes the parts as the worker's answer is coded. Returns S². */
static double expect(const struct rooms *rooms, const struct projected *projected,
                     const struct projection *projection, uint32_t worker) {
    const struct output_grid *grid = projection->grid;
    const struct code *code = projection->code;
    const size_t positions = part_positions(grid), parts = parts_of(grid);
    const uint32_t pieces = code->input_pieces * code->filter_pieces;
    double square = 0;
    code->family->input_rows(code, worker, rooms->input_rows);
    code->family->filter_rows(code, worker, rooms->filter_rows);
    for (uint32_t piece = 0; piece < pieces; piece++) {
        const double *input = rooms->input_rows + piece / code->filter_pieces * grid->input_parts;
        const double *filter = rooms->filter_rows + piece % code->filter_pieces * grid->filter_parts;
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
