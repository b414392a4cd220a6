/* Networks and their execution: what is dropped, who owns what, several threads at once. */
#include "network_rig.h"

#include "base/tensor.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- Networks ------------------------------------------------------------------------------------------- */

static void test_dead_and_constant_nodes_go(void **state) {
    (void)state;
    struct network_rig rig;
    struct message graph = rig_graph("y");
    rig_node(&graph, "Relu", "x", "unused");
    rig_node(&graph, "Tanh", "unused", "unused_as_well");
    rig_node(&graph, "Neg", "w", "folded");
    rig_node(&graph, "Conv", "x folded", "y");
    rig_network(&rig, &graph);
    assert_int_equal(rig.network->step_count, 1);
    const convoy_tensor *kernel = &rig.network->steps[0].params.weights;
    for (int i = 0; i < 9; i++)
        assert_true(((const float *)kernel->data)[i] == -(float)(i + 1) / 9);
    assert_int_equal(network_step_macs(&rig.network->steps[0]), 64 * 9);
    assert_int_equal(network_step_weights_bytes(&rig.network->steps[0]), 9 * sizeof(float));
    rig_destroy(&rig);
}

/* --- Runs ----------------------------------------------------------------------------------------------- */

/* What is joined is made where it belongs, but for what cannot: an input, a value twice, a value in two
 * joins. */
static void test_concatenation_in_place(void **state) {
    (void)state;
    convoy_tensor out[2] = {0};
    float values[RIG_ELEMENTS];
    rig_fill(values, 7);
    convoy_tensor in = rig_image(values);
    for (int b = 0; b < 2; b++) {
        struct network_rig rig;
        struct message graph = rig_graph("y");
        rig_node(&graph, "Conv", "x w", "a");
        rig_node(&graph, "Tanh", "a", "b");
        rig_node(&graph, "Sigmoid", "b", "c");
        rig_node(&graph, "Concat", "c b", "d"); /* the earlier one comes second, and is read later */
        rig_node(&graph, "Concat", "b c", "e");
        rig_node(&graph, "Concat", "d e x", "f");
        rig_node(&graph, "Neg", "f", "g");
        rig_node(&graph, "Sqrt", "c", "h");
        rig_node(&graph, "Concat", "h h", "i");
        rig_node(&graph, "Concat", "g i", "j");
        rig_node(&graph, "ReduceMax", "j", "k");
        rig_node(&graph, "Mul", "k b", "y");
        rig_network(&rig, &graph);
        rig_executor(&rig, b ? "onednn" : "reference");
        for (int run = 0; run < 2; run++) {
            convoy_tensor_release(&out[b]);
            assert_int_equal(executor_run(rig.executor, &in, &out[b], NULL, NULL), CONVOY_OK);
        }
        rig_destroy(&rig);
    }
    const float *expected = out[0].data, *actual = out[1].data;
    for (int i = 0; i < RIG_ELEMENTS; i++)
        assert_float_equal(actual[i], expected[i], 1e-5);
    convoy_tensor_release(&out[0]);
    convoy_tensor_release(&out[1]);
}

static void test_run_reports_and_computes(void **state) {
    (void)state;
    struct network_rig rig;
    float values[RIG_ELEMENTS];
    rig_fill(values, 1);
    struct message graph = rig_graph("y");
    rig_node(&graph, "Relu", "x", "r");
    rig_node(&graph, "Sub", "r x", "y");
    rig_network(&rig, &graph);
    rig_executor(&rig, "reference");
    convoy_tensor in = rig_image(values), out;
    convoy_layer_report reports[2] = {0};
    assert_int_equal(executor_run(rig.executor, &in, &out, reports, NULL), CONVOY_OK);
    for (int i = 0; i < RIG_ELEMENTS; i++)
        assert_true(((float *)out.data)[i] == (values[i] < 0 ? -values[i] : 0));
    assert_string_equal(reports[0].name, "Relu_0");
    assert_string_equal(reports[1].op, "Sub");
    assert_true(reports[0].wall_ms > 0 && reports[1].wall_ms > 0);
    convoy_tensor_release(&out);
    rig_destroy(&rig);
}

