/* A worker as the master knows it: what it owes, what was sent to it, whether it lives. Passive: it is told
 * what happened, and when. It reads no clock, locks nothing and sends nothing; the dispatcher does
 * (dispatcher.h). */
#ifndef RUNTIME_PEER_H
#define RUNTIME_PEER_H

#include "base/tracing.h"
#include "runtime/lateness.h"
#include "runtime/trust.h"
#include "transport/transport.h"

#define TASKS_AHEAD 2 /* unanswered tasks of one worker */

/* A task that a worker has not answered. */
struct owed {
    uint64_t job;
    uint64_t order;                /* position among all frames sent to this worker */
    uint64_t sent_ns;              /* by the clock of assignments.watched_ns */
    struct lateness_others others; /* once the job is closed, as they were then */
    uint64_t longest_ns;
    uint32_t usual_us; /* it took the others to compute, once the job is closed; 0: not known */
    bool background; /* the job may be over, and its answer is wanted all the same, to learn when it comes */
    bool cancelled;  /* the worker was told to forget it */
    struct trace_task life; /* row: of the tasks of one worker that are out at the same time each has its own.
                               outcome: once the job is closed, if no more is known */
};

/* All zero: a worker that has not come. */
struct peer {
    struct owed owed[TASKS_AHEAD]; /* [owed_count], oldest first */
    uint32_t owed_count;
    uint64_t order; /* frames sent so far */
    uint64_t ping;  /* order of the ping that is under way; 0: none */
    struct lateness lateness;
    struct peer_identity identity; /* of the process that is, or was, this worker */
    struct trust trust;            /* in that process */
    bool distrusted;               /* it gets no more tasks */
    bool ban_due;                  /* the transport was not told yet that it is distrusted */
    bool left_out;                 /* the caller wants it to be asked nothing */
    uint64_t heard_ns;             /* when it last sent or was last sent something */
    enum peer_state state;         /* as the transport told */
    bool damage_logged;
};

/* What a worker is good for, with regard to a layer. */
enum worker_standing {
    WORKER_FREE,    /* may be asked */
    WORKER_SLOW,    /* may, but lately took much longer to compute than others */
    WORKER_LATE,    /* may, but nobody waits for it: its answers come long after others' */
    WORKER_STALLED, /* late, and owes an answer: not to be asked */
    WORKER_SILENT,  /* gives no signs of life: not to be asked */
    WORKER_UNREADY, /* does not hold the layer yet */
    WORKER_DEAD,    /* lost */
    WORKER_ABSENT,  /* has not come yet */
    WORKER_LEFT_OUT /* well, but the caller wants it to be asked nothing */
};

static inline bool peer_lives(const struct peer *peer) {
    return peer->state == PEER_ALIVE || peer->state == PEER_SUSPECT;
}

/* holds: it holds the layer's filters. */
enum worker_standing peer_standing(const struct peer *peer, bool holds, uint64_t now_ns);

/* Whether it may be sent a task now; one that nobody waits for only if it owes nothing. */
bool peer_has_room(const struct peer *peer, bool unawaited);

/* A frame is sent to it. Returns the frame's order. */
uint64_t peer_note_frame(struct peer *peer, uint64_t now_ns);

/* The frame sent last was a task: its order, its row and when it was sent are noted. There is room. */
void peer_owe(struct peer *peer, const struct owed *owed);

/* The place of a job's task in owed[]; owed_count if it owes none. */
uint32_t peer_find_owed(const struct peer *peer, uint64_t job);

/* Takes owed[i] off. */
void peer_forget_owed(struct peer *peer, uint32_t i);

/* When it is to be pinged if it stays silent; UINT64_MAX: there is nothing to ask. */
uint64_t peer_ping_ns(const struct peer *peer);

/* The next frame is a ping; returns the number by which it will be answered. */
uint64_t peer_begin_ping(struct peer *peer);

/* A pong came. Whether it answers the ping that is under way, which is then over. */
bool peer_end_ping(struct peer *peer, uint64_t ping);

#endif
