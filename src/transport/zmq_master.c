/* The master's end: one ROUTER socket, whose connections become peers by their hello. Its owner's thread does
 * everything within poll: frames, handshakes, signs of life. Three sources tell that a worker is gone: its
 * connection ends (a monitor of the socket says so at once), nothing comes from it for ten heartbeats, or it
 * breaks the rules. */
#include "transport/zmq_transport.h"

#include "base/clock.h"
#include "base/error.h"
#include "transport/hello.h"
#include "transport/zmq_door.h"
#include "transport/zmq_frames.h"
#include "transport/zmq_listen.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define WATCHED_EVENTS   (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define READS_PER_ATTEND 64 /* frames that are read before handshakes and beats get their turn */

#define GOODBYE_NS (300 * NS_PER_MS) /* for all workers to hear it */

/* Events that the owner has not been told of, in the order in which it will be. */
enum { DUE_LEFT, DUE_JOINED, DUE_SUSPECTED, DUE_RECOVERED, DUE_COUNT };
static const enum transport_event due_events[DUE_COUNT] = {TRANSPORT_LEFT, TRANSPORT_JOINED,
                                                           TRANSPORT_SUSPECTED, TRANSPORT_RECOVERED};

struct peer {
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
    uint64_t busy_ns;           /* until then libzmq's thread may be encrypting */
    unsigned reads;
    bool due; /* some peer has an event due */
    char *url, *allowed_folder;
    uint32_t n;
    struct peer peers[]; /* [n] */
};

static const struct transport_ops zmq_master_ops;

static bool is_in(const struct peer *peer) {
    return peer->state == PEER_ALIVE || peer->state == PEER_SUSPECT;
}

/* What the owner may know: a peer whose coming or going was not reported yet is not there. */
static enum peer_state visible_state(const struct peer *peer) {
    if (is_in(peer) && !peer->due[DUE_LEFT] && !peer->due[DUE_JOINED])
        return peer->state;
    return peer->came_before ? PEER_LOST : PEER_ABSENT;
}

static struct peer *find_peer(struct zmq_master *m, uint64_t route) {
    for (uint32_t i = 0; i < m->n; i++)
        if (m->peers[i].route == route && is_in(&m->peers[i]))
            return &m->peers[i];
    return NULL;
}

/* --- Events ----------------------------------------------------------------------------------------------
 */

static void set_due(struct zmq_master *m, struct peer *peer, int which) {
    peer->due[which] = true;
    m->due = true;
}

static bool take_due(struct zmq_master *m, uint32_t *number, enum transport_event *event) {
    if (!m->due)
        return false;
    for (uint32_t i = 0; i < m->n; i++)
        for (int which = 0; which < DUE_COUNT; which++) {
            struct peer *peer = &m->peers[i];
            if (!peer->due[which])
                continue;
            peer->due[which] = false;
            if (which == DUE_JOINED)
                peer->known = peer->came_before = true;
            if (which == DUE_LEFT)
                peer->known = false;
            *number = i;
            *event = due_events[which];
            return true;
        }
    m->due = false;
    return false;
}

/* Tells a connection why it is not (any more) a peer. It may be gone. */
static void refuse(struct zmq_master *m, uint64_t route, enum refusal why, const char *reason) {
    struct frame frame;
    if (frame_make(&frame, FRAME_REFUSED, why, reason, strlen(reason)))
        frame_to_socket(m->router, &route, &frame);
}

/* Forgets a peer's connection; `reason` completes "worker 3 is lost: ...". */
static void lose(struct zmq_master *m, struct peer *peer, enum refusal why, const char *reason) {
    if (!is_in(peer))
        return;
    log_line(&m->log, CONVOY_LOG_WARNING, "worker %u is lost: %s", (unsigned)(peer - m->peers), reason);
    if (!peer->hung_up)
        refuse(m, peer->route, why, reason);
    peer->state = PEER_LOST;
    peer->came_before = true;
    peer->hung_up = false;
    memset(peer->due, 0, sizeof peer->due);
    if (peer->known)
        set_due(m, peer, DUE_LEFT);
}

static void heard(struct zmq_master *m, struct peer *peer, uint64_t now_ns) {
    peer->heard_ns = now_ns;
    if (peer->state != PEER_SUSPECT)
        return;
    peer->state = PEER_ALIVE;
    if (peer->due[DUE_SUSPECTED])
        peer->due[DUE_SUSPECTED] = false; /* the owner never knew */
    else
        set_due(m, peer, DUE_RECOVERED);
}

