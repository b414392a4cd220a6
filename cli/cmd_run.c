/* convoy run: inputs through a model, coded over workers. */
#include "audit.h"
#include "cleanup.h"
#include "commands.h"
#include "feed.h"
#include "invitation.h"
#include "json.h"
#include "pardon.h"
#include "record.h"
#include "signals.h"
#include "trials.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What the stream's callbacks need. */
struct run {
    struct feed feed;
    struct record record;
    convoy_session *session; /* NULL: none yet */
    struct progress *progress;
};

static bool is_bad_file(convoy_status status) {
    return status == CONVOY_E_INPUT || status == CONVOY_E_UNSUPPORTED || status == CONVOY_E_IO;
}

/* Goes on to the next file that can be read, or *end. The only file must be readable. */
static convoy_status read_on(struct run *run, bool *end, convoy_error *error) {
    convoy_error why;
    for (;;) {
        convoy_status status = feed_read(&run->feed, end, &why);
        if (status != CONVOY_OK && is_bad_file(status) && run->feed.file_count > 1) {
            status = record_bad_file(&run->record, &why, error);
            if (status != CONVOY_OK)
                return status;
            continue;
        }
        if (status != CONVOY_OK)
            *error = why;
        return status;
    }
}

static convoy_status next_inputs(void *context, convoy_tensor *inputs, bool *end, convoy_error *error) {
    struct run *run = context;
    convoy_status status = read_on(run, end, error);
    if (status == CONVOY_OK && !*end)
        status = feed_next(&run->feed, inputs, error);
    return status == CONVOY_OK && !*end ? record_begin(&run->record, error) : status;
}

static convoy_status refuse_inputs(void *context, size_t index, const convoy_error *reason,
                                   convoy_error *error) {
    return record_refused(&((struct run *)context)->record, index, reason, error);
}

static convoy_status take_run(void *context, size_t index, uint32_t run, const convoy_result *result,
                              const convoy_check *check, convoy_error *error) {
    struct run *command = context;
    pardon_if_asked(command->session, progress_log, command->progress);
    return record_run(&command->record, index, run, result, check, error);
}

/* Prints what the inferences came to that a signal interrupts, unless nobody reads it. */
static int print_interrupted(struct run *run, const struct cli_options *options) {
    const struct record *record = &run->record;
    if (signals_taken() != SIGPIPE && options->json) {
        if (record->printed == 0)
            json_run_begin(options);
        json_run_interrupt();
        fflush(stdout);
    }
    signals_tell("%zu of %zu inferences were done", record->printed - record->summary.failed,
                 feed_expected(&run->feed));
    return EXIT_OTHER; /* if anybody asks: the signal is the status */
}

/* Prints why the run has failed, in the JSON too if that has begun. */
static int print_failure(struct run *run, const struct cli_options *options, const convoy_error *error) {
    if (signals_taken())
        return print_interrupted(run, options);
    if (ferror(stdout)) /* that is why */
        return report_unwritable(error);
    if (options->json && run->record.printed > 0)
        json_run_fail(error);
    return report_error(error);
}

/* Prints what the whole command came to. There is no session if there was nothing to run. */
static int print_outcome(struct run *run, const struct cli_options *options) {
    const convoy_session *session = run->session;
    struct record *record = &run->record;
    convoy_error error;
    uint32_t lost[CONVOY_MAX_WORKERS], distrusted[CONVOY_MAX_WORKERS];
    const convoy_postponed *postponed;
    struct cluster_state cluster = {.lost = lost, .distrusted = distrusted};
    if (session) {
        cluster.lost_count = convoy_session_lost(session, lost, CONVOY_MAX_WORKERS);
        if (cluster.lost_count > CONVOY_MAX_WORKERS)
            cluster.lost_count = CONVOY_MAX_WORKERS;
        cluster.distrusted_count = convoy_session_distrusted(session, distrusted, CONVOY_MAX_WORKERS);
        cluster.live = convoy_session_live(session, &cluster.needed);
        record->summary.postponed = convoy_session_postponed(session, &postponed);
    }
    const bool printed = options->json              ? json_run_end(options, &record->summary, &cluster)
                         : record->summary.runs > 0 ? summary_print(&record->summary, options, &cluster)
                                                    : true;
    if (!printed) {
        cli_error(&error, CONVOY_E_MEMORY, "out of memory");
        return report_error(&error);
    }
    if (saves_write(&record->saves, &error) != CONVOY_OK)
        return report_unwritable(&error);
    const int exit_status = finish_output();
    return exit_status == EXIT_DONE && record->summary.failed > 0 ? EXIT_INPUT : exit_status;
}

