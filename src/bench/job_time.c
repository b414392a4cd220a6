#include "bench/job_time.h"

#include "base/clock.h"
#include "base/error.h"
#include "compute/layer.h"
#include "runtime/cluster.h"

#include <stdlib.h>
#include <sys/resource.h>

#define BACKEND     "onednn"
#define WARM_ROUNDS 100 /* before those that are counted */
#define DEADLINE_NS (10 * NS_PER_S)

/* A cluster, and one layer over it. */
struct scene {
    struct cluster *cluster;
    struct plan *plan;
    struct backend *backend;
    struct layer *layer;
    struct context *context;
    struct layer_desc desc;
    struct value_desc input;
    convoy_tensor in, weights, out;
};

static convoy_status make_tensor(convoy_tensor *tensor, convoy_shape shape, convoy_error *error) {
    convoy_status status = convoy_tensor_create(tensor, CONVOY_F32, &shape, error);
    float *values = tensor->data;
    for (size_t i = 0; status == CONVOY_OK && i < convoy_tensor_elements(tensor); i++)
        values[i] = (float)(i % 7) / 7.0F - 0.5F;
    return status;
}

static convoy_status describe(struct scene *scene, convoy_error *error) {
    struct conv_geometry conv = {.spatial = 2,
                                 .batch = 1,
                                 .groups = 1,
                                 .in_channels = 4,
                                 .out_channels = 8,
                                 .in = {8, 8},
                                 .kernel = {3, 3},
                                 .stride = {1, 1},
                                 .dilation = {1, 1},
                                 .pad_begin = {1, 1},
                                 .pad_end = {1, 1}};
    convoy_status status = conv_geometry_complete(&conv, error);
    if (status != CONVOY_OK)
        return status;
    scene->desc = conv_layer_desc(&conv, CONVOY_F32, &scene->input);
    scene->desc.activation.kind = ACTIVATION_RELU;
    status = make_tensor(&scene->in, scene->input.shape, error);
    if (status == CONVOY_OK)
        status = make_tensor(&scene->weights, conv_filter_shape(&conv), error);
    if (status == CONVOY_OK)
        status = make_tensor(&scene->out, scene->desc.outputs[0].shape, error);
    return status;
}

static void scene_clear(struct scene *scene) {
    if (scene->context)
        scene->context->ops->context_destroy(&scene->context);
    if (scene->layer)
        scene->layer->ops->layer_destroy(&scene->layer);
    if (scene->backend)
        scene->backend->ops->destroy(&scene->backend);
    cluster_destroy(&scene->cluster);
    plan_destroy(&scene->plan);
    convoy_tensor_release(&scene->in);
    convoy_tensor_release(&scene->weights);
    convoy_tensor_release(&scene->out);
}

static convoy_status scene_fill(struct scene *scene, const struct job_setup *setup, convoy_error *error) {
    struct cluster_options options = {.family = setup->family,
                                      .workers = setup->workers,
                                      .stragglers = setup->stragglers,
                                      .deadline_ns = DEADLINE_NS,
                                      .fallback = true,
                                      .faults = setup->faults,
                                      .fault_count = setup->fault_count};
    struct backend *inner = NULL;
    convoy_status status = describe(scene, error);
    if (status == CONVOY_OK)
        status = cluster_create_local(&scene->cluster, &options, BACKEND, 1, error);
    if (status == CONVOY_OK)
        status = backend_create(&inner, BACKEND, 1, error);
    if (status == CONVOY_OK)
        status = cluster_backend_create(&scene->backend, scene->cluster, &inner, error);
    if (inner)
        inner->ops->destroy(&inner);
    struct layer_params params = {.weights = scene->weights};
    if (status == CONVOY_OK)
        status = cluster_plan_one(&scene->plan, &options, &scene->desc, &params, setup->input_parts,
                                  setup->filter_parts, error);
    if (status == CONVOY_OK) {
        cluster_backend_follow(scene->backend, scene->plan);
        status =
            scene->backend->ops->layer_prepare(scene->backend, &scene->desc, &params, &scene->layer, error);
    }
    if (status == CONVOY_OK)
        status = scene->backend->ops->context_create(scene->backend, &scene->context, error);
    if (status == CONVOY_OK)
        status = cluster_ready(scene->cluster, DEADLINE_NS, NULL, NULL, error);
    return status;
}

static convoy_status run_once(struct scene *scene, convoy_layer_report *report, convoy_error *error) {
    return scene->layer->ops->layer_run(scene->layer, scene->context, &scene->in, &scene->out, report, error);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * (double)NS_PER_S + (double)now.tv_nsec;
}

static double switches_now(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_nvcsw + (double)usage.ru_nivcsw;
}

/* spans: [rounds], scratch */
static convoy_status time_rounds(struct scene *scene, uint32_t rounds, double *spans, struct job_times *times,
                                 convoy_error *error) {
    convoy_layer_report report = {0};
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; status == CONVOY_OK && i < WARM_ROUNDS; i++)
        status = run_once(scene, &report, error);
    if (status != CONVOY_OK)
        return status;
    if (!report.family)
        return error_set(error, CONVOY_E_INPUT, "the code does not admit the layer: %s", report.why_local);
    *times = (struct job_times){.threshold = report.threshold};
    double cpu_ns = cpu_now_ns(), switches = switches_now();
    for (uint32_t i = 0; status == CONVOY_OK && i < rounds; i++) {
        uint64_t start_ns = clock_now_ns();
        report = (convoy_layer_report){0};
        status = run_once(scene, &report, error);
        spans[i] = (double)(clock_now_ns() - start_ns);
        times->encode_ns += report.encode_ms * (double)NS_PER_MS / rounds;
        times->wait_ns += report.wait_ms * (double)NS_PER_MS / rounds;
        times->decode_ns += report.decode_ms * (double)NS_PER_MS / rounds;
        times->fallbacks += report.fallback;
    }
    times->cpu_ns = (cpu_now_ns() - cpu_ns) / rounds;
    times->switches = (switches_now() - switches) / rounds;
    qsort(spans, rounds, sizeof *spans, compare);
    times->min_ns = spans[0];
    times->median_ns = spans[rounds / 2];
    times->p90_ns = spans[(size_t)rounds * 9 / 10];
    times->p99_ns = spans[(size_t)rounds * 99 / 100];
    return status;
}

convoy_status job_times_measure(const struct job_setup *setup, struct job_times *times, convoy_error *error) {
    struct scene scene = {0};
    double *spans = calloc(setup->rounds, sizeof *spans);
    convoy_status status = spans ? scene_fill(&scene, setup, error) : error_memory(error);
    if (status == CONVOY_OK)
        status = time_rounds(&scene, setup->rounds, spans, times, error);
    scene_clear(&scene);
    free(spans);
    return status;
}
