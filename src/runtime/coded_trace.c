/* What became of the workers' shares of one run of a coded layer, and what the trace is told of the run. */
#include "runtime/coded_run.h"
#include "runtime/outcome.h"

static bool was_used(const struct code_solution *solution, uint32_t worker) {
    for (uint32_t i = 0; solution && i < solution->survivors; i++)
        if (solution->workers[i] == worker)
            return true;
    return false;
}

static convoy_outcome outcome_at(const struct coded_run *run, uint32_t worker) {
    const struct cluster_context *context = run->context;
    enum task_state state = run->submitted ? context->tasks[worker].state : TASK_NONE;
    return outcome_of(state, context->standings[worker], was_used(run->solution, worker), run->asked);
}

void report_outcomes(const struct coded_run *run, convoy_layer_report *report) {
    for (uint32_t w = 0; w < run->layer->cluster->nodes; w++)
        report->outcome[w] = (uint8_t)outcome_at(run, w);
}

void report_step(const struct coded_run *run, convoy_trace_step step, uint64_t start_ns, uint64_t end_ns) {
    trace_step(&run->layer->cluster->options.trace, &run->context->base.place, step, run->layer->desc.name,
               start_ns, end_ns);
}

void report_tasks(const struct coded_run *run) {
    const struct trace *trace = &run->layer->cluster->options.trace;
    for (uint32_t w = 0; run->submitted && w < run->layer->cluster->nodes; w++) {
        struct trace_task *life = &run->context->tasks[w].life;
        if (!life->ended_ns)
            continue;
        life->outcome = outcome_at(run, w);
        trace_task(trace, life);
        life->ended_ns = 0;
    }
}