/* --- Handshake -------------------------------------------------------------------------------------------
 */

static bool read_news(struct zmq_master *m);

/* The node for a worker: its own if it is still held by an older connection of the same process, the one that
 * it wants, one that nobody had, one that was lost. NULL: all are taken. */
static struct peer *choose_node(struct zmq_master *m, const struct hello *hello, const char *user) {
    struct peer *absent = NULL, *lost = NULL;
    for (uint32_t i = m->n; i-- > 0;) {
        struct peer *peer = &m->peers[i];
        if (is_in(peer) && peer->instance == hello->instance && strcmp(peer->user, user) == 0)
            return peer;
        if (peer->state == PEER_ABSENT)
            absent = peer;
        if (peer->state == PEER_LOST)
            lost = peer;
    }
    if (hello->node < m->n && !is_in(&m->peers[hello->node]))
        return &m->peers[hello->node];
    return absent ? absent : lost;
}

static bool send_welcome(struct zmq_master *m, uint64_t route, uint32_t node) {
    const struct welcome welcome = {.magic = HELLO_MAGIC,
                                    .node = node,
                                    .plan_hash = m->plan_hash,
                                    .max_frame_bytes = m->limits.max_frame_bytes};
    struct frame frame;
    return frame_make(&frame, FRAME_WELCOME, 0, &welcome, sizeof welcome) &&
           frame_to_socket(m->router, &route, &frame) == 0;
}

static void admit(struct zmq_master *m, const struct origin *origin, const struct frame *frame) {
    char address[ADDRESS_TEXT], reason[REASON_TEXT];
    struct hello hello;
    while (read_news(m)) /* of an older connection that had the same descriptor */
        continue;
    door_spoke(&m->door, origin->fd);
    connection_address(origin->fd, address);
    enum refusal refusal = door_judge_hello(frame, m->plan_hash, &hello, reason);
    struct peer *peer = refusal ? NULL : choose_node(m, &hello, origin->user);
    if (!refusal && !peer) {
        refusal = REFUSAL_FULL;
        snprintf(reason, sizeof reason, "all %u nodes are taken", m->n);
    }
    if (refusal) {
        limited_line(&m->refusals, "a worker at %s was refused: %s", address, reason);
        refuse(m, origin->route, refusal, reason);
        return;
    }
    uint32_t node = (uint32_t)(peer - m->peers);
    if (!send_welcome(m, origin->route, node))
        return; /* gone already: it will come again */
    if (is_in(peer)) {
        peer->hung_up = peer->hung_up || peer->route == origin->route;
        lose(m, peer, REFUSAL_UNKNOWN, "it came again on another connection");
    }
    uint64_t now_ns = clock_now_ns();
    peer->state = PEER_ALIVE;
    peer->hung_up = false;
    peer->route = origin->route;
    peer->fd = origin->fd;
    peer->instance = hello.instance;
    peer->max_frame_bytes = hello.max_frame_bytes;
    peer->heard_ns = peer->sent_ns = now_ns;
    peer->announced_ns = 0;
    snprintf(peer->user, sizeof peer->user, "%s", origin->user);
    set_due(m, peer, DUE_JOINED);
    log_line(&m->log, CONVOY_LOG_INFO,
             *origin->user ? "worker %u came from %s with the key %s" : "worker %u came from %s", node,
             address, origin->user);
}

/* --- What comes ------------------------------------------------------------------------------------------
 */

/* With CURVE a large frame of one peer, or to one peer, keeps libzmq's thread from hearing all others. */
static void take_announcement(struct zmq_master *m, struct peer *peer, uint64_t bytes) {
    uint64_t until_ns = announced_until_ns(bytes, &m->limits);
    if (until_ns > peer->announced_ns)
        peer->announced_ns = until_ns;
    if (m->door.encrypted && until_ns > m->busy_ns)
        m->busy_ns = until_ns;
}

