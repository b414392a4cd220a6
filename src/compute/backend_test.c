/* Every backend against the reference: random layers of every kind; many threads on one layer; what cannot be
 * computed. */
#include "random_layers.h"

#include <pthread.h>

#define SEED   20240917
#define ROUNDS 150

/* Largest max|a-b| / max|b| of a backend whose sums are in float32. Sums have up to 2,500 terms of either
 * sign, so that rounding is 50 times 6e-8, and more where the largest output is itself small. A kernel that
 * is wrong is wrong by 1e-2. Zero: the same numbers. */
static const struct {
    const char *kind;
    void (*make)(struct sample *sample, struct random *random);
    double tolerance;
} kinds[] = {
    {"conv", random_conv, 2e-5},
    {"pool", random_pool, 5e-7},
    {"activation", random_activation_layer, 1e-6},
    {"binary", random_binary, 1e-5},
    {"affine", random_affine, 1e-5},
    {"softmax", random_softmax, 1e-6},
    {"lrn", random_lrn, 1e-6},
    {"matmul", random_matmul, 1e-5},
    {"concat", random_concat, 0},
    {"transpose", random_transpose, 0},
    {"reduce", random_reduce, 1e-6},
    {"normalize", random_normalize, 1e-5},
    {"where", random_where, 0},
    {"binary of any type", random_binary_of_any, 0},
    {"conv_transpose", random_conv_transpose, 2e-5},
    {"pad", random_pad, 0},
    {"gather", random_gather, 0},
    {"gather_elements", random_gather_elements, 0},
    {"gather_nd", random_gather_nd, 0},
    {"scatter_elements", random_scatter_elements, 0},
    {"scatter_nd", random_scatter_nd, 0},
    {"arg", random_arg, 0},
    {"top_k", random_top_k, 0},
    {"cumulative_sum", random_cumulative_sum, 0},
    {"reverse_sequence", random_reverse_sequence, 0},
};

static void agrees_with_reference(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint64_t round = 0; round < ROUNDS; round++) {
            struct random random;
            struct sample s;
            convoy_tensor expected[LAYER_MAX_OUTPUTS], actual[LAYER_MAX_OUTPUTS];
            convoy_error error;
            random_seed(&random, SEED + round);
            kinds[k].make(&s, &random);
            if (sample_run(&s, "reference", 1, expected, &error) != CONVOY_OK)
                fail_msg("%s, seed %d: %s", kinds[k].kind, (int)(SEED + round), error.message);
            for (int b = 1; b < BACKENDS; b++) {
                if (sample_run(&s, backends[b].name, backends[b].threads, actual, &error) != CONVOY_OK)
                    fail_msg("%s, seed %d: %s", kinds[k].kind, (int)(SEED + round), error.message);
                for (uint32_t o = 0; o < s.desc.output_count; o++) {
                    double found = relative_error(&actual[o], &expected[o]);
                    if (!(found <= kinds[k].tolerance))
                        fail_msg("%s of %s, output %u, seed %d: relative error %g, allowed %g", kinds[k].kind,
                                 backends[b].name, o, (int)(SEED + round), found, kinds[k].tolerance);
                    convoy_tensor_release(&actual[o]);
                }
            }
            for (uint32_t o = 0; o < s.desc.output_count; o++)
                convoy_tensor_release(&expected[o]);
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
            good = convoy_tensor_create(&out, desc->outputs[0].dtype, &desc->outputs[0].shape, NULL) ==
                       CONVOY_OK &&
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
    static void (*const makers[LAYERS])(struct sample *, struct random *) = {random_conv, random_pool,
                                                                             random_matmul};
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
            convoy_shape filters = conv_filter_shape(&g);
            struct value_desc in;
            struct layer_desc desc = conv_layer_desc(&g, CONVOY_F32, &in);
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
            random_conv(&s, &random);
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
        random_affine(&s, &random);
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
    s.desc.activation.kind = ACTIVATION_EXP;
    sample_input(&s, tensor_of(CONVOY_I32, four));
    sample_expect_failure(&s, CONVOY_E_UNSUPPORTED, "Test sample: no kernel for int32");
    sample_end(&s);

    sample_begin(&s, LAYER_ACTIVATION, CONVOY_F64, four);
    s.desc.activation.kind = ACTIVATION_EXP;
    sample_input(&s, tensor_of(CONVOY_F64, four));
    s.inputs[0].block = 8;
    sample_expect_failure(&s, CONVOY_E_INPUT, "layout");
    sample_end(&s);

    random_seed(&random, SEED);
    random_conv(&s, &random);
    s.desc.conv.out[0]++;
    sample_expect_failure(&s, CONVOY_E_INPUT, "geometry");
    s.desc.conv.out[0]--;
    s.params.weights.shape.dims[0]++;
    sample_expect_failure(&s, CONVOY_E_INPUT, "weights");
    sample_end(&s);

    random_concat(&s, &random);
    s.desc.concat.axis = CONVOY_MAX_RANK;
    sample_expect_failure(&s, CONVOY_E_INPUT, "Test sample");
    sample_end(&s);

    random_transpose(&s, &random);
    s.desc.transpose.permutation[0] = CONVOY_MAX_RANK;
    sample_expect_failure(&s, CONVOY_E_INPUT, "permutation");
    sample_end(&s);

    sample_begin(&s, LAYER_SLICE, CONVOY_F32, four);
    sample_input(&s, tensor_of(CONVOY_F32, four));
    s.desc.slice.start[0] = 1;
    s.desc.slice.step[0] = 1;
    sample_expect_failure(&s, CONVOY_E_INPUT, "leaves its input");
    s.desc.slice.step[0] = INT64_MAX;
    sample_expect_failure(&s, CONVOY_E_INPUT, "leaves its input");
    s.desc.kind = (enum layer_kind)99;
    sample_expect_failure(&s, CONVOY_E_INPUT, "kind");
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
