/* What a run has made outside its memory, removed when a signal ends it: the socket of ipc://PATH, and the
 * folder of --spawn. */
#ifndef CLI_CLEANUP_H
#define CLI_CLEANUP_H

#include <stdbool.h>

/* Notes the socket of an ipc URL; with_folder: its folder goes too. From now on SIGINT, SIGTERM and SIGHUP,
 * but those that are ignored, remove it, and then end the process as they would have. Nothing is noted of
 * other URLs. */
void cleanup_note(const char *url, bool with_folder);

/* From now on a mapped file that is made shorter ends the process with a sentence and EXIT_INPUT, instead of
 * by SIGBUS. */
void cleanup_watch_files(void);

/* The session has removed it. */
void cleanup_forget(void);

#endif
