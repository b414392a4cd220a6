/* Every backend against the reference: random layers of every kind; many threads on one layer; what cannot be
 * computed. */
#include "layer_sample.h"

#include <pthread.h>

#define SEED   20240917
#define ROUNDS 150

static int64_t between(struct random *random, int64_t low, int64_t high) {
    return low + (int64_t)random_below(random, (uint64_t)(high - low + 1));
}

static convoy_shape random_shape(struct random *random, uint32_t low_rank, uint32_t high_rank,
                                 int64_t extent) {
    convoy_shape shape = {.rank = (uint32_t)between(random, low_rank, high_rank)};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = between(random, 1, extent);
    return shape;
}

/* Those that keep a small error small; logarithm and root have their own round, on positive numbers. */
static struct activation random_activation(struct random *random) {
    static const struct activation tame[] = {
        {ACTIVATION_NONE, 0, 0},          {ACTIVATION_RELU, 0, 0},
        {ACTIVATION_CLIP, 0, 6},          {ACTIVATION_CLIP, -0.25f, INFINITY},
        {ACTIVATION_LEAKY_RELU, 0.1f, 0}, {ACTIVATION_SIGMOID, 0, 0},
        {ACTIVATION_TANH, 0, 0},          {ACTIVATION_ELU, 0.7f, 0},
        {ACTIVATION_EXP, 0, 0},           {ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f},
        {ACTIVATION_ABS, 0, 0},           {ACTIVATION_NEG, 0, 0},
        {ACTIVATION_SOFTPLUS, 0, 0},      {ACTIVATION_CLIP, 1, -1},
    };
    return tame[random_below(random, sizeof tame / sizeof tame[0])];
}

static void make_conv(struct sample *s, struct random *random) {
    struct conv_geometry g;
    do {
        g = (struct conv_geometry){.layout = between(random, 0, 1) ? CONV_CHANNELS_LAST : CONV_CHANNELS_FIRST,
                                   .spatial = (uint32_t)between(random, 1, 3),
                                   .batch = between(random, 1, 3),
                                   .groups = between(random, 0, 2) ? 1 : between(random, 1, 6)};
        g.in_channels = g.groups * between(random, 1, 20);
        g.out_channels = g.groups * between(random, 1, 20);
        int64_t style = between(random, 0, 4); /* 0: a product, 1: one window over everything, else general */
        for (uint32_t i = 0; i < g.spatial; i++) {
            g.in[i] = between(random, 1, g.spatial == 3 ? 7 : 14);
            g.kernel[i] = style == 0 ? 1 : style == 1 ? g.in[i] : between(random, 1, 5);
            g.stride[i] = style == 0 ? 1 : between(random, 1, 3);
            g.dilation[i] = style < 2 ? 1 : between(random, 1, 2);
            g.pad_begin[i] = style < 2 ? 0 : between(random, 0, 3);
            g.pad_end[i] = style < 2 ? 0 : between(random, 0, 3);
        }
        if (g.layout == CONV_CHANNELS_FIRST && between(random, 0, 3) == 0) { /* in blocks of channels */
            g.in_block = between(random, 0, 2) ? 16 : 8;
            g.out_block = between(random, 0, 2) ? 16 : 0;
            g.in_channels = g.groups * g.in_block * between(random, 1, 3);
            g.out_channels = g.groups * 16 * between(random, 1, 3);
        }
    } while (conv_geometry_complete(&g, NULL) != CONVOY_OK);
    sample_begin(s, LAYER_CONV, CONVOY_F32, conv_output_shape(&g));
    s->desc.conv = g;
    s->desc.kernel = (enum conv_kernel)between(random, 0, CONV_KERNELS - 1);
    s->desc.activation = random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, conv_input_shape(&g), -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, conv_filter_shape(&g), -0.5, 0.5);
    if (between(random, 0, 1))
        s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, g.out_channels, 0, 0, 0), -1, 1);
    if (between(random, 0, 2) == 0)
        sample_input(s, tensor_random(random, CONVOY_F32, s->desc.output, -1, 1)); /* to be added */
}

