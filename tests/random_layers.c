#include "random_layers.h"

int64_t random_between(struct random *random, int64_t low, int64_t high) {
    return low + (int64_t)random_below(random, (uint64_t)(high - low + 1));
}

static convoy_shape random_shape(struct random *random, uint32_t low_rank, uint32_t high_rank,
                                 int64_t extent) {
    convoy_shape shape = {.rank = (uint32_t)random_between(random, low_rank, high_rank)};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = random_between(random, 1, extent);
    return shape;
}

/* Those that keep a small error small; logarithm and root have their own round, on positive numbers. */
static struct activation tame_activation(struct random *random) {
    static const struct activation tame[] = {
        {ACTIVATION_NONE, 0, 0},          {ACTIVATION_RELU, 0, 0},
        {ACTIVATION_CLIP, 0, 6},          {ACTIVATION_CLIP, -0.25f, INFINITY},
        {ACTIVATION_LEAKY_RELU, 0.1f, 0}, {ACTIVATION_SIGMOID, 0, 0},
        {ACTIVATION_TANH, 0, 0},          {ACTIVATION_ELU, 0.7f, 0},
        {ACTIVATION_EXP, 0, 0},           {ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f},
        {ACTIVATION_ABS, 0, 0},           {ACTIVATION_NEG, 0, 0},
        {ACTIVATION_SOFTPLUS, 0, 0},      {ACTIVATION_CLIP, 1, -1},
        {ACTIVATION_HARD_SWISH, 0, 0},    {ACTIVATION_SWISH, 1, 0},
        {ACTIVATION_MISH, 0, 0},          {ACTIVATION_GELU, 0, 0},
        {ACTIVATION_GELU_TANH, 0, 0},     {ACTIVATION_SOFTSIGN, 0, 0},
        {ACTIVATION_SELU, 1.67f, 1.05f},  {ACTIVATION_CELU, 0.7f, 0},
        {ACTIVATION_ERF, 0, 0},           {ACTIVATION_SIN, 0, 0},
        {ACTIVATION_ATAN, 0, 0},          {ACTIVATION_ASINH, 0, 0},
    };
    return tame[random_below(random, sizeof tame / sizeof tame[0])];
}

void random_conv(struct sample *s, struct random *random) {
    struct conv_geometry g;
    do {
        g = (struct conv_geometry){.layout = random_between(random, 0, 1) ? CONV_CHANNELS_LAST
                                                                          : CONV_CHANNELS_FIRST,
                                   .spatial = (uint32_t)random_between(random, 1, 3),
                                   .batch = random_between(random, 1, 3),
                                   .groups = random_between(random, 0, 2) ? 1 : random_between(random, 1, 6)};
        g.in_channels = g.groups * random_between(random, 1, 20);
        g.out_channels = g.groups * random_between(random, 1, 20);
        int64_t style =
            random_between(random, 0, 4); /* 0: a product, 1: one window over everything, else general */
        for (uint32_t i = 0; i < g.spatial; i++) {
            g.in[i] = random_between(random, 1, g.spatial == 3 ? 7 : 14);
            g.kernel[i] = style == 0 ? 1 : style == 1 ? g.in[i] : random_between(random, 1, 5);
            g.stride[i] = style == 0 ? 1 : random_between(random, 1, 3);
            g.dilation[i] = style < 2 ? 1 : random_between(random, 1, 2);
            g.pad_begin[i] = style < 2 ? 0 : random_between(random, 0, 3);
            g.pad_end[i] = style < 2 ? 0 : random_between(random, 0, 3);
        }
        if (g.layout == CONV_CHANNELS_FIRST &&
            random_between(random, 0, 3) == 0) { /* in blocks of channels */
            g.in_block = random_between(random, 0, 2) ? 16 : 8;
            g.out_block = random_between(random, 0, 2) ? 16 : 0;
            g.in_channels = g.groups * g.in_block * random_between(random, 1, 3);
            g.out_channels = g.groups * 16 * random_between(random, 1, 3);
        }
    } while (conv_geometry_complete(&g, NULL) != CONVOY_OK);
    sample_begin(s, LAYER_CONV, CONVOY_F32, conv_output_shape(&g));
    s->desc.conv = g;
    s->desc.kernel = (enum conv_kernel)random_between(random, 0, CONV_KERNELS - 1);
    s->desc.activation = tame_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, conv_input_shape(&g), -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, conv_filter_shape(&g), -0.5, 0.5);
    if (random_between(random, 0, 1))
        s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, g.out_channels, 0, 0, 0), -1, 1);
    if (random_between(random, 0, 2) == 0)
        sample_input(s, tensor_random(random, CONVOY_F32, s->desc.outputs[0].shape, -1, 1)); /* to be added */
}

