#include "base/conv.h"

#include "base/error.h"
#include "base/tensor.h"

#include <math.h>

/* Far above any real layer, and small enough that sums and products of two of them stay within int64_t. */
#define LIMIT ((int64_t)1 << 30)

static convoy_status axis_complete(struct conv_geometry *g, uint32_t i, convoy_error *error) {
    const int64_t values[] = {g->in[i], g->kernel[i], g->stride[i], g->dilation[i]};
    for (int k = 0; k < 4; k++)
        if (values[k] < 1 || values[k] > LIMIT)
            return error_set(
                error, CONVOY_E_INPUT,
                "spatial axis %u: size %lld, kernel %lld, stride %lld and dilation %lld must be 1 to 2^30", i,
                (long long)g->in[i], (long long)g->kernel[i], (long long)g->stride[i],
                (long long)g->dilation[i]);
    if (g->pad_begin[i] < 0 || g->pad_end[i] < 0 || g->pad_begin[i] > LIMIT || g->pad_end[i] > LIMIT)
        return error_set(error, CONVOY_E_INPUT, "spatial axis %u: pads %lld and %lld must be 0 to 2^30", i,
                         (long long)g->pad_begin[i], (long long)g->pad_end[i]);
    int64_t padded = g->in[i] + g->pad_begin[i] + g->pad_end[i];
    int64_t reach = (g->kernel[i] - 1) * g->dilation[i] + 1;
    if (reach > padded)
        return error_set(error, CONVOY_E_INPUT,
                         "spatial axis %u: the kernel reaches over %lld of %lld padded positions", i,
                         (long long)reach, (long long)padded);
    g->out[i] = (padded - reach) / g->stride[i] + 1;
    return CONVOY_OK;
}

static bool block_is_good(const struct conv_geometry *g, uint32_t block, int64_t channels) {
    if (block == 0)
        return true;
    int64_t together = channels == g->groups ? channels : channels / g->groups;
    return (block == 8 || block == 16) && g->layout == CONV_CHANNELS_FIRST && together % block == 0;
}

convoy_status conv_geometry_complete(struct conv_geometry *geometry, convoy_error *error) {
    struct conv_geometry g = *geometry;
    if (g.layout != CONV_CHANNELS_FIRST && g.layout != CONV_CHANNELS_LAST)
        return error_set(error, CONVOY_E_INPUT, "a convolution's layout is 0 or 1, not %u",
                         (unsigned)g.layout);
    if (g.spatial < 1 || g.spatial > CONV_MAX_SPATIAL)
        return error_set(error, CONVOY_E_INPUT, "a convolution has 1 to 3 spatial axes, not %u", g.spatial);
    if (g.batch < 1 || g.batch > LIMIT || g.groups < 1 || g.in_channels < 1 || g.out_channels < 1 ||
        g.in_channels > LIMIT || g.out_channels > LIMIT || g.in_channels % g.groups ||
        g.out_channels % g.groups)
        return error_set(
            error, CONVOY_E_INPUT,
            "batch %lld, %lld input and %lld output channels do not make a convolution of %lld groups",
            (long long)g.batch, (long long)g.in_channels, (long long)g.out_channels, (long long)g.groups);
    if (!block_is_good(&g, g.in_block, g.in_channels) || !block_is_good(&g, g.out_block, g.out_channels))
        return error_set(error, CONVOY_E_INPUT,
                         "%lld and %lld channels of %lld groups do not lie in blocks of %u and %u",
                         (long long)g.in_channels, (long long)g.out_channels, (long long)g.groups, g.in_block,
                         g.out_block);
    for (uint32_t i = g.spatial; i < CONV_MAX_SPATIAL; i++) {
        g.in[i] = g.kernel[i] = g.stride[i] = g.dilation[i] = 1;
        g.pad_begin[i] = g.pad_end[i] = 0;
    }
    for (uint32_t i = 0; i < CONV_MAX_SPATIAL; i++) {
        convoy_status status = axis_complete(&g, i, error);
        if (status != CONVOY_OK)
            return status;
    }
    convoy_shape shapes[] = {conv_input_shape(&g), conv_filter_shape(&g), conv_output_shape(&g)};
    for (int i = 0; i < 3; i++) {
        size_t bytes;
        if (!tensor_bytes(CONVOY_F64, &shapes[i], &bytes))
            return error_set(error, CONVOY_E_INPUT, "a convolution's tensor is larger than memory can be");
    }
    *geometry = g;
    return CONVOY_OK;
}

void conv_lay_in_blocks(struct conv_geometry *g, uint32_t in_block, uint32_t out_block) {
    if (block_is_good(g, in_block, g->in_channels))
        g->in_block = in_block;
    if (block_is_good(g, out_block, g->out_channels))
        g->out_block = out_block;
}

static convoy_shape map_shape(const struct conv_geometry *g, int64_t channels, const int64_t *spatial,
                              uint32_t block) {
    convoy_shape shape = {.rank = g->spatial + 2};
    bool last = g->layout == CONV_CHANNELS_LAST;
    shape.dims[0] = g->batch;
    shape.dims[last ? g->spatial + 1 : 1] = channels;
    for (uint32_t i = 0; i < g->spatial; i++)
        shape.dims[(last ? 1 : 2) + i] = spatial[i];
    if (block) {
        shape.dims[1] = channels / block;
        shape.dims[shape.rank++] = block;
    }
    return shape;
}

convoy_shape conv_input_shape(const struct conv_geometry *g) {
    return map_shape(g, g->in_channels, g->in, g->in_block);
}

convoy_shape conv_output_shape(const struct conv_geometry *g) {
    return map_shape(g, g->out_channels, g->out, g->out_block);
}

convoy_shape conv_filter_shape(const struct conv_geometry *g) {
    convoy_shape shape = {.rank = g->spatial + 2, .dims = {g->out_channels, g->in_channels / g->groups}};
    for (uint32_t i = 0; i < g->spatial; i++)
        shape.dims[2 + i] = g->kernel[i];
    return shape;
}

/* Three tensors that fit in memory can still need more than 2^64 multiply-adds. */
static uint64_t multiply_saturated(uint64_t a, int64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, (uint64_t)b, &product) ? UINT64_MAX : product;
}

uint64_t conv_macs(const struct conv_geometry *g) {
    uint64_t macs = multiply_saturated((uint64_t)g->batch, g->out_channels);
    macs = multiply_saturated(macs, g->in_channels / g->groups);
    for (uint32_t i = 0; i < g->spatial; i++)
        macs = multiply_saturated(multiply_saturated(macs, g->out[i]), g->kernel[i]);
    return macs;
}
