/* Which task is with which worker: the master's workers (peer.h) and its open jobs (jobs.h) together, and who
 * of the workers is slow or late by that (lateness.h). Passive: told what happened, and when, it tells what
 * is to be sent. It reads no clock, locks nothing and sends nothing; the dispatcher does (dispatcher.h).
 *
 * A worker answers in order, so an answer tells that what was asked before it is answered or lost; a ping
 * asks the same of a worker that is silent. */
#ifndef RUNTIME_ASSIGNMENTS_H
#define RUNTIME_ASSIGNMENTS_H

#include "runtime/jobs.h"
#include "runtime/peer.h"

struct assignments {
    uint32_t nodes;
    struct peer *peers; /* [nodes] */
    struct job_list jobs;
    uint64_t watched_ns; /* for how long the master watched in all; never 0 */
    bool cancels_due;    /* some worker owes an answer to a job that is closed and was not told */
    struct trace_task ended[TASKS_AHEAD]; /* [ended_count] see assignments_take_ended */
    uint32_t ended_count;
};

/* CONVOY_E_MEMORY. */
convoy_status assignments_init(struct assignments *assignments, uint32_t nodes);
void assignments_clear(struct assignments *assignments);

/* How many workers are in this state. */
uint32_t assignments_count(const struct assignments *assignments, enum peer_state state);

/* ---- jobs ---- */

/* Opens a job: its WAITING and HELD tasks are to be sent as their workers have room. */
void assignments_open(struct assignments *assignments, struct job *job, uint64_t now_ns);

/* Closes an open job: judges the workers by its answers, and keeps what it takes to judge those that come.
 * Whether workers have its task and are to be told that it is void. */
bool assignments_close(struct assignments *assignments, struct job *job, uint64_t now_ns);

/* Makes the HELD tasks of every job WAITING if it is time. Returns when to look again. */
uint64_t assignments_release_held(struct assignments *assignments, uint64_t now_ns);

/* Whether a worker that holds the job's layer is to be sent its task now. */
bool assignments_sends(const struct assignments *assignments, const struct job *job, uint32_t worker);

/* The frame that was sent to the worker last was its task of this job. */
void assignments_note_task(struct assignments *assignments, struct job *job, uint32_t worker);

/* The next job that is closed and that the worker is to be told to forget, noted as told; 0: none. */
uint64_t assignments_take_cancel(struct assignments *assignments, uint32_t worker);

/* ---- what comes ---- */

/* FRAME_ANSWER or FRAME_DECLINED. Takes the payload if it is of use. */
void assignments_take_answer(struct assignments *assignments, uint32_t worker,
                             const struct frame_header *header, struct buffer **payload);

/* FRAME_PONG: what the worker was asked before the ping, and still owes, is lost. */
void assignments_take_pong(struct assignments *assignments, uint32_t worker, uint64_t ping);

/* Nothing more comes of what the worker was asked. */
void assignments_lose_worker(struct assignments *assignments, uint32_t worker, uint64_t now_ns);

/* No job but a patient one waits for the worker any more: it is late or silent. */
void assignments_give_up_on(struct assignments *assignments, uint32_t worker);

/* ---- for the trace ---- */

/* Takes the tasks that have ended since the last call and whose jobs were closed before: to be called after
 * each event that a worker sent or was lost by. Returns how many. */
uint32_t assignments_take_ended(struct assignments *assignments, struct trace_task ended[TASKS_AHEAD]);

/* ---- lateness: by a clock that runs only while the master watches ---- */

/* The master waited for events, with this deadline, from start_ns to end_ns: adds to watched_ns. */
void assignments_watch(struct assignments *assignments, uint64_t start_ns, uint64_t end_ns,
                       uint64_t deadline_ns);

/* How long to watch before assignments_find_late, if nothing comes; UINT64_MAX: for any time. */
uint64_t assignments_look_ns(const struct assignments *assignments);

/* Workers that owe an overdue answer are late, and given up on. To be called only if everything that had come
 * was taken in. */
void assignments_find_late(struct assignments *assignments);

#endif
