/* A model made ready to run: here, or coded over workers that may fail. */
#ifndef CONVOY_SESSION_H
#define CONVOY_SESSION_H

#include <convoy/model.h>
#include <convoy/report.h>
#include <convoy/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct convoy_session convoy_session;

/* Along which axis of a picture inputs are cut: the first spatial one, or the second. Layers with one axis,
 * and transposed convolutions, have the first in any case. */
typedef enum convoy_cut { CONVOY_CUT_HEIGHT, CONVOY_CUT_WIDTH } convoy_cut;

typedef enum convoy_placement {
    CONVOY_PLACEMENT_SPREAD, /* nodes that stay well conditioned when neighbours fail */
    CONVOY_PLACEMENT_PLAIN   /* worker j takes node j */
} convoy_placement;

/* What coded inputs and answers travel as; workers and the master compute in float32 all the same. */
typedef enum convoy_precision {
    CONVOY_PRECISION_F32,  /* as they are */
    CONVOY_PRECISION_BF16, /* half the bytes, 8 binary digits */
    CONVOY_PRECISION_F16,  /* half the bytes, 11 binary digits, magnitudes below 65520: layers whose coded
                              input or answers are beyond are computed here */
    CONVOY_PRECISION_AUTO  /* F16, else BF16, if the plan is a fifth faster with it than with F32 and no layer
                              may err by more than 1e-2; else F32 */
} convoy_precision;

/* Which layers workers compute, of those that can be coded. */
typedef enum convoy_distribute {
    CONVOY_DISTRIBUTE_AUTO,   /* PAYING if workers dial in, else ALL */
    CONVOY_DISTRIBUTE_PAYING, /* those that are faster on workers than here, as far as the plan can tell */
    CONVOY_DISTRIBUTE_ALL     /* all, by as many answers as the code admits, all workers being asked */
} convoy_distribute;

/* Whose answers are checked. A wrong one counts as if it had not come; a worker that gives a second one gets
 * no more tasks. Layers of float64 are not checked. */
typedef enum convoy_verify {
    CONVOY_VERIFY_AUTO,   /* SAMPLE if workers dial in, else OFF */
    CONVOY_VERIFY_OFF,    /* nobody's */
    CONVOY_VERIFY_SAMPLE, /* those to one run of a layer in twenty, and to all while a worker is there that
                             gave a wrong one */
    CONVOY_VERIFY_ALL     /* all that are decoded */
} convoy_verify;

/* What a plan makes small. */
typedef enum convoy_objective {
    CONVOY_OBJECTIVE_LATENCY,    /* the time of one inference */
    CONVOY_OBJECTIVE_THROUGHPUT, /* the time of the busiest of master, link and workers, inferences in flight
                                  */
    CONVOY_OBJECTIVE_BYTES,      /* what travels */
    CONVOY_OBJECTIVE_PAPER /* lambda times what a worker gets, sends, stores and computes, in elements */
} convoy_objective;

enum { CONVOY_LAMBDA_UP, CONVOY_LAMBDA_DOWN, CONVOY_LAMBDA_STORE, CONVOY_LAMBDA_COMP, CONVOY_LAMBDAS };

typedef enum convoy_log_level { CONVOY_LOG_INFO, CONVOY_LOG_WARNING } convoy_log_level;

/* Called from any thread of the session with one line, without newline. */
typedef void (*convoy_log_fn)(void *context, convoy_log_level level, const char *line);

