#include "compute/layer.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/kinds.h"

#include <math.h>
#include <string.h>

/* --- For the checks of kinds ---------------------------------------------------------------------------- */

convoy_status kind_refuse(const struct layer_desc *desc, convoy_error *error, const char *what) {
    return error_set(error, CONVOY_E_INPUT, "%s %s: %s", desc->op ? desc->op : "layer",
                     desc->name ? desc->name : "", what);
}

bool shape_has(const convoy_shape *shape, size_t a, size_t b, size_t c) {
    size_t product;
    return size_mul(a, b, &product) && size_mul(product, c, &product) &&
           shape_product(shape, 0, shape->rank) == product;
}

bool both_have(const struct layer_desc *desc, size_t a, size_t b, size_t c) {
    return shape_has(&desc->inputs[0].shape, a, b, c) && shape_has(&desc->outputs[0].shape, a, b, c);
}

bool is_vector(const convoy_tensor *tensor, const struct layer_desc *desc, size_t elements) {
    size_t bytes;
    return tensor->data && tensor->dtype == desc->inputs[0].dtype &&
           tensor_bytes(tensor->dtype, &tensor->shape, &bytes) && convoy_tensor_elements(tensor) == elements;
}

bool shape_broadcasts(const convoy_shape *shape, const convoy_shape *output, uint32_t tail) {
    if (shape->rank > output->rank)
        return false;
    uint32_t shift = output->rank - shape->rank;
    for (uint32_t i = 0; i + tail < shape->rank; i++)
        if (shape->dims[i] != 1 && shape->dims[i] != output->dims[i + shift])
            return false;
    return true;
}

/* --- Any layer ------------------------------------------------------------------------------------------ */

/* As if of the widest element, so that products of dimensions never overflow later. */
static bool is_possible(const struct value_desc *value) {
    size_t bytes;
    return tensor_bytes(CONVOY_F64, &value->shape, &bytes) && dtype_find(value->dtype) &&
           (!value->block || value->dtype == CONVOY_F32);
}

static convoy_status check_type(const struct layer_desc *desc, uint32_t rule, convoy_dtype dtype,
                                convoy_error *error) {
    if (!(rule & TYPE_OF_INPUT(0))) {
        if (dtype_is(dtype, rule))
            return CONVOY_OK;
        return error_set(error, CONVOY_E_UNSUPPORTED, "%s %s: no kernel for %s",
                         desc->op ? desc->op : "layer", desc->name ? desc->name : "",
                         convoy_dtype_text(dtype));
    }
    convoy_dtype other = desc->inputs[rule & ~TYPE_OF_INPUT(0)].dtype;
    if (dtype == other)
        return CONVOY_OK;
    return error_set(error, CONVOY_E_INPUT, "%s %s: %s meets %s; both must have one type",
                     desc->op ? desc->op : "layer", desc->name ? desc->name : "", convoy_dtype_text(dtype),
                     convoy_dtype_text(other));
}

/* Types of all inputs and outputs, by the rules of the kind. */
static convoy_status check_types(const struct layer_desc *desc, const struct kind *kind,
                                 convoy_error *error) {
    convoy_status status = CONVOY_OK;
    uint32_t rule = 0;
    for (uint32_t i = 0; i < desc->input_count && status == CONVOY_OK; i++) {
        if (i < sizeof kind->inputs / sizeof *kind->inputs && kind->inputs[i])
            rule = kind->inputs[i];
        status = check_type(desc, rule, desc->inputs[i].dtype, error);
    }
    for (uint32_t i = 0; i < desc->output_count && status == CONVOY_OK; i++)
        status = check_type(desc, kind->outputs[i], desc->outputs[i].dtype, error);
    return status;
}

