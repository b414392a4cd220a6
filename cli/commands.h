/* The commands of the program, and how they end. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "options.h"

enum exit_status { EXIT_DONE = 0, EXIT_OTHER = 1, EXIT_USAGE = 2, EXIT_INPUT = 3, EXIT_WORKERS = 4 };

/* Run with parsed options; print their result, or the sentence of their failure; return the exit status. */
int command_run(const struct cli_options *options);
int command_run_mpi(const struct cli_options *options); /* with --mpi, on every rank */
int command_inspect(const struct cli_options *options);
int command_bench(const struct cli_options *options);
int command_plan(const struct cli_options *options);
int command_worker(const struct cli_options *options);
int command_study(const struct cli_options *options);
int command_keygen(const struct cli_options *options);

/* Prints "convoy: SENTENCE" and returns the exit status that belongs to the failure. */
int report_error(const convoy_error *error);

/* The same for a file that was to be written: one that cannot be is no bad input, but EXIT_OTHER. */
int report_unwritable(const convoy_error *error);

/* Flushes standard output. CONVOY_E_IO: not everything could be written. */
convoy_status flush_output(convoy_error *error);

/* The same at the end: EXIT_DONE, or EXIT_OTHER with the sentence. */
int finish_output(void);

#endif
