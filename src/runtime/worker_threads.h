/* Workers as threads of this process. */
#ifndef RUNTIME_WORKER_THREADS_H
#define RUNTIME_WORKER_THREADS_H

#include "transport/fault.h"
#include "transport/transport.h"

struct worker_threads;

/* Starts n threads, each serving one endpoint (taken, on failure too: NULLs remain) with a backend of its own
 * (backend_create(backend_name, threads)). faults: those of all workers; each gets its own, the transport's
 * kinds (fault_is_workers_own) left out. *workers is set
 * on failure too (NULL without memory): close the master's endpoint, then join. */
convoy_status worker_threads_start(struct worker_threads **workers, struct transport **take_endpoints,
                                   uint32_t n, const char *backend_name, uint32_t threads,
                                   const struct fault *faults, size_t fault_count, convoy_error *error);

/* Waits until all have ended, which they do when their master's endpoint is closed, and frees them. Takes
 * NULL. */
void worker_threads_join(struct worker_threads **workers);

#endif
