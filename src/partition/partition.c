/* APCP and KCCP: the arithmetic of the cuts.
 *
 * Slice a of the input yields the output rows [a*h, (a+1)*h), h = ceil(H'/k_A), and so needs the rows [a*h*s,
 * a*h*s + Ĥ) of the padded input, Ĥ = (h-1)s + (K_H-1)d + 1: neighbours overlap by (K_H-1)d + 1 - s rows.
 * Group b of the filters is the union of the channels [b*m, (b+1)*m) of every convolution group, m =
 * ceil(N/groups/k_B). Rows past the input and channels past the filters are zeros, and what comes of them is
 * surplus that the decoder drops.
 *
 * Source: FCDCC, arXiv 2411.01579, §IV (APCP: adaptive-padding coded partitioning, KCCP: kernel-channel coded
 * partitioning); dilation, groups, other numbers of axes and uneven sizes follow from the definition of a
 * convolution. */
#include "partition/partition.h"

#include "base/error.h"

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static size_t product_after_first(const struct conv_geometry *g, const int64_t *sizes) {
    size_t product = 1;
    for (uint32_t i = 1; i < g->spatial; i++)
        product *= (size_t)sizes[i];
    return product;
}

/* Convolution groups as the cut of the output sees them: depthwise layers lie in blocks across theirs, and
 * are one group whose channels are not cut. */
static int64_t cut_groups(const struct conv_geometry *g) {
    return g->out_block && g->out_channels == g->groups ? 1 : g->groups;
}

/* Whether filter groups would cut through blocks of output channels. */
static bool cuts_blocks(const struct conv_geometry *g, uint32_t filter_parts) {
    return g->out_block && cut_groups(g) == g->groups &&
           divide_up(g->out_channels / g->groups, filter_parts) % g->out_block != 0;
}

const char *partition_refusal(const struct conv_geometry *layer, uint32_t input_parts, uint32_t filter_parts,
                              uint32_t step) {
    int64_t rows = layer->out[0], channels = layer->out_channels / layer->groups;
    if (input_parts < 1 || filter_parts < 1)
        return "parts are counted from 1";
    if ((input_parts > 1 && input_parts % step) || (filter_parts > 1 && filter_parts % step))
        return "this code pairs parts: 1 or an even number of them";
    if (input_parts > rows)
        return "more slices than output rows";
    if (filter_parts > channels)
        return layer->groups > 1 ? "more filter groups than output channels in a convolution group"
                                 : "more filter groups than output channels";
    if (cuts_blocks(layer, filter_parts))
        return "the filter groups are no whole blocks of channels";
    if (input_parts > step && divide_up(rows, input_parts) == divide_up(rows, input_parts - step))
        return "fewer slices would be as small";
    return NULL;
}

convoy_status partition_create(struct partition *partition, const struct conv_geometry *layer,
                               uint32_t input_parts, uint32_t filter_parts, convoy_error *error) {
    const struct conv_geometry *g = layer;
    int64_t rows = g->out[0], channels = g->out_channels / g->groups;
    if (input_parts < 1 || input_parts > rows || filter_parts < 1 || filter_parts > channels)
        return error_set(
            error, CONVOY_E_USAGE,
            "parts %u,%u do not fit a layer that can be cut in 1 to %lld slices and 1 to %lld filter groups",
            input_parts, filter_parts, (long long)rows, (long long)channels);
    if (cuts_blocks(g, filter_parts))
        return error_set(error, CONVOY_E_USAGE, "%u filter groups are no whole blocks of %u channels",
                         filter_parts, g->out_block);
    struct partition p = {.layer = *g, .input_parts = input_parts, .filter_parts = filter_parts};
    p.part_rows = divide_up(rows, input_parts);
    p.slice_rows = (p.part_rows - 1) * g->stride[0] + (g->kernel[0] - 1) * g->dilation[0] + 1;
    p.part_channels = divide_up(channels, filter_parts);

    bool last = g->layout == CONV_CHANNELS_LAST;
    size_t batch = (size_t)g->batch, in_channels = (size_t)g->in_channels;
    size_t together = last ? in_channels : g->in_block ? g->in_block : 1;
    p.input = (struct axis_cut){.outer = batch * (in_channels / together),
                                .inner = product_after_first(g, g->in) * together,
                                .extent = g->in[0],
                                .first = -g->pad_begin[0],
                                .step = p.part_rows * g->stride[0],
                                .length = p.slice_rows,
                                .parts = input_parts};
    p.filter = (struct axis_cut){.outer = (size_t)g->groups,
                                 .inner = in_channels / (size_t)g->groups * (size_t)g->kernel[0] *
                                          product_after_first(g, g->kernel),
                                 .extent = channels,
                                 .first = 0,
                                 .step = p.part_channels,
                                 .length = p.part_channels,
                                 .parts = filter_parts};
    int64_t apart = g->groups / cut_groups(g);
    p.output = (struct output_grid){.layout = g->layout,
                                    .block = g->out_block,
                                    .batch = batch,
                                    .groups = (size_t)cut_groups(g),
                                    .inner = product_after_first(g, g->out),
                                    .channels = channels * apart,
                                    .rows = rows,
                                    .part_channels = p.part_channels * apart,
                                    .part_rows = p.part_rows,
                                    .input_parts = input_parts,
                                    .filter_parts = filter_parts};
    *partition = p;
    return CONVOY_OK;
}

convoy_status partition_task(const struct partition *partition, uint32_t input_pieces, uint32_t filter_pieces,
                             struct conv_geometry *task, convoy_error *error) {
    struct conv_geometry g = partition->layer;
    g.batch *= input_pieces;
    g.out_channels = g.groups * filter_pieces * partition->part_channels;
    g.in[0] = partition->slice_rows;
    g.pad_begin[0] = g.pad_end[0] = 0;
    convoy_status status = conv_geometry_complete(&g, error);
    if (status == CONVOY_OK)
        *task = g;
    return status;
}

struct partition_cost partition_cost(const struct partition *partition, uint32_t input_pieces,
                                     uint32_t filter_pieces) {
    const struct conv_geometry *g = &partition->layer;
    double slice = (double)g->batch * (double)g->in_channels * (double)partition->slice_rows *
                   (double)product_after_first(g, g->in);
    double answer = (double)g->batch * (double)g->groups * (double)partition->part_channels *
                    (double)partition->part_rows * (double)partition->output.inner;
    double pieces = (double)input_pieces * filter_pieces;
    return (struct partition_cost){
        .up = input_pieces * slice,
        .down = pieces * answer,
        .stored = filter_pieces * (double)g->groups * (double)partition->part_channels *
                  (double)partition->filter.inner,
        .macs = pieces * answer * (double)partition->filter.inner,
    };
}
