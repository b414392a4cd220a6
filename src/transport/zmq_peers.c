#include "transport/zmq_peers.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum transport_event due_events[DUE_COUNT] = {TRANSPORT_LEFT, TRANSPORT_JOINED,
                                                           TRANSPORT_SUSPECTED, TRANSPORT_RECOVERED};

enum peer_state zmq_peer_visible_state(const struct zmq_peer *peer) {
    if (zmq_peer_is_in(peer) && !peer->due[DUE_LEFT] && !peer->due[DUE_JOINED])
        return peer->state;
    return peer->came_before ? PEER_LOST : PEER_ABSENT;
}

struct zmq_peer *zmq_peer_find(struct zmq_master *m, uint64_t route) {
    for (uint32_t i = 0; i < m->n; i++)
        if (m->peers[i].route == route && zmq_peer_is_in(&m->peers[i]))
            return &m->peers[i];
    return NULL;
}

void zmq_peer_set_due(struct zmq_master *m, struct zmq_peer *peer, int which) {
    peer->due[which] = true;
    m->due = true;
}

bool zmq_peers_take_due(struct zmq_master *m, uint32_t *number, enum transport_event *event) {
    if (!m->due)
        return false;
    for (uint32_t i = 0; i < m->n; i++)
        for (int which = 0; which < DUE_COUNT; which++) {
            struct zmq_peer *peer = &m->peers[i];
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

void zmq_refuse(struct zmq_master *m, uint64_t route, enum refusal why, const char *reason) {
    struct frame frame;
    if (frame_make(&frame, FRAME_REFUSED, why, reason, strlen(reason)))
        frame_to_socket(m->router, &route, &frame);
}

void zmq_peer_lose(struct zmq_master *m, struct zmq_peer *peer, enum refusal why, const char *reason) {
    if (!zmq_peer_is_in(peer))
        return;
    log_line(&m->log, CONVOY_LOG_WARNING, "worker %u is lost: %s", (unsigned)(peer - m->peers), reason);
    if (!peer->hung_up)
        zmq_refuse(m, peer->route, why, reason);
    peer->state = PEER_LOST;
    peer->came_before = true;
    peer->hung_up = false;
    memset(peer->due, 0, sizeof peer->due);
    if (peer->known)
        zmq_peer_set_due(m, peer, DUE_LEFT);
}

void zmq_peer_heard(struct zmq_master *m, struct zmq_peer *peer, uint64_t now_ns) {
    peer->heard_ns = now_ns;
    if (peer->state != PEER_SUSPECT)
        return;
    peer->state = PEER_ALIVE;
    if (peer->due[DUE_SUSPECTED])
        peer->due[DUE_SUSPECTED] = false; /* the owner never knew */
    else
        zmq_peer_set_due(m, peer, DUE_RECOVERED);
}

/* ---- bans ---- */

#define DISTRUSTED "its answers were wrong"

/* Whether no other peer is there with the same key. */
static bool key_is_own(const struct zmq_master *m, const struct zmq_peer *peer) {
    for (uint32_t i = 0; i < m->n; i++)
        if (&m->peers[i] != peer && zmq_peer_is_in(&m->peers[i]) && strcmp(m->peers[i].user, peer->user) == 0)
            return false;
    return *peer->user;
}

void zmq_peer_ban(struct zmq_master *m, struct zmq_peer *peer) {
    if (!m->bans)
        m->bans = calloc(ZMQ_MOST_BANS, sizeof *m->bans);
    if (m->bans) {
        struct zmq_ban *ban = &m->bans[m->ban_count++ % ZMQ_MOST_BANS];
        *ban = (struct zmq_ban){.instance = peer->instance};
        if (key_is_own(m, peer))
            memcpy(ban->key, peer->user, sizeof ban->key);
        else if (*peer->user)
            log_line(&m->log, CONVOY_LOG_WARNING,
                     "the key %s stays allowed, since other workers use it: a key for each worker is safer",
                     peer->user);
    }
    zmq_peer_lose(m, peer, REFUSAL_CUT, DISTRUSTED);
}

void zmq_bans_forget(struct zmq_master *m) {
    free(m->bans);
    m->bans = NULL;
    m->ban_count = 0;
}

static bool is_banned(const struct zmq_master *m, uint64_t instance, const char *user) {
    uint32_t count = m->ban_count < ZMQ_MOST_BANS ? m->ban_count : ZMQ_MOST_BANS;
    for (uint32_t i = 0; i < count; i++)
        if (m->bans[i].instance == instance || (*user && strcmp(m->bans[i].key, user) == 0))
            return true;
    return false;
}

/* ---- hellos ---- */

/* The node for a worker: its own if it is still held by an older connection of the same process, the one that
 * it wants, one that nobody had, one that was lost. NULL: all are taken. */
static struct zmq_peer *choose_node(struct zmq_master *m, const struct hello *hello, const char *user) {
    struct zmq_peer *absent = NULL, *lost = NULL;
    for (uint32_t i = m->n; i-- > 0;) {
        struct zmq_peer *peer = &m->peers[i];
        if (zmq_peer_is_in(peer) && peer->instance == hello->instance && strcmp(peer->user, user) == 0)
            return peer;
        if (peer->state == PEER_ABSENT)
            absent = peer;
        if (peer->state == PEER_LOST)
            lost = peer;
    }
    if (hello->node < m->n && !zmq_peer_is_in(&m->peers[hello->node]))
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

void zmq_admit(struct zmq_master *m, const struct origin *origin, const struct frame *frame) {
    char address[ADDRESS_TEXT], reason[REASON_TEXT];
    struct hello hello;
    connection_address(origin->fd, address);
    enum refusal refusal = door_judge_hello(frame, m->plan_hash, &hello, reason);
    if (!refusal && is_banned(m, hello.instance, origin->user)) {
        refusal = REFUSAL_CUT;
        snprintf(reason, sizeof reason, DISTRUSTED);
    }
    struct zmq_peer *peer = refusal ? NULL : choose_node(m, &hello, origin->user);
    if (!refusal && !peer) {
        refusal = REFUSAL_FULL;
        snprintf(reason, sizeof reason, "all %u nodes are taken", m->n);
    }
    if (refusal) {
        limited_line(&m->refusals, "a worker at %s was refused: %s", address, reason);
        zmq_refuse(m, origin->route, refusal, reason);
        return;
    }
    uint32_t node = (uint32_t)(peer - m->peers);
    if (!send_welcome(m, origin->route, node))
        return; /* gone already: it will come again */
    if (zmq_peer_is_in(peer)) {
        peer->hung_up = peer->hung_up || peer->route == origin->route;
        zmq_peer_lose(m, peer, REFUSAL_UNKNOWN, "it came again on another connection");
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
    zmq_peer_set_due(m, peer, DUE_JOINED);
    log_line(&m->log, CONVOY_LOG_INFO,
             *origin->user ? "worker %u came from %s with the key %s" : "worker %u came from %s", node,
             address, origin->user);
}
