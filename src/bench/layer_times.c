/* The coded layers of a model one by one: kernels, a worker's share, coding. */
#include "bench/bench.h"

#include "base/error.h"
#include "base/tensor.h"
#include "measure/coding_rates.h"
#include "model/network.h"
#include "runtime/cluster.h"
#include "session/session.h"

#include <string.h>

/* What one layer, whole or cut, takes. */
struct layer_times {
    double kernel_ms, floor_ms, share_ms;
    struct coding_rates rates;
};

static double bytes_of(convoy_shape shape) {
    size_t bytes = 0;
    tensor_bytes(CONVOY_F32, &shape, &bytes); /* conv_geometry_complete checked it */
    return (double)bytes;
}

static double floor_ms(const struct bench *bench, const struct conv_geometry *layer) {
    double compute_ns = (double)conv_macs(layer) / bench->mac_rate;
    double memory_ns = (bytes_of(conv_input_shape(layer)) + bytes_of(conv_filter_shape(layer)) +
                        bytes_of(conv_output_shape(layer))) /
                       bench->copy_rate;
    return (compute_ns > memory_ns ? compute_ns : memory_ns) / 1e6;
}

static convoy_status measure(const struct bench *bench, const struct plan_cluster *cluster,
                             struct kernel_times *times, const struct conv_geometry *layer,
                             const struct plan_layer *plan, struct layer_times *found, convoy_error *error) {
    enum conv_kernel kernel;
    struct conv_geometry whole = *layer, task;
    conv_lay_in_blocks(&whole, cluster->block, cluster->block);
    found->floor_ms = floor_ms(bench, layer);
    found->kernel_ms = (double)kernel_times_find(times, &whole, KERNEL_FASTEST, &kernel) / 1e6;

    struct conv_geometry laid = candidate_geometry(layer, cluster->family, plan->input_parts,
                                                   plan->filter_parts, cluster->block, cluster->block);
    struct partition partition;
    convoy_status status = partition_create(&partition, &laid, plan->input_parts, plan->filter_parts, error);
    if (status == CONVOY_OK)
        status = partition_task(&partition, plan->chosen->candidate.input_pieces,
                                plan->chosen->candidate.filter_pieces, &task, error);
    if (status != CONVOY_OK)
        return status;
    found->share_ms = plan->threshold * (double)kernel_times_of(times, &task, plan->kernel) / 1e6;
    const struct coding_setup setup = {.family = cluster->family,
                                       .seed = bench->options->seed,
                                       .workers = cluster->workers,
                                       .input_parts = plan->input_parts,
                                       .filter_parts = plan->filter_parts,
                                       .threads = 1,
                                       .rounds = bench->runs,
                                       .frames = session_frames(bench->options)};
    return coding_rates_measure(&laid, &setup, &found->rates, error);
}

static void take_layer(const struct bench *bench, const char *name, const struct layer_times *times) {
    const struct coding_rate *encode = &times->rates.encode, *decode = &times->rates.decode;
    bench_take(bench, "kernel", name, "ms", times->kernel_ms, times->floor_ms);
    bench_take(bench, "share", name, "ms", times->share_ms, times->kernel_ms);
    bench_take(bench, "encode", name, "ms", encode->ns / 1e6, encode->copy_ns / 1e6);
    bench_take(bench, "decode", name, "ms", decode->ns / 1e6, decode->copy_ns / 1e6);
}

static void add(struct layer_times *total, const struct layer_times *times) {
    total->kernel_ms += times->kernel_ms;
    total->floor_ms += times->floor_ms;
    total->share_ms += times->share_ms;
    total->rates.encode.ns += times->rates.encode.ns;
    total->rates.encode.copy_ns += times->rates.encode.copy_ns;
    total->rates.decode.ns += times->rates.decode.ns;
    total->rates.decode.copy_ns += times->rates.decode.copy_ns;
}

/* A layer of a shape that was measured takes as long: the last one's times are kept. */
static convoy_status measure_all(struct bench *bench, const convoy_session *session,
                                 const struct plan_cluster *cluster, struct kernel_times *times,
                                 convoy_error *error) {
    const struct network *network = session->network;
    struct layer_times total = {0}, found = {0};
    struct conv_geometry last = {0};
    bool any = false;
    for (size_t s = 0; s < network->step_count; s++) {
        const struct layer_desc *desc = &network->steps[s].desc;
        const struct plan_layer *plan = &session->plan->layers[s];
        if (!plan->coded || desc->outputs[0].dtype != CONVOY_F32)
            continue;
        struct conv_geometry layer;
        convoy_status status = CONVOY_OK;
        cluster_plan_subject(desc, &network->steps[s].params, bench->options->cut == CONVOY_CUT_WIDTH,
                             &layer);
        if (memcmp(&last, &layer, sizeof last) != 0)
            status = measure(bench, cluster, times, &layer, plan, &found, error);
        if (status != CONVOY_OK)
            return status;
        last = layer;
        any = true;
        take_layer(bench, desc->name, &found);
        add(&total, &found);
    }
    if (any)
        take_layer(bench, "all", &total);
    bench->floor_ms = total.floor_ms;
    return CONVOY_OK;
}

convoy_status bench_layers(struct bench *bench, struct backend *backend, struct kernel_times *times,
                           convoy_error *error) {
    convoy_options options = *bench->options;
    convoy_session *session = NULL;
    struct plan_cluster cluster = {
        .workers = options.workers, .stragglers = options.stragglers, .block = backend->block};
    options.plan_only = true;
    convoy_status status =
        convoy_session_create(&session, bench->model, bench->input_shapes, &options, error);
    if (status == CONVOY_OK)
        cluster.family = session->family;
    if (status == CONVOY_OK)
        status = measure_all(bench, session, &cluster, times, error);
    convoy_session_destroy(&session);
    return status;
}