/* The input itself, a constant, and one value twice, under two shapes: every output is the caller's own. */
static void test_outputs_belong_to_the_caller(void **state) {
    (void)state;
    struct network_rig rig;
    float values[RIG_ELEMENTS];
    rig_fill(values, 2);
    struct message graph = rig_graph("same constant a b");
    rig_node(&graph, "Identity", "x", "same");
    rig_node(&graph, "Identity", "w", "constant");
    rig_node(&graph, "Neg", "x", "a");
    rig_node(&graph, "Flatten", "a", "b");
    rig_network(&rig, &graph);
    rig_executor(&rig, "reference");
    convoy_tensor in = rig_image(values), out[4];
    assert_int_equal(executor_run(rig.executor, &in, out, NULL, NULL), CONVOY_OK);
    rig_destroy(&rig);
    for (int i = 0; i < 4; i++)
        assert_non_null(out[i].owner);
    assert_memory_equal(out[0].data, values, sizeof values);
    assert_true(((float *)out[1].data)[8] == 1);
    assert_int_equal(out[3].shape.rank, 2);
    convoy_tensor_release(&out[2]);
    for (int i = 0; i < RIG_ELEMENTS; i++)
        assert_true(((float *)out[3].data)[i] == -values[i]);
    for (int i = 0; i < 4; i++)
        convoy_tensor_release(&out[i]);
}

/* Weights of every use: of a convolution with its bias and normalisation, a shape, both forms of Gemm with a
 * bias, an operand at run time, a factor that is folded. The name of the graph moves all of them in the file.
 */
static struct message graph_of_weights(size_t lead) {
    static const int64_t one[] = {1}, eight[] = {8}, square[] = {8, 8}, image[] = {1, 1, 8, 8},
                         weights[] = {1, 1, 3, 3};
    static const char name[] = "graph...";
    struct message graph = {0}, input = value_message("x", image, 4), output = value_message("y", square, 2);
    message_bytes(&graph, 2, name, lead);
    struct message tensors[] = {
        tensor_message("w", weights, 4, 9),  tensor_message("bias", one, 1, 1),
        tensor_message("s", one, 1, 1),      int_tensor_message("shape", square, 2),
        tensor_message("k1", square, 2, 64), tensor_message("k2", square, 2, 64),
        tensor_message("row", eight, 1, 8),  tensor_message("k3", square, 2, 64),
    };
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++)
        message_take(&graph, GRAPH_INITIALIZER, &tensors[i]);
    message_take(&graph, GRAPH_INPUT, &input);
    message_take(&graph, GRAPH_OUTPUT, &output);
    rig_node(&graph, "Conv", "x w bias", "c");
    rig_node(&graph, "BatchNormalization", "c s s s s", "n");
    rig_node(&graph, "Reshape", "n shape", "r");
    rig_node(&graph, "Gemm", "r k1 row", "g");
    struct message gemm = node_message("Gemm", "", "g k2 row", "h");
    node_int(&gemm, "transB", 1);
    message_take(&graph, GRAPH_NODE, &gemm);
    rig_node(&graph, "Add", "h k3", "a");
    rig_node(&graph, "Transpose", "k3", "t");
    rig_node(&graph, "MatMul", "a t", "y");
    return graph;
}

/* Weights are views of the file wherever they lie in it, and every layer gives the same. */
static void test_weights_lie_anywhere(void **state) {
    (void)state;
    static const char *const backend_names[] = {"reference", "onednn"};
    float values[RIG_ELEMENTS], first[RIG_ELEMENTS];
    rig_fill(values, 3);
    for (int b = 0; b < 2; b++) {
        int misaligned = 0;
        for (size_t lead = 0; lead < 8; lead++) {
            struct network_rig rig;
            struct message graph = graph_of_weights(lead);
            convoy_tensor in = rig_image(values), out;
            rig_network(&rig, &graph);
            const struct layer_params *conv = &rig.network->steps[0].params;
            assert_ptr_equal(conv->weights.owner, rig.model->map);
            assert_true(tensor_is_aligned(&conv->bias));
            misaligned += !tensor_is_aligned(&conv->weights);
            rig_executor(&rig, backend_names[b]);
            assert_int_equal(executor_run(rig.executor, &in, &out, NULL, NULL), CONVOY_OK);
            if (lead == 0)
                memcpy(first, out.data, sizeof first);
            assert_memory_equal(out.data, first, sizeof first);
            convoy_tensor_release(&out);
            rig_destroy(&rig);
        }
        assert_int_equal(misaligned, 6);
    }
}

