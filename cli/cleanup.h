/* What a run has made outside its memory, removed when a signal ends it: the socket of ipc://PATH, and the
 * folder of --spawn. */
#ifndef CLI_CLEANUP_H
#define CLI_CLEANUP_H

#include <stdbool.h>

/* Notes the socket of an ipc URL; with_folder: its folder goes too. Nothing is noted of other URLs. */
void cleanup_note(const char *url, bool with_folder);

/* The session has removed it. */
void cleanup_forget(void);

/* Removes what is noted. A signal handler may call it. */
void cleanup_remove(void);

#endif
