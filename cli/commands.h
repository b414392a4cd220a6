/* The commands of the program, and how they end. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "option.h"

enum exit_status { EXIT_DONE = 0, EXIT_OTHER = 1, EXIT_USAGE = 2, EXIT_INPUT = 3, EXIT_WORKERS = 4 };

/* What every command takes: the first member of each command's options. */
struct common_options {
    struct text_list arguments; /* what is not an option */
    bool help, version, quiet;
};

struct command {
    const char *name;
    const char *arguments, *summary; /* for the help */
    const struct option_group *groups;
    size_t group_count;
    size_t options_size;         /* of the struct that its options are parsed into */
    void (*init)(void *options); /* puts the defaults into it, which is all zeros */
    /* Checks the options beside each other, and fills what follows from them. CONVOY_E_USAGE. May be NULL. */
    convoy_status (*finish)(void *options, convoy_error *error);
    /* Prints the result, or the sentence of the failure; returns the exit status. May change the options. */
    int (*run)(void *options);
    bool defers; /* gives up what it does, and ends by itself, if a signal comes */
};

/* All of them, in the order of the help; NULL at the end. */
extern const struct command *const all_commands[];

extern const struct command command_run, command_inspect, command_plan, command_bench, command_study,
    command_worker, command_keygen, command_completion;

/* The command of that name; NULL: there is none. */
const struct command *command_find(const char *name);

/* Tells that there is no such command, and which was probably meant. Returns the exit status. */
int command_unknown(const char *name);

/* Fills *error from a printf format and returns the status. */
convoy_status cli_error(convoy_error *error, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints "convoy: SENTENCE" and returns the exit status that belongs to the failure. */
int report_error(const convoy_error *error);

/* The same for a file that was to be written: one that cannot be is no bad input, but EXIT_OTHER. */
int report_unwritable(const convoy_error *error);

/* Flushes standard output. CONVOY_E_IO: not everything could be written. */
convoy_status flush_output(convoy_error *error);

/* The same at the end: EXIT_DONE, or EXIT_OTHER with the sentence. */
int finish_output(void);

#endif
