/* What the files of this room share. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/cancel.h"
#include "base/log.h"
#include "base/tracing.h"
#include "compute/kernel_times.h"
#include "model/executor.h"
#include "runtime/cluster.h"

#include <convoy/plan.h>

#include <pthread.h>

#define MOST_ALTERNATIVES 16 /* the families, and two types of halves */

struct convoy_session {
    const convoy_model *model;
    struct network *network;
    const struct code_family *family; /* of the plan; before there is one, for "auto", the first */
    const struct code_family *opened; /* what the options name; owned */
    convoy_dtype frames;              /* of float32 layers: F32, BF16 or F16; before there is a plan, F32 */
    struct fault *faults;             /* [fault_count] */
    size_t fault_count;
    struct cancel cancel;
    struct trace trace;
    struct spawn *spawn;        /* worker processes started here, or NULL */
    struct cluster *cluster;    /* NULL: local */
    uint32_t needed;            /* workers that must live that no layer waits */
    char url[800];              /* where workers dial in, or empty */
    struct kernel_times *times; /* NULL: no trials */
    struct backend *backend;
    struct executor *executor;
    struct compute_rates timed_rates; /* of this machine's kernels; 0: not known */
    struct profile profile;           /* what the plan was made for */
    bool unmeasured;                  /* too few workers came to plan for them */
    struct plan *plan;
    convoy_plan_alternative alternatives[MOST_ALTERNATIVES]; /* [alternative_count] that were compared */
    size_t alternative_count;
    convoy_layer_info *layers;   /* [network->step_count] */
    convoy_postponed *postponed; /* [network->postponed.node_count] */

    char *backend_name; /* of the kernels; for the backend of the comparison */
    uint32_t threads;
    pthread_mutex_t check_lock; /* over making the two below */
    struct backend *check_backend;
    struct executor *check_executor; /* NULL until the first check */
};

/* CONVOY_E_USAGE with the first option whose value makes no sense. */
convoy_status session_options_check(const convoy_options *options, convoy_error *error);

/* A session without a model and without workers: the options checked, the faults parsed, and the backend of
 * the kernels here. Then convoy_session_destroy. */
convoy_status session_begin(convoy_session **session, const convoy_options *options, convoy_error *error);

/* Asks the system for the threads, descriptors and address space of a session, or of a worker process, before
 * any of it is made: CONVOY_E_MEMORY with the sentence. */
convoy_status session_resources_check(const convoy_options *options, convoy_error *error);
convoy_status worker_resources_check(uint32_t threads, convoy_error *error);

/* The same for so many inferences at once of a session. */
convoy_status stream_resources_check(const convoy_session *session, uint32_t in_flight, convoy_error *error);

/* Whether the family is left to the plan. */
bool session_code_is_open(const convoy_options *options);

/* The family that the options name, or that the file has which they name; the first one if that is left to
 * the plan. code_family_destroy frees it. CONVOY_E_USAGE with the names that exist, or if the file is for
 * another cluster; what npz_read and coefficient_table_create fail with. (session_code.c) */
convoy_status session_code_open(const struct code_family **family, const convoy_options *options,
                                convoy_error *error);

/* What float32 travels as: F32, BF16 or F16. F32 if that is left to the plan. */
convoy_dtype session_frames(const convoy_options *options);

/* What --precision is for such frames. */
convoy_precision session_precision(convoy_dtype frames);

/* What the options say of a cluster over session->backend, for session->family and session->frames. */
struct cluster_options session_cluster_options(const convoy_session *session, const convoy_options *options);

/* Makes session->cluster: threads, or an address where workers dial in, of which some are started here. On
 * failure session->spawn may be set. */
convoy_status session_workers_create(convoy_session *session, const convoy_options *options,
                                     convoy_error *error);

/* Waits until so many workers that are processes have come, or nobody has for join_ns. Workers that were
 * started here are waited for but two seconds once enough for a layer have come. CONVOY_E_WORKERS where all
 * of those ended at once. *came may be fewer. */
convoy_status session_workers_wait(convoy_session *session, const convoy_options *options, uint32_t wanted,
                                   uint32_t *came, convoy_error *error);

/* Waits until the workers have come and hold their filters, or nothing of it happens any more.
 * CONVOY_E_WORKERS where they are too few and no fallback is allowed. */
convoy_status session_workers_ready(convoy_session *session, const convoy_options *options,
                                    convoy_error *error);

/* CONVOY_E_USAGE where a fault kills at a layer that the workers do not compute; the sentence names some that
 * they do. */
convoy_status session_faults_check(const convoy_session *session, convoy_error *error);

/* Waits until `wanted` workers have come, or nobody does any more, measures those that have, and sets
 * session->profile. The backend is that of the kernels here. CONVOY_E_WORKERS if they are too few.
 * (calibrate.c)
 */
convoy_status session_calibrate(convoy_session *session, const convoy_options *options, uint32_t wanted,
                                convoy_error *error);

/* Whether a plan for this session is made from what its workers are measured to be, once they have come. */
bool session_is_measured(const convoy_options *options);

/* Sets session->timed_rates from session->times. The backend is that of the kernels here. */
void session_time_rates(convoy_session *session);

/* Sets session->profile: the one that is asked for, else this machine's. */
convoy_status session_profile_find(convoy_session *session, const convoy_options *options,
                                   convoy_error *error);

/* Makes session->plan for session->profile, and describes it in session->layers. What the options leave to
 * the plan of session->family and session->frames is chosen. (session_search.c) */
convoy_status session_plan_create(convoy_session *session, const convoy_options *options,
                                  convoy_error *error);

/* What is asked of a plan for this code and these frames. (session_plan.c) */
convoy_status session_plan_request(struct plan_request *request, convoy_session *session,
                                   const convoy_options *options, const struct code_family *family,
                                   convoy_dtype frames, convoy_error *error);

/* Fills session->layers from session->plan. (session_plan.c) */
convoy_status session_layers_describe(convoy_session *session, convoy_error *error);

/* Says in the log what was chosen, if that was left to the plan. */
void session_plan_log_choice(const convoy_session *session, const convoy_options *options);

/* Says in the log why no worker is used. */
void session_plan_log_unused(const convoy_session *session, const convoy_options *options);

/* The steps of a network as a plan sees them, into a new array; pointers into the network. cut_width: inputs
 * are cut along their width. */
convoy_status session_subjects_create(struct plan_subject **subjects, const struct network *network,
                                      bool cut_width, convoy_error *error);

#endif
