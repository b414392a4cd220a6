/* Faults to inject, for demonstrations and tests. */
#ifndef TRANSPORT_FAULT_H
#define TRANSPORT_FAULT_H

#include <convoy/status.h>

#include <stdint.h>

enum fault_kind {
    FAULT_KILL,       /* transport: cut off from the start, or as soon as it comes */
    FAULT_KILL_LAYER, /* worker: dies when it is given a task of this layer */
    FAULT_DELAY,      /* transport: everything it sends arrives later by this; pipelined */
    FAULT_SLOW,       /* worker: takes this many times as long, asleep */
    FAULT_DROP,       /* transport: an answer is lost with this probability */
    FAULT_CORRUPT     /* transport: one byte of every answer is flipped after the checksum */
};

struct fault {
    uint32_t worker;
    enum fault_kind kind;
    uint64_t delay_ns; /* DELAY */
    double factor;     /* SLOW: at least 1; DROP: probability 0..1 */
    char layer[128];   /* KILL_LAYER */
};

/* Parses "W:KIND": kill, kill@LAYER, delay=500ms (us, ms, s), slow=10x, drop=0.2, corrupt. CONVOY_E_USAGE
 * with what would be accepted. */
convoy_status fault_parse(struct fault *fault, const char *text, uint32_t workers, convoy_error *error);

#endif
