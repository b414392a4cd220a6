/* What the files of the cluster share. */
#ifndef RUNTIME_CLUSTER_INTERNAL_H
#define RUNTIME_CLUSTER_INTERNAL_H

#include "base/pool.h"
#include "runtime/cluster.h"
#include "runtime/dispatcher.h"
#include "runtime/supplier.h"
#include "runtime/verification.h"

#include <pthread.h>

struct worker_threads;

struct cluster {
    struct cluster_options options; /* without the faults, which are injected elsewhere */
    uint32_t nodes;                 /* peers of the transport: workers, and room for those that join later */
    struct placement placement;
    struct dispatcher *dispatcher;
    struct supplier *supplier;
    struct buffer_pool *inputs;     /* memory of coded inputs */
    struct worker_threads *threads; /* NULL where the workers are not this process's */
    pthread_mutex_t wrong_mutex;    /* held while options.wrong_answer runs */
    atomic_bool shortage_logged;    /* that too few workers answer; until a layer is decoded again */
};

struct cluster_backend {
    struct backend base;
    struct cluster *cluster;
    struct backend *inner;
    const struct plan *plan; /* NULL: none yet */
};

/* The nodes of the workers. (cluster_plan.c) */
convoy_status cluster_options_check(const struct cluster_options *options, convoy_error *error);
convoy_status cluster_place(struct placement *placement, const struct cluster_options *options,
                            convoy_error *error);

/* Scratch of one inference; the arrays are of one job at a time. */
struct cluster_context {
    struct context base;
    struct context *inner;
    struct job_task *tasks;          /* [nodes] */
    enum task_state *states;         /* [nodes] */
    enum worker_standing *standings; /* [nodes] */
    float *paces;                    /* [nodes] */
    uint32_t *answered;              /* [nodes] */
    bool *judged;                    /* [nodes]: the answer to the job was */
    struct verification_run verification;
    uint32_t *sources;    /* [nodes] */
    const void **answers; /* [nodes] */
    void **pieces;        /* [piece_capacity]: coded slices of all tasks of a job */
    double *rows;         /* [row_capacity]: their coefficients */
    size_t piece_capacity, row_capacity;
    void *map[4]; /* [map_bytes[i]] 0, 1: an input of a coded layer that does not lie as the layer takes it;
                     2: what is decoded, if it is not the layer's output yet; 3: the input with its axes
                     exchanged */
    size_t map_bytes[4];
};

/* The first member of both kinds of layer. */
struct cluster_layer {
    struct layer base;
    bool coded; /* else the backend here computes it */
};

/* A convolution over the cluster: encodes the filters and sends them. (coded_layer.c, its runs: coded_run.c)
 */
convoy_status coded_layer_create(struct layer **layer, struct cluster_backend *backend,
                                 const struct layer_desc *desc, const struct layer_params *params,
                                 const struct plan_layer *plan, convoy_error *error);
void coded_layer_destroy(struct layer **layer); /* takes NULL */
void coded_layer_output(const struct layer *layer, struct layer_output *output);
convoy_status coded_layer_run(const struct layer *layer, struct context *context, const convoy_tensor *in,
                              convoy_tensor *out, convoy_layer_report *report, convoy_error *error);

#endif
