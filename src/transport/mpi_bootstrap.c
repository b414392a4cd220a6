/* MPI runs in a child process of each rank, from MPI_Init to MPI_Finalize, and is over as soon as rank 0's
 * bytes have come.
 *
 * Why a child: MPI is not made for ranks that die. With Open MPI 4.1.4 (--enable-recovery) a send to a killed
 * rank, or MPI_Finalize after one was killed, may never return and keeps a core busy; and errors inside MPI
 * end the process. All that happens to a child does not matter: it hears of the death of its parent and
 * leaves, it has an alarm for every step that may hang, and a rank that is killed once the bytes have come
 * meets no MPI at all. mpirun looks at the parents only, which end as ordinary processes that never were part
 * of MPI. */
#include "transport/mpi_bootstrap.h"

#include "base/error.h"

#include <stdio.h>

#ifdef CONVOY_MPI

#include "base/clock.h"

#include <errno.h>
#include <mpi.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_S 120 /* that MPI_Init may take: it waits for all ranks */
#define END_S   10  /* that the exchange and MPI_Finalize may take */
#define LOOK_MS 5   /* between two looks for a message: MPI itself would wait in a busy loop */
#define TAG     1

struct mpi_bootstrap {
    pid_t child;
    int fd; /* messages to and from the child */
};

/* --- The child
 * ---------------------------------------------------------------------------------------------- */

/* Rank 0: waits for the parent's bytes (none: it ended) and sends them to all others. */
static void send_to_all(int fd, int size) {
    char bytes[MPI_BOOTSTRAP_BYTES];
    ssize_t got;
    do
        got = recv(fd, bytes, sizeof bytes, 0);
    while (got < 0 && errno == EINTR);
    MPI_Request *requests = calloc((size_t)size, sizeof *requests);
    if (!requests)
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    alarm(END_S); /* a send to a rank that is gone may never end; the others have what they need by then */
    for (int i = 1; i < size; i++)
        MPI_Isend(bytes, got > 0 ? (int)got : 0, MPI_BYTE, i, TAG, MPI_COMM_WORLD, &requests[i - 1]);
    MPI_Waitall(size - 1, requests, MPI_STATUSES_IGNORE);
    free(requests);
}

/* Other ranks: hands rank 0's bytes to the parent. */
static void pass_to_parent(int fd) {
    char bytes[MPI_BOOTSTRAP_BYTES];
    struct pollfd parent = {.fd = fd};
    for (int came = 0, size = 0; !came;) {
        MPI_Status status;
        if (MPI_Iprobe(0, TAG, MPI_COMM_WORLD, &came, &status) != MPI_SUCCESS ||
            poll(&parent, 1, came ? 0 : LOOK_MS) > 0)
            _exit(EXIT_FAILURE); /* the parent is gone */
        if (!came)
            continue;
        MPI_Get_count(&status, MPI_BYTE, &size);
        if (size < 0 || size > MPI_BOOTSTRAP_BYTES ||
            MPI_Recv(bytes, size, MPI_BYTE, 0, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            _exit(EXIT_FAILURE);
        send(fd, bytes, (size_t)size, MSG_NOSIGNAL);
    }
    explicit_bzero(bytes, sizeof bytes);
}

static _Noreturn void run_child(int fd) {
    int rank, size, neighbours;
    MPI_Comm host;
    signal(SIGALRM, SIG_DFL);
    alarm(START_S);
    if (MPI_Init(NULL, NULL) != MPI_SUCCESS)
        _exit(EXIT_FAILURE);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host) != MPI_SUCCESS)
        _exit(EXIT_FAILURE);
    MPI_Comm_size(host, &neighbours);
    MPI_Comm_free(&host);
    alarm(0);
    const struct mpi_place place = {
        .rank = (uint32_t)rank, .size = (uint32_t)size, .one_host = neighbours == size};
    if (send(fd, &place, sizeof place, MSG_NOSIGNAL) != sizeof place)
        _exit(EXIT_FAILURE);
    if (rank == 0)
        send_to_all(fd, size);
    else
        pass_to_parent(fd);
    alarm(END_S);
    MPI_Finalize();
    _exit(EXIT_SUCCESS);
}

/* --- The parent
 * --------------------------------------------------------------------------------------------- */

/* One message of at most `size` bytes; 0: the child is gone, or has nothing to say; -1: not by the deadline.
 */
static ssize_t hear_child(int fd, void *bytes, size_t size, uint64_t deadline_ns) {
    struct pollfd child = {.fd = fd, .events = POLLIN};
    for (;;) {
        const uint64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns)
            return -1;
        const struct timespec rest = clock_timespec(deadline_ns - now_ns);
        if (ppoll(&child, 1, &rest, NULL) <= 0)
            continue; /* a signal, or the deadline */
        const ssize_t got = recv(fd, bytes, size, MSG_TRUNC);
        if (got >= 0 || errno != EINTR)
            return got < 0 ? 0 : got;
    }
}

