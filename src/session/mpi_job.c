/* The public face of an MPI job: the keys that it makes for itself, and the address that its workers dial. */
#include <convoy/mpi.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "session/run_folder.h"
#include "transport/mpi_bootstrap.h"
#include "transport/zmq_transport.h"

#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE_NS                                                                                             \
    (300 * NS_PER_S) /* from the start of the ranks until the model is read and the master listens */
#define GIVE_UP_NS (3 * NS_PER_S)
#define URL_TEXT   512

/* What rank 0 shares with the others. One key pair serves all workers: they are one user's processes on one
 * job's machines. */
struct shared {
    char url[URL_TEXT];
    char master_key[ZMQ_KEY_TEXT];
    struct zmq_key_pair worker;
};
_Static_assert(sizeof(struct shared) <= MPI_BOOTSTRAP_BYTES, "what is shared must fit in one message");

/* A file without a name, gone with the process however that ends. */
struct memory_file {
    int fd; /* -1: none */
    char path[32];
};

struct convoy_mpi {
    struct mpi_bootstrap *bootstrap;
    struct mpi_place place;
    struct shared shared;
    struct memory_file secret_key, master_key;
    struct run_folder folder;                          /* rank 0: holds worker.pub */
    char listen[NI_MAXHOST + 16];                      /* "tcp://ADDRESS:0" */
    struct log log;                                    /* rank 0: the session's */
    void (*listening)(void *context, const char *url); /* the user's; may be NULL */
    void *listening_context;
};

convoy_status convoy_mpi_start(convoy_mpi **out, convoy_error *error) {
    if (!out)
        return error_null(error, __func__);
    convoy_mpi *mpi = calloc(1, sizeof *mpi);
    if (!mpi)
        return error_memory(error);
    mpi->secret_key.fd = mpi->master_key.fd = -1;
    convoy_status status = mpi_bootstrap_create(&mpi->bootstrap, &mpi->place, error);
    if (status == CONVOY_OK && mpi->place.size < 2)
        status = error_set(error, CONVOY_E_USAGE,
                           "an MPI job of one rank has no workers: start two ranks or more, as in mpirun -n "
                           "7 convoy run --mpi");
    if (status == CONVOY_OK)
        *out = mpi;
    else
        convoy_mpi_destroy(&mpi);
    return status;
}

uint32_t convoy_mpi_rank(const convoy_mpi *mpi) {
    return mpi->place.rank;
}

uint32_t convoy_mpi_size(const convoy_mpi *mpi) {
    return mpi->place.size;
}

/* --- Keys
 * --------------------------------------------------------------------------------------------------- */

static convoy_status memory_file_create(struct memory_file *file, const char *text, convoy_error *error) {
    const size_t size = strlen(text);
    file->fd = memfd_create("convoy-key", MFD_CLOEXEC);
    if (file->fd < 0 || fchmod(file->fd, 0600) != 0 || write(file->fd, text, size) != (ssize_t)size)
        return error_set(error, CONVOY_E_IO, "cannot keep a key in memory: %s", strerror(errno));
    snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
    return CONVOY_OK;
}

static convoy_status key_pair_keep(struct memory_file *file, const struct zmq_key_pair *pair,
                                   convoy_error *error) {
    char text[ZMQ_PAIR_TEXT];
    zmq_key_pair_text(pair, text);
    const convoy_status status = memory_file_create(file, text, error);
    explicit_bzero(text, sizeof text);
    return status;
}

/* The folder of allowed keys, with the workers' one public key: nothing that is secret. */
static convoy_status allow_workers(convoy_mpi *mpi, convoy_error *error) {
    char path[PATH_MAX];
    const convoy_status status = run_folder_create(&mpi->folder, "mpi-", "the workers' key", error);
    if (status != CONVOY_OK)
        return status;
    snprintf(path, sizeof path, "%s/" RUN_FOLDER_KEY, mpi->folder.path);
    FILE *file = fopen(path, "wxe");
    const bool written = file && fprintf(file, "%s\n", mpi->shared.worker.public_key) > 0;
    if ((file && fclose(file) != 0) || !written)
        return error_set(error, CONVOY_E_IO, "cannot write %s: %s", path, strerror(errno));
    return CONVOY_OK;
}

/* --- The master
 * --------------------------------------------------------------------------------------------- */