void random_conv_transpose(struct sample *s, struct random *random) {
    struct conv_transpose_geometry g = {.spatial = (uint32_t)random_between(random, 1, 3),
                                        .batch = random_between(random, 1, 3),
                                        .groups =
                                            random_between(random, 0, 2) ? 1 : random_between(random, 1, 4)};
    bool blocks = random_between(random, 0, 3) == 0; /* channels that make whole blocks */
    g.in_channels = g.groups * (blocks ? 16 * random_between(random, 1, 2) : random_between(random, 1, 20));
    g.out_channels = g.groups * (blocks ? 16 * random_between(random, 1, 2) : random_between(random, 1, 20));
    for (uint32_t i = 0; i < g.spatial; i++) {
        g.in[i] = random_between(random, 1, g.spatial == 3 ? 4 : 9);
        g.kernel[i] = random_between(random, 1, 4);
        g.stride[i] = random_between(random, 1, 3);
        g.dilation[i] = random_between(random, 1, 2);
        g.pad_begin[i] = random_between(random, 0, 2);
        /* Fewer or more positions at the end than windows reach; seldom more than a stride. */
        int64_t most = random_between(random, 0, 7) ? g.stride[i] - 1 : 4;
        int64_t out = conv_transpose_reach(&g, i) - g.pad_begin[i] + random_between(random, -2, most);
        g.out[i] = out < 1 ? 1 : out;
    }
    if (conv_transpose_complete(&g, NULL) != CONVOY_OK)
        fail_msg("the geometry is not complete");
    sample_begin(s, LAYER_CONV_TRANSPOSE, CONVOY_F32, conv_transpose_output_shape(&g));
    s->desc.conv_transpose = g;
    s->desc.activation = tame_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, conv_transpose_input_shape(&g), -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, conv_transpose_filter_shape(&g), -0.5, 0.5);
    if (random_between(random, 0, 1))
        s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, g.out_channels, 0, 0, 0), -1, 1);
}

void random_pool(struct sample *s, struct random *random) {
    struct pool_geometry g = {.op = (enum pool_op)random_between(random, POOL_MAX, POOL_LP),
                              .p = (double)random_between(random, 1, 3),
                              .count_include_pad = random_between(random, 0, 1),
                              .spatial = (uint32_t)random_between(random, 1, 3),
                              .batch = random_between(random, 1, 2),
                              .channels = random_between(random, 1, 20)};
    convoy_shape in = {.rank = 2 + g.spatial, .dims = {g.batch, g.channels}}, out = in;
    for (uint32_t i = 0; i < g.spatial; i++) {
        int64_t reach, padded;
        do {
            g.in[i] = random_between(random, 1, 12);
            g.kernel[i] = random_between(random, 1, 4);
            g.stride[i] = random_between(random, 1, 3);
            g.dilation[i] = random_between(random, 0, 3) ? 1 : 2;
            g.pad_begin[i] = random_between(random, 0, g.kernel[i] - 1);
            g.pad_end[i] = random_between(random, 0, g.kernel[i] - 1);
            reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
            padded = g.in[i] + g.pad_begin[i] + g.pad_end[i];
        } while (reach > padded);
        int64_t up = random_between(random, 0, 1) ? g.stride[i] - 1 : 0; /* ceil_mode */
        g.out[i] = (padded - reach + up) / g.stride[i] + 1;
        in.dims[2 + i] = g.in[i];
        out.dims[2 + i] = g.out[i];
    }
    sample_begin(s, LAYER_POOL, CONVOY_F32, out);
    s->desc.pool = g;
    sample_input(s, tensor_random(random, CONVOY_F32, in, -1, 1));
}

