/* Random graphs, fused on oneDNN against unfused on the reference.
 *
 *   random_graph_test [FIRST_SEED [GRAPHS]] */
#include "model/executor.h"
#include "random_graph.h"

#include "base/maximum.h"
#include "base/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Of the largest element. Up to a dozen layers of float32 behind each other, each with sums of up to 200
 * terms. */
#define TOLERANCE 2e-4

static uint64_t first_seed = 20261128, graphs = 300;

struct run {
    struct network *network;
    struct backend *backend;
    struct executor *executor;
    convoy_tensor outputs[RANDOM_GRAPH_VALUES];
};

typedef convoy_status create_fn(struct network **network, const convoy_model *model,
                                const convoy_shape *input_shapes, convoy_error *error);

static convoy_status run_model(struct run *run, const convoy_model *model, create_fn *create,
                               const char *backend, const convoy_tensor *in, convoy_error *error) {
    convoy_shape shapes[2] = {in[0].shape, in[1].shape};
    *run = (struct run){0};
    convoy_status status = create(&run->network, model, shapes, error);
    if (status == CONVOY_OK)
        status = backend_create(&run->backend, backend, 1, error);
    if (status == CONVOY_OK)
        status = executor_create(&run->executor, run->network, run->backend, NULL, NULL, NULL, NULL, error);
    return status == CONVOY_OK ? executor_run(run->executor, in, run->outputs, NULL, error) : status;
}

static void run_end(struct run *run) {
    for (int i = 0; i < RANDOM_GRAPH_VALUES; i++)
        convoy_tensor_release(&run->outputs[i]);
    executor_destroy(&run->executor);
    if (run->backend)
        run->backend->ops->destroy(&run->backend);
    network_destroy(&run->network);
}

/* The largest difference, relative to the largest element. */
static double difference(const convoy_tensor *a, const convoy_tensor *b) {
    double worst = 0, largest = 0;
    if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
        return INFINITY;
    for (size_t i = 0; i < convoy_tensor_elements(a); i++) {
        double x = convoy_tensor_element(a, i), y = convoy_tensor_element(b, i);
        if (x == y || (isnan(x) && isnan(y)))
            continue;
        worst = max_or_nan(worst, fabs(x - y));
        largest = fmax(largest, fabs(y));
    }
    return worst == 0 ? 0 : worst / largest;
}

static void one_graph(uint64_t seed) {
    struct random random;
    struct random_graph g;
    random_seed(&random, seed);
    random_graph_make(&g, &random);
    struct message bytes = model_message(&g.graph, RANDOM_GRAPH_OPSET);
    char path[64];
    file_write(path, bytes.bytes, bytes.size);
    message_free(&bytes);
    convoy_model *model = NULL;
    convoy_error error = {0};
    convoy_tensor in[2] = {{0}, {0}};
    for (uint32_t i = 0; i < g.inputs; i++) {
        convoy_tensor_create(&in[i], CONVOY_F32, &g.values[i].shape, NULL);
        for (size_t k = 0; k < convoy_tensor_elements(&in[i]); k++)
            ((float *)in[i].data)[k] = (float)(random_unit(&random) * 4 - 2);
    }
    struct run expected = {0}, got = {0};
    convoy_status status = convoy_model_load(&model, path, &error);
    unlink(path);
    if (status == CONVOY_OK)
        status = run_model(&expected, model, network_create_unfused, "reference", in, &error);
    if (status == CONVOY_OK)
        status = run_model(&got, model, network_create, "onednn", in, &error);
    if (status != CONVOY_OK)
        fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, error.message, g.log);
    for (size_t i = 0; i < got.network->result_count; i++) {
        double found = difference(&got.outputs[i], &expected.outputs[i]);
        if (!(found <= TOLERANCE))
            fail_msg("seed %llu: output %zu differs by %g\n%s", (unsigned long long)seed, i, found, g.log);
    }
    run_end(&expected);
    run_end(&got);
    convoy_model_destroy(&model);
    convoy_tensor_release(&in[0]);
    convoy_tensor_release(&in[1]);
}

static void random_graphs(void **state) {
    (void)state;
    for (uint64_t i = 0; i < graphs; i++)
        one_graph(first_seed + i);
    print_message("%llu graphs from seed %llu on\n", (unsigned long long)graphs,
                  (unsigned long long)first_seed);
}

int main(int argc, char **argv) {
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        graphs = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
