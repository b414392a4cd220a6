/* What the dispatcher's files share: dispatcher.c (jobs, what comes, the thread), dispatcher_send.c (what
 * goes), dispatcher_lateness.c (who is slow or late), dispatcher_layers.c (who holds what) and
 * dispatcher_probe.c (what workers measure). */
#ifndef RUNTIME_DISPATCHER_INTERNAL_H
#define RUNTIME_DISPATCHER_INTERNAL_H

#include "runtime/dispatcher.h"
#include "runtime/holdings.h"

#include <convoy/report.h>

#define TASKS_AHEAD 2 /* unanswered tasks of one worker */

/* A task that a worker has not answered. */
struct owed {
    uint64_t job;
    uint64_t order;                /* position among all frames sent to this worker */
    uint64_t sent_ns;              /* by the clock of watched_ns */
    struct lateness_others others; /* once the job is closed, as they were then */
    uint64_t longest_ns;
    uint32_t usual_us; /* it took the others to compute, once the job is closed; 0: not known */
    bool background; /* the job may be over, and its answer is wanted all the same, to learn when it comes */
    bool cancelled;  /* the worker was told to forget it */
};

struct peer {
    struct owed owed[TASKS_AHEAD]; /* [owed_count], oldest first */
    uint32_t owed_count;
    uint64_t order; /* frames sent so far */
    uint64_t ping;  /* order of the ping that is under way; 0: none */
    struct lateness lateness;
    uint64_t heard_ns;     /* when it last sent or was last sent something */
    enum peer_state state; /* as the transport told */
    bool damage_logged;
};

struct dispatcher {
    struct transport *transport; /* of who drives, else of who holds the mutex; but wake */
    uint32_t nodes, needed;
    const struct log *log;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    bool stop;
    bool driven;             /* somebody polls the transport, without the mutex */
    uint32_t sleepers;       /* owners of jobs that wait for what somebody else is to receive */
    uint64_t left_ns;        /* when an owner's wait last ended */
    uint64_t watched_ns;     /* for how long somebody polled in all; never 0 */
    pthread_cond_t undriven; /* owners sleep and nobody drives */
    uint64_t last_job;
    struct job *jobs;   /* open, oldest first */
    bool cancels_due;   /* some worker owes an answer to a job that is closed and was not told */
    struct peer *peers; /* [nodes] */

    struct holdings holdings;
    bool layers_due;    /* some holding is OFFERING or SENDING */
    pthread_cond_t gap; /* a worker may lack a layer that nobody makes */

    struct probe *probes; /* [nodes] of the caller of dispatcher_probe; NULL: nobody probes */
    uint64_t last_probe;  /* number of these probes */
    struct buffer *probe_payload;
    uint64_t probe_hash;
};

/* All of these under the mutex. */

static inline bool peer_lives(const struct peer *peer) {
    return peer->state == PEER_ALIVE || peer->state == PEER_SUSPECT;
}

static inline bool task_is_pending(const struct job_task *task) {
    return task->state == TASK_HELD || task->state == TASK_WAITING || task->state == TASK_SENT;
}

/* Whether the answers that are wanted cannot come any more from the tasks that went out. */
static inline bool job_needs_held(const struct job *job) {
    return job->answered + job->open - job->held < job->wanted;
}

/* An open job, or NULL. */
struct job *dispatcher_find_job(struct dispatcher *d, uint64_t id);

/* Sends one frame; takes the payload. A peer that is gone is reported by the next poll, which settles what it
 * owes. */
void dispatcher_send(struct dispatcher *d, uint32_t worker, struct frame_header header,
                     struct buffer *take_payload, uint64_t payload_hash);

/* Sends whatever is due, and asks the silent. Returns when to look again. By who drives. */
uint64_t dispatcher_send_all(struct dispatcher *d);

/* The same, or has it sent by who drives. */
void dispatcher_send_due(struct dispatcher *d);

/* Sends the offers and contents that are due. */
void dispatcher_send_layers(struct dispatcher *d);

/* FRAME_READY, FRAME_WANT or FRAME_UNFIT came. */
void dispatcher_take_layer(struct dispatcher *d, uint32_t worker, const struct frame_header *header);

/* A worker came anew or left. */
void dispatcher_reset_layers(struct dispatcher *d, uint32_t worker);

/* Sends the probes that are due. */
void dispatcher_send_probes(struct dispatcher *d);

/* FRAME_PROBED came; takes its payload if it is wanted. */
void dispatcher_take_probe(struct dispatcher *d, uint32_t worker, struct frame *frame);

/* No answer will come to what the worker was asked to measure. */
void dispatcher_lose_probe(struct dispatcher *d, uint32_t worker);

/* A poll with this deadline began and ended: adds to watched_ns. */
void dispatcher_watch(struct dispatcher *d, uint64_t start_ns, uint64_t end_ns, uint64_t deadline_ns);

/* When to call dispatcher_find_late next, if nothing comes until then. */
uint64_t dispatcher_next_look(struct dispatcher *d);

/* A worker that owes an overdue answer is late. To be called only if everything that had come was taken in.
 */
void dispatcher_find_late(struct dispatcher *d);

/* The tasks of a worker that is late or silent are not waited for any more. */
void dispatcher_give_up_on(struct dispatcher *d, uint32_t worker);

/* What a worker owes as its i-th is settled: answered, or not. Whether that is in time. */
bool dispatcher_note_reply(struct dispatcher *d, uint32_t worker, uint32_t i, bool answered);

/* A job ends: judges the workers by its answers, and leaves what it takes to judge those that come. */
void dispatcher_note_end(struct dispatcher *d, const struct job *job);

#endif