/* Fill with convoy_options_init, then change what differs. */
typedef struct convoy_options {
    bool local;                         /* no workers, no code */
    bool plan_only;                     /* for convoy_session_layers alone: nothing is made ready to run */
    uint32_t workers;                   /* n, 1..CONVOY_MAX_WORKERS */
    uint32_t stragglers;                /* γ < n */
    uint32_t reserve;                   /* nodes kept for machines that join later */
    uint32_t input_parts, filter_parts; /* (k_A,k_B) for every layer that admits it; 0,0: chosen per layer */
    convoy_distribute distribute;
    convoy_objective objective;
    double lambda[CONVOY_LAMBDAS]; /* of CONVOY_OBJECTIVE_PAPER; each from 0 to 1e12 */
    const char *profile; /* of the machines: a file, or a preset's name; NULL: this machine's processors */
    const char
        *plan_file; /* a saved plan to follow, whatever the four options above say; NULL: one is made */
    bool adapt; /* how many workers a layer asks, and whether it asks them at all, follow what is measured */
    const char *code; /* family: a name of convoy_code_at; "auto": of those that admit so many stragglers the
                         one whose plan is best by the objective */
    convoy_cut cut;   /* the axis along which inputs are cut */
    convoy_placement placement;
    convoy_precision precision;
    const char *backend; /* kernels: "onednn", "reference" */
    uint32_t threads;    /* of one worker's compute */
    bool no_trials; /* every convolution by its direct kernel and in parts chosen by what travels, instead of
                       by timing each shape once: slower, a digit more exact, and the same on every machine */
    const char *trial_folder; /* where the times are kept for later sessions; NULL: nowhere */
    bool retrial;             /* time each shape anew, whatever trial_folder holds of it */
    convoy_verify verify;
    /* Called with every wrong answer, from any thread of the session, never twice at the same time; may be
     * NULL. */
    void (*wrong_answer)(void *context, const convoy_wrong_answer *wrong);
    void *wrong_answer_context;
    uint64_t seed;
    uint64_t deadline_ns; /* the longest that one layer may wait for answers */
    bool finite; /* look at every layer's output: convoy_result.first_not_finite. Nothing is fused, so that
                    each output is there to be looked at, and a run takes longer */
    bool no_fallback;          /* fail with CONVOY_E_WORKERS instead of computing here */
    const char *const *faults; /* "W:KIND", see convoy(1) */
    size_t fault_count;

    /* Workers that are processes. NULL: threads of this process. */
    const char *listen;   /* where workers dial in: "tcp://HOST:PORT" (port 0: a free one) or "ipc://PATH" */
    const char *key_file; /* the master's key pair (convoy_keygen); NULL: plain */
    const char *allowed_folder; /* with key_file: NAME.pub of every worker that may come */
    bool insecure;              /* plain on an address that other machines reach */
    uint32_t spawn; /* instead: start so many worker processes of this machine, over ipc. The socket's folder
                       is removed with the session; it holds the socket and a file "lock" */
    const char *spawn_program; /* the convoy program that they run; NULL: "convoy", from PATH */
    uint64_t join_ns;          /* how long to wait for workers to come, without any coming */
    /* Called when workers may dial in, before they are waited for; may be NULL. */
    void (*listening)(void *context, const char *url);
    void *listening_context;

    /* Receives what is worth telling (a worker lost, a fallback); may be NULL. */
    convoy_log_fn log;
    void *log_context;
    /* Receives every step of the runs and of their workers, but not of the comparison; may be NULL. */
    convoy_trace_fn trace;
    void *trace_context;
    /* Called while the plan is made, which times kernels that were not timed before: done of total layers, of
     * all plans that are compared; may be NULL. */
    void (*planning)(void *context, size_t done, size_t total);
    /* Called while filters are coded and sent: done of total layers; may be NULL. */
    void (*progress)(void *context, size_t done, size_t total);
    void *progress_context; /* of both */
    /* Asked again and again, from any thread of the session, whether what is under way is to be given up; may
     * be NULL. Once it has returned true it must do so for ever: convoy_session_create, convoy_session_run,
     * convoy_session_check, convoy_session_stream and convoy_calibrate then fail with CONVOY_E_CANCELLED, as
     * soon as the layer or kernel that is being computed is done, and waits for workers end within 100 ms.
     * Such a session can only be destroyed, which tells its workers goodbye. It must be quick and call
     * nothing of the session. What it reads may be set by a signal handler. */
    bool (*cancelled)(void *context);
    void *cancelled_context;
} convoy_options;

/* The names that convoy_options.code may have, from index 0 on, and what each is in a few words (static);
 * NULL beyond the last. The first is the default. Beside these there are "auto" and "table:FILE". */
CONVOY_API const char *convoy_code_at(size_t index, const char **summary);

CONVOY_API void convoy_options_init(convoy_options *options);

/* One inference: outputs in the order of convoy_model_outputs. */
typedef struct convoy_result {
    convoy_tensor *outputs;
    size_t output_count;
    convoy_layer_report *layers; /* in the order of execution */
    size_t layer_count;
    bool degraded; /* at least one layer was computed here since workers were missing, too late or too few */
    double ms;
    convoy_not_finite first_not_finite;
} convoy_result;

