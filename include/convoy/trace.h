/* What the master and its workers do, step by step: it shows where the time goes. */
#ifndef CONVOY_TRACE_H
#define CONVOY_TRACE_H

#include <convoy/report.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A step is the master's, but for the last two. */
typedef enum convoy_trace_step {
    CONVOY_TRACE_INFERENCE, /* one inference, from its inputs to its outputs */
    CONVOY_TRACE_LAYER,     /* one layer of it. Of a layer that workers compute the next six are parts: */
    CONVOY_TRACE_ENCODE,    /* its input is coded */
    CONVOY_TRACE_SEND,      /* its tasks are handed over, and those sent that can be at once */
    CONVOY_TRACE_WAIT,      /* until enough answers came and are solved for, or no more are waited for */
    CONVOY_TRACE_VERIFY,    /* answers are checked; part of the wait, or of decoding */
    CONVOY_TRACE_DECODE,    /* the answers become the output */
    CONVOY_TRACE_HERE,      /* this process computes it after all */
    CONVOY_TRACE_POSTPONED, /* the nodes that a run computes at its end (convoy_session_postponed) */
    CONVOY_TRACE_TASK, /* one worker's share of a layer: from when it was sent until its answer was taken in,
                          or it was certain that none comes */
    CONVOY_TRACE_COMPUTE /* part of a task that was answered: the time that the worker says it computed. The
                            worker does not say when: the step ends as the task does, though the answer
                            travelled, and waited to be taken in, after it was computed */
} convoy_trace_step;

/* A step that is over. Strings belong to the session. */
typedef struct convoy_trace_event {
    convoy_trace_step step;
    uint32_t worker;    /* of TASK and COMPUTE; else 0 */
    uint32_t row;       /* steps of the master with the same row do not overlap, unless one is part of the
                           other: 0, but for inferences at the same time. So are steps of one worker: 0, or
                           1 of a task that is sent before the task before it has ended */
    uint64_t inference; /* its number in the session, from 0 on, in the order in which they begin */
    const char *layer;  /* node name in the model; NULL of INFERENCE and POSTPONED */
    uint64_t start_ns, end_ns; /* by the monotonic clock of this machine */

    /* Of TASK; else 0. */
    uint64_t asked_ns; /* when it was handed over: until start_ns it waited here, the worker being busy */
    convoy_outcome
        outcome;    /* as in the report, which is made when the layer is done; LOST also if only then */
    bool cancelled; /* it was sent, and withdrawn before the worker began with it */
} convoy_trace_event;

/* Called with every step once it is over: the master's after their parts, a task before its computing; a task
 * that outlives its layer when its worker is heard of again, or the session ends. Called from any thread of
 * the session, and from several at the same time. It must be quick and call nothing of the session. */
typedef void (*convoy_trace_fn)(void *context, const convoy_trace_event *event);

#ifdef __cplusplus
}
#endif
#endif
