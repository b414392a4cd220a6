/* Drives the master's transport: sends tasks to workers that have room for them, and takes in answers. What
 * is known of workers and jobs, and decided by that, is in assignments.h and holdings.h; here are the
 * transport, the clock, the mutex and the thread.
 *
 * One thread at a time drives: the owner of a job while it waits, if nobody does yet, so that a job costs no
 * hop to another thread and back; else a thread of the dispatcher's own.
 *
 * A worker has at most two unanswered tasks; further ones wait here until it has room or their job is done. A
 * worker that is late (lateness.h) or silent is waited for by no job but a patient one, and while it owes an
 * answer it gets nothing new. */
#ifndef RUNTIME_DISPATCHER_H
#define RUNTIME_DISPATCHER_H

#include "base/cancel.h"
#include "base/log.h"
#include "base/tracing.h"
#include "runtime/jobs.h"
#include "runtime/peer.h"
#include "transport/transport.h"

struct dispatcher;

/* Starts the thread. Takes the transport on success; log, cancel and trace are borrowed, and may be NULL.
 * nodes: peers of the transport; needed: how many must live that no layer waits (n - γ), for the log. If
 * cancel asks so, which is noticed within 100 ms, threads that wait here are woken, and none waits any more.
 * The trace is told of tasks that end after their jobs. */
convoy_status dispatcher_create(struct dispatcher **dispatcher, struct transport **take_transport,
                                uint32_t nodes, uint32_t needed, const struct log *log,
                                const struct cancel *cancel, const struct trace *trace, convoy_error *error);

/* Stops the thread, and ends dispatcher_next_gap for good. No job is open. */
void dispatcher_stop(struct dispatcher *dispatcher);

/* Stops the thread and closes the transport. Takes NULL. No job is open. */
void dispatcher_destroy(struct dispatcher **dispatcher);

/* For job_task.payload_hash. Reads the payload where it will travel. */
uint64_t dispatcher_payload_hash(const struct dispatcher *dispatcher, const struct buffer *payload);

/* A layer that every worker, now or later, should hold; *layer is its number. Its filters are asked for by
 * dispatcher_next_gap. CONVOY_E_MEMORY. */
convoy_status dispatcher_add_layer(struct dispatcher *dispatcher, uint32_t *layer);
void dispatcher_remove_layer(struct dispatcher *dispatcher, uint32_t layer);

/* Waits until some workers lack a layer and have room for it: *layer and workers[0..*count), for each of
 * which dispatcher_supply must follow. False when the dispatcher was stopped; then *count is 0. workers:
 * [nodes]. */
bool dispatcher_next_gap(struct dispatcher *dispatcher, uint32_t *layer, uint32_t *workers, uint32_t *count);

/* The content of a layer for a worker (takes the reference), or NULL where it could not be made. */
void dispatcher_supply(struct dispatcher *dispatcher, uint32_t layer, uint32_t worker,
                       struct buffer **take_content);

/* Waits until `wanted` workers hold all layers, are lost, or cannot hold them; or nothing has changed for
 * patience_ns; or, once `needed` workers hold all, for grace_ns more. Returns how many workers hold all.
 * progress may be NULL; it is called under a lock: be brief. */
uint32_t dispatcher_wait_ready(struct dispatcher *dispatcher, uint32_t wanted, uint64_t grace_ns,
                               uint64_t patience_ns,
                               void (*progress)(void *context, size_t done, size_t total), void *context);

/* What each worker is good for now, with regard to a layer, and how fast it was lately: standings[nodes],
 * paces[nodes] (lateness.pace). */
void dispatcher_standings(struct dispatcher *dispatcher, uint32_t layer, enum worker_standing *standings,
                          float *paces);

/* Jobs that look at the standings from now on ask none of the workers for which left_out[nodes] is true, and
 * all others. */
void dispatcher_leave_out(struct dispatcher *dispatcher, const bool *left_out);

enum peer_state dispatcher_state(struct dispatcher *dispatcher, uint32_t worker);

/* How many workers are alive now. */
uint32_t dispatcher_living(struct dispatcher *dispatcher);

/* Waits until `wanted` workers have come, of whom some may be lost again, or for the deadline. Returns how
 * many have come. */
uint32_t dispatcher_wait_came(struct dispatcher *dispatcher, uint32_t wanted, uint64_t deadline_ns);

/* Opens a job: its WAITING and HELD tasks go out as their workers have room. Then wait on it; every submitted
 * job must be finished. */
void dispatcher_submit(struct dispatcher *dispatcher, struct job *job);

/* Waits until `wanted` of the tasks are answered, or cannot be any more, or for the deadline; copies every
 * task's state to states[nodes]. The caller is not woken before. One thread waits on a job. */
void dispatcher_wait(struct dispatcher *dispatcher, struct job *job, uint32_t wanted, uint64_t deadline_ns,
                     enum task_state *states);

/* Closes a job: tells workers that still have its task to forget it; answers that come later are dropped.
 * Afterwards tasks[] is the owner's again, answers and unsent payloads included (release with job_release).
 */
void dispatcher_finish(struct dispatcher *dispatcher, struct job *job);

/* A worker's answer to an open job is wrong: it counts as if it had not come. The worker's filters are sent
 * anew, or it is banned (trust.h); *identity says who it is. (dispatcher_trust.c) */
enum trust_step dispatcher_reject(struct dispatcher *dispatcher, struct job *job, uint32_t worker,
                                  struct peer_identity *identity);

/* Whether some worker that lives has answered wrongly. */
bool dispatcher_has_doubts(struct dispatcher *dispatcher);

/* Fills distrusted[0..capacity) with the workers that are banned, whose places nobody took yet; returns how
 * many there are. */
size_t dispatcher_distrusted(struct dispatcher *dispatcher, uint32_t *distrusted, size_t capacity);

/* Forgets who answered wrongly. */
void dispatcher_pardon(struct dispatcher *dispatcher);

enum probe_state {
    PROBE_NONE, /* this worker gets none */
    PROBE_DUE,  /* not sent yet */
    PROBE_SENT,
    PROBE_ANSWERED,
    PROBE_LOST /* the worker left, its answer was damaged, or it did not come in time */
};

struct probe {
    enum probe_state state;
    uint64_t sent_ns, came_ns; /* of the probe and its answer, by clock_now_ns */
    uint32_t took_us;          /* ANSWERED: the worker */
    struct buffer *answer;     /* ANSWERED: the caller's reference, or NULL: the worker cannot */
};

/* Sends the payload (of FRAME_PROBE) to every worker whose probes[nodes] is DUE, and waits until each is
 * ANSWERED or LOST, or for the deadline. Workers answer when they have answered what they were sent before.
 * One thread at a time. (dispatcher_probe.c) */
void dispatcher_probe(struct dispatcher *dispatcher, struct buffer *payload, struct probe *probes,
                      uint64_t deadline_ns);

#endif
