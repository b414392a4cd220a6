/* Convolutions, and products by a constant, which are convolutions too, 1-D ones with a kernel of 1:
 * [M,K]·[K,N] by a constant [K,N] has channels last, M rows, K input and N output channels; by a constant
 * [M,K] it has channels first, N positions, K input and M output channels. */
#include "base/error.h"
#include "base/tensor.h"
#include "model/operators.h"
#include "model/windows.h"

#include <string.h>

/* --- Conv ----------------------------------------------------------------------------------------------- */

static convoy_status conv_geometry_fill(struct lowering *l, const convoy_shape *x, const convoy_shape *k,
                                        struct conv_geometry *g) {
    struct windows w;
    convoy_status status = windows_read(l, x, k->dims + 2, &w);
    if (status != CONVOY_OK)
        return status;
    g->spatial = w.spatial;
    g->batch = x->dims[0];
    g->groups = attribute_int(l, "group", 1);
    g->in_channels = x->dims[1];
    g->out_channels = k->dims[0];
    memcpy(g->in, w.in, sizeof g->in);
    memcpy(g->kernel, w.kernel, sizeof g->kernel);
    memcpy(g->stride, w.stride, sizeof g->stride);
    memcpy(g->dilation, w.dilation, sizeof g->dilation);
    memcpy(g->pad_begin, w.pad_begin, sizeof g->pad_begin);
    memcpy(g->pad_end, w.pad_end, sizeof g->pad_end);
    convoy_error inner;
    status = conv_geometry_complete(g, &inner);
    if (status != CONVOY_OK)
        return node_fail(l, status, "%s", inner.message);
    convoy_shape filters = conv_filter_shape(g);
    char got[128], expected[128];
    if (!shape_equal(&filters, k))
        return node_fail(l, CONVOY_E_INPUT, "the weights are %s; %lld channels in %lld groups take %s",
                         convoy_shape_text(k, got, sizeof got), (long long)g->in_channels,
                         (long long)g->groups, convoy_shape_text(&filters, expected, sizeof expected));
    return CONVOY_OK;
}

/* [N] of float32. */
static bool is_bias(const convoy_tensor *bias, int64_t channels) {
    return bias->shape.rank == 1 && bias->shape.dims[0] == channels;
}

convoy_status conv_add(struct lowering *l, uint32_t x, uint32_t filters, uint32_t biases, uint32_t *value) {
    if (l->status == CONVOY_OK)
        layer_constant(l, x, "weights", &filters);
    if (l->status == CONVOY_OK && biases != NO_VALUE)
        layer_constant(l, x, "biases", &biases);
    if (l->status != CONVOY_OK)
        return l->status;
    /* Backends take weights as they lie in the file, but no bias. */
    const convoy_tensor *weights = value_constant(l, filters);
    const convoy_tensor *bias = biases != NO_VALUE ? value_elements(l, biases) : NULL;
    convoy_shape in = value_shape(l, x);
    if (l->status != CONVOY_OK)
        return l->status;
    if (weights->shape.rank != in.rank)
        return node_fail(l, CONVOY_E_INPUT, "the input has %u axes and the weights have %u", in.rank,
                         weights->shape.rank);
    struct layer_desc desc = {.kind = LAYER_CONV};
    convoy_status status = conv_geometry_fill(l, &in, &weights->shape, &desc.conv);
    if (status != CONVOY_OK)
        return status;
    if (bias && !is_bias(bias, desc.conv.out_channels))
        return node_fail(l, CONVOY_E_INPUT, "the biases must be a list of %lld numbers",
                         (long long)desc.conv.out_channels);
    desc.outputs[0].shape = conv_output_shape(&desc.conv);
    struct layer_params params = {0};
    tensor_view(&params.weights, weights, &weights->shape);
    if (bias)
        tensor_view(&params.bias, bias, &bias->shape);
    return layer_add(l, &desc, &params, &x, 1, NULL, value);
}

