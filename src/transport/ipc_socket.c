#include "transport/ipc_socket.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX  "ipc://"
#define BACKLOG 256
#define LOCK_NS                                                                                              \
    (5 * NS_PER_S) /* for others to let the folder's lock go; they hold it for a few system calls */
#define LOOK_NS (5 * NS_PER_MS) /* between two tries */

bool ipc_is_path(const char *url) {
    return strncmp(url, PREFIX, strlen(PREFIX)) == 0 && url[strlen(PREFIX)] != '*';
}

static socklen_t fill_address(struct sockaddr_un *address, const char *path) {
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length);
    if (path[0] != '@')
        return sizeof *address;
    address->sun_path[0] = '\0'; /* an abstract name: its end is not marked by a zero */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* --- The folder's lock -----------------------------------------------------------------------------------
 */

/* From the look at what is there to the new socket that listens, one process at a time: a lock of the folder
 * itself, which leaves no file behind. 0 and *lock (-1: this file system has no such locks), or
 * EWOULDBLOCK. */
static int lock_folder(const char *path, int *lock) {
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(folder, slash ? path : ".", slash ? length : 1);
    folder[slash ? length : 1] = '\0';
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return 0;
    uint64_t until_ns = clock_now_ns() + LOCK_NS;
    while (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        int failure = errno;
        if (failure == EWOULDBLOCK && clock_now_ns() < until_ns) {
            clock_sleep_until(clock_now_ns() + LOOK_NS);
            continue;
        }
        close(*lock);
        *lock = -1;
        return failure == EWOULDBLOCK ? EWOULDBLOCK : 0;
    }
    return 0;
}

static void unlock_folder(int lock) {
    if (lock >= 0)
        close(lock);
}

/* --- What is there ---------------------------------------------------------------------------------------
 */

/* Removes what is at the path if it is a socket to which nobody listens; a sentence otherwise. */
static convoy_status remove_dead(const char *url, const struct sockaddr_un *address, socklen_t size,
                                 bool locked, convoy_error *error) {
    struct stat about;
    if (address->sun_path[0] && lstat(address->sun_path, &about) != 0)
        return errno == ENOENT
                   ? CONVOY_OK
                   : error_set(error, CONVOY_E_IO, "cannot listen on %s: %s", url, strerror(errno));
    if (address->sun_path[0] && !S_ISSOCK(about.st_mode))
        return error_set(
            error, CONVOY_E_IO,
            "cannot listen on %s: there is a file that is no socket, and it is left as it is: give "
            "a path where nothing is",
            url);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return error_set(error, CONVOY_E_IO, "cannot listen on %s: no socket: %s", url, strerror(errno));
    int failure = connect(probe, (const struct sockaddr *)address, size) == 0 ? 0 : errno;
    close(probe);
    if (failure == 0 || failure == EAGAIN || !address->sun_path[0])
        return error_set(
            error, CONVOY_E_IO,
            "cannot listen on %s: another process listens there, a master perhaps: end it first, "
            "or give another path",
            url);
    if (failure != ECONNREFUSED)
        return error_set(error, CONVOY_E_IO,
                         "cannot listen on %s: whether its socket is still used is not known: %s", url,
                         strerror(failure));
    if (!locked)
        return error_set(error, CONVOY_E_IO,
                         "cannot listen on %s: a socket was left there, and its folder cannot be locked, so "
                         "that it is not replaced: remove it first",
                         url);
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return error_set(error, CONVOY_E_IO, "cannot listen on %s: the socket that was left there stays: %s",
                         url, strerror(errno));
    return CONVOY_OK;
}

/* --- Listening -------------------------------------------------------------------------------------------
 */

/* Binds, listens, and notes the file. */
static convoy_status bind_here(const char *url, int fd, struct ipc_file *file, bool locked,
                               convoy_error *error) {
    struct sockaddr_un address;
    struct stat about = {0};
    const char *path = url + strlen(PREFIX);
    socklen_t size = fill_address(&address, path);
    int failure = bind(fd, (const struct sockaddr *)&address, size) == 0 ? 0 : errno;
    if (failure == EADDRINUSE) {
        convoy_status status = remove_dead(url, &address, size, locked, error);
        if (status != CONVOY_OK)
            return status;
        failure = bind(fd, (const struct sockaddr *)&address, size) == 0 ? 0 : errno;
    }
    if (failure)
        return error_set(error, CONVOY_E_IO, "cannot listen on %s: %s", url, strerror(failure));
    bool has_file = path[0] != '@';
    if ((has_file && (lstat(path, &about) != 0 || chmod(path, 0600) != 0)) || listen(fd, BACKLOG) != 0)
        return error_set(error, CONVOY_E_IO, "cannot listen on %s: %s", url, strerror(errno));
    if (!has_file)
        return CONVOY_OK;
    *file = (struct ipc_file){.path = strdup(path), .device = about.st_dev, .inode = about.st_ino};
    return file->path ? CONVOY_OK : error_memory(error);
}

convoy_status ipc_listen(const char *url, int *fd, struct ipc_file *file, convoy_error *error) {
    const char *path = url + strlen(PREFIX);
    int lock = -1;
    if (path[0] != '@' && lock_folder(path, &lock) != 0)
        return error_set(error, CONVOY_E_IO, "cannot listen on %s: another process keeps its folder locked",
                         url);
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    convoy_status status =
        made < 0 ? error_set(error, CONVOY_E_IO, "cannot listen on %s: no socket: %s", url, strerror(errno))
                 : bind_here(url, made, file, lock >= 0, error);
    unlock_folder(lock);
    if (status == CONVOY_OK)
        *fd = made;
    else if (made >= 0)
        close(made);
    return status;
}

void ipc_file_remove(struct ipc_file *file) {
    struct stat about;
    if (file->path && lstat(file->path, &about) == 0 && about.st_dev == file->device &&
        about.st_ino == file->inode)
        unlink(file->path);
    free(file->path);
    *file = (struct ipc_file){0};
}