void random_activation_layer(struct sample *s, struct random *random) {
    static const struct activation wild[] = {{ACTIVATION_LOG, 0, 0}, {ACTIVATION_SQRT, 0, 0}};
    convoy_shape shape = random_shape(random, 0, 5, 7);
    bool positive = random_between(random, 0, 4) == 0;
    sample_begin(s, LAYER_ACTIVATION, CONVOY_F32, shape);
    s->desc.activation = positive ? wild[random_between(random, 0, 1)] : tame_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, positive ? 0.1 : -8, 8));
    tensor_set(
        &s->in[0], 0,
        8); /* errors count relative to the largest output; a lone tiny one would be a test of its own */
}

void random_binary(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 0, 5, 7), shapes[2] = {y, y};
    for (uint32_t i = 0; i < y.rank; i++)
        if (random_between(random, 0, 2) == 0)
            shapes[random_between(random, 0, 1)].dims[i] = 1;
    for (int k = 0; k < 2; k++)
        while (shapes[k].rank > 0 && shapes[k].dims[0] == 1 && random_between(random, 0, 1))
            memmove(shapes[k].dims, shapes[k].dims + 1, --shapes[k].rank * sizeof shapes[k].dims[0]);
    if (random_between(random, 0, 3) == 0)
        shapes[1] = shape_of(0, 0, 0, 0, 0); /* most often an operand is either whole or a scalar */
    for (uint32_t i = 0; i < y.rank; i++) {  /* where both became 1, so did the output */
        uint32_t a = y.rank - shapes[0].rank, b = y.rank - shapes[1].rank;
        if ((i < a || shapes[0].dims[i - a] == 1) && (i < b || shapes[1].dims[i - b] == 1))
            y.dims[i] = 1;
    }
    sample_begin(s, LAYER_BINARY, CONVOY_F32, y);
    s->desc.binary = (enum binary_op)random_between(random, BINARY_ADD, BINARY_POW);
    s->desc.activation = tame_activation(random);
    double low = s->desc.binary == BINARY_DIV || s->desc.binary == BINARY_POW ? 0.5 : -2;
    sample_input(s, tensor_random(random, CONVOY_F32, shapes[0], low, 2));
    sample_input(s, tensor_random(random, CONVOY_F32, shapes[1], low, 2));
}

void random_affine(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 3, 3, 40);
    if (random_between(random, 0, 3) == 0)
        shape.dims[2] = 1;
    sample_begin(s, LAYER_AFFINE, CONVOY_F32, shape);
    s->desc.affine.batch = (size_t)shape.dims[0];
    s->desc.affine.channels = (size_t)shape.dims[1];
    s->desc.affine.inner = (size_t)shape.dims[2];
    s->desc.activation = tame_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, shape_of(1, shape.dims[1], 0, 0, 0), -2, 2);
    s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, shape.dims[1], 0, 0, 0), -2, 2);
}

void random_softmax(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 3, 3, 30);
    if (random_between(random, 0, 1))
        shape.dims[2] = 1;
    shape.dims[1]++; /* the logarithm over one element is exactly 0, of which nothing is a small part */
    sample_begin(s, LAYER_SOFTMAX, CONVOY_F32, shape);
    s->desc.softmax.outer = (size_t)shape.dims[0];
    s->desc.softmax.axis = (size_t)shape.dims[1];
    s->desc.softmax.inner = (size_t)shape.dims[2];
    s->desc.softmax.logarithm = random_between(random, 0, 1);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -20, 20));
}

