#include "cleanup.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A signal's handler gets no context: what it needs is global. Written while `noted` is false. */
static struct {
    atomic_bool noted;
    char socket[PATH_MAX], lock[PATH_MAX], folder[PATH_MAX]; /* "": none */
} made;

void cleanup_note(const char *url, bool with_folder) {
    if (strncmp(url, "ipc://", 6) != 0 || url[6] == '@')
        return;
    atomic_store(&made.noted, false);
    snprintf(made.socket, sizeof made.socket, "%s", url + 6);
    const char *slash = strrchr(made.socket, '/');
    const int length = with_folder && slash ? (int)(slash - made.socket) : 0;
    snprintf(made.folder, sizeof made.folder, "%.*s", length, made.socket);
    made.lock[0] = '\0';
    if (length)
        snprintf(made.lock, sizeof made.lock, "%.*s/lock", length, made.socket);
    atomic_store(&made.noted, true);
}

void cleanup_forget(void) {
    atomic_store(&made.noted, false);
}

void cleanup_remove(void) {
    if (!atomic_load(&made.noted))
        return;
    unlink(made.socket);
    if (!made.folder[0])
        return;
    unlink(made.lock);
    rmdir(made.folder);
}
