#include "runtime/cluster_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/tensor.h"
#include "runtime/worker_threads.h"

#include <stdlib.h>

#define READY_GRACE_NS                                                                                       \
    (NS_PER_S / 5) /* how long the last workers are waited for once n - γ hold their filters */

#define IDLE_INPUTS                                                                                          \
    8 /* for each worker, whose memory is kept for the next: as many jobs may be in flight                   \
       */

convoy_status cluster_create(struct cluster **out, const struct cluster_options *options, uint32_t nodes,
                             struct transport **take_transport, convoy_error *error) {
    convoy_status status = cluster_options_check(options, error);
    if (status != CONVOY_OK)
        return status;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster)
        return error_memory(error);
    cluster->options = *options;
    cluster->options.faults = NULL;
    cluster->options.fault_count = 0;
    cluster->nodes = nodes;
    pthread_mutex_init(&cluster->wrong_mutex, NULL);
    status = cluster_place(&cluster->placement, options, error);
    cluster->inputs = buffer_pool_create((size_t)IDLE_INPUTS * nodes);
    if (status == CONVOY_OK && !cluster->inputs)
        status = error_memory(error);
    if (status == CONVOY_OK)
        status = dispatcher_create(&cluster->dispatcher, take_transport, nodes,
                                   options->workers - options->stragglers, &cluster->options.log,
                                   &cluster->options.cancel, &cluster->options.trace, error);
    if (status == CONVOY_OK)
        status = supplier_create(&cluster->supplier, cluster->dispatcher, nodes, error);
    if (status == CONVOY_OK)
        *out = cluster;
    else
        cluster_destroy(&cluster);
    return status;
}

static bool any_corrupts(const struct cluster_options *options) {
    for (size_t i = 0; i < options->fault_count; i++)
        if (options->faults[i].kind == FAULT_CORRUPT)
            return true;
    return false;
}

/* The master's endpoint with its faults, and the workers' threads over theirs. */
static convoy_status start_local(struct transport **master, struct worker_threads **threads,
                                 const struct cluster_options *options, const char *backend_name,
                                 uint32_t threads_each, convoy_error *error) {
    struct transport *endpoints[CONVOY_MAX_WORKERS];
    convoy_status status =
        local_transport_create(master, endpoints, options->workers, any_corrupts(options), error);
    if (status == CONVOY_OK)
        status = worker_threads_start(threads, endpoints, options->workers, backend_name, threads_each,
                                      options->faults, options->fault_count, error);
    if (status == CONVOY_OK && options->fault_count)
        status = faulty_transport_create(master, master, options->workers, options->faults,
                                         options->fault_count, options->seed, error);
    return status;
}

convoy_status cluster_create_local(struct cluster **out, const struct cluster_options *options,
                                   const char *backend_name, uint32_t threads_each, convoy_error *error) {
    struct transport *master = NULL;
    struct worker_threads *threads = NULL;
    struct cluster *cluster = NULL;
    convoy_status status = cluster_options_check(options, error);
    if (status == CONVOY_OK)
        status = start_local(&master, &threads, options, backend_name, threads_each, error);
    if (status == CONVOY_OK)
        status = cluster_create(&cluster, options, options->workers, &master, error);
    if (status == CONVOY_OK) {
        cluster->threads = threads;
        *out = cluster;
        return CONVOY_OK;
    }
    if (master)
        master->ops->destroy(&master); /* which ends the threads */
    worker_threads_join(&threads);
    return status;
}

convoy_status cluster_use_code(struct cluster *cluster, const struct code_family *family, convoy_dtype frames,
                               convoy_error *error) {
    struct cluster_options options = cluster->options;
    options.family = family;
    options.frames = frames;
    convoy_status status = cluster_options_check(&options, error);
    if (status == CONVOY_OK)
        status = cluster_place(&cluster->placement, &options, error);
    if (status != CONVOY_OK)
        return status;
    cluster->options.family = family; /* the dispatcher's thread reads others of the options */
    cluster->options.frames = frames;
    return CONVOY_OK;
}

void cluster_destroy(struct cluster **slot) {
    struct cluster *cluster = slot ? *slot : NULL;
    if (!cluster)
        return;
    *slot = NULL;
    supplier_destroy(&cluster->supplier);
    dispatcher_destroy(&cluster->dispatcher); /* closes the transport, which ends the workers */
    worker_threads_join(&cluster->threads);
    buffer_pool_destroy(&cluster->inputs);
    pthread_mutex_destroy(&cluster->wrong_mutex);
    free(cluster);
}

convoy_status cluster_ready(struct cluster *cluster, uint64_t patience_ns,
                            void (*progress)(void *context, size_t done, size_t total),
                            void *progress_context, convoy_error *error) {
    const struct cluster_options *options = &cluster->options;
    uint32_t needed = options->workers - options->stragglers;
    uint32_t ready = dispatcher_wait_ready(cluster->dispatcher, options->workers, READY_GRACE_NS, patience_ns,
                                           progress, progress_context);
    if (ready < needed && !options->fallback)
        return error_set(error, CONVOY_E_WORKERS, "only %u of %u workers hold their filters; %u are needed",
                         ready, options->workers, needed);
    return CONVOY_OK;
}

uint32_t cluster_living(struct cluster *cluster) {
    return dispatcher_living(cluster->dispatcher);
}

uint32_t cluster_wait_came(struct cluster *cluster, uint32_t wanted, uint64_t deadline_ns) {
    return dispatcher_wait_came(cluster->dispatcher, wanted, deadline_ns);
}

size_t cluster_distrusted(struct cluster *cluster, uint32_t *distrusted, size_t capacity) {
    return dispatcher_distrusted(cluster->dispatcher, distrusted, capacity);
}

void cluster_pardon(struct cluster *cluster) {
    dispatcher_pardon(cluster->dispatcher);
}

convoy_status cluster_leave_out(struct cluster *cluster, const uint32_t *workers, size_t count,
                                convoy_error *error) {
    bool left_out[CONVOY_MAX_WORKERS] = {false};
    for (size_t i = 0; i < count; i++) {
        if (workers[i] >= cluster->nodes)
            return error_set(error, CONVOY_E_USAGE, "worker %u is to be left out: must be 0 to %u",
                             workers[i], cluster->nodes - 1);
        left_out[workers[i]] = true;
    }
    dispatcher_leave_out(cluster->dispatcher, left_out);
    return CONVOY_OK;
}

size_t cluster_lost(struct cluster *cluster, uint32_t *lost, size_t capacity) {
    size_t count = 0;
    for (uint32_t w = 0; w < cluster->nodes; w++) {
        if (dispatcher_state(cluster->dispatcher, w) != PEER_LOST)
            continue;
        if (count < capacity)
            lost[count] = w;
        count++;
    }
    return count;
}
