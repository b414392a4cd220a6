#include "compute/layer.h"

#include "base/error.h"
#include "base/tensor.h"

#include <string.h>

/* As in base/conv.c: sums and products of two of them stay within int64_t. */
#define LIMIT ((int64_t)1 << 30)

static convoy_status bad(const struct layer_desc *desc, convoy_error *error, const char *what) {
    return error_set(error, CONVOY_E_INPUT, "%s %s: %s", desc->op ? desc->op : "layer",
                     desc->name ? desc->name : "", what);
}

static bool has_elements(const convoy_shape *shape, size_t a, size_t b, size_t c) {
    size_t product;
    return size_mul(a, b, &product) && size_mul(product, c, &product) &&
           shape_product(shape, 0, shape->rank) == product;
}

static bool is_vector(const convoy_tensor *tensor, const struct layer_desc *desc, size_t elements) {
    size_t bytes;
    return tensor->data && tensor->dtype == desc->dtype &&
           tensor_bytes(tensor->dtype, &tensor->shape, &bytes) && convoy_tensor_elements(tensor) == elements;
}

static convoy_status check_conv(const struct layer_desc *desc, const struct layer_params *params,
                                convoy_error *error) {
    struct conv_geometry g = desc->conv;
    convoy_status status = conv_geometry_complete(&g, error);
    if (status != CONVOY_OK)
        return status;
    if (g.layout != CONV_CHANNELS_FIRST && g.layout != CONV_CHANNELS_LAST)
        return bad(desc, error, "the layout is neither channels first nor channels last");
    convoy_shape x = conv_input_shape(&g), k = conv_filter_shape(&g), y = conv_output_shape(&g);
    if (memcmp(&g, &desc->conv, sizeof g))
        return bad(desc, error, "its geometry was not completed");
    if (!has_elements(&desc->inputs[0], shape_product(&x, 0, x.rank), 1, 1) ||
        !has_elements(&desc->output, shape_product(&y, 0, y.rank), 1, 1))
        return bad(desc, error, "the shapes of input and output are not those of its geometry");
    if (desc->input_count == 2 && !shape_equal(&desc->inputs[1], &desc->output))
        return bad(desc, error, "what is added has not the shape of the output");
    if (!params || !is_vector(&params->weights, desc, shape_product(&k, 0, k.rank)))
        return bad(desc, error, "the weights are not [N,C/groups,kernel] of the layer's type");
    if (params->bias.data && !is_vector(&params->bias, desc, (size_t)g.out_channels))
        return bad(desc, error, "the bias is not one number of the layer's type per output channel");
    return CONVOY_OK;
}

static convoy_status check_pool(const struct layer_desc *desc, convoy_error *error) {
    const struct pool_geometry *g = &desc->pool;
    if (g->spatial < 1 || g->spatial > CONV_MAX_SPATIAL || g->batch < 0 || g->channels < 0)
        return bad(desc, error, "pooling takes 1 to 3 spatial axes");
    size_t maps, in = 1, out = 1;
    if (!size_mul((size_t)g->batch, (size_t)g->channels, &maps))
        return bad(desc, error, "too large");
    for (uint32_t i = 0; i < g->spatial; i++) {
        const int64_t positive[] = {g->in[i], g->kernel[i], g->stride[i], g->dilation[i], g->out[i]};
        for (int k = 0; k < 5; k++)
            if (positive[k] < 1 || positive[k] > LIMIT)
                return bad(desc, error, "sizes, kernels, strides and dilations of pooling must be 1 to 2^30");
        if (g->pad_begin[i] < 0 || g->pad_begin[i] > LIMIT || g->pad_end[i] < 0 || g->pad_end[i] > LIMIT)
            return bad(desc, error, "pads of pooling must be 0 to 2^30");
        if (!size_mul(in, (size_t)g->in[i], &in) || !size_mul(out, (size_t)g->out[i], &out))
            return bad(desc, error, "too large");
    }
    if (!has_elements(&desc->inputs[0], maps, in, 1) || !has_elements(&desc->output, maps, out, 1))
        return bad(desc, error, "the shapes of input and output are not those of its geometry");
    return CONVOY_OK;
}

