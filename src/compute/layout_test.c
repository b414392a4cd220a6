/* Layers between tensors that lie as the backend chose: every kind of layer is given such inputs, may choose
 * the layout of its output, and agrees with the reference on dense tensors. Winograd's algorithm, and its
 * error. */
#include "random_layers.h"

#define SEED   20250311
#define ROUNDS 40

/* --- Layers that only move ------------------------------------------------------------------------------ */

/* A convolution by the identity: exact, and its output lies as convolutions like it. */
static void make_identity(struct sample *s, const convoy_shape *shape) {
    struct conv_geometry g = {.spatial = shape->rank - 2,
                              .batch = shape->dims[0],
                              .groups = 1,
                              .in_channels = shape->dims[1],
                              .out_channels = shape->dims[1]};
    for (uint32_t i = 0; i < g.spatial; i++) {
        g.in[i] = shape->dims[2 + i];
        g.kernel[i] = g.stride[i] = g.dilation[i] = 1;
    }
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    sample_begin(s, LAYER_CONV, CONVOY_F32, *shape);
    s->desc.conv = g;
    s->params.weights = tensor_of(CONVOY_F32, conv_filter_shape(&g));
    for (int64_t c = 0; c < g.in_channels; c++)
        tensor_set(&s->params.weights, (size_t)(c * g.in_channels + c), 1);
    s->inputs[0] = (struct value_desc){CONVOY_F32, *shape, 0};
    s->desc.input_count = 1;
}

/* A layer in a chain, with the memory of its output. */
struct link {
    struct layer *layer;
    struct layer_output made;
    convoy_tensor out;
};