void random_lrn(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 3, 3, 30);
    sample_begin(s, LAYER_LRN, CONVOY_F32, shape);
    s->desc.lrn.batch = (size_t)shape.dims[0];
    s->desc.lrn.channels = (size_t)shape.dims[1];
    s->desc.lrn.inner = (size_t)shape.dims[2];
    s->desc.lrn.size = random_between(random, 1, 9);
    s->desc.lrn.alpha = (float)random_unit(random);
    s->desc.lrn.beta = random_between(random, 0, 1) ? 0.75f : (float)random_unit(random);
    s->desc.lrn.bias = 1 + (float)random_unit(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -2, 2));
}

void random_matmul(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 2, 5, 6), a = y, b = y;
    int64_t depth = random_between(random, 1, 40);
    a.dims[y.rank - 1] = b.dims[y.rank - 2] = depth;
    for (uint32_t i = 0; i + 2 < y.rank; i++)
        if (random_between(random, 0, 2) == 0)
            (random_between(random, 0, 1) ? &a : &b)->dims[i] = 1;
    if (y.rank == 2 && random_between(random, 0, 2) == 0) { /* a vector from the right */
        b = shape_of(1, depth, 0, 0, 0);
        y.rank = 1;
    } else if (random_between(random, 0, 3) == 0) { /* and from the left */
        a = shape_of(1, depth, 0, 0, 0);
        y.dims[y.rank - 2] = y.dims[y.rank - 1];
        y.rank--;
    }
    sample_begin(s, LAYER_MATMUL, CONVOY_F32, y);
    s->desc.activation = tame_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, a, -0.5, 0.5));
    sample_input(s, tensor_random(random, CONVOY_F32, b, -0.5, 0.5));
}

void random_concat(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 1, 5, 6);
    uint32_t axis = (uint32_t)random_between(random, 0, y.rank - 1),
             count = (uint32_t)random_between(random, 1, MAX_INPUTS);
    sample_begin(s, LAYER_CONCAT, CONVOY_F32, y);
    s->desc.concat.axis = axis;
    s->desc.outputs[0].shape.dims[axis] = 0;
    for (uint32_t k = 0; k < count; k++) {
        y.dims[axis] = random_between(random, 0, 5);
        s->desc.outputs[0].shape.dims[axis] += y.dims[axis];
        sample_input(s, tensor_random(random, CONVOY_F32, y, -1, 1));
    }
}

void random_transpose(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 1, 6, 6), y = x;
    uint32_t permutation[CONVOY_MAX_RANK];
    for (uint32_t i = 0; i < x.rank; i++) {
        uint32_t k = (uint32_t)random_between(random, 0, i);
        permutation[i] = permutation[k];
        permutation[k] = i;
    }
    for (uint32_t i = 0; i < x.rank; i++)
        y.dims[i] = x.dims[permutation[i]];
    sample_begin(s, LAYER_TRANSPOSE, CONVOY_F32, y);
    memcpy(s->desc.transpose.permutation, permutation, x.rank * sizeof permutation[0]);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
}

void random_reduce(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 1, 5, 7), y = x;
    sample_begin(s, LAYER_REDUCE, CONVOY_F32, x);
    s->desc.reduce.op = (enum reduce_op)random_between(random, 0, REDUCE_OPS - 1);
    s->desc.reduce.axes = (uint32_t)random_below(random, (uint64_t)1 << x.rank);
    for (uint32_t i = 0; i < x.rank; i++)
        if (s->desc.reduce.axes >> i & 1)
            y.dims[i] = 1;
    s->desc.outputs[0].shape = y;
    sample_input(s, tensor_random(random, CONVOY_F32, x, 0, 1));
}

