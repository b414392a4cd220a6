/* From a command line to the options of a command. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "commands.h"

/* The rows that every command has besides its own, about struct common_options. */
extern const struct option_group common_group;

/* Calls visit with each group of a command, its own first, until it returns false. */
void options_visit(const struct command *command,
                   bool (*visit)(void *context, const struct option_group *group), void *context);

/* Reads argv[0..argc) (after the command's name) into the command's options, which are all zeros; strings are
 * borrowed. CONVOY_E_USAGE, CONVOY_E_MEMORY; options_free is due in any case. */
convoy_status options_parse(const struct command *command, void *options, int argc, char **argv,
                            convoy_error *error);
void options_free(const struct command *command, void *options);

#endif
