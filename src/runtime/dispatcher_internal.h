/* What the dispatcher's files share: dispatcher.c (what comes, the thread, jobs), dispatcher_layers.c (layers
 * for the supplier), dispatcher_probe.c (what workers measure), dispatcher_trust.c (whose answers were wrong)
 * and, below them, dispatcher_send.c (what goes). They alone use the transport, the clock and the mutex; what
 * they decide is in assignments.h and holdings.h.
 */
#ifndef RUNTIME_DISPATCHER_INTERNAL_H
#define RUNTIME_DISPATCHER_INTERNAL_H

#include "runtime/assignments.h"
#include "runtime/dispatcher.h"
#include "runtime/holdings.h"

#include <pthread.h>

struct dispatcher {
    struct transport *transport; /* of who drives, else of who holds the mutex; but wake */
    uint32_t nodes, needed;
    const struct log *log;
    const struct cancel *cancel;
    const struct trace *trace;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    bool stop;
    bool cancelled;          /* nobody waits any more */
    bool driven;             /* somebody polls the transport, without the mutex */
    uint32_t sleepers;       /* owners of jobs that wait for what somebody else is to receive */
    uint64_t left_ns;        /* when an owner's wait last ended */
    pthread_cond_t undriven; /* owners sleep and nobody drives */
    struct assignments assignments;
    struct holdings holdings;
    pthread_cond_t gap; /* a worker may lack a layer that nobody makes */

    bool pardon_due; /* the transport is to forget all bans */

    struct probe *probes; /* [nodes] of the caller of dispatcher_probe; NULL: nobody probes */
    uint64_t last_probe;  /* number of these probes */
    struct buffer *probe_payload;
    uint64_t probe_hash;
};

/* All of these under the mutex. */

/* A worker has joined: what is known of its process, under any number, or of its key, if no other
 * worker uses that, is known of it. */
void dispatcher_recognise(struct dispatcher *d, uint32_t worker);

/* Sends whatever is due, and asks the silent. Returns when to look again. By who drives. */
uint64_t dispatcher_send_all(struct dispatcher *d);

/* The same, or has it sent by who drives. */
void dispatcher_send_due(struct dispatcher *d);

/* FRAME_PROBED came; takes its payload if it is wanted. */
void dispatcher_take_probe(struct dispatcher *d, uint32_t worker, struct frame *frame);

/* No answer will come to what the worker was asked to measure. */
void dispatcher_lose_probe(struct dispatcher *d, uint32_t worker);

#endif