/* The inferences, over a session of their own. What the options leave to its plan is put in them. */
static int run_session(struct run *run, struct cli_options *options, const convoy_model *model) {
    struct progress *progress = run->progress;
    convoy_error error;
    char path[PATH_MAX], trials[PATH_MAX];
    convoy_options session_options = options->session;
    session_options.trial_folder = trials_folder(trials);
    session_options.spawn_program = program_path(path);
    session_options.log = progress_log;
    session_options.log_context = progress;
    session_options.cancelled = signals_cancel;
    session_options.planning = progress_planning;
    session_options.progress = progress_coding;
    session_options.progress_context = progress;
    struct invitation invitation = {.options = options, .progress = progress};
    if (!session_options.listening) { /* under MPI others are told */
        session_options.listening = invitation_give;
        session_options.listening_context = &invitation;
    }
    struct audit audit;
    if (audit_open(&audit, options->audit, &error) != CONVOY_OK)
        return report_unwritable(&error);
    if (audit.file) {
        session_options.wrong_answer = audit_note;
        session_options.wrong_answer_context = &audit;
    }
    const convoy_stream stream = {
        .context = run,
        .in_flight = options->in_flight,
        .repeat = options->repeat,
        .check = options->check,
        .next = next_inputs,
        .done = take_run,
        .refused = run->feed.file_count > 1 ? refuse_inputs : NULL,
    };

    convoy_status status =
        convoy_session_create(&run->session, model, run->feed.shapes, &session_options, &error);
    progress_clear(progress);
    if (status == CONVOY_OK) {
        options_settle(options, run->session);
        status = convoy_session_stream(run->session, &stream, &run->record.summary.total_ms, &error);
    }
    progress_clear(progress);
    int exit_status = status == CONVOY_OK ? print_outcome(run, options) : print_failure(run, options, &error);
    convoy_session_destroy(&run->session);
    cleanup_forget();
    if (audit_close(&audit, options->audit, &error) != CONVOY_OK && exit_status == EXIT_DONE)
        exit_status = report_unwritable(&error);
    return exit_status;
}

static int run_model(const struct cli_options *given, const convoy_model *model, struct progress *progress) {
    struct run run = {.progress = progress};
    struct cli_options own = *given, *options = &own;
    convoy_error error;
    int exit_status;
    bool end = false;
    convoy_status status = feed_open(&run.feed, model, options, &error);
    if (status == CONVOY_OK)
        status = record_open(&run.record, model, options, &run.feed, progress, &error);
    if (status != CONVOY_OK)
        exit_status = report_error(&error);
    else if (saves_check(&run.record.saves, &error) != CONVOY_OK)
        exit_status = report_unwritable(&error);
    else if (read_on(&run, &end, &error) != CONVOY_OK) /* the shapes are known then */
        exit_status = print_failure(&run, options, &error);
    else
        exit_status = end ? print_outcome(&run, options) : run_session(&run, options, model);
    record_close(&run.record);
    feed_close(&run.feed);
    return exit_status;
}

static bool checks_answers(const convoy_options *session) {
    return session->verify == CONVOY_VERIFY_AUTO ? session->listen != NULL
                                                 : session->verify != CONVOY_VERIFY_OFF;
}

int command_run(const struct cli_options *options) {
    convoy_error error;
    pardon_prepare(); /* also in ranks that are workers: mpirun passes the signal on to all */
    if (options->mpi)
        return command_run_mpi(options);
    if (options->arguments.count == 0) {
        cli_error(&error, CONVOY_E_USAGE, "no model; usage: convoy run MODEL INPUT...");
        return report_error(&error);
    }
    if (options->audit && !checks_answers(&options->session)) {
        cli_error(&error, CONVOY_E_USAGE, "--audit %s: no answers are checked; --verify sample or all does",
                  options->audit);
        return report_error(&error);
    }
    struct progress progress;
    progress_open(&progress, options->quiet);
    convoy_model *model = NULL;
    if (convoy_model_load(&model, options->arguments.items[0], &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = run_model(options, model, &progress);
    convoy_model_destroy(&model);
    return exit_status;
}