static void link_run(struct link *link, struct backend *backend, struct context *context, struct sample *s,
                     const uint32_t *blocks, const convoy_tensor *in, bool free_output) {
    convoy_error error;
    for (uint32_t i = 0; i < s->desc.input_count; i++)
        s->inputs[i].block = blocks ? blocks[i] : 0;
    s->desc.inputs = s->inputs;
    s->desc.free_output = free_output;
    if (backend->ops->layer_prepare(backend, &s->desc, &s->params, &link->layer, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    backend->ops->layer_output(link->layer, &link->made);
    assert_true(free_output || !link->made.block);
    convoy_shape bytes = shape_of(1, (int64_t)link->made.bytes / 4 + 1, 0, 0, 0);
    link->out =
        tensor_random(&(struct random){0}, CONVOY_F32, bytes, 5, 6); /* not zero: padding is written */
    link->out.shape = s->desc.outputs[0].shape;
    for (int run = 0; run < 2; run++)
        if (backend->ops->layer_run(link->layer, context, in, &link->out, NULL, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
}

static void link_end(struct link *link, struct backend *backend) {
    backend->ops->layer_destroy(&link->layer);
    convoy_tensor_release(&link->out);
}

/* The sample on inputs that identities laid out, its output brought back by another one. laid_out counts the
 * outputs of the sample's layer that were not dense. */
static convoy_tensor run_laid_out(struct sample *s, int *laid_out) {
    struct backend *backend;
    struct context *context;
    struct link before[MAX_INPUTS] = {0}, link = {0}, after = {0};
    struct sample identity;
    uint32_t blocks[MAX_INPUTS] = {0};
    convoy_tensor in[MAX_INPUTS];
    assert_int_equal(backend_create(&backend, "onednn", 1, NULL), CONVOY_OK);
    assert_int_equal(backend->ops->context_create(backend, &context, NULL), CONVOY_OK);
    for (uint32_t i = 0; i < s->desc.input_count; i++) {
        in[i] = s->in[i];
        if (s->inputs[i].shape.rank < 3)
            continue;
        make_identity(&identity, &s->inputs[i].shape);
        link_run(&before[i], backend, context, &identity, NULL, &s->in[i], true);
        sample_end(&identity);
        blocks[i] = before[i].made.block;
        in[i] = before[i].out;
    }
    link_run(&link, backend, context, s, blocks, in, s->desc.outputs[0].shape.rank >= 3);
    convoy_tensor result = tensor_of(CONVOY_F32, s->desc.outputs[0].shape);
    const convoy_tensor *last = &link.out;
    *laid_out += link.made.block != 0;
    if (link.made.block) {
        make_identity(&identity, &s->desc.outputs[0].shape);
        link_run(&after, backend, context, &identity, &link.made.block, &link.out, false);
        sample_end(&identity);
        last = &after.out;
    }
    memcpy(result.data, last->data, convoy_tensor_elements(&result) * sizeof(float));
    for (uint32_t i = 0; i < s->desc.input_count; i++)
        link_end(&before[i], backend);
    link_end(&link, backend);
    link_end(&after, backend);
    backend->ops->context_destroy(&context);
    backend->ops->destroy(&backend);
    return result;
}

/* --- Kinds ---------------------------------------------------------------------------------------------- */

/* A map whose channels fill their blocks, or do not. */
static convoy_shape random_map(struct random *random) {
    convoy_shape shape = {.rank = (uint32_t)random_between(random, 3, 5)};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = random_between(random, 1, shape.rank == 5 ? 5 : 9);
    shape.dims[0] = random_between(random, 1, 2);
    shape.dims[1] =
        random_between(random, 0, 1) ? 16 * random_between(random, 1, 3) : random_between(random, 1, 40);
    return shape;
}

static struct activation random_activation(struct random *random) {
    static const struct activation some[] = {{ACTIVATION_NONE, 0, 0},    {ACTIVATION_RELU, 0, 0},
                                             {ACTIVATION_CLIP, 0, 6},    {ACTIVATION_EXP, 0, 0},
                                             {ACTIVATION_SIGMOID, 0, 0}, {ACTIVATION_CLIP, 0.5f, 1},
                                             {ACTIVATION_ABS, 0, 0},     {ACTIVATION_SOFTPLUS, 0, 0}};
    return some[random_below(random, sizeof some / sizeof some[0])];
}

static void make_conv(struct sample *s, struct random *random) {
    struct conv_geometry g;
    convoy_shape x;
    do {
        x = random_map(random);
        g = (struct conv_geometry){
            .spatial = x.rank - 2, .batch = x.dims[0], .groups = 1, .in_channels = x.dims[1]};
        g.out_channels =
            random_between(random, 0, 1) ? 16 * random_between(random, 1, 3) : random_between(random, 1, 40);
        if (random_between(random, 0, 3) == 0)
            g.groups = g.out_channels = g.in_channels;
        for (uint32_t i = 0; i < g.spatial; i++) {
            g.in[i] = x.dims[2 + i];
            g.kernel[i] = random_between(random, 1, 3);
            g.stride[i] = random_between(random, 1, 2);
            g.dilation[i] = 1;
            g.pad_begin[i] = random_between(random, 0, 1);
            g.pad_end[i] = random_between(random, 0, 1);
        }
    } while (conv_geometry_complete(&g, NULL) != CONVOY_OK);
    sample_begin(s, LAYER_CONV, CONVOY_F32, conv_output_shape(&g));
    s->desc.conv = g;
    s->desc.activation = random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, conv_filter_shape(&g), -0.5, 0.5);
    if (random_between(random, 0, 1))
        s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, g.out_channels, 0, 0, 0), -1, 1);
    if (random_between(random, 0, 1)) /* a residual */
        sample_input(s, tensor_random(random, CONVOY_F32, s->desc.outputs[0].shape, -1, 1));
}

static void make_conv_transpose(struct sample *s, struct random *random) {
    convoy_shape x = random_map(random);
    struct conv_transpose_geometry g = {
        .spatial = x.rank - 2, .batch = x.dims[0], .groups = 1, .in_channels = x.dims[1]};
    g.out_channels =
        random_between(random, 0, 1) ? 16 * random_between(random, 1, 3) : random_between(random, 1, 40);
    for (uint32_t i = 0; i < g.spatial; i++) {
        g.in[i] = x.dims[2 + i];
        g.kernel[i] = random_between(random, 2, 4);
        g.stride[i] = random_between(random, 1, 2);
        g.dilation[i] = 1;
        g.pad_begin[i] = random_between(random, 0, 1);
        int64_t out = conv_transpose_reach(&g, i) - g.pad_begin[i] - random_between(random, 0, 1);
        g.out[i] = out < 1 ? 1 : out;
    }
    assert_int_equal(conv_transpose_complete(&g, NULL), CONVOY_OK);
    sample_begin(s, LAYER_CONV_TRANSPOSE, CONVOY_F32, conv_transpose_output_shape(&g));
    s->desc.conv_transpose = g;
    s->desc.activation = random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, conv_transpose_filter_shape(&g), -0.5, 0.5);
    if (random_between(random, 0, 1))
        s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, g.out_channels, 0, 0, 0), -1, 1);
}

