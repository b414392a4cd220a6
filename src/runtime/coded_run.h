/* One run of a coded layer, as its files share it: coded_run.c; coded_check.c, which checks the answers;
 * coded_report.c, which tells how and why here; and coded_trace.c, which tells what became of its parts. */
#ifndef RUNTIME_CODED_RUN_H
#define RUNTIME_CODED_RUN_H

#include "runtime/adaptation.h"
#include "runtime/coded_layer.h"

struct coded_run {
    struct coded_layer *layer;
    struct cluster_context *context;
    struct job job;
    const struct code_solution *solution;
    uint32_t fit;    /* workers that were, to be asked */
    bool beyond;     /* the frames' type does not hold the coded input */
    bool not_finite; /* what workers get or gave, or is checked by; the layer here tells what is finite in its
                        output */
    struct adapted_run adapted;
    const convoy_tensor *in; /* as it lies for the layer */
    bool verified;           /* the answers are checked */
    bool unknown;            /* of some answer it cannot be told whether it is right */
    uint32_t wrong;          /* answers */
    uint64_t verify_ns;      /* spent on that */
    bool asked;              /* workers were, whose answers would suffice */
    bool submitted;          /* a job was: of tasks that suffice, or of late workers alone */
    bool open;               /* it was not finished */
    uint32_t answered;       /* at the end */
    uint32_t tasks;          /* that were sent, or were to be */
};

/* Whether the answers to the layer's next run are to be checked. */
bool check_is_due(const struct coded_layer *layer);

/* The run's answers will be checked: computes what they must be like, while workers compute. */
void check_begin(struct coded_run *run);

/* Checks the answers that are listed, each once; those that are wrong are rejected. Whether all of them may
 * be decoded. */
bool check_answers(struct coded_run *run);

/* The answers are to be checked, and what they must be like is not finite, though they may be: a projection
 * is larger than the elements. */
bool check_is_missing(const struct coded_run *run);

/* What was decoded is not finite: checks the answers, if that was not done, since a worker may be why.
 * Whether one of them is wrong. No job is open. */
bool check_not_finite(struct coded_run *run);

/* How the layer is coded. */
void report_code(const struct coded_layer *layer, convoy_layer_report *report);

/* What became of every worker's share. No job is open. */
void report_outcomes(const struct coded_run *run, convoy_layer_report *report);

/* A part of the run is over, by clock_now_ns: for the trace. */
void report_step(const struct coded_run *run, convoy_trace_step step, uint64_t start_ns, uint64_t end_ns);

/* The tasks of the last job that have ended, each once: for the trace. No job is open. */
void report_tasks(const struct coded_run *run);

/* Why the layer is computed here, in the report and, once, in the log. CONVOY_E_WORKERS where that is not
 * allowed. */
convoy_status report_local(const struct coded_run *run, convoy_layer_report *report, convoy_error *error);

/* The layer was decoded. */
void report_decoded(const struct coded_run *run, convoy_layer_report *report);

#endif
