/* The master's end: one ROUTER socket, whose connections become peers by their hello. Its owner's thread does
 * everything within poll: frames, handshakes, signs of life. Three sources tell that a worker is gone: its
 * connection ends (a monitor of the socket says so at once), nothing comes from it for ten heartbeats, or it
 * breaks the rules. */
#include "transport/zmq_transport.h"

#include "base/clock.h"
#include "base/error.h"
#include "transport/zmq_listen.h"
#include "transport/zmq_peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#define WATCHED_EVENTS   (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define READS_PER_ATTEND 64 /* frames that are read before handshakes and beats get their turn */

#define GOODBYE_NS (300 * NS_PER_MS) /* for all workers to hear it */

static const struct transport_ops zmq_master_ops;

/* --- What comes ------------------------------------------------------------------------------------------
 */

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
            if (m->peers[i].fd == value && zmq_peer_is_in(&m->peers[i]))
                m->peers[i].hung_up = true;
        break;
    }
    return true;
}

/* A large frame of a peer, or with CURVE to it, excuses the silence of this peer. */
static void take_announcement(struct zmq_master *m, struct zmq_peer *peer, uint64_t bytes) {
    uint64_t until_ns = announced_until_ns(bytes, &m->limits);
    if (until_ns > peer->announced_ns)
        peer->announced_ns = until_ns;
}

/* Acts on a message; true where it is a frame for the owner. */
static bool take_message(struct zmq_master *m, enum receipt receipt, const struct origin *origin,
                         struct frame *frame, uint32_t *number) {
    struct zmq_peer *peer = zmq_peer_find(m, origin->route);
    if (receipt == RECEIPT_FRAME && frame->header.kind == FRAME_HELLO) {
        while (read_news(m)) /* of an older connection that had the same descriptor */
            continue;
        door_spoke(&m->door, origin->fd);
        zmq_admit(m, origin, frame);
    } else if (receipt == RECEIPT_FRAME && !peer) {
        /* Forgotten, and does not know it. */
        zmq_refuse(m, origin->route, REFUSAL_UNKNOWN, "it is not, or no longer, welcome on this connection");
    } else if (receipt == RECEIPT_FRAME && frame_betrays_damage(frame)) {
        zmq_peer_lose(m, peer, REFUSAL_UNKNOWN, "a frame of it was damaged on its way");
    } else if (receipt == RECEIPT_FRAME && frame->header.kind == FRAME_BEAT) {
        zmq_peer_heard(m, peer, clock_now_ns());
        take_announcement(m, peer, frame->header.job);
    } else if (receipt == RECEIPT_FRAME) {
        zmq_peer_heard(m, peer, clock_now_ns());
        *number = (uint32_t)(peer - m->peers);
        return true;
    } else if (peer) {
        /* Damaged on its way, as far as can be told: it may come again. */
        zmq_peer_lose(m, peer, REFUSAL_UNKNOWN, "it sent what is no frame of a worker");
    } else {
        char address[ADDRESS_TEXT];
        connection_address(origin->fd, address);
        door_spoke(&m->door, origin->fd);
        limited_line(&m->door.log, "what a connection from %s sent is no hello", address);
        zmq_refuse(m, origin->route, REFUSAL_UNKNOWN, "what it sent is no hello");
    }
    frame_release(frame);
    return false;
}