static convoy_status lower_conv(struct lowering *l) {
    uint32_t value = NO_VALUE;
    if (conv_add(l, input_number(l, 0), input_number(l, 1), input_number(l, 2), &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Products by a constant ----------------------------------------------------------------------------- */

/* A constant of halves becomes float32, in which products by it are computed. */
static void constant_widen(struct lowering *l, uint32_t *value) {
    if (value_constant(l, *value))
        value_widen(l, *value, value);
}

/* Columns that are copied together, so that a line of a cache is read once. */
#define PRODUCT_TILE 16

/* *filters: [N,K,1] of alpha·B for a constant B, [K,N], or [N,K] where it is transposed already; a view where
 * nothing changes. */
static convoy_status product_filters(struct lowering *l, const convoy_tensor *b, bool transposed, float alpha,
                                     convoy_tensor *filters) {
    int64_t n = b->shape.dims[transposed ? 0 : 1], k = b->shape.dims[transposed ? 1 : 0];
    convoy_shape shape = {3, {n, k, 1}};
    if (transposed && alpha == 1) {
        tensor_view(filters, b, &shape);
        return CONVOY_OK;
    }
    convoy_status status = convoy_tensor_create(filters, CONVOY_F32, &shape, l->error);
    if (status != CONVOY_OK)
        return l->status = status;
    const char *from = b->data; /* perhaps misaligned */
    float *to = filters->data;
    for (int64_t first = 0; first < n; first += PRODUCT_TILE)
        for (int64_t j = 0; j < k; j++)
            for (int64_t i = first; i < n && i < first + PRODUCT_TILE; i++) {
                float element;
                memcpy(&element, from + (transposed ? i * k + j : j * n + i) * (int64_t)sizeof element,
                       sizeof element);
                to[i * k + j] = alpha * element;
            }
    tensor_discard(b);
    return CONVOY_OK;
}

/* Adds the convolution of the input with the filters [out,in,1] at so many positions of each batch; the value
 * has this shape. Takes the references of params. */
static convoy_status product_add(struct lowering *l, enum conv_layout layout, uint32_t input, int64_t batch,
                                 int64_t positions, struct layer_params *take_params,
                                 const convoy_shape *shape, uint32_t *value) {
    struct layer_desc desc = {.kind = LAYER_CONV,
                              .conv = {.layout = layout,
                                       .spatial = 1,
                                       .batch = batch,
                                       .groups = 1,
                                       .in_channels = take_params->weights.shape.dims[1],
                                       .out_channels = take_params->weights.shape.dims[0],
                                       .in = {positions},
                                       .kernel = {1},
                                       .stride = {1},
                                       .dilation = {1}}};
    convoy_error inner;
    convoy_status status = conv_geometry_complete(&desc.conv, &inner);
    if (status != CONVOY_OK)
        node_fail(l, status, "%s", inner.message);
    struct value_desc in = {.shape = conv_input_shape(&desc.conv)};
    desc.inputs = &in;
    desc.outputs[0].shape = conv_output_shape(&desc.conv);
    return layer_add(l, &desc, take_params, &input, 1, shape, value);
}

/* [.., b, a, ..] for [.., a, b, ..] */
static convoy_status matrix_transpose(struct lowering *l, uint32_t *value) {
    struct layer_desc desc = {.kind = LAYER_TRANSPOSE, .transpose.permutation = {1, 0}};
    convoy_shape shape = value_shape(l, *value);
    desc.outputs[0].shape = (convoy_shape){2, {shape.dims[1], shape.dims[0]}};
    return layer_add(l, &desc, NULL, value, 1, NULL, value);
}

/* *value: factor times it. */
static convoy_status scale_add(struct lowering *l, float factor, uint32_t *value) {
    uint32_t scalar = NO_VALUE;
    if (factor == 1 || l->status != CONVOY_OK ||
        scalar_add(l, l->network->values[*value].dtype, (double)factor, &scalar) != CONVOY_OK)
        return l->status;
    return binary_add(l, BINARY_MUL, *value, scalar, value);
}

/* Whether C adds the same row to every row: a scalar, [1], [N], [1,1], [1,N], or anything of that kind. */
static bool is_row(const convoy_tensor *c, int64_t n) {
    const convoy_shape *s = &c->shape;
    int64_t last = s->rank ? s->dims[s->rank - 1] : 1;
    return c->dtype == CONVOY_F32 && s->rank <= 2 && (last == 1 || last == n) &&
           (s->rank < 2 || s->dims[0] == 1);
}

/* *bias: [N] of beta·C. */
static convoy_status row_bias(struct lowering *l, const convoy_tensor *c, int64_t n, float beta,
                              convoy_tensor *bias) {
    convoy_shape shape = {1, {n}};
    bool full = (int64_t)convoy_tensor_elements(c) == n;
    if (full && beta == 1) {
        tensor_view(bias, c, &shape);
        return CONVOY_OK;
    }
    if (constant_create(l, CONVOY_F32, &shape, bias) != CONVOY_OK)
        return l->status;
    for (int64_t i = 0; i < n; i++)
        ((float *)bias->data)[i] = beta * ((const float *)c->data)[full ? i : 0];
    return CONVOY_OK;
}

struct gemm {
    float alpha, beta;
    bool transpose_a, transpose_b;
    int64_t m, k, n;
};

static convoy_status gemm_read(struct lowering *l, struct gemm *gemm) {
    gemm->alpha = attribute_float(l, "alpha", 1);
    gemm->beta = attribute_float(l, "beta", 1);
    gemm->transpose_a = attribute_int(l, "transA", 0) != 0;
    gemm->transpose_b = attribute_int(l, "transB", 0) != 0;
    if (l->model->opset < 7)
        attribute_int(l, "broadcast", 0); /* C meets the product by numpy's rule in any case */
    convoy_shape a = input_shape(l, 0), b = input_shape(l, 1);
    gemm->m = a.dims[gemm->transpose_a ? 1 : 0];
    gemm->k = a.dims[gemm->transpose_a ? 0 : 1];
    gemm->n = b.dims[gemm->transpose_b ? 0 : 1];
    char text_a[128], text_b[128];
    if (a.rank != 2 || b.rank != 2 || gemm->k != b.dims[gemm->transpose_b ? 1 : 0])
        return node_fail(l, CONVOY_E_INPUT, "%s%s times %s%s is no product of matrices",
                         convoy_shape_text(&a, text_a, sizeof text_a), gemm->transpose_a ? " transposed" : "",
                         convoy_shape_text(&b, text_b, sizeof text_b),
                         gemm->transpose_b ? " transposed" : "");
    return l->status;
}

/* alpha·A·B of a run-time B. */
static convoy_status gemm_by_data(struct lowering *l, const struct gemm *gemm, uint32_t a, uint32_t b,
                                  uint32_t *value) {
    if (gemm->transpose_b)
        matrix_transpose(l, &b);
    matmul_add(l, a, b, value);
    return scale_add(l, gemm->alpha, value);
}

static convoy_status gemm_by_constant(struct lowering *l, const struct gemm *gemm, uint32_t a, uint32_t b,
                                      const convoy_tensor *row, uint32_t *value) {
    struct layer_params params = {0};
    convoy_shape shape = {2, {gemm->m, gemm->n}};
    convoy_status status =
        product_filters(l, value_constant(l, b), gemm->transpose_b, gemm->alpha, &params.weights);
    if (status == CONVOY_OK && row)
        status = row_bias(l, row, gemm->n, gemm->beta, &params.bias);
    if (status == CONVOY_OK)
        return product_add(l, CONV_CHANNELS_LAST, a, 1, gemm->m, &params, &shape, value);
    convoy_tensor_release(&params.weights);
    return status;
}

/* alpha·A·B + beta·C */
static convoy_status lower_gemm(struct lowering *l) {
    struct gemm gemm;
    convoy_status status = gemm_read(l, &gemm);
    if (status != CONVOY_OK)
        return status;
    uint32_t a = input_number(l, 0), b = input_number(l, 1), c = input_number(l, 2), value = NO_VALUE;
    constant_widen(l, &b);
    if (c != NO_VALUE)
        constant_widen(l, &c);
    if (gemm.transpose_a)
        matrix_transpose(l, &a);
    const convoy_tensor *weights = value_constant(l, b);
    const convoy_tensor *row = c != NO_VALUE ? value_constant(l, c) : NULL;
    bool by_constant = weights && weights->dtype == CONVOY_F32 && gemm.m > 0 && gemm.k > 0 && gemm.n > 0;
    bool as_bias = by_constant && row && is_row(row, gemm.n);
    if (as_bias)
        row = value_elements(l, c);
    if (l->status == CONVOY_OK && by_constant)
        gemm_by_constant(l, &gemm, a, b, as_bias ? row : NULL, &value);
    else if (l->status == CONVOY_OK)
        gemm_by_data(l, &gemm, a, b, &value);
    if (c != NO_VALUE && !as_bias) {
        scale_add(l, gemm.beta, &c);
        if (l->status == CONVOY_OK)
            binary_add(l, BINARY_ADD, value, c, &value);
    }
    output_set(l, 0, value);
    return l->status;
}

/* --- MatMul --------------------------------------------------------------------------------------------- */

/* The shape of numpy's product; false where there is none. */
static bool matmul_shape(const convoy_shape *a, const convoy_shape *b, convoy_shape *out) {
    if (a->rank < 1 || b->rank < 1)
        return false;
    int64_t depth = b->rank == 1 ? b->dims[0] : b->dims[b->rank - 2];
    if (a->dims[a->rank - 1] != depth)
        return false;
    uint32_t batch_a = a->rank > 2 ? a->rank - 2 : 0, batch_b = b->rank > 2 ? b->rank - 2 : 0;
    uint32_t batch = batch_a > batch_b ? batch_a : batch_b;
    *out = (convoy_shape){.rank = batch};
    for (uint32_t i = 0; i < batch; i++) {
        int64_t dim_a = i + batch_a >= batch ? a->dims[i + batch_a - batch] : 1;
        int64_t dim_b = i + batch_b >= batch ? b->dims[i + batch_b - batch] : 1;
        if (dim_a != dim_b && dim_a != 1 && dim_b != 1)
            return false;
        out->dims[i] = dim_a == 1 ? dim_b : dim_a;
    }
    if (a->rank > 1)
        out->dims[out->rank++] = a->dims[a->rank - 2];
    if (b->rank > 1)
        out->dims[out->rank++] = b->dims[b->rank - 1];
    return true;
}

/* Whether a factor is a matrix of float32 that is known, and the product has elements. */
static bool is_constant_factor(const struct lowering *l, uint32_t factor, const convoy_shape *product) {
    const convoy_tensor *constant = value_constant(l, factor);
    return constant && constant->dtype == CONVOY_F32 && constant->shape.rank == 2 &&
           convoy_tensor_elements(constant) > 0 && shape_product(product, 0, product->rank) > 0;
}

/* x·B */
static convoy_status right_constant_add(struct lowering *l, uint32_t x, const convoy_tensor *b,
                                        const convoy_shape *shape, uint32_t *value) {
    convoy_shape left = value_shape(l, x);
    struct layer_params params = {0};
    if (product_filters(l, b, false, 1, &params.weights) != CONVOY_OK)
        return l->status;
    return product_add(l, CONV_CHANNELS_LAST, x, 1, (int64_t)shape_product(&left, 0, left.rank - 1), &params,
                       shape, value);
}

/* A·x for x [..,K,N] or [K] */
static convoy_status left_constant_add(struct lowering *l, const convoy_tensor *a, uint32_t x,
                                       const convoy_shape *shape, uint32_t *value) {
    convoy_shape right = value_shape(l, x), filters = {3, {a->shape.dims[0], a->shape.dims[1], 1}};
    int64_t batch = right.rank > 2 ? (int64_t)shape_product(&right, 0, right.rank - 2) : 1;
    struct layer_params params = {0};
    tensor_view(&params.weights, a, &filters);
    return product_add(l, CONV_CHANNELS_FIRST, x, batch, right.rank > 1 ? right.dims[right.rank - 1] : 1,
                       &params, shape, value);
}

convoy_status matmul_add(struct lowering *l, uint32_t a, uint32_t b, uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    constant_widen(l, &a);
    constant_widen(l, &b);
    struct layer_desc desc = {.kind = LAYER_MATMUL};
    convoy_shape left = value_shape(l, a), right = value_shape(l, b), *shape = &desc.outputs[0].shape;
    char text_a[128], text_b[128];
    if (l->status == CONVOY_OK && !matmul_shape(&left, &right, shape))
        return node_fail(l, CONVOY_E_INPUT, "%s times %s is no product",
                         convoy_shape_text(&left, text_a, sizeof text_a),
                         convoy_shape_text(&right, text_b, sizeof text_b));
    if (l->status != CONVOY_OK)
        return l->status;
    if (is_constant_factor(l, b, shape))
        return right_constant_add(l, a, value_constant(l, b), shape, value);
    if (is_constant_factor(l, a, shape))
        return left_constant_add(l, value_constant(l, a), b, shape, value);
    return layer_add(l, &desc, NULL, (const uint32_t[]){a, b}, 2, NULL, value);
}

static convoy_status lower_matmul(struct lowering *l) {
    uint32_t value = NO_VALUE;
    if (matmul_add(l, input_number(l, 0), input_number(l, 1), &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator conv_operators[] = {
    OPERATOR("Conv", 1, lower_conv, 2, 3),
    OPERATOR("Gemm", 1, lower_gemm, 2, 3),
    OPERATOR("MatMul", 1, lower_matmul, 2, 2),
    LAST_OPERATOR,
};