void random_normalize(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 2, 2, 60);
    shape.dims[1] += 3; /* the variance of one number is 0 */
    sample_begin(s, LAYER_NORMALIZE, CONVOY_F32, shape);
    s->desc.normalize.outer = (size_t)shape.dims[0];
    s->desc.normalize.inner = (size_t)shape.dims[1];
    s->desc.normalize.centered = random_between(random, 0, 2) > 0;
    s->desc.normalize.epsilon = 1e-3;
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -1, 1));
    const convoy_shape row = shape_of(1, shape.dims[1], 0, 0, 0);
    if (random_between(random, 0, 1))
        s->params.weights = tensor_random(random, CONVOY_F32, row, -1, 1);
    if (random_between(random, 0, 1))
        s->params.bias = tensor_random(random, CONVOY_F32, row, -1, 1);
}

/* Axes of 1 and missing ones, in any of three. */
void random_where(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 0, 4, 5), shapes[3];
    for (int k = 0; k < 3; k++) {
        shapes[k] = y;
        for (uint32_t i = 0; k > 0 && i < y.rank; i++)
            if (random_between(random, 0, 2) == 0)
                shapes[k].dims[i] = 1;
        while (k > 0 && shapes[k].rank > 0 && shapes[k].dims[0] == 1)
            memmove(shapes[k].dims, shapes[k].dims + 1, --shapes[k].rank * sizeof shapes[k].dims[0]);
    }
    static const convoy_dtype dtypes[] = {CONVOY_F32, CONVOY_I64, CONVOY_F16, CONVOY_U8};
    convoy_dtype dtype = dtypes[random_below(random, 4)];
    sample_begin(s, LAYER_WHERE, dtype, y);
    sample_input(s, tensor_random(random, CONVOY_BOOL, shapes[0], 0, 2));
    for (int k = 1; k < 3; k++)
        sample_input(s, tensor_random(random, dtype, shapes[k], 0, 100));
}

/* Of every type that the function admits; the naive function is what every backend uses for most of them. */
void random_binary_of_any(struct sample *s, struct random *random) {
    static const convoy_dtype dtypes[] = {CONVOY_I8,  CONVOY_I16, CONVOY_I32, CONVOY_I64, CONVOY_U8,
                                          CONVOY_U16, CONVOY_U32, CONVOY_U64, CONVOY_F64};
    convoy_shape y = random_shape(random, 0, 4, 5);
    convoy_dtype dtype = dtypes[random_below(random, sizeof dtypes / sizeof *dtypes)];
    enum binary_op op;
    do
        op = (enum binary_op)random_below(random, BINARY_OPS);
    while ((op >= BINARY_AND && op <= BINARY_XOR && dtype == CONVOY_F64) ||
           (op >= BINARY_SHIFT_LEFT && op <= BINARY_SHIFT_RIGHT && !dtype_is(dtype, DTYPE_UNSIGNED)));
    sample_begin(s, LAYER_BINARY, binary_compares(op) ? CONVOY_BOOL : dtype, y);
    s->desc.binary = op;
    sample_input(s, tensor_random(random, dtype, y, 1, 120));
    sample_input(s, tensor_random(random, dtype, y, 1, 9));
}

void random_unpool(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 3, 5, 4), y = random_shape(random, 1, 5, 9);
    int64_t room = (int64_t)shape_product(&y, 0, y.rank);
    sample_begin(s, LAYER_UNPOOL, CONVOY_F32, y);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
    sample_input(s, tensor_of(CONVOY_I64, x));
    for (size_t i = 0; i < convoy_tensor_elements(&s->in[1]); i++)
        tensor_set(&s->in[1], i, (double)random_between(random, 0, room - 1));
}