convoy_status mpi_bootstrap_create(struct mpi_bootstrap **out, struct mpi_place *place, convoy_error *error) {
    int ends[2];
    struct mpi_place read;
    struct mpi_bootstrap *bootstrap = malloc(sizeof *bootstrap);
    if (!bootstrap)
        return error_memory(error);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        free(bootstrap);
        return error_set(error, CONVOY_E_IO, "cannot start MPI: no socket: %s", strerror(errno));
    }
    bootstrap->fd = ends[0];
    bootstrap->child = fork();
    if (bootstrap->child == 0) {
        close(ends[0]);
        run_child(ends[1]);
    }
    close(ends[1]);
    if (bootstrap->child < 0) {
        error_set(error, CONVOY_E_IO, "cannot start MPI: no process: %s", strerror(errno));
        close(ends[0]);
        free(bootstrap);
        return CONVOY_E_IO;
    }
    /* The child's own alarm comes first. */
    const ssize_t got =
        hear_child(bootstrap->fd, &read, sizeof read, clock_now_ns() + (START_S + END_S) * NS_PER_S);
    if (got != sizeof read) {
        mpi_bootstrap_destroy(&bootstrap);
        return error_set(error, CONVOY_E_IO, "MPI did not start, or not all ranks came within %d s", START_S);
    }
    *place = read;
    *out = bootstrap;
    return CONVOY_OK;
}

convoy_status mpi_bootstrap_share(struct mpi_bootstrap *bootstrap, const void *bytes, size_t size) {
    return send(bootstrap->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size ? CONVOY_OK : CONVOY_E_CLOSED;
}

convoy_status mpi_bootstrap_receive(struct mpi_bootstrap *bootstrap, void *bytes, size_t size,
                                    uint64_t wait_ns, convoy_error *error) {
    const ssize_t got = hear_child(bootstrap->fd, bytes, size, clock_now_ns() + wait_ns);
    if (got < 0)
        return error_set(error, CONVOY_E_IO, "rank 0 did not say within %llu s where it listens",
                         (unsigned long long)(wait_ns / NS_PER_S));
    if (got == 0)
        return error_set(error, CONVOY_E_CLOSED, "rank 0 ended before it listened");
    if ((size_t)got != size)
        return error_set(error, CONVOY_E_INPUT,
                         "rank 0 shared %zd bytes, not %zu: all ranks must run the same version of convoy",
                         got, size);
    return CONVOY_OK;
}

void mpi_bootstrap_destroy(struct mpi_bootstrap **bootstrap) {
    if (!*bootstrap)
        return;
    const pid_t child = (*bootstrap)->child;
    shutdown((*bootstrap)->fd, SHUT_WR);
    const uint64_t deadline_ns = clock_now_ns() + END_S * NS_PER_S;
    while (waitpid(child, NULL, WNOHANG) == 0) {
        const uint64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            break;
        }
        clock_sleep_until(now_ns + LOOK_MS * NS_PER_MS);
    }
    close((*bootstrap)->fd);
    free(*bootstrap);
    *bootstrap = NULL;
}

/* Of what the library says of itself, the words before the first comma. */
const char *mpi_bootstrap_library(char *text, size_t size) {
    char whole[MPI_MAX_LIBRARY_VERSION_STRING] = "MPI";
    int length;
    MPI_Get_library_version(whole, &length);
    whole[strcspn(whole, ",\n")] = '\0';
    snprintf(text, size, "%s", whole);
    return text;
}

#else

convoy_status mpi_bootstrap_create(struct mpi_bootstrap **bootstrap, struct mpi_place *place,
                                   convoy_error *error) {
    (void)bootstrap, (void)place;
    return error_set(
        error, CONVOY_E_USAGE,
        "this build of Convoy has no MPI: build it where an MPI library is found (scripts/setup --mpi)");
}

convoy_status mpi_bootstrap_share(struct mpi_bootstrap *bootstrap, const void *bytes, size_t size) {
    (void)bootstrap, (void)bytes, (void)size;
    return CONVOY_E_CLOSED;
}

convoy_status mpi_bootstrap_receive(struct mpi_bootstrap *bootstrap, void *bytes, size_t size,
                                    uint64_t wait_ns, convoy_error *error) {
    (void)bootstrap, (void)bytes, (void)size, (void)wait_ns;
    return error_set(error, CONVOY_E_CLOSED, "this build of Convoy has no MPI");
}

void mpi_bootstrap_destroy(struct mpi_bootstrap **bootstrap) {
    (void)bootstrap;
}

const char *mpi_bootstrap_library(char *text, size_t size) {
    snprintf(text, size, "no MPI");
    return text;
}

#endif