static void make_pool(struct sample *s, struct random *random) {
    convoy_shape x = random_map(random), y = x;
    struct pool_geometry g = {.op = random_between(random, 0, 1) ? POOL_AVERAGE : POOL_MAX,
                              .spatial = x.rank - 2,
                              .batch = x.dims[0],
                              .channels = x.dims[1]};
    bool global = random_between(random, 0, 2) == 0;
    for (uint32_t i = 0; i < g.spatial; i++) {
        g.in[i] = x.dims[2 + i];
        g.kernel[i] = global ? g.in[i] : random_between(random, 1, g.in[i]);
        g.stride[i] = random_between(random, 1, 2);
        g.dilation[i] = 1;
        g.out[i] = y.dims[2 + i] = (g.in[i] - g.kernel[i]) / g.stride[i] + 1;
    }
    sample_begin(s, LAYER_POOL, CONVOY_F32, y);
    s->desc.pool = g;
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
}

static void make_activation(struct sample *s, struct random *random) {
    convoy_shape shape = random_map(random);
    sample_begin(s, LAYER_ACTIVATION, CONVOY_F32, shape);
    do
        s->desc.activation = random_activation(random);
    while (s->desc.activation.kind == ACTIVATION_NONE);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -2, 2));
}

static void make_binary(struct sample *s, struct random *random) {
    convoy_shape shape = random_map(random), other = shape;
    for (uint32_t i = 0; i < shape.rank && random_between(random, 0, 2) == 0; i++)
        other.dims[i] = 1;
    if (random_between(random, 0, 2) ==
        0) { /* a number for each channel, with or without an axis of images */
        other = shape_of(shape.rank - (uint32_t)random_between(random, 0, 1), 1, 1, 1, 1);
        other.dims[4] = 1;
        other.dims[other.rank + 1 - shape.rank] = shape.dims[1];
    }
    sample_begin(s, LAYER_BINARY, CONVOY_F32, shape);
    s->desc.binary = (enum binary_op)random_between(random, BINARY_ADD, BINARY_POW);
    s->desc.activation = random_activation(random);
    bool swapped = random_between(random, 0, 1);
    sample_input(s, tensor_random(random, CONVOY_F32, swapped ? other : shape, 0.5, 2));
    sample_input(s, tensor_random(random, CONVOY_F32, swapped ? shape : other, 0.5, 2));
}

static void make_concat(struct sample *s, struct random *random) {
    convoy_shape y = random_map(random), x = y;
    uint32_t axis = random_between(random, 0, 1) ? 1 : (uint32_t)random_between(random, 0, y.rank - 1);
    uint32_t count = (uint32_t)random_between(random, 1, MAX_INPUTS);
    bool full = random_between(random, 0, 1);
    sample_begin(s, LAYER_CONCAT, CONVOY_F32, y);
    s->desc.concat.axis = axis;
    s->desc.outputs[0].shape.dims[axis] = 0;
    for (uint32_t k = 0; k < count; k++) {
        x.dims[axis] = axis == 1 && full ? 16 * random_between(random, 1, 3) : random_between(random, 1, 9);
        s->desc.outputs[0].shape.dims[axis] += x.dims[axis];
        sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
    }
}