/* Regions of all sizes, some beyond the maps, some turned around. */
void random_roi(struct sample *s, struct random *random) {
    convoy_shape maps = random_shape(random, 4, 4, 12);
    int64_t regions = random_between(random, 0, 4);
    double reach = random_between(random, 0, 3) ? 12 : 1e6;
    sample_begin(
        s, LAYER_ROI, CONVOY_F32,
        shape_of(4, regions, maps.dims[1], random_between(random, 1, 5), random_between(random, 1, 5)));
    s->desc.roi.op = (enum roi_op)random_between(random, ROI_MAX, ROI_ALIGN_MAX);
    s->desc.roi.half_pixel = random_between(random, 0, 1);
    s->desc.roi.samples = random_between(random, 0, 3);
    s->desc.roi.scale = random_between(random, 0, 1) ? 1 : 0.25;
    sample_input(s, tensor_random(random, CONVOY_F32, maps, -1, 1));
    sample_input(s, tensor_random(random, CONVOY_F32, shape_of(2, regions, 4, 0, 0), -reach / 2, reach));
    sample_input(s, tensor_of(CONVOY_I64, shape_of(1, regions, 0, 0, 0)));
    for (int64_t i = 0; i < regions; i++)
        tensor_set(&s->in[2], (size_t)i, (double)random_between(random, 0, maps.dims[0] - 1));
}

/* Places within the map and around it, seldom far away or none at all. */
void random_grid_sample(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 3, 5, 7), grid = x, y = x;
    for (uint32_t i = 2; i < x.rank; i++)
        grid.dims[i - 1] = y.dims[i] = random_between(random, 0, 6);
    grid.dims[x.rank - 1] = (int64_t)x.rank - 2;
    sample_begin(s, LAYER_GRID_SAMPLE, CONVOY_F32, y);
    s->desc.grid_sample.mode = (enum grid_mode)random_between(random, GRID_NEAREST, GRID_CUBIC);
    s->desc.grid_sample.padding = (enum grid_padding)random_between(random, GRID_ZEROS, GRID_REFLECTION);
    s->desc.grid_sample.align_corners = random_between(random, 0, 1);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
    sample_input(s, tensor_random(random, CONVOY_F32, grid, -2, 2));
    static const double odd[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30, 1e9};
    size_t places = convoy_tensor_elements(&s->in[1]);
    if (places > 0 && random_between(random, 0, 1))
        tensor_set(&s->in[1], (size_t)random_below(random, places), odd[random_between(random, 0, 5)]);
}

void random_resize(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 3, 3, 20), y = x;
    if (random_between(random, 0, 1))
        x.dims[2] = y.dims[2] = random_between(random, 0, 2) ? 1 : 300;
    y.dims[1] = random_between(random, 0, 40);
    double scale = (double)(y.dims[1] ? y.dims[1] : 1) / (double)x.dims[1];
    sample_begin(s, LAYER_RESIZE, CONVOY_F32, y);
    s->desc.resize.filter = random_between(random, 0, 1) ? RESIZE_LINEAR : RESIZE_CUBIC;
    s->desc.resize.outer = (size_t)x.dims[0];
    s->desc.resize.in = (size_t)x.dims[1];
    s->desc.resize.out = (size_t)y.dims[1];
    s->desc.resize.inner = (size_t)x.dims[2];
    s->desc.resize.map = (struct axis_map){0.5, 1, scale, -0.5};
    if (random_between(random, 0, 1)) /* anywhere */
        s->desc.resize.map =
            (struct axis_map){0, 4 * random_unit(random) - 2, 1, 20 * random_unit(random) - 10};
    s->desc.resize.stretch = scale < 1 && random_between(random, 0, 1) ? 1 / scale : 1;
    s->desc.resize.cubic_a = random_between(random, 0, 1) ? -0.75 : -0.5;
    s->desc.resize.exclude_outside = random_between(random, 0, 1);
    s->desc.resize.extrapolate = random_between(random, 0, 1);
    s->desc.resize.value = 10;
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
}
