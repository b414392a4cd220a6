/* A folder of this process in $TMPDIR, or in /tmp if that is not set, no path from the root, or too long for
 * a socket. No other user enters it. Its file "lock" is locked for as long as the process lives, however that
 * ends: a folder whose lock is free was left behind. */
#ifndef SESSION_RUN_FOLDER_H
#define SESSION_RUN_FOLDER_H

#include <convoy/status.h>

/* All zero: none. */
struct run_folder {
    char *path;
    int lock; /* -1: this file system has no locks */
};

/* What may be in such a folder, beside the lock. */
#define RUN_FOLDER_SOCKET "master"
#define RUN_FOLDER_KEY    "worker.pub"

/* Makes a folder "convoy-XXXXXX", or with a kind "convoy-KIND-XXXXXX". what it is for completes the sentence:
 * CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status run_folder_create(struct run_folder *folder, const char *kind, const char *what,
                                convoy_error *error);

/* Removes what is in it, and the folder; all zero does nothing. */
void run_folder_remove(struct run_folder *folder);

/* Removes the folders of this user that processes which are gone left where this one would make its own.
 * Those that have anything else in them are left alone. */
void run_folders_sweep(void);

#endif
