/* --trace: every step of the master and of its workers, as a trace that Perfetto shows (ui.perfetto.dev). */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "commands.h"

#include <pthread.h>
#include <stdio.h>

enum {
    TRACE_MASTER_ROWS = CONVOY_MAX_IN_FLIGHT,
    TRACE_WORKER_ROWS = 2, /* of each worker */
    TRACE_ROWS = TRACE_MASTER_ROWS + TRACE_WORKER_ROWS * CONVOY_MAX_WORKERS
};

struct trace_file {
    FILE *file; /* NULL: no trace is wanted */
    uint64_t start_ns;
    pthread_mutex_t mutex; /* guards the rest */
    char *text;            /* [used] whole events that the file has not got yet */
    size_t used;
    int failure;            /* why it could not be written, as in errno; 0: it could */
    bool named[TRACE_ROWS]; /* the rows that are */
};

/* Opens the file, and replaces what it has; path NULL: no trace is wanted. CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status trace_open(struct trace_file *trace, const char *path, convoy_error *error);

/* Has sessions that are made with these options tell of their steps, if a trace is wanted. */
void trace_connect(struct trace_file *trace, convoy_options *session);

/* Ends the file. The sessions are gone. CONVOY_E_IO if not everything could be written. */
convoy_status trace_close(struct trace_file *trace, const char *path, convoy_error *error);

#endif
