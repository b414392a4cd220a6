/* How a worker is started for a master that listens. */
#ifndef CLI_INVITATION_H
#define CLI_INVITATION_H

#include "options.h"

#include <stddef.h>

/* Writes the command for a shell, to be pasted on the machine of the worker, and returns its length as
 * snprintf does. The names of key files are those without folders: on another machine they lie elsewhere. */
int invitation_text(char *text, size_t size, const struct cli_options *options, const char *url);

#endif
