/* A worker of a cluster: a process that holds coded filters and computes for its master. */
#ifndef CONVOY_WORKER_H
#define CONVOY_WORKER_H

#include <convoy/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fill with convoy_worker_options_init, then change what differs. */
typedef struct convoy_worker_options {
    const char *connect;  /* the master: "tcp://HOST:PORT" or "ipc://PATH" */
    const char *key_file; /* its own key pair, as convoy_keygen wrote it, or "env:NAME" for a variable of
                             the environment that holds its text; NULL: plain */
    const char *server_key_file; /* with key_file: the master's public key */
    bool insecure;               /* plain to an address that is not of this machine */
    const char *backend;         /* kernels: "onednn", "reference" */
    uint32_t threads;            /* of its compute */
    uint64_t cache_bytes;        /* of the filters that it keeps; 0: no bound */
    const char *cache_folder;    /* where it keeps them across restarts; NULL: nowhere */
    uint64_t give_up_ns;         /* end when no master was there for so long, or it finished; 0: neither */
    const char *const *faults;   /* kinds that a worker injects itself: kill@LAYER, slow=10x, busy=10x, lie */
    size_t fault_count;
    uint64_t seed;     /* of faults that are up to chance */
    convoy_log_fn log; /* may be NULL */
    void *log_context;
} convoy_worker_options;

CONVOY_API void convoy_worker_options_init(convoy_worker_options *options);

/* Serves: dials the master, again and again, computes, and comes back after a loss with what it still holds.
 * Returns when it was refused for good or gave up (CONVOY_E_IO, with the reason), or its master finished or a
 * fault killed it (CONVOY_OK); else never. CONVOY_E_USAGE for options that make no sense; CONVOY_E_IO and
 * CONVOY_E_INPUT for key files and the cache's folder; CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_worker_run(const convoy_worker_options *options, convoy_error *error);

#define CONVOY_KEY_TEXT 83 /* two lines of 40 characters, and the end */

/* Makes a CURVE key pair, without files: what NAME.key would hold, the public key (NAME.pub) in the first
 * line. CONVOY_E_INTERNAL. */
CONVOY_API convoy_status convoy_keygen_text(char text[CONVOY_KEY_TEXT], convoy_error *error);

/* Makes a CURVE key pair: folder/name.key (secret, mode 0600) and folder/name.pub. Refuses to overwrite.
 * CONVOY_E_IO. */
CONVOY_API convoy_status convoy_keygen(const char *folder, const char *name, convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
