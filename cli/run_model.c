#include "run_model.h"

#include "audit.h"
#include "cleanup.h"
#include "commands.h"
#include "feed.h"
#include "input_list.h"
#include "invitation.h"
#include "pardon.h"
#include "pixels.h"
#include "record.h"
#include "run_json.h"
#include "signals.h"
#include "trace.h"
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

/* Whether the other inputs run although one is bad. */
static bool bears_bad_inputs(const struct run *run) {
    return run->feed.file_count > 1 && !run->record.options->input.strict;
}

/* As feed_read, but goes on to the next file that can be read, unless the run ends with a bad one. */
static convoy_status read_on(struct run *run, bool *end, convoy_error *error) {
    convoy_error why;
    for (;;) {
        convoy_status status = feed_read(&run->feed, end, &why);
        if (status != CONVOY_OK && is_bad_file(status) && bears_bad_inputs(run)) {
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

/* Gathers the inputs of the next inference: one, or a group, which may be short. */
static convoy_status next_inputs(void *context, convoy_tensor *inputs, bool *end, convoy_error *error) {
    struct run *run = context;
    bool gathered = false;
    convoy_status status = read_on(run, &gathered, error);
    while (status == CONVOY_OK && !gathered) {
        status = feed_take(&run->feed, error);
        if (status == CONVOY_OK)
            status = record_join(&run->record, error);
        if (status == CONVOY_OK)
            status = read_on(run, &gathered, error);
    }
    *end = status == CONVOY_OK && run->record.joined == 0;
    if (status != CONVOY_OK || *end)
        return status;
    feed_next(&run->feed, inputs);
    record_begin(&run->record);
    return CONVOY_OK;
}

static convoy_status refuse_inputs(void *context, size_t index, const convoy_error *reason,
                                   convoy_error *error) {
    struct run *run = context;
    return bears_bad_inputs(run) ? record_refused(&run->record, index, reason, error)
                                 : record_blame(&run->record, index, reason, error);
}

static convoy_status take_run(void *context, size_t index, uint32_t run, const convoy_result *result,
                              const convoy_check *check, convoy_error *error) {
    struct run *command = context;
    pardon_if_asked(command->session, progress_log, command->progress);
    return record_run(&command->record, index, run, result, check, error);
}

/* Prints what the inferences came to that a signal interrupts, unless nobody reads it. */
static int print_interrupted(struct run *run, const struct run_options *options) {
    const struct record *record = &run->record;
    if (signals_taken() != SIGPIPE && options->answers.json) {
        if (record->printed == 0)
            run_json_begin(options);
        run_json_interrupt(options);
        fflush(stdout);
    }
    signals_tell("%zu of %zu inferences were done", record->shown, feed_expected(&run->feed));
    return EXIT_OTHER; /* if anybody asks: the signal is the status */
}

/* Prints why the run has failed, in the JSON too if that has begun. */
static int print_failure(struct run *run, const struct run_options *options, const convoy_error *error) {
    if (signals_taken())
        return print_interrupted(run, options);
    if (ferror(stdout)) /* that is why */
        return report_unwritable(error);
    if (options->answers.json && run->record.printed > 0)
        run_json_fail(options, error);
    return report_error(error);
}

/* Prints what the whole command came to. There is no session if there was nothing to run. */
static int print_outcome(struct run *run, const struct run_options *options) {
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
    const bool printed = options->answers.json      ? run_json_end(options, &record->summary, &cluster)
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

/* Says so if images are gathered for a model that takes several at once. */
static void tell_group(const struct run *run) {
    const struct feed *feed = &run->feed;
    char takes[128], line[256];
    if (feed->group == 1 || feed->whole)
        return;
    snprintf(line, sizeof line, "%zu images make one inference, since the input '%.60s' takes %s",
             feed->group, feed->inputs[feed->fed].name,
             convoy_shape_text(&feed->inputs[feed->fed].shape, takes, sizeof takes));
    progress_log(run->progress, CONVOY_LOG_INFO, line);
}

/* The inferences, over a session of their own. What the options leave to its plan is put in them. */
static int run_session(struct run *run, struct run_options *options, const convoy_model *model) {
    struct progress *progress = run->progress;
    convoy_error error;
    char path[PATH_MAX], trials[PATH_MAX];
    tell_group(run);
    convoy_options session_options = options->cluster.session;
    session_options.trial_folder = trials_folder(trials);
    session_options.spawn_program = program_path(path);
    session_options.log = progress_log;
    session_options.log_context = progress;
    session_options.cancelled = signals_cancel;
    session_options.planning = progress_planning;
    session_options.progress = progress_coding;
    session_options.progress_context = progress;
    struct invitation invitation = {.session = &options->cluster.session, .progress = progress};
    if (!session_options.listening) { /* under MPI others are told */
        session_options.listening = invitation_give;
        session_options.listening_context = &invitation;
    }
    struct audit audit;
    struct trace_file trace;
    if (trace_open(&trace, options->trace, &error) != CONVOY_OK)
        return report_unwritable(&error);
    trace_connect(&trace, &session_options);
    if (audit_open(&audit, options->audit, &error) != CONVOY_OK) {
        const int exit_status = report_unwritable(&error);
        trace_close(&trace, options->trace, &error);
        return exit_status;
    }
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
        .refused = refuse_inputs,
    };

    convoy_status status =
        convoy_session_create(&run->session, model, run->feed.shapes, &session_options, &error);
    progress_clear(progress);
    if (status == CONVOY_OK) {
        session_settings_settle(&options->cluster.session, run->session);
        status = convoy_session_stream(run->session, &stream, &run->record.summary.total_ms, &error);
    }
    progress_clear(progress);
    int exit_status = status == CONVOY_OK ? print_outcome(run, options) : print_failure(run, options, &error);
    convoy_session_destroy(&run->session);
    cleanup_forget();
    if (audit_close(&audit, options->audit, &error) != CONVOY_OK && exit_status == EXIT_DONE)
        exit_status = report_unwritable(&error);
    if (trace_close(&trace, options->trace, &error) != CONVOY_OK && exit_status == EXIT_DONE)
        exit_status = report_unwritable(&error);
    return exit_status;
}

/* Whether the files that the options name can be written, and are none that the run reads. */
static convoy_status check_files(const struct run *run, const struct run_options *options,
                                 convoy_error *error) {
    const struct {
        const char *option, *file;
    } others[] = {{"trace", options->trace}, {"audit", options->audit}};
    const struct files_read read = record_files_read(options, &run->feed);
    convoy_status status = saves_check(&run->record.saves, error);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && status == CONVOY_OK; i++) {
        if (!others[i].file)
            continue;
        status = saves_check_other(&run->record.saves, others[i].option, others[i].file, error);
        if (status == CONVOY_OK)
            status = save_check_file(&read, others[i].option, others[i].file, error);
    }
    return status == CONVOY_OK ? save_check_apart("trace", options->trace, "audit", options->audit, error)
                               : status;
}

static int run_inputs(struct run_options *options, const convoy_model *model, struct progress *progress) {
    struct run run = {.progress = progress};
    struct input_list list;
    convoy_error error;
    int exit_status;
    bool end = false;
    convoy_status status = input_list_open(&list, options, &error);
    if (status == CONVOY_OK)
        status = feed_open(&run.feed, model, &list.arguments, &options->input, &error);
    if (status == CONVOY_OK && run.feed.input_count > 0)
        pixels_check_means(&options->input.image, &run.feed.inputs[run.feed.fed], progress);
    if (status == CONVOY_OK)
        status = record_open(&run.record, model, options, &run.feed, progress, &error);
    if (status != CONVOY_OK)
        exit_status = report_error(&error);
    else if (check_files(&run, options, &error) != CONVOY_OK)
        exit_status = report_unwritable(&error);
    else if (read_on(&run, &end, &error) != CONVOY_OK) /* the shapes are known then */
        exit_status = print_failure(&run, options, &error);
    else
        exit_status = end ? print_outcome(&run, options) : run_session(&run, options, model);
    record_close(&run.record);
    feed_close(&run.feed);
    input_list_close(&list);
    return exit_status;
}

int run_model(struct run_options *options) {
    convoy_error error;
    struct progress progress;
    convoy_model *model = NULL;
    progress_open(&progress, options->common.quiet);
    progress.warnings = options->cluster.session.spawn && !options->answers.layers;
    if (convoy_model_load(&model, run_options_model(options), &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = run_inputs(options, model, &progress);
    convoy_model_destroy(&model);
    return exit_status;
}