/* Interfaces that lead to containers and virtual machines of this host, or nowhere. */
static bool is_inner(const struct ifaddrs *interface) {
    static const char *const prefixes[] = {"docker", "br-", "virbr",   "veth",  "lxc",
                                           "lxd",    "cni", "flannel", "podman"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(interface->ifa_name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return (interface->ifa_flags & (IFF_LOOPBACK | IFF_UP)) != IFF_UP;
}

/* An address of this machine that others can be expected to reach: the one that its name stands for, if it is
 * one of its interfaces; else the first. False where there is none. */
static bool find_address(char address[NI_MAXHOST]) {
    char name[HOST_NAME_MAX + 1] = "";
    struct addrinfo *named = NULL;
    struct ifaddrs *all = NULL;
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (getifaddrs(&all) != 0)
        return false;
    if (gethostname(name, sizeof name) != 0 || getaddrinfo(name, NULL, &hints, &named) != 0)
        named = NULL;
    bool found = false, is_named = false;
    for (const struct ifaddrs *at = all; at && !is_named; at = at->ifa_next) {
        char text[NI_MAXHOST];
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || is_inner(at) ||
            getnameinfo(at->ifa_addr, sizeof(struct sockaddr_in), text, sizeof text, NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        for (const struct addrinfo *one = named; one && !is_named; one = one->ai_next) {
            char other[NI_MAXHOST];
            is_named = getnameinfo(one->ai_addr, one->ai_addrlen, other, sizeof other, NULL, 0,
                                   NI_NUMERICHOST) == 0 &&
                       strcmp(text, other) == 0;
        }
        if (!found || is_named)
            memcpy(address, text, sizeof text);
        found = true;
    }
    if (named)
        freeaddrinfo(named);
    freeifaddrs(all);
    return found;
}

/* The session listens: the ranks may come. */
static void share(void *context, const char *url) {
    convoy_mpi *mpi = context;
    const int length = snprintf(mpi->shared.url, sizeof mpi->shared.url, "%s", url);
    if (length >= (int)sizeof mpi->shared.url ||
        mpi_bootstrap_share(mpi->bootstrap, &mpi->shared, sizeof mpi->shared) != CONVOY_OK)
        log_line(&mpi->log, CONVOY_LOG_WARNING, "the other ranks could not be told by MPI to come to %s",
                 url);
    explicit_bzero(&mpi->shared.worker, sizeof mpi->shared.worker);
    if (mpi->listening)
        mpi->listening(mpi->listening_context, url);
}

convoy_status convoy_mpi_fill_master(convoy_mpi *mpi, convoy_options *options, convoy_error *error) {
    struct zmq_key_pair master;
    char address[NI_MAXHOST] = "127.0.0.1";
    if (!mpi || !options)
        return error_null(error, __func__);
    if (options->key_file || options->allowed_folder || options->insecure)
        return error_set(error, CONVOY_E_USAGE, "an MPI job makes its own keys: give it none");
    if (!options->listen && !mpi->place.one_host && !find_address(address))
        return error_set(
            error, CONVOY_E_IO,
            "this machine has no address that the other ranks could dial: give one, as in tcp://10.0.0.1:0");
    convoy_status status = zmq_key_pair_create(&master, error);
    if (status == CONVOY_OK)
        status = zmq_key_pair_create(&mpi->shared.worker, error);
    if (status == CONVOY_OK)
        status = key_pair_keep(&mpi->secret_key, &master, error);
    if (status == CONVOY_OK)
        status = allow_workers(mpi, error);
    if (status == CONVOY_OK) {
        memcpy(mpi->shared.master_key, master.public_key, sizeof master.public_key);
        snprintf(mpi->listen, sizeof mpi->listen, "tcp://%s:0", address);
        mpi->log = (struct log){options->log, options->log_context};
        mpi->listening = options->listening;
        mpi->listening_context = options->listening_context;
        if (!options->listen)
            options->listen = mpi->listen;
        options->key_file = mpi->secret_key.path;
        options->allowed_folder = mpi->folder.path;
        options->listening = share;
        options->listening_context = mpi;
    }
    explicit_bzero(&master, sizeof master);
    return status;
}

/* --- A worker
 * ----------------------------------------------------------------------------------------------- */

static bool ends(const char *text, size_t size) {
    return memchr(text, '\0', size) != NULL;
}

convoy_status convoy_mpi_fill_worker(convoy_mpi *mpi, convoy_worker_options *options, convoy_error *error) {
    if (!mpi || !options)
        return error_null(error, __func__);
    struct shared *shared = &mpi->shared;
    char text[ZMQ_KEY_TEXT + 1];
    convoy_status status = mpi_bootstrap_receive(mpi->bootstrap, shared, sizeof *shared, SHARE_NS, error);
    if (status == CONVOY_OK &&
        !(ends(shared->url, sizeof shared->url) && ends(shared->master_key, ZMQ_KEY_TEXT) &&
          ends(shared->worker.public_key, ZMQ_KEY_TEXT) && ends(shared->worker.secret_key, ZMQ_KEY_TEXT)))
        status = error_set(error, CONVOY_E_INPUT,
                           "rank 0 shared no address: all ranks must run the same version of convoy");
    if (status == CONVOY_OK)
        status = key_pair_keep(&mpi->secret_key, &shared->worker, error);
    explicit_bzero(&shared->worker, sizeof shared->worker);
    if (status == CONVOY_OK) {
        snprintf(text, sizeof text, "%s\n", shared->master_key);
        status = memory_file_create(&mpi->master_key, text, error);
    }
    if (status == CONVOY_OK) {
        options->connect = shared->url;
        options->key_file = mpi->secret_key.path;
        options->server_key_file = mpi->master_key.path;
        options->give_up_ns = GIVE_UP_NS;
    }
    return status;
}

void convoy_mpi_destroy(convoy_mpi **mpi) {
    if (!mpi || !*mpi)
        return;
    run_folder_remove(&(*mpi)->folder);
    mpi_bootstrap_destroy(&(*mpi)->bootstrap);
    if ((*mpi)->secret_key.fd >= 0)
        close((*mpi)->secret_key.fd);
    if ((*mpi)->master_key.fd >= 0)
        close((*mpi)->master_key.fd);
    explicit_bzero(*mpi, sizeof **mpi);
    free(*mpi);
    *mpi = NULL;
}