/* numpy's rule over axes [0, rank - tail) of the output, aligned at the right. */
static bool broadcasts(const convoy_shape *shape, const convoy_shape *output, uint32_t tail) {
    if (shape->rank > output->rank)
        return false;
    uint32_t shift = output->rank - shape->rank;
    for (uint32_t i = 0; i + tail < shape->rank; i++)
        if (shape->dims[i] != 1 && shape->dims[i] != output->dims[i + shift])
            return false;
    return true;
}

static void axis_insert(convoy_shape *shape, uint32_t at) {
    for (uint32_t i = shape->rank++; i > at; i--)
        shape->dims[i] = shape->dims[i - 1];
    shape->dims[at] = 1;
}

bool matmul_shapes(const struct layer_desc *desc, convoy_shape *a, convoy_shape *b, convoy_shape *y) {
    *a = desc->inputs[0];
    *b = desc->inputs[1];
    *y = desc->output;
    if (a->rank < 1 || b->rank < 1 || y->rank + (a->rank == 1) + (b->rank == 1) > CONVOY_MAX_RANK)
        return false;
    if (b->rank == 1) {
        axis_insert(y, y->rank);
        axis_insert(b, 1);
    }
    if (a->rank == 1 && y->rank >= 1) {
        axis_insert(y, y->rank - 1);
        axis_insert(a, 0);
    }
    if (a->rank < 2 || y->rank < 2 || !broadcasts(a, y, 2) || !broadcasts(b, y, 2))
        return false;
    while (a->rank < y->rank)
        axis_insert(a, 0);
    while (b->rank < y->rank)
        axis_insert(b, 0);
    uint32_t m = y->rank - 2, n = y->rank - 1;
    return a->dims[n] == b->dims[m] && a->dims[m] == y->dims[m] && b->dims[n] == y->dims[n];
}

static convoy_status check_matmul(const struct layer_desc *desc, convoy_error *error) {
    convoy_shape a, b, y;
    if (!matmul_shapes(desc, &a, &b, &y))
        return bad(desc, error, "the shapes do not make a product [...,M,K]·[...,K,N] = [...,M,N]");
    return CONVOY_OK;
}

static convoy_status check_concat(const struct layer_desc *desc, convoy_error *error) {
    uint32_t axis = desc->concat.axis;
    int64_t total = 0;
    for (uint32_t k = 0; k < desc->input_count && axis < desc->output.rank; k++) {
        convoy_shape shape = desc->inputs[k];
        if (shape.rank != desc->output.rank)
            return bad(desc, error, "the inputs have different ranks");
        if (__builtin_add_overflow(total, shape.dims[axis], &total))
            return bad(desc, error, "too large");
        shape.dims[axis] = desc->output.dims[axis];
        if (!shape_equal(&shape, &desc->output))
            return bad(desc, error, "the inputs differ in more than the axis along which they are joined");
    }
    if (axis >= desc->output.rank || total != desc->output.dims[axis])
        return bad(desc, error, "the inputs do not add up to the output");
    return CONVOY_OK;
}

static convoy_status check_transpose(const struct layer_desc *desc, convoy_error *error) {
    uint32_t seen = 0, rank = desc->output.rank;
    if (desc->inputs[0].rank != rank)
        return bad(desc, error, "input and output have different ranks");
    for (uint32_t i = 0; i < rank; i++) {
        uint32_t from = desc->transpose.permutation[i];
        if (from >= rank || seen >> from & 1 || desc->inputs[0].dims[from] != desc->output.dims[i])
            return bad(desc, error, "the output is no permutation of the input's axes");
        seen |= 1u << from;
    }
    return CONVOY_OK;
}

static convoy_status check_pad(const struct layer_desc *desc, convoy_error *error) {
    const convoy_shape *in = &desc->inputs[0];
    if (in->rank != desc->output.rank)
        return bad(desc, error, "input and output have different ranks");
    for (uint32_t i = 0; i < in->rank; i++) {
        if (desc->pad.begin[i] < -LIMIT || desc->pad.begin[i] > LIMIT)
            return bad(desc, error, "pads must be within 2^30");
        if (desc->pad.mode != PAD_CONSTANT && in->dims[i] == 0 && desc->output.dims[i] != 0)
            return bad(desc, error, "an empty axis can be padded with a constant alone");
    }
    return CONVOY_OK;
}

