/* Runs a network over a backend. */
#ifndef MODEL_EXECUTOR_H
#define MODEL_EXECUTOR_H

#include "base/cancel.h"
#include "base/tracing.h"
#include "compute/kernel_times.h"
#include "model/network.h"

struct executor;

/* Prepares every step on the backend. network and backend are borrowed and outlive the executor. times: which
 * kernel each convolution gets, borrowed during the call; NULL: direct ones. cancel, borrowed and outliving
 * the executor, is asked between two steps, here and in every run (CONVOY_E_CANCELLED); cancel and progress
 * may be NULL. */
convoy_status executor_create(struct executor **executor, const struct network *network,
                              struct backend *backend, struct kernel_times *times,
                              const struct cancel *cancel,
                              void (*progress)(void *context, size_t done, size_t total),
                              void *progress_context, convoy_error *error);
void executor_destroy(struct executor **executor);

/* Tells the trace of all runs from now on, and of each of their layers. It is borrowed, and outlives the
 * executor. No run is under way. */
void executor_trace(struct executor *executor, const struct trace *trace);

/* Runs once. in[i]: network->inputs[i]'s shape and dtype (checked: CONVOY_E_INPUT).
 * out[network->result_count]: filled, the caller's. reports: [step_count] zeroed, or NULL; names, wall_ms are
 * filled here, the rest by the backend. Thread-safe: contexts, and the memory of intermediate tensors, which
 * is laid out once, are pooled. */
convoy_status executor_run(struct executor *executor, const convoy_tensor *in, convoy_tensor *out,
                           convoy_layer_report *reports, convoy_error *error);

/* The same for an unfused network, whose every output is looked at. *first: what was found. */
convoy_status executor_run_watched(struct executor *executor, const convoy_tensor *in, convoy_tensor *out,
                                   convoy_layer_report *reports, convoy_not_finite *first,
                                   convoy_error *error);

#endif
