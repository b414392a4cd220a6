/* Transposed convolutions. */
#include "base/tensor.h"
#include "model/operators.h"
#include "model/windows.h"

#include <string.h>

/* What sizes and pads of the output are made of, besides windows. */
struct output_options {
    const char *mode;                         /* auto_pad */
    bool given;                               /* output_shape is */
    int64_t shape[CONV_MAX_SPATIAL];          /* output_shape */
    int64_t more_positions[CONV_MAX_SPATIAL]; /* output_padding */
};

static void options_read(struct lowering *l, uint32_t spatial, struct output_options *options) {
    options->mode = attribute_text(l, "auto_pad", "NOTSET");
    options->given = attribute_find(l, "output_shape") != NULL;
    per_axis(l, "output_shape", spatial, 0, options->shape);
    per_axis(l, "output_padding", spatial, 0, options->more_positions);
}

/* Size and pad of one axis. If the size is given, or asked to be that of the input times the stride, pads are
 * what is too much; the odd one goes to the beginning, but to the end with SAME_UPPER (operator set 11;
 * before that the equations said the opposite of their explanation). Pads are never negative: what is too
 * little is added at the end. */
static convoy_status output_axis(struct lowering *l, const struct windows *w,
                                 const struct output_options *options, uint32_t i,
                                 struct conv_transpose_geometry *g) {
    bool same = strncmp(options->mode, "SAME_", 5) == 0;
    int64_t full = conv_transpose_reach(g, i) + options->more_positions[i];
    if (!same && !options->given) {
        g->pad_begin[i] = w->pad_begin[i];
        g->out[i] = full - w->pad_begin[i] - w->pad_end[i];
    } else {
        g->out[i] = options->given ? options->shape[i] : w->in[i] * w->stride[i];
        int64_t total = full > g->out[i] ? full - g->out[i] : 0;
        g->pad_begin[i] = strcmp(options->mode, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
    }
    if (g->out[i] < 1)
        return node_fail(l, CONVOY_E_INPUT, "spatial axis %u: an output of %lld positions", i,
                         (long long)g->out[i]);
    return CONVOY_OK;
}

static convoy_status geometry_fill(struct lowering *l, const convoy_shape *x, const convoy_shape *k,
                                   struct conv_transpose_geometry *g) {
    struct windows w;
    struct output_options options;
    convoy_status status = windows_read(l, x, k->dims + 2, &w);
    if (status != CONVOY_OK)
        return status;
    options_read(l, w.spatial, &options);
    g->spatial = w.spatial;
    g->batch = x->dims[0];
    g->groups = attribute_int(l, "group", 1);
    g->in_channels = x->dims[1];
    if (l->status != CONVOY_OK)
        return l->status;
    if (k->dims[0] != x->dims[1] || g->groups < 1 || k->dims[1] < 1 ||
        __builtin_mul_overflow(k->dims[1], g->groups, &g->out_channels)) {
        char text[128];
        return node_fail(l, CONVOY_E_INPUT,
                         "the weights are %s; %lld input channels times output channels per group are needed",
                         convoy_shape_text(k, text, sizeof text), (long long)x->dims[1]);
    }
    memcpy(g->in, w.in, sizeof g->in);
    memcpy(g->kernel, w.kernel, sizeof g->kernel);
    memcpy(g->stride, w.stride, sizeof g->stride);
    memcpy(g->dilation, w.dilation, sizeof g->dilation);
    for (uint32_t i = 0; i < w.spatial && status == CONVOY_OK; i++)
        status = output_axis(l, &w, &options, i, g);
    convoy_error inner;
    if (status == CONVOY_OK && conv_transpose_complete(g, &inner) != CONVOY_OK)
        status = node_fail(l, inner.status, "%s", inner.message);
    return status;
}

static convoy_status lower_conv_transpose(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    uint32_t weights_value = input_number(l, 1), bias_value = input_number(l, 2);
    layer_constant(l, input_number(l, 0), "weights", &weights_value);
    if (bias_value != NO_VALUE)
        layer_constant(l, input_number(l, 0), "biases", &bias_value);
    if (l->status != CONVOY_OK)
        return l->status;
    const convoy_tensor *weights = value_constant(l, weights_value);
    const convoy_tensor *bias = bias_value != NO_VALUE ? value_elements(l, bias_value) : NULL;
    if (l->status != CONVOY_OK)
        return l->status;
    if (weights->shape.rank != x.rank)
        return node_fail(l, CONVOY_E_INPUT, "the input has %u axes and the weights have %u", x.rank,
                         weights->shape.rank);
    struct layer_desc desc = {.kind = LAYER_CONV_TRANSPOSE};
    convoy_status status = geometry_fill(l, &x, &weights->shape, &desc.conv_transpose);
    if (status != CONVOY_OK)
        return status;
    if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != desc.conv_transpose.out_channels))
        return node_fail(l, CONVOY_E_INPUT, "the biases must be a list of %lld numbers",
                         (long long)desc.conv_transpose.out_channels);
    desc.outputs[0].shape = conv_transpose_output_shape(&desc.conv_transpose);
    struct layer_params params = {0};
    tensor_view(&params.weights, weights, &weights->shape);
    if (bias)
        tensor_view(&params.bias, bias, &bias->shape);
    return layer_lower(l, &desc, &params);
}

const struct onnx_operator conv_transpose_operators[] = {
    OPERATOR("ConvTranspose", 1, lower_conv_transpose, 2, 3),
    LAST_OPERATOR,
};