static convoy_status check_slice(const struct layer_desc *desc, convoy_error *error) {
    const convoy_shape *in = &desc->inputs[0];
    if (in->rank != desc->output.rank)
        return bad(desc, error, "input and output have different ranks");
    for (uint32_t i = 0; i < in->rank; i++) {
        int64_t first = desc->slice.start[i], last;
        if (desc->output.dims[i] == 0)
            continue;
        if (__builtin_mul_overflow(desc->output.dims[i] - 1, desc->slice.step[i], &last) ||
            __builtin_add_overflow(first, last, &last) || desc->slice.step[i] == 0 || first < 0 || last < 0 ||
            first >= in->dims[i] || last >= in->dims[i])
            return bad(desc, error, "the slice leaves its input");
    }
    return CONVOY_OK;
}

static convoy_status check_gather(const struct layer_desc *desc, convoy_error *error) {
    const convoy_shape *data = &desc->inputs[0], *indices = &desc->inputs[1];
    uint32_t axis = desc->gather.axis;
    if (axis >= data->rank || data->rank - 1 + indices->rank != desc->output.rank)
        return bad(desc, error, "the ranks of data, indices and output do not fit");
    if (!has_elements(&desc->output, shape_product(data, 0, axis), shape_product(indices, 0, indices->rank),
                      shape_product(data, axis + 1, data->rank)))
        return bad(desc, error, "the output is not data with the axis replaced by the indices' shape");
    return CONVOY_OK;
}

static convoy_status check_reduce(const struct layer_desc *desc, convoy_error *error) {
    const convoy_shape *in = &desc->inputs[0];
    size_t kept = 1;
    for (uint32_t i = 0; i < in->rank; i++)
        if (!(desc->reduce.axes >> i & 1))
            kept *= (size_t)in->dims[i];
    if (desc->reduce.axes >> in->rank || !has_elements(&desc->output, kept, 1, 1))
        return bad(desc, error, "the output is not the input without the reduced axes");
    return CONVOY_OK;
}

static bool same_elements(const struct layer_desc *desc, size_t a, size_t b, size_t c) {
    return has_elements(&desc->inputs[0], a, b, c) && has_elements(&desc->output, a, b, c);
}

static convoy_status check_kind(const struct layer_desc *desc, const struct layer_params *params,
                                convoy_error *error) {
    bool fits = true;
    switch (desc->kind) {
    case LAYER_CONV:
        return check_conv(desc, params, error);
    case LAYER_POOL:
        return check_pool(desc, error);
    case LAYER_MATMUL:
        return check_matmul(desc, error);
    case LAYER_CONCAT:
        return check_concat(desc, error);
    case LAYER_TRANSPOSE:
        return check_transpose(desc, error);
    case LAYER_PAD:
        return check_pad(desc, error);
    case LAYER_SLICE:
        return check_slice(desc, error);
    case LAYER_GATHER:
        return check_gather(desc, error);
    case LAYER_REDUCE:
        return check_reduce(desc, error);
    case LAYER_BINARY:
        fits =
            broadcasts(&desc->inputs[0], &desc->output, 0) && broadcasts(&desc->inputs[1], &desc->output, 0);
        break;
    case LAYER_ACTIVATION:
    case LAYER_CAST:
        fits = same_elements(desc, shape_product(&desc->output, 0, desc->output.rank), 1, 1);
        break;
    case LAYER_SOFTMAX:
        fits = same_elements(desc, desc->softmax.outer, desc->softmax.axis, desc->softmax.inner);
        break;
    case LAYER_LRN:
        fits = same_elements(desc, desc->lrn.batch, desc->lrn.channels, desc->lrn.inner) &&
               desc->lrn.size >= 1 && desc->lrn.size <= LIMIT;
        break;
    case LAYER_AFFINE:
        fits = same_elements(desc, desc->affine.batch, desc->affine.channels, desc->affine.inner) && params &&
               is_vector(&params->weights, desc, desc->affine.channels) &&
               is_vector(&params->bias, desc, desc->affine.channels);
        break;
    }
    return fits ? CONVOY_OK
                : bad(desc, error, "the shapes of inputs, constants and output do not fit together");
}

