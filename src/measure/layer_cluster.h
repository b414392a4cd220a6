/* One convolution with ReLU over a cluster of worker threads of this process, to be timed. */
#ifndef MEASURE_LAYER_CLUSTER_H
#define MEASURE_LAYER_CLUSTER_H

#include "base/conv.h"
#include "code/code.h"
#include "transport/fault.h"

#include <convoy/report.h>

struct layer_cluster;

struct layer_cluster_setup {
    const struct conv_geometry *layer; /* complete, dense; computed in float32 */
    const struct code_family *family;
    uint32_t workers, stragglers;       /* n, γ */
    uint32_t input_parts, filter_parts; /* k_A, k_B; 0,0: chosen */
    bool spread;                        /* placement: spread, else plain */
    bool fallback;                      /* compute here what the workers do not deliver */
    bool all_ready;                     /* wait until all n hold their filters, not n - γ of them */
    uint64_t deadline_ns;               /* the longest that a run may wait */
    const struct fault *faults;
    size_t fault_count;
};

/* Starts the workers, which compute by oneDNN's kernels on a thread each, and gives them their filters, small
 * numbers. The setup is borrowed until then, its family and layer for as long as the cluster lives.
 * CONVOY_E_USAGE where it makes no sense, CONVOY_E_WORKERS, CONVOY_E_MEMORY. */
convoy_status layer_cluster_create(struct layer_cluster **cluster, const struct layer_cluster_setup *setup,
                                   convoy_error *error);

/* Computes the layer once. report->family is NULL if the plan does not code it. */
convoy_status layer_cluster_run(struct layer_cluster *cluster, convoy_layer_report *report,
                                convoy_error *error);

/* Stops the workers. Takes NULL. */
void layer_cluster_destroy(struct layer_cluster **cluster);

#endif
