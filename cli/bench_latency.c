/* convoy bench: the sessions whose inferences are measured, and what is printed of them. */
#include "bench_views.h"
#include "cleanup.h"
#include "commands.h"
#include "invitation.h"
#include "latency.h"
#include "shapes.h"
#include "signals.h"
#include "trace.h"
#include "trials.h"

#include <signal.h>
#include <stdlib.h>

/* What is measured, and by what. */
struct bench {
    struct bench_options *options; /* what they leave to the plan is settled */
    const convoy_model *model;
    convoy_shape *shapes;  /* of the inputs */
    convoy_tensor *inputs; /* [input_count] */
    size_t input_count;
    convoy_session *alone, *coded; /* coded NULL: no layer is */
    struct latency *latency;
    struct progress progress;
    struct trace_file trace;
};

/* ---- sessions ---- */

/* Without workers, and without what is said of them. */
static convoy_options alone_options(const convoy_options *session) {
    convoy_options alone = *session, usual;
    convoy_options_init(&usual);
    if (session->local) /* what is said of them makes no sense, and is told so */
        return alone;
    alone.local = true;
    alone.trace = NULL; /* of the workers' inferences alone, so that one row is one kind */
    alone.listen = alone.key_file = alone.allowed_folder = NULL;
    alone.spawn = alone.reserve = 0;
    alone.code = usual.code;
    alone.precision = usual.precision;
    alone.input_parts = alone.filter_parts = 0;
    alone.verify = CONVOY_VERIFY_OFF;
    return alone;
}

/* Two sessions that are there at the same time would both time the kernels that were not timed before. */
static convoy_status time_kernels(const struct bench *bench, const convoy_options *session,
                                  convoy_error *error) {
    convoy_options planning = *session;
    convoy_session *planned = NULL;
    planning.plan_only = true;
    planning.listen = planning.key_file = planning.allowed_folder = NULL;
    planning.spawn = 0;
    planning.log = NULL; /* what is to be told of the plan is told once */
    const convoy_status status =
        convoy_session_create(&planned, bench->model, bench->shapes, &planning, error);
    convoy_session_destroy(&planned);
    return status;
}

static bool any_coded(const convoy_session *session) {
    const convoy_layer_info *layers;
    for (size_t i = convoy_session_layers(session, &layers); i > 0; i--)
        if (layers[i - 1].codable)
            return true;
    return false;
}

static convoy_status open_sessions(struct bench *bench, const convoy_options *session, convoy_error *error) {
    convoy_options coded = *session;
    convoy_status status = CONVOY_OK;
    if (!session->local && !session->no_trials) {
        status = time_kernels(bench, session, error);
        coded.retrial = false; /* once is enough */
    }
    const convoy_options alone = alone_options(&coded);
    if (status == CONVOY_OK && !session->local)
        status = convoy_session_create(&bench->coded, bench->model, bench->shapes, &coded, error);
    if (status == CONVOY_OK && bench->coded && !any_coded(bench->coded))
        convoy_session_destroy(&bench->coded);
    if (status == CONVOY_OK)
        status = convoy_session_create(&bench->alone, bench->model, bench->shapes, &alone, error);
    if (status == CONVOY_OK && bench->coded)
        session_settings_settle(&bench->options->cluster.session, bench->coded);
    return status;
}

static convoy_status open_inputs(struct bench *bench, convoy_error *error) {
    const convoy_value_info *infos;
    const size_t count = convoy_model_inputs(bench->model, &infos);
    bench->shapes = shapes_close(bench->model, bench->options->size);
    bench->inputs = calloc(count + 1, sizeof *bench->inputs);
    bench->latency = calloc(1, sizeof *bench->latency);
    if (!bench->shapes || !bench->inputs || !bench->latency)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    const convoy_status status = convoy_bench_inputs(
        bench->model, bench->shapes, bench->options->cluster.session.seed, bench->inputs, error);
    if (status == CONVOY_OK)
        bench->input_count = count;
    return status;
}

