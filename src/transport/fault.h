/* Faults to inject, for demonstrations and tests. */
#ifndef TRANSPORT_FAULT_H
#define TRANSPORT_FAULT_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_KILL,       /* transport: cut off from the start, or as soon as it comes */
    FAULT_KILL_LAYER, /* worker: dies when it is given a task of this layer */
    FAULT_DELAY,      /* transport: everything it sends arrives later by this, or what it sends up to its
                         answer number `count`; pipelined */
    FAULT_SLOW,       /* worker: takes this many times as long, asleep */
    FAULT_BUSY,       /* worker: computes everything this many times over */
    FAULT_DROP,       /* transport: an answer is lost with this probability */
    FAULT_CORRUPT,    /* transport: one byte of every answer is flipped after the checksum */
    FAULT_LIE         /* transport, or a worker process that is started with it: elements of an answer are
                         changed, under a checksum that is right */
};

struct fault {
    uint32_t worker;
    enum fault_kind kind;
    uint64_t delay_ns; /* DELAY */
    uint64_t count;    /* DELAY: of answers; 0: all */
    double factor;     /* SLOW, BUSY: at least 1; DROP: probability 0..1 */
    char layer[128];   /* KILL_LAYER */
    double size;       /* LIE: of the change, relative to the root mean square of the answer */
    double elements;   /* LIE: share of the answer's elements, 0..1; at least one is changed */
    double answers;    /* LIE: share of the answers, 0..1 */
};

/* Parses "W:KIND": kill, kill@LAYER, delay=500ms (us, ms, s), delay=500ms@3, slow=10x, busy=10x, drop=0.2,
 * corrupt, lie=1e-2,1e-3,1 (size, share of elements, share of answers). CONVOY_E_USAGE with what would be
 * accepted. */
convoy_status fault_parse(struct fault *fault, const char *text, uint32_t workers, convoy_error *error);

/* Whether the worker injects this kind itself, and never the transport. */
bool fault_is_workers_own(enum fault_kind kind);

/* Whether a worker process may be started with this kind: its own ones, and lie, so that a process can lie
 * whatever number it gets. */
bool fault_fits_worker(enum fault_kind kind);

#endif
