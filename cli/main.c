/* The program convoy: finds the command and hands over. */
#include "help.h"
#include "options.h"
#include "signals.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int out_of_memory(void) {
    return report_error(&(convoy_error){CONVOY_E_MEMORY, "out of memory"});
}

static int print_help(const struct command *command) {
    return help_print_command(command) ? finish_output() : out_of_memory();
}

static int print_version(void) {
    help_print_version();
    return finish_output();
}

static bool asks_for_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* convoy help [COMMAND] */
static int help(int argc, char **argv) {
    if (argc == 0 || asks_for_help(argv[0])) {
        help_print_commands(stdout);
        return finish_output();
    }
    const struct command *command = command_find(argv[0]);
    return command ? print_help(command) : command_unknown(argv[0]);
}

static int run_command(const struct command *command, int argc, char **argv) {
    signals_watch(command->defers);
    struct common_options *options = calloc(1, command->options_size);
    convoy_error error;
    int exit_status;
    if (!options)
        return out_of_memory();
    if (options_parse(command, options, argc, argv, &error) != CONVOY_OK)
        exit_status = report_error(&error);
    else if (options->help)
        exit_status = print_help(command);
    else if (options->version)
        exit_status = print_version();
    else
        exit_status = command->run(options);
    options_free(command, options);
    free(options);
    return signals_finish(exit_status);
}

/* Each thread would set 64 MB of address space aside for its own allocations, which a limit counts. */
static void spare_address_space(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        mallopt(M_ARENA_MAX, 1);
}

int main(int argc, char **argv) {
    spare_address_space();
    const char *name = argc > 1 ? argv[1] : "";
    const struct command *command = command_find(name);
    if (command)
        return run_command(command, argc - 2, argv + 2);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return print_version();
    if (asks_for_help(name))
        return help(argc > 2 ? argc - 2 : 0, argv + 2);
    if (argc > 1)
        return command_unknown(name);
    help_print_commands(stderr);
    return EXIT_USAGE;
}
