#include "session/run_folder.h"

#include "base/error.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "convoy-"
#define KIND   "mpi-"
#define RANDOM "XXXXXX"
#define LOCK   "lock"
#define TRIES  8 /* to make a folder that nobody takes for one that was left behind */

static const char *const contents[] = {RUN_FOLDER_SOCKET, RUN_FOLDER_KEY, LOCK};
enum { CONTENTS = sizeof contents / sizeof *contents };

/* The folder in which the folders are made. */
static const char *parent_folder(void) {
    const char *where = getenv("TMPDIR");
    const size_t room = sizeof((struct sockaddr_un *)0)->sun_path;
    const size_t longest = sizeof "/" PREFIX RANDOM "/" RUN_FOLDER_SOCKET;
    return where && where[0] == '/' && strlen(where) + longest <= room ? where : "/tmp";
}

/* Removes what a folder may hold, and the folder, which stays if anything else is in it. */
static void remove_all(int parent, int folder, const char *name) {
    for (int i = 0; i < CONTENTS; i++)
        unlinkat(folder, contents[i], 0);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* ---- one's own ---- */

/* Makes the file and locks it. False if somebody else does just that, who sweeps: then errno is
 * EWOULDBLOCK. */
static bool make_lock(const char *path, int *lock) {
    struct stat info;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int file = folder < 0 ? -1 : openat(folder, LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int failure = file < 0 ? errno : 0;
    if (folder >= 0)
        close(folder);
    *lock = file;
    if (!failure && flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        failure = EWOULDBLOCK;
    else if (!failure && fstat(file, &info) == 0 && info.st_nlink == 0) /* was swept before it was locked */
        failure = EWOULDBLOCK;
    if (failure && file >= 0)
        close(file);
    errno = failure == ENOENT ? EWOULDBLOCK : failure;
    return !failure;
}

convoy_status run_folder_create(struct run_folder *folder, const char *kind, const char *what,
                                convoy_error *error) {
    const char *where = parent_folder();
    for (int tries = 0; tries < TRIES; tries++) {
        char *path = NULL;
        int lock = -1;
        if (asprintf(&path, "%s/" PREFIX "%s" RANDOM, where, kind) < 0)
            return error_memory(error);
        const bool made = mkdtemp(path) != NULL;
        if (made && make_lock(path, &lock)) {
            *folder = (struct run_folder){path, lock};
            return CONVOY_OK;
        }
        const int failure = errno;
        if (made)
            rmdir(path);
        free(path);
        errno = failure;
        if (failure != EWOULDBLOCK)
            break;
    }
    return error_set(error, CONVOY_E_IO, "%s: no folder for %s can be made: %s", where, what,
                     strerror(errno));
}

void run_folder_remove(struct run_folder *folder) {
    if (!folder->path)
        return;
    const int made = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made >= 0) {
        remove_all(AT_FDCWD, made, folder->path);
        close(made);
    }
    if (folder->lock >= 0)
        close(folder->lock);
    free(folder->path);
    *folder = (struct run_folder){0};
}

/* ---- those that were left behind ---- */

static bool is_name(const char *name) {
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    name += strlen(PREFIX);
    if (strncmp(name, KIND, strlen(KIND)) == 0)
        name += strlen(KIND);
    size_t length = 0;
    while (isalnum((unsigned char)name[length]))
        length++;
    return length == strlen(RANDOM) && !name[length];
}

static bool is_content(const char *name) {
    for (int i = 0; i < CONTENTS; i++)
        if (strcmp(name, contents[i]) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool has_only_contents(int folder) {
    const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    bool only = entries;
    const struct dirent *entry;
    while (only && (entry = readdir(entries)))
        only = is_content(entry->d_name);
    if (entries)
        closedir(entries);
    else if (copy >= 0)
        close(copy);
    return only;
}

static bool is_mine(int file, mode_t type, mode_t rights) {
    struct stat info;
    return fstat(file, &info) == 0 && (info.st_mode & S_IFMT) == type && (info.st_mode & 07777) == rights &&
           info.st_uid == geteuid();
}

/* Removes a folder if its lock is free; this lock then keeps others from doing the same. */
static void sweep(int parent, const char *name) {
    const int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return;
    const int lock = openat(folder, LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (lock >= 0) {
        if (is_mine(folder, S_IFDIR, 0700) && is_mine(lock, S_IFREG, 0600) &&
            flock(lock, LOCK_EX | LOCK_NB) == 0 && has_only_contents(folder))
            remove_all(parent, folder, name);
        close(lock);
    }
    close(folder);
}

void run_folders_sweep(void) {
    DIR *parent = opendir(parent_folder());
    const struct dirent *entry;
    while (parent && (entry = readdir(parent)))
        if (is_name(entry->d_name))
            sweep(dirfd(parent), entry->d_name);
    if (parent)
        closedir(parent);
}
