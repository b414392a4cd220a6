#include "commands.h"

#include "signals.h"
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct command *const all_commands[] = {
    &command_run,    &command_inspect, &command_plan,       &command_bench, &command_study,
    &command_worker, &command_keygen,  &command_completion, NULL,
};
#define COMMANDS (sizeof all_commands / sizeof *all_commands - 1)

convoy_status cli_error(convoy_error *error, convoy_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->status = status;
    return status;
}

int report_error(const convoy_error *error) {
    fprintf(stderr, "%sconvoy:%s %s\n", terminal_begin(stderr, STYLE_ERROR), terminal_end(stderr),
            error->message);
    switch (error->status) {
    case CONVOY_E_USAGE:
        return EXIT_USAGE;
    case CONVOY_E_INPUT:
    case CONVOY_E_UNSUPPORTED:
    case CONVOY_E_IO:
        return EXIT_INPUT;
    case CONVOY_E_WORKERS:
        return EXIT_WORKERS;
    default:
        return EXIT_OTHER;
    }
}

int report_unwritable(const convoy_error *error) {
    const int exit_status = report_error(error);
    return error->status == CONVOY_E_IO ? EXIT_OTHER : exit_status;
}

convoy_status flush_output(convoy_error *error) {
    errno = 0; /* of an earlier failure the cause is forgotten */
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CONVOY_OK;
    return cli_error(error, CONVOY_E_IO, "standard output cannot be written%s%s", errno ? ": " : "",
                     errno ? strerror(errno) : "");
}

int finish_output(void) {
    convoy_error error;
    if (flush_output(&error) == CONVOY_OK)
        return EXIT_DONE;
    return signals_taken() == SIGPIPE ? EXIT_OTHER /* which ends it */ : report_unwritable(&error);
}

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, all_commands[i]->name) == 0)
            return all_commands[i];
    return NULL;
}

int command_unknown(const char *name) {
    const char *names[COMMANDS + 1];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = all_commands[i]->name;
    names[COMMANDS] = "help";
    const char *closest = convoy_closest(name, names, COMMANDS + 1);
    if (closest)
        fprintf(stderr, "convoy: there is no command '%s'; did you mean '%s'?\n", name, closest);
    else
        fprintf(stderr, "convoy: there is no command '%s'; 'convoy --help' lists those that there are\n",
                name);
    return EXIT_USAGE;
}
