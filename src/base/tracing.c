#include "base/tracing.h"

#define NS_PER_US UINT64_C(1000)

void trace_step(const struct trace *trace, const struct trace_place *place, convoy_trace_step step,
                const char *layer, uint64_t start_ns, uint64_t end_ns) {
    if (!trace_is_wanted(trace))
        return;
    trace->tell(trace->context, &(convoy_trace_event){.step = step,
                                                      .row = place->row,
                                                      .inference = place->inference,
                                                      .layer = layer,
                                                      .start_ns = start_ns,
                                                      .end_ns = end_ns});
}

/* A worker says what it likes: its computing is made part of the task. The whole is told first: both may
 * begin and end at the same time. */
void trace_task(const struct trace *trace, const struct trace_task *task) {
    if (!trace_is_wanted(trace))
        return;
    convoy_trace_event event = {.step = CONVOY_TRACE_TASK,
                                .worker = task->worker,
                                .row = task->row,
                                .inference = task->inference,
                                .layer = task->layer,
                                .start_ns = task->sent_ns,
                                .end_ns = task->ended_ns,
                                .asked_ns = task->asked_ns,
                                .outcome = task->outcome,
                                .cancelled = task->cancelled};
    trace->tell(trace->context, &event);
    if (!task->took_us)
        return;
    uint64_t out_ns = task->ended_ns - task->sent_ns, took_ns = NS_PER_US * task->took_us;
    event.step = CONVOY_TRACE_COMPUTE;
    event.start_ns = took_ns < out_ns ? task->ended_ns - took_ns : task->sent_ns;
    event.asked_ns = 0;
    event.outcome = CONVOY_OUTCOME_NONE;
    event.cancelled = false;
    trace->tell(trace->context, &event);
}
