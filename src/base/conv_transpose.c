#include "base/conv_transpose.h"

#include "base/error.h"
#include "base/tensor.h"

/* As of convolutions: products of two stay within int64_t. */
#define LIMIT ((int64_t)1 << 30)

int64_t conv_transpose_reach(const struct conv_transpose_geometry *g, uint32_t axis) {
    return (g->in[axis] - 1) * g->stride[axis] + (g->kernel[axis] - 1) * g->dilation[axis] + 1;
}

static convoy_status axis_check(const struct conv_transpose_geometry *g, uint32_t i, convoy_error *error) {
    const int64_t values[] = {g->in[i], g->kernel[i], g->stride[i], g->dilation[i], g->out[i]};
    for (int k = 0; k < 5; k++)
        if (values[k] < 1 || values[k] > LIMIT)
            return error_set(error, CONVOY_E_INPUT,
                             "spatial axis %u: size %lld, kernel %lld, stride %lld, dilation %lld and output "
                             "size %lld must be 1 to 2^30",
                             i, (long long)g->in[i], (long long)g->kernel[i], (long long)g->stride[i],
                             (long long)g->dilation[i], (long long)g->out[i]);
    if (g->pad_begin[i] < 0 || g->pad_begin[i] > LIMIT)
        return error_set(error, CONVOY_E_INPUT, "spatial axis %u: pad %lld must be 0 to 2^30", i,
                         (long long)g->pad_begin[i]);
    return CONVOY_OK;
}

convoy_status conv_transpose_complete(struct conv_transpose_geometry *geometry, convoy_error *error) {
    struct conv_transpose_geometry g = *geometry;
    if (g.spatial < 1 || g.spatial > CONV_MAX_SPATIAL)
        return error_set(error, CONVOY_E_INPUT, "a transposed convolution has 1 to 3 spatial axes, not %u",
                         g.spatial);
    if (g.batch < 1 || g.batch > LIMIT || g.groups < 1 || g.in_channels < 1 || g.out_channels < 1 ||
        g.in_channels > LIMIT || g.out_channels > LIMIT || g.in_channels % g.groups ||
        g.out_channels % g.groups)
        return error_set(error, CONVOY_E_INPUT,
                         "batch %lld, %lld input and %lld output channels do not make a transposed "
                         "convolution of %lld groups",
                         (long long)g.batch, (long long)g.in_channels, (long long)g.out_channels,
                         (long long)g.groups);
    for (uint32_t i = g.spatial; i < CONV_MAX_SPATIAL; i++) {
        g.in[i] = g.kernel[i] = g.stride[i] = g.dilation[i] = g.out[i] = 1;
        g.pad_begin[i] = 0;
    }
    for (uint32_t i = 0; i < g.spatial; i++) {
        convoy_status status = axis_check(&g, i, error);
        if (status != CONVOY_OK)
            return status;
    }
    convoy_shape shapes[] = {conv_transpose_input_shape(&g), conv_transpose_filter_shape(&g),
                             conv_transpose_output_shape(&g)};
    for (int i = 0; i < 3; i++) {
        size_t bytes;
        if (!tensor_bytes(CONVOY_F64, &shapes[i], &bytes))
            return error_set(error, CONVOY_E_INPUT,
                             "a transposed convolution's tensor is larger than memory can be");
    }
    *geometry = g;
    return CONVOY_OK;
}

static convoy_shape shape_of(int64_t first, int64_t second, uint32_t spatial, const int64_t *extents) {
    convoy_shape shape = {.rank = spatial + 2, .dims = {first, second}};
    for (uint32_t i = 0; i < spatial; i++)
        shape.dims[2 + i] = extents[i];
    return shape;
}

convoy_shape conv_transpose_input_shape(const struct conv_transpose_geometry *g) {
    return shape_of(g->batch, g->in_channels, g->spatial, g->in);
}

convoy_shape conv_transpose_filter_shape(const struct conv_transpose_geometry *g) {
    return shape_of(g->in_channels, g->out_channels / g->groups, g->spatial, g->kernel);
}

convoy_shape conv_transpose_output_shape(const struct conv_transpose_geometry *g) {
    return shape_of(g->batch, g->out_channels, g->spatial, g->out);
}

uint64_t conv_transpose_macs(const struct conv_transpose_geometry *g) {
    uint64_t macs = (uint64_t)g->batch * (uint64_t)g->in_channels;
    bool fits = !__builtin_mul_overflow(macs, (uint64_t)(g->out_channels / g->groups), &macs);
    for (uint32_t i = 0; i < g->spatial && fits; i++)
        fits = !__builtin_mul_overflow(macs, (uint64_t)g->in[i], &macs) &&
               !__builtin_mul_overflow(macs, (uint64_t)g->kernel[i], &macs);
    return fits ? macs : UINT64_MAX;
}
