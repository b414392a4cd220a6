#include "runtime/worker_threads.h"

#include "base/error.h"
#include "runtime/worker.h"

#include <pthread.h>
#include <stdlib.h>

struct worker_thread {
    pthread_t thread;
    bool started;
    struct transport *endpoint; /* the worker takes it */
    struct backend *backend;
    struct fault *faults; /* [fault_count], its own */
    size_t fault_count;
};

struct worker_threads {
    uint32_t n;
    struct worker_thread threads[]; /* [n] */
};

static void *worker_main(void *context) {
    struct worker_thread *thread = context;
    struct worker_options options = {.faults = thread->faults, .fault_count = thread->fault_count};
    worker_run(&thread->endpoint, thread->backend, &options, NULL);
    return NULL;
}

static convoy_status start(struct worker_thread *thread, uint32_t number, const char *backend_name,
                           uint32_t threads, const struct fault *faults, size_t fault_count,
                           convoy_error *error) {
    thread->faults = calloc(fault_count + 1, sizeof *thread->faults);
    if (!thread->faults)
        return error_memory(error);
    for (size_t i = 0; i < fault_count; i++)
        if (faults[i].worker == number && fault_is_workers_own(faults[i].kind))
            thread->faults[thread->fault_count++] = faults[i];
    convoy_status status = backend_create(&thread->backend, backend_name, threads, error);
    if (status != CONVOY_OK)
        return status;
    if (pthread_create(&thread->thread, NULL, worker_main, thread) != 0)
        return error_set(error, CONVOY_E_INTERNAL, "no thread could be started for worker %u", number);
    thread->started = true;
    return CONVOY_OK;
}

/* Closes the endpoints that no thread serves. */
static void close_unserved(struct worker_threads *workers) {
    for (uint32_t w = 0; w < workers->n; w++) {
        struct worker_thread *thread = &workers->threads[w];
        if (!thread->started && thread->endpoint)
            thread->endpoint->ops->destroy(&thread->endpoint);
    }
}

convoy_status worker_threads_start(struct worker_threads **out, struct transport **take_endpoints, uint32_t n,
                                   const char *backend_name, uint32_t threads, const struct fault *faults,
                                   size_t fault_count, convoy_error *error) {
    struct worker_threads *workers = calloc(1, sizeof *workers + n * sizeof workers->threads[0]);
    for (uint32_t w = 0; w < n; w++) {
        if (workers)
            workers->threads[w].endpoint = take_endpoints[w];
        else
            take_endpoints[w]->ops->destroy(&take_endpoints[w]);
        take_endpoints[w] = NULL;
    }
    if (!workers)
        return error_memory(error);
    workers->n = n;
    convoy_status status = CONVOY_OK;
    for (uint32_t w = 0; status == CONVOY_OK && w < n; w++)
        status = start(&workers->threads[w], w, backend_name, threads, faults, fault_count, error);
    if (status != CONVOY_OK)
        close_unserved(workers);
    *out = workers; /* on failure too: those that run end with their master */
    return status;
}

void worker_threads_join(struct worker_threads **slot) {
    struct worker_threads *workers = slot ? *slot : NULL;
    if (!workers)
        return;
    *slot = NULL;
    for (uint32_t w = 0; w < workers->n; w++) {
        struct worker_thread *thread = &workers->threads[w];
        if (thread->started)
            pthread_join(thread->thread, NULL);
        if (thread->backend)
            thread->backend->ops->destroy(&thread->backend);
        free(thread->faults);
    }
    free(workers);
}
