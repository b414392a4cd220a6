/* The master's peers: which connection is which worker, how one is let in and how it is lost, and what the
 * master's owner is yet to be told of that. Shared with zmq_master.c, which reads and writes the socket. */
#ifndef TRANSPORT_ZMQ_PEERS_H
#define TRANSPORT_ZMQ_PEERS_H

#include "transport/hello.h"
#include "transport/ipc_socket.h"
#include "transport/zmq_door.h"
#include "transport/zmq_frames.h"
#include "transport/zmq_transport.h"

#include <stdatomic.h>

/* Events that the owner has not been told of, in the order in which it will be. */
enum { DUE_LEFT, DUE_JOINED, DUE_SUSPECTED, DUE_RECOVERED, DUE_COUNT };

struct zmq_peer {
    enum peer_state state;
    bool due[DUE_COUNT];
    bool known;   /* the owner was told that it joined, and not yet that it left */
    bool hung_up; /* its connection has ended; frames that came before may still be read */
    bool came_before;
    uint64_t route;
    int fd;
    uint64_t instance, max_frame_bytes;
    uint64_t heard_ns, sent_ns, announced_ns; /* until announced_ns it may be busy with a large frame */
    char user[64];
};

/* A worker that is not let in any more, by its process or, if it has one of its own, its key. */
struct zmq_ban {
    uint64_t instance;
    char key[64]; /* empty: only the process */
};
#define ZMQ_MOST_BANS 1024 /* the oldest go first */

struct zmq_master {
    struct transport base;
    void *context, *router, *monitor;
    struct inbox inbox;
    struct door door;
    struct limited_log refusals;
    int wake_fd; /* eventfd: ends a wait */
    atomic_bool woken;
    struct log log;
    struct zmq_limits limits;
    uint64_t plan_hash;
    uint64_t beat_ns, judge_ns; /* when to send signs of life next, and to look for silent peers */
    unsigned reads;
    bool due; /* some peer has an event due */
    char *url, *allowed_folder;
    struct ipc_file ipc_file; /* of an ipc URL */
    struct zmq_ban *bans;     /* [ZMQ_MOST_BANS], of which ban_count were ever made; NULL: none */
    uint32_t ban_count;
    uint32_t n;
    struct zmq_peer peers[]; /* [n] */
};

static inline bool zmq_peer_is_in(const struct zmq_peer *peer) {
    return peer->state == PEER_ALIVE || peer->state == PEER_SUSPECT;
}

/* What the owner may know: a peer whose coming or going was not reported yet is not there. */
enum peer_state zmq_peer_visible_state(const struct zmq_peer *peer);

/* The peer of a connection, or NULL. */
struct zmq_peer *zmq_peer_find(struct zmq_master *m, uint64_t route);

/* Remembers an event for the owner; hands out the next one (false: none is left). */
void zmq_peer_set_due(struct zmq_master *m, struct zmq_peer *peer, int which);
bool zmq_peers_take_due(struct zmq_master *m, uint32_t *number, enum transport_event *event);

/* A connection sent a hello: it becomes a peer, or is refused. */
void zmq_admit(struct zmq_master *m, const struct origin *origin, const struct frame *frame);

/* Tells a connection why it is not (any more) a peer. It may be gone. */
void zmq_refuse(struct zmq_master *m, uint64_t route, enum refusal why, const char *reason);

/* Forgets a peer's connection; `reason` completes "worker 3 is lost: ...". */
void zmq_peer_lose(struct zmq_master *m, struct zmq_peer *peer, enum refusal why, const char *reason);

/* Cuts a peer off, and its process, or who has its key, is refused from now on. */
void zmq_peer_ban(struct zmq_master *m, struct zmq_peer *peer);
void zmq_bans_forget(struct zmq_master *m);

/* Something came from a peer. */
void zmq_peer_heard(struct zmq_master *m, struct zmq_peer *peer, uint64_t now_ns);

#endif