/* Acts on a message; true where it is a frame for the owner. */
static bool take_message(struct zmq_master *m, enum receipt receipt, const struct origin *origin,
                         struct frame *frame, uint32_t *number) {
    struct peer *peer = find_peer(m, origin->route);
    if (receipt == RECEIPT_FRAME && frame->header.kind == FRAME_HELLO) {
        admit(m, origin, frame);
    } else if (receipt == RECEIPT_FRAME && !peer) {
        /* Forgotten, and does not know it. */
        refuse(m, origin->route, REFUSAL_UNKNOWN, "it is not, or no longer, welcome on this connection");
    } else if (receipt == RECEIPT_FRAME && frame->header.kind == FRAME_BEAT) {
        if (frame_valid(frame)) {
            heard(m, peer, clock_now_ns());
            take_announcement(m, peer, frame->header.job);
        }
    } else if (receipt == RECEIPT_FRAME) {
        heard(m, peer, clock_now_ns());
        *number = (uint32_t)(peer - m->peers);
        return true;
    } else if (peer) {
        lose(m, peer, REFUSAL_CUT, "it sent what is no frame of a worker");
    } else {
        char address[ADDRESS_TEXT];
        connection_address(origin->fd, address);
        door_spoke(&m->door, origin->fd);
        limited_line(&m->door.log, "what a connection from %s sent is no hello", address);
    }
    frame_release(frame);
    return false;
}

/* Reads one piece of news of the connections. */
static bool read_news(struct zmq_master *m) {
    uint16_t event;
    int32_t value;
    if (!monitor_read(m->monitor, &event, &value))
        return false;
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        door_came(&m->door, value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        m->door.denied = true;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        door_ended(&m->door, value);
        for (uint32_t i = 0; i < m->n; i++)
            if (m->peers[i].fd == value && is_in(&m->peers[i]))
                m->peers[i].hung_up = true;
        break;
    }
    return true;
}

static void send_beats(struct zmq_master *m, uint64_t now_ns) {
    if (now_ns < m->beat_ns)
        return;
    m->beat_ns = now_ns + m->limits.heartbeat_ns / 2;
    for (uint32_t i = 0; i < m->n; i++) {
        struct peer *peer = &m->peers[i];
        struct frame beat;
        if (is_in(peer) && now_ns - peer->sent_ns >= m->limits.heartbeat_ns / 2 &&
            frame_make(&beat, FRAME_BEAT, 0, NULL, 0)) {
            frame_to_socket(m->router, &peer->route, &beat);
            peer->sent_ns = now_ns;
        }
    }
}

/* Handshakes, news and beats; true where something happened that may have brought messages or events. */
static bool attend(struct zmq_master *m, uint64_t now_ns) {
    bool happened = false;
    while (door_answer(&m->door))
        happened = true;
    while (read_news(m))
        happened = true;
    send_beats(m, now_ns);
    return happened;
}

/* Whoever hung up is lost, and whoever is silent is suspect and then lost. All that came was read. */
static void settle(struct zmq_master *m, uint64_t now_ns) {
    door_settle(&m->door);
    for (uint32_t i = 0; i < m->n; i++)
        if (m->peers[i].hung_up)
            lose(m, &m->peers[i], REFUSAL_UNKNOWN, "its connection ended");
    if (now_ns < m->judge_ns)
        return;
    uint64_t absent_ns =
        m->judge_ns ? now_ns - m->judge_ns : 0; /* this process was stopped, or its thread elsewhere */
    m->judge_ns = now_ns + m->limits.heartbeat_ns / 2;
    for (uint32_t i = 0; i < m->n; i++) {
        struct peer *peer = &m->peers[i];
        if (is_in(peer) && absent_ns > m->limits.heartbeat_ns)
            peer->heard_ns = peer->heard_ns + absent_ns < now_ns ? peer->heard_ns + absent_ns : now_ns;
        if (!is_in(peer) || now_ns < peer->heard_ns + m->limits.heartbeat_ns)
            continue;
        uint64_t excused_ns = m->busy_ns > peer->announced_ns ? m->busy_ns : peer->announced_ns;
        uint64_t silent_ns = connection_silent_ns(peer->fd, peer->heard_ns, excused_ns);
        if (silent_ns >= LOST_HEARTBEATS * m->limits.heartbeat_ns) {
            lose(m, peer, REFUSAL_UNKNOWN, "it is silent");
        } else if (silent_ns >= SUSPECT_HEARTBEATS * m->limits.heartbeat_ns && peer->state == PEER_ALIVE) {
            peer->state = PEER_SUSPECT;
            set_due(m, peer, DUE_SUSPECTED);
        } else if (silent_ns < SUSPECT_HEARTBEATS * m->limits.heartbeat_ns) {
            heard(m, peer, now_ns - silent_ns);
        }
    }
}

