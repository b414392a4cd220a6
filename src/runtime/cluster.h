/* A cluster of workers as a compute backend: convolutions that the plan codes are computed by n workers,
 * everything else by the backend here. (runtime/cluster_backend.c; the workers' state: cluster.c; what of a
 * network may be coded: cluster_plan.c; one coded layer under way: coded_run.c; the other side: worker.c) */
#ifndef RUNTIME_CLUSTER_H
#define RUNTIME_CLUSTER_H

#include "base/cancel.h"
#include "base/log.h"
#include "base/tracing.h"
#include "compute/backend.h"
#include "plan/plan.h"
#include "transport/fault.h"
#include "transport/transport.h"

struct cluster;

/* Whose answers are checked (verification.h). */
enum verify {
    VERIFY_OFF,
    VERIFY_SAMPLE, /* one in twenty, and all of a worker that gave a wrong one */
    VERIFY_ALL
};

struct cluster_options {
    const struct code_family *family;
    uint32_t workers, stragglers, reserve; /* n, γ, nodes kept free */
    bool spread;                           /* placement: spread, else plain */
    bool cut_width;                        /* inputs are cut along their second spatial axis, not the first */
    uint64_t deadline_ns;                  /* the longest that one layer may wait */
    uint32_t block;                        /* channels that the kernels like to lie together, or 0 */
    convoy_dtype frames;                   /* of tasks and answers of float32 layers: BF16, F16; else F32 */
    bool fallback;                         /* compute here what the workers do not deliver */
    bool adapt;                            /* layers follow what is measured (adaptation.h) */
    enum verify verify;
    void (*wrong_answer)(void *context, const convoy_wrong_answer *wrong); /* may be NULL */
    void *wrong_answer_context;
    uint64_t seed;
    const struct fault *faults;
    size_t fault_count;
    struct log log;
    struct trace trace;   /* of the steps of coded layers, and of tasks */
    struct cancel cancel; /* every wait for workers ends, and layers fail with CONVOY_E_CANCELLED */
};

/* A cluster over a master's endpoint whose peers serve by worker_run: n of them, up to n + reserve (`nodes`).
 * Takes the transport on success. CONVOY_E_USAGE for options that make no sense; the faults among them are
 * ignored. */
convoy_status cluster_create(struct cluster **cluster, const struct cluster_options *options, uint32_t nodes,
                             struct transport **take_transport, convoy_error *error);

/* The same over worker threads of this process, with the faults injected. Starts n worker threads, each
 * computing with a backend of its own kind (backend_create(name, threads)), and the thread that owns the
 * transport. */
convoy_status cluster_create_local(struct cluster **cluster, const struct cluster_options *options,
                                   const char *backend_name, uint32_t threads, convoy_error *error);

/* Codes layers by this family, on nodes that are placed for it, with such frames, instead of what the options
 * said. There is no backend over the cluster yet. CONVOY_E_USAGE if the family has no room for the reserve;
 * CONVOY_E_MEMORY. */
convoy_status cluster_use_code(struct cluster *cluster, const struct code_family *family, convoy_dtype frames,
                               convoy_error *error);

/* Stops the workers. Takes NULL. All backends over the cluster are gone. */
void cluster_destroy(struct cluster **cluster);

/* The cluster as a backend. inner (taken, on success) computes what is not coded, and the fallback. Until
 * there is a plan that is everything. */
convoy_status cluster_backend_create(struct backend **backend, struct cluster *cluster,
                                     struct backend **take_inner, convoy_error *error);

/* Layers that are prepared from now on are coded as the plan says of their step. The plan is borrowed until
 * the last of them is prepared. */
void cluster_backend_follow(struct backend *backend, const struct plan *plan);

/* Waits until the workers hold their filters: all n, or n - γ of them and a moment more; or until nothing has
 * changed for patience_ns. progress may be NULL. CONVOY_E_WORKERS where fewer than n - γ do and no fallback
 * is allowed. */
convoy_status cluster_ready(struct cluster *cluster, uint64_t patience_ns,
                            void (*progress)(void *context, size_t done, size_t total),
                            void *progress_context, convoy_error *error);

/* What the options say of the cluster that a plan is made for; cost model, objective and parts are the
 * caller's. CONVOY_E_USAGE, CONVOY_E_MEMORY. */
convoy_status cluster_plan_request(struct plan_request *request, const struct cluster_options *options,
                                   convoy_error *error);

/* Whether a layer's tasks and answers may travel as halves: not sums of integers, whose digits all count. */
bool cluster_may_halve(const struct layer_desc *desc);

/* The convolution that is cut and coded for a layer: its own, that of its phases (conv_phases.h), or with its
 * axes exchanged if it is to be cut along the width (conv_turn.h), which is only done with a convolution of
 * two axes or more. NULL if there is one; else why not, static. *macs: its multiply-adds by the layer's. */
const char *cluster_convolution(const struct layer_desc *desc, bool cut_width, struct conv_geometry *geometry,
                                bool *turned, double *macs);

/* A layer as a plan sees it; pointers into desc, and to *geometry, which is filled by cluster_convolution.
 * Looks at every weight: a layer whose weights or biases are not finite is not coded, since coding would
 * spread them. */
struct plan_subject cluster_plan_subject(const struct layer_desc *desc, const struct layer_params *params,
                                         bool cut_width, struct conv_geometry *geometry);

/* A plan for one layer alone, of step 0: coded if it can be, by direct kernels, in these parts if they are
 * admitted and not 0. */
convoy_status cluster_plan_one(struct plan **plan, const struct cluster_options *options,
                               const struct layer_desc *desc, const struct layer_params *params,
                               uint32_t input_parts, uint32_t filter_parts, convoy_error *error);

/* How many workers are alive now. */
uint32_t cluster_living(struct cluster *cluster);

/* Waits until `wanted` workers have come, of whom some may be lost again, or for the deadline. Returns how
 * many have come. */
uint32_t cluster_wait_came(struct cluster *cluster, uint32_t wanted, uint64_t deadline_ns);

/* Fills distrusted[0..capacity) with the workers that gave wrong answers and get no more tasks; returns how
 * many there are. */
size_t cluster_distrusted(struct cluster *cluster, uint32_t *distrusted, size_t capacity);

/* Nobody is distrusted any more: who was may come again, if the transport lets any come. */
void cluster_pardon(struct cluster *cluster);

/* Layers that begin from now on ask none of workers[0..count), and all others. CONVOY_E_USAGE for a number
 * beyond the cluster's nodes; then nothing changes. */
convoy_status cluster_leave_out(struct cluster *cluster, const uint32_t *workers, size_t count,
                                convoy_error *error);

/* Fills lost[0..capacity) with the workers that are lost; returns how many there are. */
size_t cluster_lost(struct cluster *cluster, uint32_t *lost, size_t capacity);

#endif