/* How far apart floating-point numbers may be, relative to the largest of their output, to be called the
 * same. */
#define CONVOY_CHECK_CLOSE 1e-4

/* A result against the uncoded model, a being the result's elements and b the uncoded model's. The errors are
 * over the elements that are finite in both. */
typedef struct convoy_check {
    double max_rel_error; /* max|a-b| / max|b| over an output, the largest of all outputs; infinite if all b
                             are zeros and an a is not */
    double max_channel_error; /* the same over a channel (axis 1 of an output of two or more axes, else the
                                 output itself), the largest of all channels; a channel whose b are all zeros
                                 is compared with the output's max|b| */
    struct {
        uint64_t both;   /* elements that are not finite in both alike: NaN, or equal infinities */
        uint64_t differ; /* all others that are not finite on either side */
    } not_finite;
    double differing; /* the share of all outputs' elements that differ: integers and bool that are not equal,
                         floating-point numbers with |a-b| > CONVOY_CHECK_CLOSE * max|b| of the output, those
                         of not_finite.differ, and all of an output whose shape is another one */
    bool top1_agrees; /* the first output's largest element is the same one, in every row of its first axis */
} convoy_check;

/* Makes a model ready for inputs of the given shapes (one for each model input, in its order; NULL if it has
 * none; an axis may be open, -1, if an axis of the same name is given, see convoy_value_info): codes and
 * distributes the filters, starts the workers. The model is borrowed and must outlive the session. Before
 * that it tries whether the threads and open files that it needs can be had (CONVOY_E_MEMORY), and raises the
 * process's soft limit of open files to the hard one if need be. CONVOY_E_USAGE for options that make no
 * sense, CONVOY_E_INPUT for shapes that the model does not take, CONVOY_E_UNSUPPORTED, CONVOY_E_WORKERS,
 * CONVOY_E_CANCELLED, CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_session_create(convoy_session **session, const convoy_model *model,
                                               const convoy_shape *input_shapes,
                                               const convoy_options *options, convoy_error *error);

/* Stops the workers and frees everything. Takes NULL. No run may be under way. */
CONVOY_API void convoy_session_destroy(convoy_session **session);

/* Runs one inference on inputs[i] (one for each model input, of the session's shapes; borrowed; NULL if the
 * model has none), those of float32 and float64 being finite (CONVOY_E_INPUT). CONVOY_E_IO if a file of the
 * model was overwritten; CONVOY_E_CANCELLED. *result is the caller's. Several threads may run at once: their
 * layers interleave over the same workers. */
CONVOY_API convoy_status convoy_session_run(convoy_session *session, const convoy_tensor *inputs,
                                            convoy_result **result, convoy_error *error);
CONVOY_API void convoy_result_destroy(convoy_result **result);

/* Runs the uncoded model in this process on the same inputs (as of convoy_session_run) and compares. Several
 * threads may check at once; the first check prepares the uncoded model. */
CONVOY_API convoy_status convoy_session_check(convoy_session *session, const convoy_tensor *inputs,
                                              const convoy_result *result, convoy_check *check,
                                              convoy_error *error);

/* Many inferences, some at once. The callbacks are called from the threads of convoy_session_stream, never
 * two at the same time; what they fail with ends the call. */
typedef struct convoy_stream {
    void *context;
    uint32_t in_flight; /* inferences at once, 1..CONVOY_MAX_IN_FLIGHT */
    uint32_t repeat;    /* runs of each inference, one after the other; at least 1 */
    bool check;         /* compare every run with the uncoded model */
    /* Fills inputs[] (empty tensors, one for each model input), which are released when the inference is
     * done; or sets *end where there are no more. */
    convoy_status (*next)(void *context, convoy_tensor *inputs, bool *end, convoy_error *error);
    /* Takes a run: of inference index (0.. in the order of next), its run 0..repeat-1. result and check (NULL
     * where not asked for) are borrowed. Inferences finish in any order; the runs of one are in order. */
    convoy_status (*done)(void *context, size_t index, uint32_t run, const convoy_result *result,
                          const convoy_check *check, convoy_error *error);
    /* Takes the reason why inference index failed by its inputs (CONVOY_E_INPUT): CONVOY_OK, and the others
     * go on. It has no more runs. NULL: the stream ends with the reason. */
    convoy_status (*refused)(void *context, size_t index, const convoy_error *reason, convoy_error *error);
} convoy_stream;