static void make_pool(struct sample *s, struct random *random) {
    struct pool_geometry g = {.average = between(random, 0, 1),
                              .count_include_pad = between(random, 0, 1),
                              .spatial = (uint32_t)between(random, 1, 3),
                              .batch = between(random, 1, 2),
                              .channels = between(random, 1, 20)};
    convoy_shape in = {.rank = 2 + g.spatial, .dims = {g.batch, g.channels}}, out = in;
    for (uint32_t i = 0; i < g.spatial; i++) {
        int64_t reach, padded;
        do {
            g.in[i] = between(random, 1, 12);
            g.kernel[i] = between(random, 1, 4);
            g.stride[i] = between(random, 1, 3);
            g.dilation[i] = between(random, 0, 3) ? 1 : 2;
            g.pad_begin[i] = between(random, 0, g.kernel[i] - 1);
            g.pad_end[i] = between(random, 0, g.kernel[i] - 1);
            reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
            padded = g.in[i] + g.pad_begin[i] + g.pad_end[i];
        } while (reach > padded);
        int64_t up = between(random, 0, 1) ? g.stride[i] - 1 : 0; /* ceil_mode */
        g.out[i] = (padded - reach + up) / g.stride[i] + 1;
        in.dims[2 + i] = g.in[i];
        out.dims[2 + i] = g.out[i];
    }
    sample_begin(s, LAYER_POOL, CONVOY_F32, out);
    s->desc.pool = g;
    sample_input(s, tensor_random(random, CONVOY_F32, in, -1, 1));
}

static void make_activation(struct sample *s, struct random *random) {
    static const struct activation wild[] = {{ACTIVATION_LOG, 0, 0}, {ACTIVATION_SQRT, 0, 0}};
    convoy_shape shape = random_shape(random, 0, 5, 7);
    bool positive = between(random, 0, 4) == 0;
    sample_begin(s, LAYER_ACTIVATION, CONVOY_F32, shape);
    s->desc.activation = positive ? wild[between(random, 0, 1)] : random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, positive ? 0.1 : -8, 8));
    tensor_set(
        &s->in[0], 0,
        8); /* errors count relative to the largest output; a lone tiny one would be a test of its own */
}

static void make_binary(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 0, 5, 7), shapes[2] = {y, y};
    for (uint32_t i = 0; i < y.rank; i++)
        if (between(random, 0, 2) == 0)
            shapes[between(random, 0, 1)].dims[i] = 1;
    for (int k = 0; k < 2; k++)
        while (shapes[k].rank > 0 && shapes[k].dims[0] == 1 && between(random, 0, 1))
            memmove(shapes[k].dims, shapes[k].dims + 1, --shapes[k].rank * sizeof shapes[k].dims[0]);
    if (between(random, 0, 3) == 0)
        shapes[1] = shape_of(0, 0, 0, 0, 0); /* most often an operand is either whole or a scalar */
    for (uint32_t i = 0; i < y.rank; i++) {  /* where both became 1, so did the output */
        uint32_t a = y.rank - shapes[0].rank, b = y.rank - shapes[1].rank;
        if ((i < a || shapes[0].dims[i - a] == 1) && (i < b || shapes[1].dims[i - b] == 1))
            y.dims[i] = 1;
    }
    sample_begin(s, LAYER_BINARY, CONVOY_F32, y);
    s->desc.binary = (enum binary_op)between(random, BINARY_ADD, BINARY_POW);
    s->desc.activation = random_activation(random);
    double low = s->desc.binary == BINARY_DIV || s->desc.binary == BINARY_POW ? 0.5 : -2;
    sample_input(s, tensor_random(random, CONVOY_F32, shapes[0], low, 2));
    sample_input(s, tensor_random(random, CONVOY_F32, shapes[1], low, 2));
}

static void make_affine(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 3, 3, 40);
    if (between(random, 0, 3) == 0)
        shape.dims[2] = 1;
    sample_begin(s, LAYER_AFFINE, CONVOY_F32, shape);
    s->desc.affine.batch = (size_t)shape.dims[0];
    s->desc.affine.channels = (size_t)shape.dims[1];
    s->desc.affine.inner = (size_t)shape.dims[2];
    s->desc.activation = random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -1, 1));
    s->params.weights = tensor_random(random, CONVOY_F32, shape_of(1, shape.dims[1], 0, 0, 0), -2, 2);
    s->params.bias = tensor_random(random, CONVOY_F32, shape_of(1, shape.dims[1], 0, 0, 0), -2, 2);
}