convoy_status layer_check(const struct layer_desc *desc, const struct layer_params *params,
                          convoy_error *error) {
    static const uint8_t input_counts[] = {
        [LAYER_CONV] = 1,   [LAYER_POOL] = 1,      [LAYER_ACTIVATION] = 1, [LAYER_BINARY] = 2,
        [LAYER_AFFINE] = 1, [LAYER_SOFTMAX] = 1,   [LAYER_LRN] = 1,        [LAYER_MATMUL] = 2,
        [LAYER_CONCAT] = 0, [LAYER_TRANSPOSE] = 1, [LAYER_PAD] = 1,        [LAYER_SLICE] = 1,
        [LAYER_GATHER] = 2, [LAYER_REDUCE] = 1,    [LAYER_CAST] = 1,
    };
    if ((size_t)desc->kind >= sizeof input_counts)
        return bad(desc, error, "no such kind of layer");
    uint32_t expected = input_counts[desc->kind];
    if (desc->kind == LAYER_CONV && desc->input_count == 2)
        expected = 2; /* with something to add */
    if (desc->input_count < 1 || (expected && desc->input_count != expected))
        return bad(desc, error, "wrong number of inputs");
    /* As if of the widest element, so that products of dimensions never overflow below. */
    size_t bytes;
    for (uint32_t i = 0; i < desc->input_count; i++)
        if (!tensor_bytes(CONVOY_F64, &desc->inputs[i], &bytes))
            return bad(desc, error, "the shape of an input is impossible");
    if (!tensor_bytes(CONVOY_F64, &desc->output, &bytes) || !convoy_dtype_bytes(desc->dtype) ||
        !convoy_dtype_bytes(desc->input_dtype))
        return bad(desc, error, "the shape or type of input or output is impossible");
    if (desc->kind != LAYER_CAST && desc->input_dtype != desc->dtype)
        return bad(desc, error, "input and output have different types");
    return check_kind(desc, params, error);
}

convoy_status tensor_keep(convoy_tensor *kept, const convoy_tensor *tensor, convoy_error *error) {
    if (!tensor->data) {
        *kept = (convoy_tensor){0};
        return CONVOY_OK;
    }
    if (tensor->owner) {
        *kept = *tensor;
        buffer_retain(kept->owner);
        return CONVOY_OK;
    }
    convoy_tensor copy;
    convoy_status status = convoy_tensor_create(&copy, tensor->dtype, &tensor->shape, error);
    if (status != CONVOY_OK)
        return status;
    memcpy(copy.data, tensor->data, convoy_tensor_elements(tensor) * convoy_dtype_bytes(tensor->dtype));
    *kept = copy;
    return CONVOY_OK;
}

bool conv_is_product(const struct conv_geometry *g, struct conv_product *product) {
    if (g->groups != 1 || g->in_block || g->out_block)
        return false;
    bool pointwise = g->layout == CONV_CHANNELS_LAST, whole = true, single = true;
    int64_t rows = g->batch, window = 1;
    for (uint32_t i = 0; i < g->spatial; i++) {
        bool unpadded = g->pad_begin[i] == 0 && g->pad_end[i] == 0;
        pointwise = pointwise && g->kernel[i] == 1 && g->stride[i] == 1 && unpadded;
        whole = whole && g->kernel[i] == g->in[i] && g->out[i] == 1 && unpadded;
        single = single && g->in[i] == 1;
        window *= g->kernel[i];
        rows *= pointwise ? g->in[i] : 1;
    }
    /* Channels last interleaves the window otherwise than the filters do. */
    whole = whole && (g->layout == CONV_CHANNELS_FIRST || single);
    if (!pointwise && !whole)
        return false;
    *product = (struct conv_product){pointwise ? rows : g->batch, g->in_channels * window, g->out_channels};
    return true;
}

/* Below this many channels the transformations cost more than the products that they save: 3 channels, 64
 * filters, 224 x 224: 3.7 ms against 1.1. */
#define WINOGRAD_MIN_CHANNELS 16

bool conv_admits_winograd(const struct conv_geometry *g) {
    bool admitted = g->layout == CONV_CHANNELS_FIRST && g->spatial == 2 && g->groups == 1 &&
                    g->in_channels >= WINOGRAD_MIN_CHANNELS && g->out_channels >= WINOGRAD_MIN_CHANNELS;
    for (uint32_t i = 0; i < g->spatial && admitted; i++)
        admitted = g->kernel[i] == 3 && g->stride[i] == 1 && g->dilation[i] == 1;
    return admitted;
}
