/* What the program says of itself. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "commands.h"

#include <stdio.h>

/* Prints the commands. */
void help_print_commands(FILE *file);

/* Prints the usage of a command and its options, with their defaults. False without memory. */
bool help_print_command(const struct command *command);

/* Prints the version, the commit, and what the program was built with. */
void help_print_version(void);

#endif