static void test_wrong_inputs(void **state) {
    (void)state;
    struct network_rig rig;
    float values[RIG_ELEMENTS] = {0};
    struct message graph = rig_graph("y");
    rig_node(&graph, "Relu", "x", "y");
    rig_network(&rig, &graph);
    rig_executor(&rig, "reference");
    convoy_tensor in = rig_image(values), out = {0};
    convoy_error error = {0};
    in.shape.dims[3] = 7;
    assert_int_equal(executor_run(rig.executor, &in, &out, NULL, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "1x1x8x7"));
    assert_non_null(strstr(error.message, "1x1x8x8"));
    in = rig_image(values);
    in.dtype = CONVOY_F64;
    assert_int_equal(executor_run(rig.executor, &in, &out, NULL, &error), CONVOY_E_INPUT);
    in = rig_image(NULL);
    assert_int_equal(executor_run(rig.executor, &in, &out, NULL, &error), CONVOY_E_INPUT);
    in = rig_image(values);
    in.data = (char *)values + 1;
    assert_int_equal(executor_run(rig.executor, &in, &out, NULL, &error), CONVOY_E_INPUT);
    assert_null(out.data);
    rig_destroy(&rig);
}

/* --- A backend that watches ----------------------------------------------------------------------------- */

#define STEPS 6

struct watcher {
    struct backend base;
    struct backend *inner;      /* the reference, of which layers and contexts are */
    int fail_prepare, fail_run; /* at this layer, counted from 0; -1: never */
    int prepared, run;
    void *seen[STEPS]; /* memory of the layers' outputs */
};

static struct watcher *watching; /* the backend of the test under way: layer_run is not told */

static convoy_status watch_run(const struct layer *layer, struct context *context, const convoy_tensor *in,
                               convoy_tensor *out, convoy_layer_report *report, convoy_error *error) {
    struct watcher *w = watching;
    int step = w->run++;
    if (step == w->fail_run) {
        *error = (convoy_error){CONVOY_E_INTERNAL, "made to fail"};
        return CONVOY_E_INTERNAL;
    }
    w->seen[step] = out->data;
    assert_ptr_not_equal(out->data, in->data);
    assert_true((out->owner != NULL) == (step + 1 == STEPS)); /* the caller's, who keeps it */
    return w->inner->ops->layer_run(layer, context, in, out, report, error);
}

static convoy_status watch_prepare(struct backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **layer,
                                   convoy_error *error) {
    struct watcher *w = (struct watcher *)backend;
    if (w->prepared++ == w->fail_prepare)
        return CONVOY_E_UNSUPPORTED;
    return w->inner->ops->layer_prepare(w->inner, desc, params, layer, error);
}

static convoy_status watch_context(struct backend *backend, struct context **context, convoy_error *error) {
    struct watcher *w = (struct watcher *)backend;
    return w->inner->ops->context_create(w->inner, context, error);
}

/* Runs a chain of STEPS layers over a watcher; gives the status of creation or run. */
static convoy_status run_watched(struct watcher *w) {
    struct network_rig rig;
    char in_name[8] = "x", out_name[8];
    struct message graph = rig_graph("y");
    for (int i = 0; i < STEPS; i++) {
        snprintf(out_name, sizeof out_name, i + 1 < STEPS ? "v%d" : "y", i);
        rig_node(&graph, "Neg", in_name, out_name);
        strcpy(in_name, out_name);
    }
    rig_network(&rig, &graph);
    assert_int_equal(reference_backend_create(&w->inner, NULL), CONVOY_OK);
    struct backend_ops ops = *w->inner->ops;
    ops.layer_prepare = watch_prepare;
    ops.layer_run = watch_run;
    ops.context_create = watch_context;
    w->base.ops = &ops;
    watching = w;
    float values[RIG_ELEMENTS];
    rig_fill(values, 3);
    convoy_tensor in = rig_image(values), out = {0};
    convoy_error error;
    convoy_status status =
        executor_create(&rig.executor, rig.network, &w->base, NULL, NULL, NULL, NULL, &error);
    if (status == CONVOY_OK)
        status = executor_run(rig.executor, &in, &out, NULL, &error);
    assert_true((status == CONVOY_OK) == (out.data != NULL));
    if (status == CONVOY_OK)
        assert_memory_equal(out.data, values, sizeof values); /* negated an even number of times */
    convoy_tensor_release(&out);
    rig_destroy(&rig);
    w->inner->ops->destroy(&w->inner);
    return status;
}

