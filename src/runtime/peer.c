#include "runtime/peer.h"

#define PING_AFTER_NS UINT64_C(20000000) /* of silence of a worker that owes an answer */

enum worker_standing peer_standing(const struct peer *peer, bool holds, uint64_t now_ns) {
    static const enum worker_standing standings[] = {[LATENESS_PROMPT] = WORKER_FREE,
                                                     [LATENESS_SLOW] = WORKER_SLOW,
                                                     [LATENESS_LATE] = WORKER_LATE,
                                                     [LATENESS_STALLED] = WORKER_STALLED};
    if (peer->state == PEER_ABSENT)
        return WORKER_ABSENT;
    if (peer->state == PEER_LOST || peer->distrusted)
        return WORKER_DEAD;
    if (peer->left_out)
        return WORKER_LEFT_OUT;
    if (!holds)
        return WORKER_UNREADY;
    if (peer->state == PEER_SUSPECT)
        return WORKER_SILENT;
    return standings[lateness_judge(&peer->lateness, peer->owed_count > 0, now_ns)];
}

bool peer_has_room(const struct peer *peer, bool unawaited) {
    return !peer->distrusted && peer->owed_count < (unawaited ? 1 : TASKS_AHEAD);
}

uint64_t peer_note_frame(struct peer *peer, uint64_t now_ns) {
    peer->heard_ns = now_ns;
    return ++peer->order;
}

void peer_owe(struct peer *peer, const struct owed *owed) {
    struct owed *noted = &peer->owed[peer->owed_count];
    const bool first_row_is_free = peer->owed_count == 0 || peer->owed[0].life.row > 0;
    *noted = *owed;
    noted->order = peer->order;
    noted->life.row = first_row_is_free ? 0 : 1; /* TASKS_AHEAD */
    noted->life.sent_ns = peer->heard_ns;
    peer->owed_count++;
}

uint32_t peer_find_owed(const struct peer *peer, uint64_t job) {
    uint32_t i = 0;
    while (i < peer->owed_count && peer->owed[i].job != job)
        i++;
    return i;
}

void peer_forget_owed(struct peer *peer, uint32_t i) {
    for (peer->owed_count--; i < peer->owed_count; i++)
        peer->owed[i] = peer->owed[i + 1];
}

uint64_t peer_ping_ns(const struct peer *peer) {
    bool asks = peer->owed_count && !peer->ping && peer_lives(peer);
    return asks ? peer->heard_ns + PING_AFTER_NS : UINT64_MAX;
}

uint64_t peer_begin_ping(struct peer *peer) {
    return peer->ping = peer->order + 1;
}

bool peer_end_ping(struct peer *peer, uint64_t ping) {
    if (!peer->ping || ping != peer->ping)
        return false;
    peer->ping = 0;
    return true;
}
