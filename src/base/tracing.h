/* Steps that show where the time goes: the library calls the function that the user gave. */
#ifndef BASE_TRACING_H
#define BASE_TRACING_H

#include <convoy/trace.h>

struct trace {
    convoy_trace_fn tell; /* NULL: nobody wants to know */
    void *context;
};

/* The inference that is under way, and the row of its steps. */
struct trace_place {
    uint64_t inference;
    uint32_t row;
};

/* The life of one task, by clock_now_ns. */
struct trace_task {
    const char *layer;
    uint64_t inference;
    uint32_t worker, row;
    uint64_t asked_ns, sent_ns, ended_ns;
    uint32_t took_us; /* that the worker computed; 0: not known, or there is no answer */
    convoy_outcome outcome;
    bool cancelled;
};

static inline bool trace_is_wanted(const struct trace *trace) {
    return trace && trace->tell;
}

/* A step of the master is over. layer: NULL: of none. trace may be NULL. Thread-safe. */
void trace_step(const struct trace *trace, const struct trace_place *place, convoy_trace_step step,
                const char *layer, uint64_t start_ns, uint64_t end_ns);

/* A task is over: tells of it and of the worker's computing. trace may be NULL. Thread-safe. */
void trace_task(const struct trace *trace, const struct trace_task *task);

#endif
