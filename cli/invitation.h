/* How workers are started: those of other machines by a command that is printed, those of this one by this
 * program. */
#ifndef CLI_INVITATION_H
#define CLI_INVITATION_H

#include "progress.h"

#include <limits.h>

#include <stddef.h>

/* Writes the command for a shell, to be pasted on the machine of the worker, and returns its length as
 * snprintf does. The names of key files are those without folders: on another machine they lie elsewhere. */
int invitation_text(char *text, size_t size, const convoy_options *session, const char *url);

/* What is done when workers may dial in: the address is noted for cleaning up, and the command is told,
 * unless the workers are started here. For convoy_options.listening; context: a struct invitation. */
struct invitation {
    const convoy_options *session;
    struct progress *progress;
};
void invitation_give(void *context, const char *url);

/* The path of this program, which --spawn starts; NULL if the system does not tell. */
const char *program_path(char path[PATH_MAX]);

#endif
