/* The listening end of ipc://PATH. libzmq unlinks whatever is at PATH before it binds; this does not: only a
 * socket behind which no process listens any more is replaced. */
#ifndef TRANSPORT_IPC_SOCKET_H
#define TRANSPORT_IPC_SOCKET_H

#include <convoy/status.h>

#include <stdbool.h>
#include <sys/types.h>

/* The file of a socket that was bound here. All zero: none. */
struct ipc_file {
    char *path;
    dev_t device;
    ino_t inode;
};

/* Whether the URL is one for ipc_listen; of the others libzmq finds a path that is free ("ipc://" and "*").
 */
bool ipc_is_path(const char *url);

/* Listens on ipc://PATH, or on ipc://@NAME, which has no file; *fd is for ZMQ_USE_FD. The socket is this
 * user's alone: who may open it may send. Of several processes that try at the same time, one succeeds.
 * CONVOY_E_IO: something is at PATH that is no socket, or a socket where a process listens; both are left as
 * they are. */
convoy_status ipc_listen(const char *url, int *fd, struct ipc_file *file, convoy_error *error);

/* Removes the file, if it is still the one that was made, and forgets it. To be called while its socket
 * listens: nobody else replaces the file so long. */
void ipc_file_remove(struct ipc_file *file);

#endif
