/* The worker's side: holds coded filters, computes tasks, answers. Runs no graphs and talks to nobody but its
 * master. */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include "base/log.h"
#include "compute/backend.h"
#include "transport/fault.h"
#include "transport/transport.h"

struct worker_options {
    const struct fault *faults; /* of this worker: those that it injects (fault_fits_worker) */
    size_t fault_count;
    uint64_t seed;            /* of faults that are up to chance */
    uint64_t max_frame_bytes; /* a layer whose tasks or answers are larger is not taken; 0: 16 GiB */
    uint64_t cache_bytes;     /* of the filters that it keeps; 0: no bound */
    const char *cache_folder; /* where it keeps them across restarts, or NULL */
    struct log log;           /* what is amiss there */
    uint64_t
        idle_ns; /* filters that were not used for so long are checked by their hash first; 0: a minute */
};

/* Serves the master until it is gone for good (CONVOY_E_CLOSED, which leaves *error alone), has finished, or
 * a fault kills the worker (both CONVOY_OK); a master that comes back finds what the worker held. Takes the
 * endpoint, which is closed on return; backend and options are borrowed. CONVOY_E_IO (the cache's folder),
 * CONVOY_E_MEMORY. */
convoy_status worker_run(struct transport **take_endpoint, struct backend *backend,
                         const struct worker_options *options, convoy_error *error);

#endif
