/* The thread that owns the master's transport: sends tasks to workers that have room for them, takes in
 * answers, and knows of every worker what it owes and whether it lives. A job is one coded layer of one
 * inference: a task for each worker, of whose answers some suffice.
 *
 * A worker has at most two unanswered tasks; further ones wait here until it has room or their job is done. A
 * worker answers in order, so an answer tells that what was asked before it is answered or lost; a ping asks
 * the same of a worker that is silent. A worker whose oldest task is overdue is stalled: it gets nothing new
 * and counts as missing until it answers. */
#ifndef RUNTIME_DISPATCHER_H
#define RUNTIME_DISPATCHER_H

#include "base/log.h"
#include "transport/transport.h"

#include <pthread.h>

enum task_state {
    TASK_NONE,    /* this worker gets none: it was lost or stalled when the job began */
    TASK_WAITING, /* not sent yet */
    TASK_SENT,
    TASK_ANSWERED,
    TASK_LOST /* the worker died, declined, or its answer was lost or damaged */
};

struct job_task {
    enum task_state state;
    struct buffer *payload; /* until sent; the job's reference */
    uint64_t payload_hash;
    struct buffer *answer; /* ANSWERED: the job's reference */
};

/* Filled by its owner before dispatcher_submit; afterwards tasks[] belongs to the dispatcher until
 * dispatcher_finish. */
struct job {
    uint32_t layer;
    convoy_dtype dtype;
    size_t answer_bytes;
    uint64_t allowance_ns;  /* a task that is out longer than this is overdue */
    struct job_task *tasks; /* [workers] */

    uint64_t id; /* set by dispatcher_submit */
    struct job *next;
};

struct dispatcher;

/* Starts the thread. Takes the transport on success; log is borrowed. */
convoy_status dispatcher_create(struct dispatcher **dispatcher, struct transport **take_transport,
                                uint32_t workers, const struct log *log, convoy_error *error);

/* Stops the thread and closes the transport. Takes NULL. No job is open. */
void dispatcher_destroy(struct dispatcher **dispatcher);

/* Sends a layer's coded filters to a worker; takes the payload, on failure too. A worker that is lost gets
 * none. */
convoy_status dispatcher_send_layer(struct dispatcher *dispatcher, uint32_t worker, uint32_t layer,
                                    struct buffer **take_payload);

/* Waits until every living worker holds all layers that were sent to it, or refused one; or the deadline; or,
 * once `enough` workers do, for grace_ns more. Returns how many workers hold all. */
uint32_t dispatcher_wait_ready(struct dispatcher *dispatcher, uint32_t enough, uint64_t grace_ns,
                               uint64_t deadline_ns);

/* What a worker is good for now. */
enum worker_standing {
    WORKER_FREE,    /* may be asked */
    WORKER_STALLED, /* its oldest task is overdue */
    WORKER_DEAD     /* lost */
};
void dispatcher_standings(struct dispatcher *dispatcher, enum worker_standing *standings);

/* Opens a job: its WAITING tasks go out as their workers have room. Then wait on it; every submitted job must
 * be finished. */
void dispatcher_submit(struct dispatcher *dispatcher, struct job *job);

/* Waits for a change: until more tasks than `settled` are answered or lost, or the deadline. Returns how many
 * are, and copies every task's state to states[workers]. */
uint32_t dispatcher_wait(struct dispatcher *dispatcher, struct job *job, uint32_t settled,
                         uint64_t deadline_ns, enum task_state *states);

/* Closes a job: tells workers that still have its task to forget it; answers that come later are dropped.
 * Afterwards tasks[] is the owner's again, answers and unsent payloads included (release with job_release).
 */
void dispatcher_finish(struct dispatcher *dispatcher, struct job *job);

/* Drops the references that a finished job's tasks hold. */
void job_release(struct job *job, uint32_t workers);

#endif