static void make_affine(struct sample *s, struct random *random) {
    convoy_shape shape = random_map(random), channels = shape_of(1, shape.dims[1], 0, 0, 0);
    sample_begin(s, LAYER_AFFINE, CONVOY_F32, shape);
    s->desc.affine.batch = (size_t)shape.dims[0];
    s->desc.affine.channels = (size_t)shape.dims[1];
    s->desc.affine.inner = shape_product(&shape, 2, shape.rank);
    s->desc.activation = random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, channels, -2, 2);
    s->params.bias = tensor_random(random, CONVOY_F32, channels, -2, 2);
}

/* Any order of axes; often, of four axes, channels become the last one or come from there. */
static void make_transpose(struct sample *s, struct random *random) {
    static const uint32_t known[2][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}};
    convoy_shape x = random_map(random), y = x;
    uint32_t order[CONVOY_MAX_RANK];
    for (uint32_t i = 0; i < x.rank; i++) {
        const uint32_t other = (uint32_t)random_between(random, 0, i);
        order[i] = order[other];
        order[other] = i;
    }
    if (x.rank == 4 && random_between(random, 0, 1))
        memcpy(order, known[random_between(random, 0, 1)], sizeof known[0]);
    if (random_between(random, 0, 1))
        x.dims[x.rank - 1] = 16 * random_between(random, 1, 2);
    for (uint32_t i = 0; i < x.rank; i++)
        y.dims[i] = x.dims[order[i]];
    sample_begin(s, LAYER_TRANSPOSE, CONVOY_F32, y);
    memcpy(s->desc.transpose.permutation, order, sizeof order);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
}

/* A layer that the reference computes for this backend. */
static void make_reduce(struct sample *s, struct random *random) {
    convoy_shape x = random_map(random), y = x;
    sample_begin(s, LAYER_REDUCE, CONVOY_F32, x);
    s->desc.reduce.op = REDUCE_MAX;
    s->desc.reduce.axes = 2;
    y.dims[1] = 1;
    s->desc.outputs[0].shape = y;
    sample_input(s, tensor_random(random, CONVOY_F32, x, 0, 1));
}

/* Tolerances as in backend_test.c. */
static const struct {
    const char *kind;
    void (*make)(struct sample *sample, struct random *random);
    double tolerance;
} kinds[] = {
    {"conv", make_conv, 2e-5},
    {"pool", make_pool, 5e-7},
    {"activation", make_activation, 1e-6},
    {"binary", make_binary, 1e-5},
    {"concat", make_concat, 0},
    {"affine", make_affine, 1e-5},
    {"transpose", make_transpose, 0},
    {"reduce", make_reduce, 0},
    {"conv_transpose", make_conv_transpose, 2e-5},
};

static void layers_keep_layouts(void **state) {
    (void)state;
    int laid_out = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint64_t round = 0; round < ROUNDS; round++) {
            struct random random;
            struct sample s;
            convoy_tensor expected;
            random_seed(&random, SEED + round);
            kinds[k].make(&s, &random);
            assert_int_equal(sample_run(&s, "reference", 1, &expected, NULL), CONVOY_OK);
            convoy_tensor actual = run_laid_out(&s, &laid_out);
            double found = relative_error(&actual, &expected);
            if (!(found <= kinds[k].tolerance))
                fail_msg("%s, seed %d: relative error %g, allowed %g", kinds[k].kind, (int)(SEED + round),
                         found, kinds[k].tolerance);
            convoy_tensor_release(&actual);
            convoy_tensor_release(&expected);
            sample_end(&s);
        }
    printf("%d outputs were not dense\n", laid_out);
#ifdef __x86_64__
    assert_true(laid_out > ROUNDS); /* else nothing was tested */
#endif
}

/* --- Winograd ------------------------------------------------------------------------------------------- */

/* F(4x4,3x3) multiplies by up to 8 and 1/24 on the way (Lavin and Gray, arXiv 1509.09308): it loses about a
 * digit. What is left must be far below what a user sees, 1e-4. */
#define WINOGRAD_TOLERANCE 1e-5

