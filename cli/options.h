/* The options of the program: one table drives parsing and help. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <convoy/convoy.h>

/* Commands, as bits of the table's rows. */
enum command {
    COMMAND_RUN = 1,
    COMMAND_INSPECT = 2,
    COMMAND_WORKER = 4,
    COMMAND_KEYGEN = 8,
    COMMAND_BENCH = 16,
    COMMAND_PLAN = 32,
    COMMAND_STUDY = 64
};

/* Arguments of an option that may be given several times. */
struct text_list {
    const char **items;
    size_t count;
};

struct cli_options {
    convoy_options session;
    convoy_worker_options worker;
    convoy_image_options image;
    uint32_t parts[2]; /* k_A, k_B; 0,0: not given */
    uint32_t channels; /* 0: rgb, 1: bgr */
    uint32_t deadline_ms;
    uint32_t top, repeat, in_flight, runs;
    const char *labels, *expect; /* file names, or NULL */
    const char *folder;          /* of new keys, or of a study's files */
    struct text_list inputs, outputs, faults;
    bool batch, one;          /* what the first axis of a file is; neither: convoy_model_batched */
    const char *plan_out;     /* file of a plan or profile to be written, or NULL */
    const char *svg;          /* file of the plan's figure, or NULL */
    const char *audit;        /* file of wrong answers, or NULL */
    const char *explain;      /* name of a layer, or NULL */
    uint32_t worker_range[2]; /* of convoy plan: the least and the most workers; 0,0: not given */
    bool stragglers_given, lambda_given;
    bool calibrate, operators;
    bool check, json, csv, quick, quiet, help, version;
    bool workers_given, channels_given;
    bool mpi;
    struct text_list arguments; /* what is not an option */
};

/* Reads argv[0..argc) (after the command's name); strings are borrowed. CONVOY_E_USAGE. */
convoy_status options_parse(struct cli_options *options, enum command command, int argc, char **argv,
                            convoy_error *error);
void options_free(struct cli_options *options);

/* Prints the options of a command, one line each. */
void options_print(enum command command);

/* Puts what the plan of the session chose in the place of what was left to it. */
void options_settle(struct cli_options *options, const convoy_session *session);

/* What --precision calls it. */
const char *precision_text(convoy_precision precision);

/* Fills *error from a printf format and returns the status. */
convoy_status cli_error(convoy_error *error, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