static void make_softmax(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 3, 3, 30);
    if (between(random, 0, 1))
        shape.dims[2] = 1;
    shape.dims[1]++; /* the logarithm over one element is exactly 0, of which nothing is a small part */
    sample_begin(s, LAYER_SOFTMAX, CONVOY_F32, shape);
    s->desc.softmax.outer = (size_t)shape.dims[0];
    s->desc.softmax.axis = (size_t)shape.dims[1];
    s->desc.softmax.inner = (size_t)shape.dims[2];
    s->desc.softmax.logarithm = between(random, 0, 1);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -20, 20));
}

static void make_lrn(struct sample *s, struct random *random) {
    convoy_shape shape = random_shape(random, 3, 3, 30);
    sample_begin(s, LAYER_LRN, CONVOY_F32, shape);
    s->desc.lrn.batch = (size_t)shape.dims[0];
    s->desc.lrn.channels = (size_t)shape.dims[1];
    s->desc.lrn.inner = (size_t)shape.dims[2];
    s->desc.lrn.size = between(random, 1, 9);
    s->desc.lrn.alpha = (float)random_unit(random);
    s->desc.lrn.beta = between(random, 0, 1) ? 0.75f : (float)random_unit(random);
    s->desc.lrn.bias = 1 + (float)random_unit(random);
    sample_input(s, tensor_random(random, CONVOY_F32, shape, -2, 2));
}

static void make_matmul(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 2, 5, 6), a = y, b = y;
    int64_t depth = between(random, 1, 40);
    a.dims[y.rank - 1] = b.dims[y.rank - 2] = depth;
    for (uint32_t i = 0; i + 2 < y.rank; i++)
        if (between(random, 0, 2) == 0)
            (between(random, 0, 1) ? &a : &b)->dims[i] = 1;
    if (y.rank == 2 && between(random, 0, 2) == 0) { /* a vector from the right */
        b = shape_of(1, depth, 0, 0, 0);
        y.rank = 1;
    } else if (between(random, 0, 3) == 0) { /* and from the left */
        a = shape_of(1, depth, 0, 0, 0);
        y.dims[y.rank - 2] = y.dims[y.rank - 1];
        y.rank--;
    }
    sample_begin(s, LAYER_MATMUL, CONVOY_F32, y);
    s->desc.activation = random_activation(random);
    sample_input(s, tensor_random(random, CONVOY_F32, a, -0.5, 0.5));
    sample_input(s, tensor_random(random, CONVOY_F32, b, -0.5, 0.5));
}

static void make_concat(struct sample *s, struct random *random) {
    convoy_shape y = random_shape(random, 1, 5, 6);
    uint32_t axis = (uint32_t)between(random, 0, y.rank - 1),
             count = (uint32_t)between(random, 1, MAX_INPUTS);
    sample_begin(s, LAYER_CONCAT, CONVOY_F32, y);
    s->desc.concat.axis = axis;
    s->desc.output.dims[axis] = 0;
    for (uint32_t k = 0; k < count; k++) {
        y.dims[axis] = between(random, 0, 5);
        s->desc.output.dims[axis] += y.dims[axis];
        sample_input(s, tensor_random(random, CONVOY_F32, y, -1, 1));
    }
}

static void make_transpose(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 1, 6, 6), y = x;
    uint32_t permutation[CONVOY_MAX_RANK];
    for (uint32_t i = 0; i < x.rank; i++) {
        uint32_t k = (uint32_t)between(random, 0, i);
        permutation[i] = permutation[k];
        permutation[k] = i;
    }
    for (uint32_t i = 0; i < x.rank; i++)
        y.dims[i] = x.dims[permutation[i]];
    sample_begin(s, LAYER_TRANSPOSE, CONVOY_F32, y);
    memcpy(s->desc.transpose.permutation, permutation, x.rank * sizeof permutation[0]);
    sample_input(s, tensor_random(random, CONVOY_F32, x, -1, 1));
}

static void make_reduce(struct sample *s, struct random *random) {
    convoy_shape x = random_shape(random, 1, 5, 7), y = x;
    sample_begin(s, LAYER_REDUCE, CONVOY_F32, x);
    s->desc.reduce.op = (enum reduce_op)between(random, REDUCE_MEAN, REDUCE_MIN);
    s->desc.reduce.axes = (uint32_t)random_below(random, (uint64_t)1 << x.rank);
    for (uint32_t i = 0; i < x.rank; i++)
        if (s->desc.reduce.axes >> i & 1)
            y.dims[i] = 1;
    s->desc.output = y;
    sample_input(s, tensor_random(random, CONVOY_F32, x, 0, 1));
}

