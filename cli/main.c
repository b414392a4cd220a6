/* The program convoy: finds the command and hands over. */
#include "commands.h"
#include "signals.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

struct command_row {
    const char *name;
    enum command command;
    int (*run)(const struct cli_options *options);
    const char *arguments, *help;
    bool defers; /* gives up what it does, and ends by itself, when a signal comes */
};

static const struct command_row command_table[] = {
    {"run", COMMAND_RUN, command_run, "MODEL INPUT...", "run a model, coded over workers that may fail",
     true},
    {"inspect", COMMAND_INSPECT, command_inspect, "MODEL",
     "the graph: shapes, costs, which layers can be coded", false},
    {"plan", COMMAND_PLAN, command_plan, "MODEL",
     "what workers would compute, in which parts, and whether that pays", false},
    {"bench", COMMAND_BENCH, command_bench, "MODEL", "speed, beside the limits of the machine it runs on",
     false},
    {"study", COMMAND_STUDY, command_study, "TOPIC --out DIR",
     "figures about codes that anybody can make again", true},
    {"worker", COMMAND_WORKER, command_worker, "--connect URL", "serve a master as a worker", false},
    {"keygen", COMMAND_KEYGEN, command_keygen, "NAME", "make the keys of a master or a worker", false},
};
#define COMMANDS (sizeof command_table / sizeof *command_table)

int report_error(const convoy_error *error) {
    fprintf(stderr, "convoy: %s\n", error->message);
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
    return flush_output(&error) == CONVOY_OK ? EXIT_DONE : report_unwritable(&error);
}

static void print_commands(FILE *file) {
    fprintf(file, "Convoy runs neural networks on workers that may fail.\n\nusage:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  convoy %-8s %-15s %s\n", command_table[i].name, command_table[i].arguments,
                command_table[i].help);
    fprintf(file, "  convoy COMMAND --help           the options of a command\n"
                  "  convoy --version                the version\n");
}

static int print_version(void) {
    printf("convoy %s\n", CONVOY_VERSION);
    return finish_output();
}

static int print_help(const struct command_row *row) {
    printf("usage: convoy %s %s [OPTION...]\n\n%s\n\n", row->name, row->arguments, row->help);
    options_print(row->command);
    printf("\nThe manual is convoy(1).\n");
    return finish_output();
}

static int run_command(const struct command_row *row, int argc, char **argv) {
    signals_watch(row->defers);
    struct cli_options options;
    convoy_error error;
    int exit_status;
    if (options_parse(&options, row->command, argc, argv, &error) != CONVOY_OK)
        exit_status = report_error(&error);
    else if (options.help)
        exit_status = print_help(row);
    else if (options.version)
        exit_status = print_version();
    else
        exit_status = row->run(&options);
    options_free(&options);
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
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, command_table[i].name) == 0)
            return run_command(&command_table[i], argc - 2, argv + 2);
    }
    if (strcmp(name, "--version") == 0)
        return print_version();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_commands(stdout);
        return finish_output();
    }
    if (argc > 1)
        fprintf(stderr, "convoy: there is no command '%s'\n", name);
    print_commands(stderr);
    return EXIT_USAGE;
}