static void check_winograd(enum conv_kernel kernel) {
    static const int64_t cases[][4] = {
        {16, 16, 14, 14}, {32, 64, 28, 28}, {64, 32, 17, 31}, {256, 16, 14, 14}, {40, 24, 9, 50}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct random random;
        struct sample s;
        convoy_tensor expected, actual;
        random_seed(&random, SEED + c);
        struct conv_geometry g = {.spatial = 2,
                                  .batch = 1,
                                  .groups = 1,
                                  .in_channels = cases[c][0],
                                  .out_channels = cases[c][1],
                                  .in = {cases[c][2], cases[c][3]},
                                  .kernel = {3, 3},
                                  .stride = {1, 1},
                                  .dilation = {1, 1},
                                  .pad_begin = {1, 1},
                                  .pad_end = {1, 1}};
        assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
        sample_begin(&s, LAYER_CONV, CONVOY_F32, conv_output_shape(&g));
        s.desc.conv = g;
        s.desc.kernel = kernel;
        sample_input(&s, tensor_random(&random, CONVOY_F32, conv_input_shape(&g), -1, 1));
        s.params.weights = tensor_random(&random, CONVOY_F32, conv_filter_shape(&g), -0.5, 0.5);
        s.params.bias = tensor_random(&random, CONVOY_F32, shape_of(1, g.out_channels, 0, 0, 0), -1, 1);
        assert_int_equal(sample_run(&s, "reference", 1, &expected, NULL), CONVOY_OK);
        assert_int_equal(sample_run(&s, "onednn", 1, &actual, NULL), CONVOY_OK);
        double found = relative_error(&actual, &expected);
        printf("F(%s,3x3), %d -> %d channels: relative error %.1e\n",
               kernel == CONV_WINOGRAD_2 ? "2x2" : "4x4", (int)cases[c][0], (int)cases[c][1], found);
        assert_true(found <= WINOGRAD_TOLERANCE);
        convoy_tensor_release(&actual);
        convoy_tensor_release(&expected);
        sample_end(&s);
    }
}

static void winograd_is_accurate(void **state) {
    (void)state;
    check_winograd(CONV_WINOGRAD_2);
    check_winograd(CONV_WINOGRAD_4);
}

/* --- Weights -------------------------------------------------------------------------------------------- */

/* Those of a large product are copied where that is allowed: the answer is the same to the bit. */
static void weights_of_its_own(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    struct conv_geometry g = {.layout = CONV_CHANNELS_LAST,
                              .spatial = 1,
                              .batch = 1,
                              .groups = 1,
                              .in_channels = 1200,
                              .out_channels = 1000,
                              .in = {1},
                              .kernel = {1},
                              .stride = {1},
                              .dilation = {1}};
    struct sample s;
    struct backend *backend;
    struct context *context;
    struct link links[2] = {0};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&backend, "onednn", 1, NULL), CONVOY_OK);
    assert_int_equal(backend->ops->context_create(backend, &context, NULL), CONVOY_OK);
    sample_begin(&s, LAYER_CONV, CONVOY_F32, conv_output_shape(&g));
    s.desc.conv = g;
    sample_input(&s, tensor_random(&random, CONVOY_F32, conv_input_shape(&g), -1, 1));
    s.params.weights = tensor_random(&random, CONVOY_F32, conv_filter_shape(&g), -0.5, 0.5);
    for (int own = 0; own < 2; own++) {
        s.desc.own_weights = own;
        link_run(&links[own], backend, context, &s, NULL, s.in, false);
        assert_int_equal(links[own].made.weights_bytes, own ? 1200 * 1000 * sizeof(float) : 0);
    }
    assert_memory_equal(links[0].out.data, links[1].out.data, 1000 * sizeof(float));
    for (int own = 0; own < 2; own++)
        link_end(&links[own], backend);
    sample_end(&s);
    backend->ops->context_destroy(&context);
    backend->ops->destroy(&backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_keep_layouts),
        cmocka_unit_test(winograd_is_accurate),
        cmocka_unit_test(weights_of_its_own),
    };
    printf("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
