/* convoy run --mpi, on all ranks of a job: rank 0 runs the model, the others are its workers. */
#include "commands.h"
#include "signals.h"

#include <stdio.h>
#include <string.h>

/* A rank tells which worker it is, or why it is none. When it loses its master it falls silent: mostly that
 * has simply finished, and if not, it tells of the worker itself. */
struct voice {
    uint32_t rank;
    _Atomic bool spoken, silent; /* lines come from several threads */
};

static void say(void *context, convoy_log_level level, const char *line) {
    struct voice *voice = context;
    if (level == CONVOY_LOG_WARNING && voice->spoken)
        voice->silent = true;
    if (!voice->silent)
        fprintf(stderr, "convoy: rank %u: %s\n", voice->rank, line);
    voice->spoken = true;
}

/* Serves until rank 0 is gone, which is no failure. */
static int serve(convoy_mpi *mpi, const struct cli_options *options) {
    convoy_error error;
    struct voice voice = {.rank = convoy_mpi_rank(mpi), .silent = options->quiet};
    convoy_worker_options worker = options->worker;
    worker.backend = options->session.backend;
    worker.threads = options->session.threads;
    worker.faults = NULL; /* --fault is the master's here */
    worker.fault_count = 0;
    worker.log = say;
    worker.log_context = &voice;
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

/* Whether an input, or the model, is to come from standard input, which mpirun keeps for itself. */
static bool reads_standard_input(const struct cli_options *options) {
    for (size_t i = 0; i < options->arguments.count; i++)
        if (strcmp(options->arguments.items[i], "-") == 0)
            return true;
    for (size_t i = 0; i < options->inputs.count; i++) {
        const char *file = strrchr(options->inputs.items[i], '=');
        if (file && strcmp(file, "=-") == 0)
            return true;
    }
    return false;
}

/* Runs the model with the other ranks as workers. */
static int lead(convoy_mpi *mpi, const struct cli_options *options) {
    convoy_error error;
    struct cli_options own = *options;
    const uint32_t others = convoy_mpi_size(mpi) - 1;
    own.mpi = false;
    if (!own.workers_given)
        own.session.workers = others;
    if (own.session.workers > others)
        cli_error(&error, CONVOY_E_USAGE, "--workers %u: this MPI job has %u ranks besides rank 0",
                  own.session.workers, others);
    else if (reads_standard_input(options))
        cli_error(&error, CONVOY_E_USAGE,
                  "-: with --mpi there is no standard input, which is mpirun's: give the name of a file");
    else if (convoy_mpi_fill_master(mpi, &own.session, &error) == CONVOY_OK) {
        signals_defer(true);
        return command_run(&own);
    }
    return report_error(&error);
}

int command_run_mpi(const struct cli_options *options) {
    convoy_error error;
    convoy_mpi *mpi = NULL;
    if (options->session.local || options->session.spawn) {
        cli_error(&error, CONVOY_E_USAGE, "--mpi and %s: the workers are the other ranks",
                  options->session.local ? "--local" : "--spawn");
        return report_error(&error);
    }
    signals_defer(false); /* only rank 0 has more to do, and that later */
    if (convoy_mpi_start(&mpi, &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = convoy_mpi_rank(mpi) == 0 ? lead(mpi, options) : serve(mpi, options);
    convoy_mpi_destroy(&mpi);
    return exit_status;
}