#define CONVOY_MAX_IN_FLIGHT 256

/* Runs the stream to its end. *total_ms: time during which at least one inference was under way; what next,
 * done and the comparison take does not count. total_ms may be NULL. */
CONVOY_API convoy_status convoy_session_stream(convoy_session *session, const convoy_stream *stream,
                                               double *total_ms, convoy_error *error);

/* One layer: a node of the graph, or a part of one, and the plan for it. Strings belong to the session. */
typedef struct convoy_layer_info {
    const char *name, *op;
    convoy_shape shape; /* of the first output */
    uint64_t macs;      /* multiply-adds of convolutions and products; 0 for others */
    uint64_t weights_bytes;
    bool codable;
    const char *why;                               /* why not codable; NULL where it is */
    uint32_t input_parts, filter_parts, threshold; /* as planned; 0 where not codable */
    uint32_t asked; /* workers that are asked at once; the others if an answer is overdue */
    double here_ms; /* computed here alone, as predicted */
    double
        coded_ms; /* by workers, as predicted; of a layer that stays here the best, 0 if it cannot be coded */
    double up_bytes, down_bytes; /* of all workers that are asked; 0 where not codable, as what follows */
    double stored_bytes;         /* coded filters of one worker */
    double error_bound;          /* of the output, relative to its largest element, after likely losses */
} convoy_layer_info;

/* The layers in order of execution, without the nodes that are postponed; owned by the session. */
CONVOY_API size_t convoy_session_layers(const convoy_session *session, const convoy_layer_info **layers);

/* A node that is computed at the end of a run, here: it has to know what depends on the data (the shape of
 * its result, mostly), or it reads what such a node makes. It is no layer: it is neither coded nor planned,
 * and no time is predicted for it. Strings belong to the session. */
typedef struct convoy_postponed {
    const char *name, *op, *domain; /* of the node and its operator; domain "": ONNX's own */
    const char *why;                /* what it waits for: "input 'shape' depends on the data", "reads 'x'" */
} convoy_postponed;

/* These nodes in order of execution; 0: there are none. Owned by the session. Thread-safe. */
CONVOY_API size_t convoy_session_postponed(const convoy_session *session, const convoy_postponed **nodes);

/* Fills lost[i] with the workers that are lost now; at most capacity. Returns how many there are. */
CONVOY_API size_t convoy_session_lost(const convoy_session *session, uint32_t *lost, size_t capacity);

/* Fills distrusted[i] with the workers that get no more tasks, since they answered wrongly, and whose places
 * nobody took yet; at most capacity. Returns how many there are. */
CONVOY_API size_t convoy_session_distrusted(const convoy_session *session, uint32_t *distrusted,
                                            size_t capacity);

/* Distrusts nobody any more: a worker that was banned, or one with its key, may come again. */
CONVOY_API void convoy_session_pardon(convoy_session *session);

/* Layers that begin from now on ask none of workers[0..count), and again those that an earlier call has left
 * out; count 0: all are asked. Their outcome is CONVOY_OUTCOME_SPARE. They stay alive, keep their filters and
 * are sent those of layers that they lack, so that a layer may ask them again at any time. It serves to
 * measure, and to try, what a run is like without some workers, whether these are threads, started here or
 * have dialled in: faults are given once for a session, and a worker that was killed does not come back to
 * it. Nothing is done in a session without workers. Thread-safe. CONVOY_E_USAGE for a number that no worker
 * may have; then nothing changes. */
CONVOY_API convoy_status convoy_session_leave_out(convoy_session *session, const uint32_t *workers,
                                                  size_t count, convoy_error *error);

/* Readiness: how many workers are alive now, and in *needed how many must be that no layer waits, n - γ. Both
 * are 0 in a local session, and if no layer pays. */
CONVOY_API uint32_t convoy_session_live(const convoy_session *session, uint32_t *needed);

#ifdef __cplusplus
}
#endif
#endif