/* Largest max|a-b| / max|b| of a backend whose sums are in float32. Sums have up to 2,500 terms of either
 * sign, so that rounding is 50 times 6e-8, and more where the largest output is itself small. A kernel that
 * is wrong is wrong by 1e-2. Zero: the same numbers. */
static const struct {
    const char *kind;
    void (*make)(struct sample *sample, struct random *random);
    double tolerance;
} kinds[] = {
    {"conv", make_conv, 2e-5},        {"pool", make_pool, 5e-7},     {"activation", make_activation, 1e-6},
    {"binary", make_binary, 1e-5},    {"affine", make_affine, 1e-5}, {"softmax", make_softmax, 1e-6},
    {"lrn", make_lrn, 1e-6},          {"matmul", make_matmul, 1e-5}, {"concat", make_concat, 0},
    {"transpose", make_transpose, 0}, {"reduce", make_reduce, 1e-6},
};

static void agrees_with_reference(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint64_t round = 0; round < ROUNDS; round++) {
            struct random random;
            struct sample s;
            convoy_tensor expected, actual;
            convoy_error error;
            random_seed(&random, SEED + round);
            kinds[k].make(&s, &random);
            if (sample_run(&s, "reference", 1, &expected, &error) != CONVOY_OK)
                fail_msg("%s, seed %d: %s", kinds[k].kind, (int)(SEED + round), error.message);
            for (int b = 1; b < BACKENDS; b++) {
                if (sample_run(&s, backends[b].name, backends[b].threads, &actual, &error) != CONVOY_OK)
                    fail_msg("%s, seed %d: %s", kinds[k].kind, (int)(SEED + round), error.message);
                double found = relative_error(&actual, &expected);
                if (!(found <= kinds[k].tolerance))
                    fail_msg("%s of %s, seed %d: relative error %g, allowed %g", kinds[k].kind,
                             backends[b].name, (int)(SEED + round), found, kinds[k].tolerance);
                convoy_tensor_release(&actual);
            }
            convoy_tensor_release(&expected);
            sample_end(&s);
        }
}

/* --- One layer, many threads -------------------------------------------------------------------------------
 */

enum { THREADS = 4, RUNS = 20, LAYERS = 3 };

struct crowd {
    struct backend *backend;
    struct layer *layers[LAYERS];
    struct sample samples[LAYERS];
    convoy_tensor expected[LAYERS];
};

/* Whether every run of every layer, in a context of this thread's own, gave the expected output. */
static void *run_all(void *argument) {
    struct crowd *crowd = argument;
    struct context *context = NULL;
    bool good = crowd->backend->ops->context_create(crowd->backend, &context, NULL) == CONVOY_OK;
    for (int r = 0; r < RUNS && good; r++)
        for (int l = 0; l < LAYERS && good; l++) {
            convoy_tensor out = {0};
            const struct layer_desc *desc = &crowd->samples[l].desc;
            good = convoy_tensor_create(&out, desc->dtype, &desc->output, NULL) == CONVOY_OK &&
                   crowd->backend->ops->layer_run(crowd->layers[l], context, crowd->samples[l].in, &out, NULL,
                                                  NULL) == CONVOY_OK &&
                   relative_error(&out, &crowd->expected[l]) <= 4e-6;
            convoy_tensor_release(&out);
        }
    crowd->backend->ops->context_destroy(&context);
    return good ? argument : NULL;
}

