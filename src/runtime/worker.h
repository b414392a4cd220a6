/* The worker's side: holds coded filters, computes tasks, answers. Runs no graphs and talks to nobody but its
 * master. */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include "compute/backend.h"
#include "transport/fault.h"
#include "transport/transport.h"

/* Serves the master until it is gone or a fault kills the worker. Takes the endpoint, which is closed on
 * return; the backend is borrowed. faults: those of this worker (the transport's own kinds are ignored). */
convoy_status worker_run(struct transport **take_endpoint, struct backend *backend,
                         const struct fault *faults, size_t fault_count, convoy_error *error);

#endif