static void wait_for_news(struct zmq_master *m, uint64_t now_ns, uint64_t deadline_ns) {
    uint64_t until_ns = m->beat_ns < m->judge_ns ? m->beat_ns : m->judge_ns;
    if (deadline_ns < until_ns)
        until_ns = deadline_ns;
    zmq_pollitem_t items[] = {
        {.socket = m->router, .events = ZMQ_POLLIN},
        {.socket = m->door.socket, .events = ZMQ_POLLIN},
        {.socket = m->monitor, .events = ZMQ_POLLIN},
        {.fd = m->wake_fd, .events = ZMQ_POLLIN},
    };
    zmq_poll(items, 4, until_ns > now_ns ? (long)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 0);
}

static bool take_wake(struct zmq_master *m) {
    uint64_t count;
    if (!atomic_exchange(&m->woken, false))
        return false;
    return read(m->wake_fd, &count, sizeof count) == sizeof count || true;
}

static enum transport_event zmq_master_poll(struct transport *transport, uint64_t deadline_ns,
                                            uint32_t *number, struct frame *frame) {
    struct zmq_master *m = (struct zmq_master *)transport;
    enum transport_event event;
    struct origin origin;
    for (;;) {
        if (take_due(m, number, &event))
            return event;
        if (++m->reads % READS_PER_ATTEND == 0)
            attend(m, clock_now_ns());
        enum receipt receipt = frame_from_socket(&m->inbox, m->router, true, KINDS_OF_WORKER, &origin, frame);
        if (receipt != RECEIPT_NOTHING) {
            if (take_message(m, receipt, &origin, frame, number))
                return TRANSPORT_FRAME;
            continue;
        }
        uint64_t now_ns = clock_now_ns();
        settle(m, now_ns);
        if (attend(m, now_ns) || m->due)
            continue;
        if (take_wake(m))
            return TRANSPORT_WOKEN;
        if (now_ns >= deadline_ns)
            return TRANSPORT_TIMEOUT;
        wait_for_news(m, now_ns, deadline_ns);
    }
}

/* --- The rest of the table -------------------------------------------------------------------------------
 */

static convoy_status zmq_master_send(struct transport *transport, uint32_t number, struct frame *frame) {
    struct zmq_master *m = (struct zmq_master *)transport;
    struct peer *peer = number < m->n ? &m->peers[number] : NULL;
    enum peer_state state = peer ? visible_state(peer) : PEER_ABSENT;
    if ((state != PEER_ALIVE && state != PEER_SUSPECT) || peer->hung_up) {
        frame_release(frame);
        return CONVOY_E_CLOSED;
    }
    if (frame->header.bytes > peer->max_frame_bytes) {
        log_line(&m->log, CONVOY_LOG_WARNING, "a frame of %llu bytes is more than worker %u takes (%llu)",
                 (unsigned long long)frame->header.bytes, number, (unsigned long long)peer->max_frame_bytes);
        frame_release(frame);
        return CONVOY_E_MEMORY;
    }
    uint64_t bytes = frame->header.bytes;
    switch (frame_to_socket(m->router, &peer->route, frame)) {
    case 0:
        if (bytes >= LARGE_BYTES && m->door.encrypted)
            take_announcement(m, peer, bytes);
        peer->sent_ns = clock_now_ns();
        return CONVOY_OK;
    case ENOMEM:
        return CONVOY_E_MEMORY;
    case EAGAIN:
        lose(m, peer, REFUSAL_UNKNOWN, "it does not take what it is sent");
        return CONVOY_E_CLOSED;
    default:
        peer->hung_up = true;
        return CONVOY_E_CLOSED;
    }
}

static void zmq_master_wake(struct transport *transport) {
    struct zmq_master *m = (struct zmq_master *)transport;
    const uint64_t one = 1;
    if (!atomic_exchange(&m->woken, true) && write(m->wake_fd, &one, sizeof one) < 0)
        return; /* an eventfd takes 2^64 - 2 of them */
}