/* What a session is told besides the user's options. */
static convoy_options session_options(struct bench *bench, struct invitation *invitation, char *trials,
                                      char *program) {
    convoy_options session = bench->options->cluster.session;
    if (session.distribute == CONVOY_DISTRIBUTE_AUTO)
        session.distribute = CONVOY_DISTRIBUTE_ALL; /* what does not pay is to be seen */
    session.trial_folder = trials_folder(trials);
    session.spawn_program = program_path(program);
    session.log = progress_log;
    session.log_context = &bench->progress;
    session.cancelled = signals_cancel;
    session.planning = progress_planning;
    session.progress = progress_coding;
    session.progress_context = &bench->progress;
    session.listening = invitation_give;
    session.listening_context = invitation;
    return session;
}

static convoy_status measure(struct bench *bench, convoy_error *error) {
    char trials[PATH_MAX], program[PATH_MAX];
    struct invitation invitation = {.session = &bench->options->cluster.session,
                                    .progress = &bench->progress};
    convoy_options session = session_options(bench, &invitation, trials, program);
    trace_connect(&bench->trace, &session);
    convoy_status status = open_inputs(bench, error);
    if (status == CONVOY_OK)
        status = open_sessions(bench, &session, error);
    progress_clear(&bench->progress);
    const struct latency_setup setup = {.alone = bench->alone,
                                        .coded = bench->coded,
                                        .workers = session.workers,
                                        .stragglers = session.stragglers,
                                        .in_flight = bench->options->in_flight,
                                        .duration_ns = bench->options->duration_ns,
                                        .inputs = bench->inputs,
                                        .input_count = bench->input_count,
                                        .progress = &bench->progress};
    if (status == CONVOY_OK)
        status = latency_measure(bench->latency, &setup, error);
    progress_clear(&bench->progress);
    convoy_session_destroy(&bench->coded);
    convoy_session_destroy(&bench->alone);
    cleanup_forget();
    return status;
}

/* ---- output ---- */

static int print(const struct bench *bench) {
    const struct bench_options *options = bench->options;
    convoy_error error;
    bool printed = true;
    if (options->csv)
        latency_print_csv(bench->latency);
    else if (options->json)
        printed = latency_print_json(bench->latency, options);
    else
        printed = latency_print(bench->latency, options);
    if (!printed) {
        cli_error(&error, CONVOY_E_MEMORY, "out of memory");
        return report_error(&error);
    }
    const int exit_status = finish_output();
    if (exit_status != EXIT_DONE || !options->svg || bench->latency->interrupted ||
        latency_draw(bench->latency, options, &error) == CONVOY_OK)
        return exit_status;
    return report_unwritable(&error);
}

/* A signal has ended it: what was measured until then is printed. */
static int print_interrupted(const struct bench *bench) {
    const uint64_t count = bench->latency ? latency_inferences(bench->latency) : 0;
    if (count && signals_taken() != SIGPIPE)
        print(bench);
    signals_tell("%llu inferences were measured", (unsigned long long)count);
    return EXIT_OTHER; /* if anybody asks: the signal is the status */
}

static void bench_close(struct bench *bench) {
    for (size_t i = 0; i < bench->input_count; i++)
        convoy_tensor_release(&bench->inputs[i]);
    free(bench->inputs);
    free(bench->shapes);
    free(bench->latency);
}

int bench_show_latency(struct bench_options *options, const convoy_model *model) {
    struct bench bench = {.options = options, .model = model};
    convoy_error error, unwritten;
    int exit_status;
    progress_open(&bench.progress, options->common.quiet);
    bench.progress.warnings = options->cluster.session.spawn > 0;
    if (trace_open(&bench.trace, options->trace, &error) != CONVOY_OK)
        return report_unwritable(&error);
    const convoy_status status = measure(&bench, &error);
    const bool traced = trace_close(&bench.trace, options->trace, &unwritten) == CONVOY_OK;
    if (signals_taken()) {
        exit_status = print_interrupted(&bench);
    } else if (status != CONVOY_OK) {
        exit_status = report_error(&error);
    } else {
        signals_defer(false); /* nothing is left to be given up */
        exit_status = print(&bench);
        if (exit_status == EXIT_DONE && !traced)
            exit_status = report_unwritable(&unwritten);
    }
    bench_close(&bench);
    return exit_status;
}
