/* A master and workers over ZeroMQ within one process, for tests. */
#ifndef TESTS_ZMQ_SCENE_H
#define TESTS_ZMQ_SCENE_H

#include "base/clock.h"
#include "transport/zmq_transport.h"

#include <pthread.h>

#define PATIENCE_NS (20 * NS_PER_S) /* only ever waited for where the transport is broken */

enum scene_kind { SCENE_IPC, SCENE_TCP, SCENE_CURVE };

struct scene {
    enum scene_kind kind;
    char folder[64];  /* a fresh one under /tmp: keys and sockets */
    char allowed[96]; /* with the public key of `worker_key` */
    struct zmq_key_pair master_key, worker_key;
    struct zmq_limits limits;
    struct transport *master;
    char url[256];

    pthread_mutex_t mutex; /* guards the log */
    char log[65536];       /* all lines of all ends */
    size_t log_bytes;
    unsigned lines;
};

/* A folder, keys, and a master for so many nodes at `url` (NULL: a fresh address of the kind). False, with
 * the reason printed, where that fails. */
bool scene_open(struct scene *scene, enum scene_kind kind, uint32_t nodes, struct zmq_limits limits);

/* Closes the master, if it is still there, and removes the folder. */
void scene_close(struct scene *scene);

/* The scene's master again, at the same address. */
bool scene_open_master(struct scene *scene, uint32_t nodes, uint64_t plan_hash);

/* Options that the scene's master accepts; a worker dials. */
struct zmq_worker_options scene_options(struct scene *scene);
bool scene_dial(struct scene *scene, struct transport **worker);

/* Polls both ends until each has seen the other join; the node that the worker got, UINT32_MAX on failure. */
uint32_t scene_join(struct scene *scene, struct transport *worker);

/* The next event but SUSPECTED and RECOVERED, which a busy machine may bring at any time. */
enum transport_event next_event(struct transport *at, uint32_t *peer, struct frame *frame);

/* Whether a worker gets a task from the scene's master, which it calls `node`, and its answer arrives; what
 * else comes to the master is dropped. */
bool scene_serves(struct scene *scene, struct transport *worker, uint32_t node);

/* How often a text stands in the log; waiting for it polls the master, if there is one. */
int scene_log_count(struct scene *scene, const char *text);
unsigned scene_lines(struct scene *scene); /* those for which the log had no room included */
bool scene_wait_log(struct scene *scene, const char *text, int count);

#endif