/* A chain takes the memory of two tensors, in turns. */
static void test_memory_is_used_again(void **state) {
    (void)state;
    struct watcher w = {.fail_prepare = -1, .fail_run = -1};
    assert_int_equal(run_watched(&w), CONVOY_OK);
    assert_int_equal(w.run, STEPS);
    for (int i = 2; i + 1 < STEPS; i++)
        assert_ptr_equal(w.seen[i], w.seen[i - 2]);
}

static void test_failures_pass_through(void **state) {
    (void)state;
    for (int i = 0; i < STEPS; i++) {
        struct watcher w = {.fail_prepare = i, .fail_run = -1};
        assert_int_equal(run_watched(&w), CONVOY_E_UNSUPPORTED);
        w = (struct watcher){.fail_prepare = -1, .fail_run = i};
        assert_int_equal(run_watched(&w), CONVOY_E_INTERNAL);
    }
}

/* --- Threads -------------------------------------------------------------------------------------------- */

#define THREADS 4
#define RUNS    25

struct thread_job {
    struct executor *executor;
    float values[RIG_ELEMENTS], expected[RIG_ELEMENTS];
    int wrong;
    pthread_t thread;
};

static void *run_job(void *argument) {
    struct thread_job *job = argument;
    convoy_tensor in = rig_image(job->values);
    for (int i = 0; i < RUNS; i++) {
        convoy_tensor out;
        if (executor_run(job->executor, &in, &out, NULL, NULL) != CONVOY_OK) {
            job->wrong++;
            continue;
        }
        job->wrong += memcmp(out.data, job->expected, sizeof job->expected) != 0;
        convoy_tensor_release(&out);
    }
    return NULL;
}

static void run_threads(const char *backend) {
    struct network_rig rig;
    struct message graph = rig_graph("y");
    rig_node(&graph, "Conv", "x w", "a");
    rig_node(&graph, "Relu", "a", "b");
    rig_node(&graph, "Conv", "b w", "c");
    rig_node(&graph, "Add", "c b", "y");
    rig_network(&rig, &graph);
    rig_executor(&rig, backend);
    struct thread_job jobs[THREADS] = {0};
    for (int t = 0; t < THREADS; t++) {
        jobs[t].executor = rig.executor;
        rig_fill(jobs[t].values, t);
        convoy_tensor in = rig_image(jobs[t].values), out;
        assert_int_equal(executor_run(rig.executor, &in, &out, NULL, NULL), CONVOY_OK);
        memcpy(jobs[t].expected, out.data, sizeof jobs[t].expected);
        convoy_tensor_release(&out);
    }
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&jobs[t].thread, NULL, run_job, &jobs[t]), 0);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(jobs[t].thread, NULL);
        assert_int_equal(jobs[t].wrong, 0);
    }
    rig_destroy(&rig);
}

static void test_threads_reference(void **state) {
    (void)state;
    run_threads("reference");
}

static void test_threads_onednn(void **state) {
    (void)state;
    run_threads("onednn");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concatenation_in_place),   cmocka_unit_test(test_dead_and_constant_nodes_go),
        cmocka_unit_test(test_run_reports_and_computes), cmocka_unit_test(test_outputs_belong_to_the_caller),
        cmocka_unit_test(test_weights_lie_anywhere),     cmocka_unit_test(test_wrong_inputs),
        cmocka_unit_test(test_memory_is_used_again),     cmocka_unit_test(test_failures_pass_through),
        cmocka_unit_test(test_threads_reference),        cmocka_unit_test(test_threads_onednn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