convoy_status layer_check(const struct layer_desc *desc, const struct layer_params *params,
                          convoy_error *error) {
    const struct kind *kind = kind_find(desc->kind);
    if (!kind)
        return kind_refuse(desc, error, "no such kind of layer");
    if (desc->input_count < kind->min_inputs || desc->input_count > kind->max_inputs)
        return kind_refuse(desc, error, "wrong number of inputs");
    if (desc->output_count < 1 || desc->output_count > kind->max_outputs)
        return kind_refuse(desc, error, "wrong number of outputs");
    bool possible = true;
    for (uint32_t i = 0; i < desc->input_count; i++)
        possible = possible && is_possible(&desc->inputs[i]);
    for (uint32_t i = 0; i < desc->output_count; i++)
        possible = possible && is_possible(&desc->outputs[i]);
    if (!possible)
        return kind_refuse(desc, error, "the shape, type or layout of an input or output is impossible");
    convoy_status status = check_types(desc, kind, error);
    return status == CONVOY_OK ? kind->check(desc, params, error) : status;
}

struct layer_desc conv_layer_desc(const struct conv_geometry *geometry, convoy_dtype dtype,
                                  struct value_desc *input) {
    *input = (struct value_desc){dtype, conv_input_shape(geometry), 0};
    return (struct layer_desc){.name = "conv",
                               .op = "Conv",
                               .kind = LAYER_CONV,
                               .input_count = 1,
                               .output_count = 1,
                               .inputs = input,
                               .outputs = {{dtype, conv_output_shape(geometry), 0}},
                               .conv = *geometry};
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

/* --- Products ------------------------------------------------------------------------------------------- */

static void axis_insert(convoy_shape *shape, uint32_t at) {
    for (uint32_t i = shape->rank++; i > at; i--)
        shape->dims[i] = shape->dims[i - 1];
    shape->dims[at] = 1;
}

bool matmul_shapes(const struct layer_desc *desc, convoy_shape *a, convoy_shape *b, convoy_shape *y) {
    *a = desc->inputs[0].shape;
    *b = desc->inputs[1].shape;
    *y = desc->outputs[0].shape;
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
    if (a->rank < 2 || y->rank < 2 || !shape_broadcasts(a, y, 2) || !shape_broadcasts(b, y, 2))
        return false;
    while (a->rank < y->rank)
        axis_insert(a, 0);
    while (b->rank < y->rank)
        axis_insert(b, 0);
    uint32_t m = y->rank - 2, n = y->rank - 1;
    return a->dims[n] == b->dims[m] && a->dims[m] == y->dims[m] && b->dims[n] == y->dims[n];
}

/* --- Cost ----------------------------------------------------------------------------------------------- */

static double elements_of(const convoy_shape *shape) {
    return (double)shape_product(shape, 0, shape->rank);
}

uint64_t layer_macs(const struct layer_desc *desc) {
    if (desc->kind == LAYER_CONV)
        return conv_macs(&desc->conv);
    if (desc->kind == LAYER_CONV_TRANSPOSE)
        return conv_transpose_macs(&desc->conv_transpose);
    if (desc->kind != LAYER_MATMUL)
        return 0;
    const convoy_shape *a = &desc->inputs[0].shape, *y = &desc->outputs[0].shape;
    return (uint64_t)shape_product(y, 0, y->rank) * (uint64_t)a->dims[a->rank - 1];
}

/* Positions of the input in a window. */
static double pool_window(const struct pool_geometry *pool) {
    double positions = 1;
    for (uint32_t i = 0; i < pool->spatial; i++)
        positions *= (double)(pool->kernel[i] < pool->in[i] ? pool->kernel[i] : pool->in[i]);
    return positions;
}

double layer_work(const struct layer_desc *desc) {
    const convoy_shape *x = &desc->inputs[0].shape;
    double made = elements_of(&desc->outputs[0].shape);
    if (made == 0)
        return 0;
    switch (desc->kind) {
    case LAYER_POOL:
        return made * pool_window(&desc->pool);
    case LAYER_LRN:
        return made * fmin((double)desc->lrn.size, (double)desc->lrn.channels);
    case LAYER_RESIZE:
        return made * 4 * ceil(desc->resize.stretch);
    case LAYER_ROI: /* samples are at least half a position apart, unless their number is given */
        return made * 4 * (double)shape_product(x, 2, x->rank);
    case LAYER_TOP_K:
        return elements_of(x) * log2((double)desc->top_k.axis + 2);
    default:
        return (double)layer_macs(desc);
    }
}