static void send_beats(struct zmq_master *m, uint64_t now_ns) {
    if (now_ns < m->beat_ns)
        return;
    m->beat_ns = now_ns + m->limits.heartbeat_ns / 2;
    for (uint32_t i = 0; i < m->n; i++) {
        struct zmq_peer *peer = &m->peers[i];
        struct frame beat;
        if (zmq_peer_is_in(peer) && now_ns - peer->sent_ns >= m->limits.heartbeat_ns / 2 &&
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
            zmq_peer_lose(m, &m->peers[i], REFUSAL_UNKNOWN, "its connection ended");
    if (now_ns < m->judge_ns)
        return;
    uint64_t absent_ns =
        m->judge_ns ? now_ns - m->judge_ns : 0; /* this process was stopped, or its thread elsewhere */
    m->judge_ns = now_ns + m->limits.heartbeat_ns / 2;
    for (uint32_t i = 0; i < m->n; i++) {
        struct zmq_peer *peer = &m->peers[i];
        if (zmq_peer_is_in(peer) && absent_ns > m->limits.heartbeat_ns)
            peer->heard_ns = peer->heard_ns + absent_ns < now_ns ? peer->heard_ns + absent_ns : now_ns;
        if (!zmq_peer_is_in(peer) || now_ns < peer->heard_ns + m->limits.heartbeat_ns)
            continue;
        uint64_t silent_ns = connection_silent_ns(peer->fd, peer->heard_ns, peer->announced_ns);
        if (silent_ns >= LOST_HEARTBEATS * m->limits.heartbeat_ns) {
            zmq_peer_lose(m, peer, REFUSAL_UNKNOWN, "it is silent");
        } else if (silent_ns >= SUSPECT_HEARTBEATS * m->limits.heartbeat_ns && peer->state == PEER_ALIVE) {
            peer->state = PEER_SUSPECT;
            zmq_peer_set_due(m, peer, DUE_SUSPECTED);
        } else if (silent_ns < SUSPECT_HEARTBEATS * m->limits.heartbeat_ns) {
            zmq_peer_heard(m, peer, now_ns - silent_ns);
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
    const ssize_t taken = read(m->wake_fd, &count, sizeof count);
    (void)taken; /* without any, the write is still to come, and ends the next wait too early */
    return true;
}

static enum transport_event zmq_master_poll(struct transport *transport, uint64_t deadline_ns,
                                            uint32_t *number, struct frame *frame) {
    struct zmq_master *m = (struct zmq_master *)transport;
    enum transport_event event;
    struct origin origin;
    for (;;) {
        if (zmq_peers_take_due(m, number, &event))
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
    struct zmq_peer *peer = number < m->n ? &m->peers[number] : NULL;
    enum peer_state state = peer ? zmq_peer_visible_state(peer) : PEER_ABSENT;
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
        zmq_peer_lose(m, peer, REFUSAL_UNKNOWN, "it does not take what it is sent");
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
    return number < m->n ? zmq_peer_visible_state(&m->peers[number]) : PEER_ABSENT;
}

static void zmq_master_disconnect(struct transport *transport, uint32_t number) {
    struct zmq_master *m = (struct zmq_master *)transport;
    if (number < m->n)
        zmq_peer_lose(m, &m->peers[number], REFUSAL_CUT, "it was cut off");
}

static void zmq_master_identify(struct transport *transport, uint32_t number,
                                struct peer_identity *identity) {
    struct zmq_master *m = (struct zmq_master *)transport;
    *identity = (struct peer_identity){0};
    if (number >= m->n)
        return;
    identity->instance = m->peers[number].instance;
    memcpy(identity->key, m->peers[number].user, sizeof identity->key);
}

static void zmq_master_ban(struct transport *transport, uint32_t number) {
    struct zmq_master *m = (struct zmq_master *)transport;
    if (number < m->n)
        zmq_peer_ban(m, &m->peers[number]);
}

static void zmq_master_pardon(struct transport *transport) {
    zmq_bans_forget((struct zmq_master *)transport);
}

/* Whoever hears it hangs up; waiting for that is surer than to let libzmq linger, which now and then loses
 * what was sent just before the end. */
static void say_goodbye(struct zmq_master *m) {
    const uint64_t until_ns = clock_now_ns() + GOODBYE_NS;
    for (uint32_t i = 0; i < m->n; i++)
        if (zmq_peer_is_in(&m->peers[i]))
            zmq_refuse(m, m->peers[i].route, REFUSAL_FINISHED, "it has finished");
    for (uint32_t i = 0; i < m->n; i++)
        while (zmq_peer_is_in(&m->peers[i]) && !m->peers[i].hung_up && clock_now_ns() < until_ns)
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
    ipc_file_remove(&m->ipc_file);
    monitored_close(&m->router, &m->monitor, 0);
    if (m->door.socket)
        zmq_close(m->door.socket);
    if (m->context)
        zmq_ctx_term(m->context);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    zmq_bans_forget(m);
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
    m->refusals.log = m->door.log.log = m->door.denials.log = m->door.notes.log = &m->log;
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
        status = router_bind(m->router, options->url, &m->url, &m->ipc_file, error);
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
    .identify = zmq_master_identify,
    .ban = zmq_master_ban,
    .pardon = zmq_master_pardon,
    .destroy = zmq_master_destroy,
};