static enum peer_state zmq_master_state(struct transport *transport, uint32_t number) {
    struct zmq_master *m = (struct zmq_master *)transport;
    return number < m->n ? visible_state(&m->peers[number]) : PEER_ABSENT;
}

static void zmq_master_disconnect(struct transport *transport, uint32_t number) {
    struct zmq_master *m = (struct zmq_master *)transport;
    if (number < m->n)
        lose(m, &m->peers[number], REFUSAL_CUT, "it was cut off");
}

/* Whoever hears it hangs up; waiting for that is surer than to let libzmq linger, which now and then loses
 * what was sent just before the end. */
static void say_goodbye(struct zmq_master *m) {
    const uint64_t until_ns = clock_now_ns() + GOODBYE_NS;
    for (uint32_t i = 0; i < m->n; i++)
        if (is_in(&m->peers[i]))
            refuse(m, m->peers[i].route, REFUSAL_FINISHED, "it has finished");
    for (uint32_t i = 0; i < m->n; i++)
        while (is_in(&m->peers[i]) && !m->peers[i].hung_up && clock_now_ns() < until_ns)
            if (!read_news(m))
                zmq_poll(&(zmq_pollitem_t){.socket = m->monitor, .events = ZMQ_POLLIN}, 1,
                         GOODBYE_NS / NS_PER_MS / 10);
}

static void zmq_master_destroy(struct transport **transport) {
    if (!transport || !*transport)
        return;
    struct zmq_master *m = (struct zmq_master *)*transport;
    *transport = NULL;
    inbox_clear(&m->inbox);
    if (m->monitor)
        say_goodbye(m);
    monitored_close(&m->router, &m->monitor, 0);
    if (m->door.socket)
        zmq_close(m->door.socket);
    if (m->context)
        zmq_ctx_term(m->context);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    free(m->url);
    free(m->allowed_folder);
    free(m);
}

/* --- Creation --------------------------------------------------------------------------------------------
 */

convoy_status zmq_master_create(struct transport **transport, const struct zmq_master_options *options,
                                convoy_error *error) {
    convoy_status status = zmq_url_check(options->url, true, options->key, options->insecure, error);
    if (status != CONVOY_OK)
        return status;
    if (options->key && !options->allowed_folder)
        return error_set(error, CONVOY_E_USAGE, "%s: a folder with the public keys of the workers is needed",
                         options->url);
    struct zmq_master *m = calloc(1, sizeof *m + options->nodes * sizeof m->peers[0]);
    if (!m)
        return error_memory(error);
    m->base.ops = &zmq_master_ops;
    m->n = options->nodes;
    m->limits = zmq_limits_complete(options->limits);
    m->log = options->log;
    m->plan_hash = options->plan_hash;
    m->refusals.log = m->door.log.log = &m->log;
    m->door.encrypted = options->key;
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->allowed_folder = options->allowed_folder ? strdup(options->allowed_folder) : NULL;
    m->door.allowed_folder = m->allowed_folder;
    m->context = zmq_ctx_new();
    int failure = 0;
    if (m->wake_fd < 0 || !m->context || (options->allowed_folder && !m->allowed_folder))
        status = error_memory(error);
    if (status == CONVOY_OK)
        status = router_create(&m->router, m->context, options->url, &m->limits, options->key, error);
    if (status == CONVOY_OK &&
        ((failure = door_open(&m->door, m->context)) != 0 ||
         (failure = monitor_open(&m->monitor, m->context, m->router, WATCHED_EVENTS, 0)) != 0))
        status = error_set(error, CONVOY_E_INTERNAL, "cannot prepare %s: libzmq says: %s", options->url,
                           zmq_strerror(failure));
    if (status == CONVOY_OK)
        status = router_bind(m->router, options->url, &m->url, error);
    if (status != CONVOY_OK) {
        struct transport *unfinished = &m->base;
        zmq_master_destroy(&unfinished);
        return status;
    }
    *transport = &m->base;
    return CONVOY_OK;
}

const char *zmq_master_url(const struct transport *transport) {
    return ((const struct zmq_master *)transport)->url;
}

static const struct transport_ops zmq_master_ops = {
    .name = "ZeroMQ",
    .send = zmq_master_send,
    .poll = zmq_master_poll,
    .wake = zmq_master_wake,
    .state = zmq_master_state,
    .disconnect = zmq_master_disconnect,
    .destroy = zmq_master_destroy,
};
