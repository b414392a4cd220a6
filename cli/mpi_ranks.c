#include "mpi_ranks.h"

#include "run_model.h"
#include "signals.h"

#include <stdio.h>
#include <string.h>

/* A rank tells which worker it is, or why it is none. When it loses its master it falls silent: mostly that
 * has simply finished, and if not, it tells of the worker itself. */
struct rank_log {
    uint32_t rank;
    _Atomic bool begun, silent; /* lines come from several threads */
};

static void log_of_rank(void *context, convoy_log_level level, const char *line) {
    struct rank_log *log = context;
    if (level == CONVOY_LOG_WARNING && log->begun)
        log->silent = true;
    if (!log->silent)
        fprintf(stderr, "convoy: rank %u: %s\n", log->rank, line);
    log->begun = true;
}

/* Serves until rank 0 is gone, which is no failure. */
static int serve(convoy_mpi *mpi, const struct run_options *options) {
    convoy_error error;
    struct rank_log log = {.rank = convoy_mpi_rank(mpi), .silent = options->common.quiet};
    convoy_worker_options worker; /* --fault is the master's here */
    convoy_worker_options_init(&worker);
    worker.backend = options->cluster.session.backend;
    worker.threads = options->cluster.session.threads;
    worker.log = log_of_rank;
    worker.log_context = &log;
    convoy_status status = convoy_mpi_fill_worker(mpi, &worker, &error);
    if (status == CONVOY_E_CLOSED)
        return EXIT_DONE; /* rank 0 has told why */
    if (status == CONVOY_OK) {
        status = convoy_worker_run(&worker, &error);
        if (status == CONVOY_E_IO)
            return EXIT_DONE;
    }
    return status == CONVOY_OK ? EXIT_DONE : report_error(&error);
}

static bool names_standard_input(const char *text) {
    return text && (strcmp(text, "-") == 0 || strcmp(text, "@-") == 0);
}

/* Whether anything is to come from standard input, which mpirun keeps for itself. */
static bool reads_standard_input(const struct run_options *options) {
    const struct text_list *arguments = &options->common.arguments, *named = &options->input.named;
    for (size_t i = 0; i < arguments->count; i++)
        if (names_standard_input(arguments->items[i]))
            return true;
    for (size_t i = 0; i < named->count; i++) {
        const char *file = strrchr(named->items[i], '=');
        if (file && strcmp(file, "=-") == 0)
            return true;
    }
    return names_standard_input(options->answers.labels) || names_standard_input(options->answers.expect);
}

/* Runs the model with the other ranks as workers. */
static int lead(convoy_mpi *mpi, struct run_options *options) {
    convoy_error error;
    convoy_options *session = &options->cluster.session;
    const uint32_t others = convoy_mpi_size(mpi) - 1;
    if (!options->cluster.workers_given)
        session->workers = others;
    if (session->workers > others)
        cli_error(&error, CONVOY_E_USAGE, "--workers %u: this MPI job has %u ranks besides rank 0",
                  session->workers, others);
    else if (reads_standard_input(options))
        cli_error(&error, CONVOY_E_USAGE,
                  "-: with --mpi there is no standard input, which is mpirun's: give the name of a file");
    else if (convoy_mpi_fill_master(mpi, session, &error) == CONVOY_OK) {
        signals_defer(true);
        return run_model(options);
    }
    return report_error(&error);
}

int mpi_ranks_run(struct run_options *options) {
    const convoy_options *session = &options->cluster.session;
    convoy_error error;
    convoy_mpi *mpi = NULL;
    if (session->local || session->spawn) {
        cli_error(&error, CONVOY_E_USAGE,
                  "--mpi and %s: the workers are the other ranks; leave out the one or the other",
                  session->local ? "--local" : "--spawn");
        return report_error(&error);
    }
    signals_defer(false); /* only rank 0 has more to do, and that later */
    if (convoy_mpi_start(&mpi, &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = convoy_mpi_rank(mpi) == 0 ? lead(mpi, options) : serve(mpi, options);
    convoy_mpi_destroy(&mpi);
    return exit_status;
}
