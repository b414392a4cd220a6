/* Plans: what workers compute of a model, and what that takes; and profiles of the machines, for which they
 * are made. */
#ifndef CONVOY_PLAN_H
#define CONVOY_PLAN_H

#include <convoy/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One way to code a layer, and what it takes as predicted. Elements and multiply-adds are those of one worker
 * (FCDCC, arXiv 2411.01579, section V). Times of one layer of one inference, in milliseconds. */
typedef struct convoy_layer_choice {
    uint32_t input_parts, filter_parts; /* k_A, k_B */
    uint32_t threshold, asked;
    double up_elements, down_elements, stored_elements, macs;
    double paper_cost;  /* of them, by options.lambda */
    double error_bound; /* of the output, relative to its largest element, after likely losses */
    double job_ms;      /* what the tasks cost this machine besides */
    double encode_ms, up_ms, task_ms,
        down_ms;       /* the input of all; then of one worker: sent, computed, sent back */
    double answers_ms; /* from the first task sent until enough answers have come */
    double decode_ms, total_ms;
    bool weighed; /* by kernels that were timed, if there are; else the times are a first estimate */
    bool chosen;
    const char *refused; /* static: why it may not be chosen; NULL */
} convoy_layer_choice;

/* Fills choices[0..capacity) with the ways to code a layer (its place in convoy_session_layers); returns how
 * many there are. */
CONVOY_API size_t convoy_session_choices(const convoy_session *session, size_t layer,
                                         convoy_layer_choice *choices, size_t capacity);

/* One inference, as predicted. */
typedef struct convoy_plan_totals {
    const char *profile; /* what the plan was made for; belongs to the session */
    const char *code;    /* the family; belongs to the session */
    convoy_precision precision;
    double here_ms, planned_ms; /* all layers by this machine alone; as planned */
    double busiest_ms; /* of master, link up, link down and workers, what the busiest does for it: with
                        * several in flight, one ends each so many ms at best */
    double up_bytes, down_bytes;       /* over the master's link */
    double stored_bytes, memory_bytes; /* what a worker needs, and the least that the profile allows a worker
                                        * (0: no bound) */
    uint32_t memory_worker;            /* the first worker that has no more */
    double fed_workers; /* so many can compute in the time in which master and link serve one; 0: nothing is
                         * coded, or workers share this machine's processors */
} convoy_plan_totals;

CONVOY_API void convoy_session_plan(const convoy_session *session, convoy_plan_totals *totals);

/* A plan that was compared with others, since options.code or options.precision left that to the plan. */
typedef struct convoy_plan_alternative {
    const char *code; /* static */
    convoy_precision precision;
    double planned_ms, busiest_ms; /* as in convoy_plan_totals; 0: no plan was made, see refused */
    double up_bytes, down_bytes;
    size_t coded_layers;
    double error_bound; /* the largest of its layers */
    double noise_gain;  /* ν, the largest of its layers; 0: no plan was made */
    bool chosen;
    const char *refused; /* static: why it may not be chosen; NULL */
} convoy_plan_alternative;

/* Fills alternatives[0..capacity); returns how many there are, 0 if code and precision were given. First all
 * codes are compared with one precision, then the precisions for the code that was chosen. */
CONVOY_API size_t convoy_session_alternatives(const convoy_session *session,
                                              convoy_plan_alternative *alternatives, size_t capacity);

/* Decides what of code and precision the options leave to the plan: options->code and options->precision
 * become what a session of these options would choose. Plans as a session with plan_only does, and fails as
 * that does. Does nothing if both are given. */
CONVOY_API convoy_status convoy_options_settle(convoy_options *options, const convoy_model *model,
                                               const convoy_shape *input_shapes, convoy_error *error);

/* Writes the plan to a file that options.plan_file takes. CONVOY_E_IO. */
CONVOY_API convoy_status convoy_session_plan_save(const convoy_session *session, const char *path,
                                                  convoy_error *error);

/* Measures this machine, the workers that the options describe, and the link between them, and writes what
 * was found as a profile (JSON, docs/planning.md) to the file `path`, in whose place it is put whole. Makes
 * the workers as convoy_session_create does, but without a model: threads, processes started here, or those
 * that dial in, all n of which it waits for until none has come for join_ns. Of the options it takes what
 * describes workers; deadline_ns and what says how layers are coded or computed change nothing. Threads and
 * processes started here share the processors of this machine: they are measured one after the other.
 *
 * Blocks, usually for some seconds once the workers have come, for a minute at most. Other load on the
 * machines or the link is measured, too. CONVOY_E_USAGE for options that make no sense, a local session among
 * them; CONVOY_E_WORKERS where fewer than n - γ workers answer; CONVOY_E_IO, CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_calibrate(const convoy_options *options, const char *path,
                                          convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