static void threads_share_layers(void **state) {
    (void)state;
    static void (*const makers[LAYERS])(struct sample *, struct random *) = {make_conv, make_pool,
                                                                             make_matmul};
    for (int b = 0; b < BACKENDS; b++) {
        struct crowd crowd;
        struct random random;
        convoy_error error;
        random_seed(&random, SEED);
        if (backend_create(&crowd.backend, backends[b].name, backends[b].threads, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
        for (int l = 0; l < LAYERS; l++) {
            struct sample *s = &crowd.samples[l];
            makers[l](s, &random);
            if (sample_run(s, "reference", 1, &crowd.expected[l], &error) != CONVOY_OK ||
                crowd.backend->ops->layer_prepare(crowd.backend, &s->desc, &s->params, &crowd.layers[l],
                                                  &error) != CONVOY_OK)
                fail_msg("%s", error.message);
        }
        pthread_t threads[THREADS];
        for (int t = 0; t < THREADS; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, run_all, &crowd), 0);
        int good = 0;
        for (int t = 0; t < THREADS; t++) {
            void *result;
            assert_int_equal(pthread_join(threads[t], &result), 0);
            good += result != NULL;
        }
        assert_int_equal(good, THREADS);
        for (int l = 0; l < LAYERS; l++) {
            crowd.backend->ops->layer_destroy(&crowd.layers[l]);
            convoy_tensor_release(&crowd.expected[l]);
            sample_end(&crowd.samples[l]);
        }
        crowd.backend->ops->destroy(&crowd.backend);
    }
}

/* --- Constants ---------------------------------------------------------------------------------------------
 */

/* The weights of a fully connected layer are those of the model file and are not held twice. */
static void product_shares_weights(void **state) {
    (void)state;
    for (int64_t rows = 1; rows <= 8; rows += 7)
        for (int b = 0; b < BACKENDS; b++) {
            struct conv_geometry g = {.layout = CONV_CHANNELS_LAST,
                                      .spatial = 1,
                                      .batch = 1,
                                      .groups = 1,
                                      .in_channels = 48,
                                      .out_channels = 33,
                                      .in = {rows},
                                      .kernel = {1},
                                      .stride = {1},
                                      .dilation = {1}};
            assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
            convoy_shape in = conv_input_shape(&g), filters = conv_filter_shape(&g);
            struct layer_desc desc = {.name = "fc",
                                      .op = "Gemm",
                                      .kind = LAYER_CONV,
                                      .input_count = 1,
                                      .inputs = &in,
                                      .dtype = CONVOY_F32,
                                      .input_dtype = CONVOY_F32,
                                      .output = conv_output_shape(&g),
                                      .conv = g};
            struct layer_params params = {.weights = tensor_of(CONVOY_F32, filters)};
            struct backend *backend;
            struct layer *layer;
            assert_int_equal(backend_create(&backend, backends[b].name, 1, NULL), CONVOY_OK);
            assert_int_equal(backend->ops->layer_prepare(backend, &desc, &params, &layer, NULL), CONVOY_OK);
            assert_int_equal(atomic_load(&params.weights.owner->references), 2);
            backend->ops->layer_destroy(&layer);
            assert_int_equal(atomic_load(&params.weights.owner->references), 1);
            backend->ops->destroy(&backend);
            convoy_tensor_release(&params.weights);
        }
}

/* A buffer that counts what is discarded of it. */
static size_t discarded;
static void count_discarded(void *data, size_t bytes) {
    (void)data;
    discarded += bytes;
}

/* Weights of any convolution may lie at any address. They are held once: by their owner, or reordered, and
 * then their owner may do without them. */
static void weights_lie_anywhere(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (int round = 0; round < ROUNDS; round++)
        for (int b = 0; b < BACKENDS; b++) {
            struct sample s;
            convoy_tensor expected, actual;
            convoy_error error;
            make_conv(&s, &random);
            assert_int_equal(sample_run(&s, backends[b].name, backends[b].threads, &expected, &error),
                             CONVOY_OK);
            size_t bytes = 4 * convoy_tensor_elements(&s.params.weights), lead = 1 + (size_t)round % 3;
            struct buffer *odd = buffer_create(bytes + lead);
            assert_non_null(odd);
            odd->discard = count_discarded;
            memcpy((char *)odd->data + lead, s.params.weights.data, bytes);
            buffer_release(&s.params.weights.owner);
            s.params.weights.owner = odd;
            s.params.weights.data = (char *)odd->data + lead;

            struct backend *backend;
            struct layer *layer;
            discarded = 0;
            assert_int_equal(backend_create(&backend, backends[b].name, 1, NULL), CONVOY_OK);
            assert_int_equal(backend->ops->layer_prepare(backend, &s.desc, &s.params, &layer, NULL),
                             CONVOY_OK);
            bool shared = atomic_load(&odd->references) == 2;
            assert_int_equal(discarded, shared ? 0 : bytes);
            backend->ops->layer_destroy(&layer);
            backend->ops->destroy(&backend);

            assert_int_equal(sample_run(&s, backends[b].name, backends[b].threads, &actual, &error),
                             CONVOY_OK);
            assert_true(relative_error(&actual, &expected) == 0);
            convoy_tensor_release(&expected);
            convoy_tensor_release(&actual);
            sample_end(&s);
        }
}

/* Borrowed constants, at an address that no float may have, are copied. */
static void borrowed_constants_are_copied(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (int b = 0; b < BACKENDS; b++) {
        struct sample s;
        convoy_tensor expected, actual;
        convoy_error error;
        make_affine(&s, &random);
        assert_int_equal(sample_run(&s, backends[b].name, 1, &expected, &error), CONVOY_OK);
        static char odd[4 * 64 + 1];
        memcpy(odd + 1, s.params.weights.data, 4 * convoy_tensor_elements(&s.params.weights));
        convoy_tensor aligned = s.params.weights;
        s.params.weights.data = odd + 1;
        assert_int_equal(sample_run(&s, backends[b].name, 1, &actual, &error), CONVOY_OK);
        assert_true(relative_error(&actual, &expected) == 0);
        s.params.weights = aligned;
        convoy_tensor_release(&expected);
        convoy_tensor_release(&actual);
        sample_end(&s);
    }
}

/* --- What cannot be computed -------------------------------------------------------------------------------
 */

static void expect_refusal(struct sample *s, convoy_status status, const char *words) {
    for (int b = 0; b < BACKENDS; b++) {
        convoy_tensor out;
        convoy_error error = {0};
        assert_int_equal(sample_run(s, backends[b].name, 1, &out, &error), status);
        assert_int_equal(error.status, status);
        assert_non_null(strstr(error.message, words));
    }
}

static void refuses(void **state) {
    (void)state;
    struct backend *backend = NULL;
    convoy_error error;
    assert_int_equal(backend_create(&backend, "abacus", 1, &error), CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "onednn"));
    assert_int_equal(backend_create(&backend, "onednn", 0, &error), CONVOY_E_USAGE);
    assert_null(backend);

    struct sample s;
    struct random random;
    convoy_shape four = shape_of(1, 4, 0, 0, 0);
    sample_begin(&s, LAYER_ACTIVATION, CONVOY_I32, four);
    s.desc.activation.kind = ACTIVATION_RELU;
    sample_input(&s, tensor_of(CONVOY_I32, four));
    expect_refusal(&s, CONVOY_E_UNSUPPORTED, "Test sample: no kernel for int32");
    sample_end(&s);

    random_seed(&random, SEED);
    make_conv(&s, &random);
    s.desc.conv.out[0]++;
    expect_refusal(&s, CONVOY_E_INPUT, "geometry");
    s.desc.conv.out[0]--;
    s.params.weights.shape.dims[0]++;
    expect_refusal(&s, CONVOY_E_INPUT, "weights");
    sample_end(&s);

    make_concat(&s, &random);
    s.desc.concat.axis = CONVOY_MAX_RANK;
    expect_refusal(&s, CONVOY_E_INPUT, "Test sample");
    sample_end(&s);

    make_transpose(&s, &random);
    s.desc.transpose.permutation[0] = CONVOY_MAX_RANK;
    expect_refusal(&s, CONVOY_E_INPUT, "permutation");
    sample_end(&s);

    sample_begin(&s, LAYER_SLICE, CONVOY_F32, four);
    sample_input(&s, tensor_of(CONVOY_F32, four));
    s.desc.slice.start[0] = 1;
    s.desc.slice.step[0] = 1;
    expect_refusal(&s, CONVOY_E_INPUT, "leaves its input");
    s.desc.slice.step[0] = INT64_MAX;
    expect_refusal(&s, CONVOY_E_INPUT, "leaves its input");
    s.desc.kind = (enum layer_kind)99;
    expect_refusal(&s, CONVOY_E_INPUT, "kind");
    sample_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_reference),         cmocka_unit_test(threads_share_layers),
        cmocka_unit_test(product_shares_weights),        cmocka_unit_test(weights_lie_anywhere),
        cmocka_unit_test(borrowed_constants_are_copied), cmocka_unit_test(refuses),
    };
    printf("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
