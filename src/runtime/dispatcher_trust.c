/* What the dispatcher does about workers whose answers were wrong (trust.h). */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

#include <string.h>

/* Under the mutex. */
static void ban(struct dispatcher *d, uint32_t worker) {
    d->assignments.peers[worker].distrusted = true;
    d->assignments.peers[worker].ban_due = true;
    assignments_lose_worker(&d->assignments, worker, clock_now_ns());
}

/* Under the mutex. */
static void renew(struct dispatcher *d, uint32_t worker) {
    holdings_renew(&d->holdings, worker);
    pthread_cond_signal(&d->gap);
}

enum trust_step dispatcher_reject(struct dispatcher *d, struct job *job, uint32_t worker,
                                  struct peer_identity *identity) {
    struct trace_task ended[TASKS_AHEAD];
    pthread_mutex_lock(&d->mutex);
    struct peer *peer = &d->assignments.peers[worker];
    *identity = peer->identity;
    job_reject_answer(job, worker);
    enum trust_step step = trust_note_wrong(&peer->trust, job->id, d->assignments.jobs.last_id);
    if (step == TRUST_BAN && !peer->distrusted)
        ban(d, worker);
    if (step == TRUST_RENEW)
        renew(d, worker);
    uint32_t ended_count = assignments_take_ended(&d->assignments, ended);
    dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
    for (uint32_t i = 0; i < ended_count; i++)
        trace_task(d->trace, &ended[i]);
    return step;
}

bool dispatcher_has_doubts(struct dispatcher *d) {
    bool doubts = false;
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->nodes; w++) {
        const struct peer *peer = &d->assignments.peers[w];
        doubts = doubts || (peer_lives(peer) && !peer->distrusted && trust_is_doubtful(&peer->trust));
    }
    pthread_mutex_unlock(&d->mutex);
    return doubts;
}

size_t dispatcher_distrusted(struct dispatcher *d, uint32_t *distrusted, size_t capacity) {
    size_t count = 0;
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->nodes; w++) {
        if (!d->assignments.peers[w].distrusted)
            continue;
        if (count < capacity)
            distrusted[count] = w;
        count++;
    }
    pthread_mutex_unlock(&d->mutex);
    return count;
}

void dispatcher_pardon(struct dispatcher *d) {
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->nodes; w++) {
        d->assignments.peers[w].trust = (struct trust){0};
        d->assignments.peers[w].distrusted = false;
    }
    d->pardon_due = true;
    dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
}

/* Whether worker `before` was who has come as worker `now`: the same process, or the only user of its key. */
static bool was(const struct dispatcher *d, uint32_t before, uint32_t now,
                const struct peer_identity *identity) {
    const struct peer_identity *known = &d->assignments.peers[before].identity;
    if (known->instance == identity->instance)
        return true;
    if (!*identity->key || strcmp(known->key, identity->key) != 0)
        return false;
    for (uint32_t w = 0; w < d->nodes; w++) {
        const struct peer *peer = &d->assignments.peers[w];
        if (w != now && peer_lives(peer) && strcmp(peer->identity.key, identity->key) == 0)
            return false;
    }
    return true;
}

void dispatcher_recognise(struct dispatcher *d, uint32_t worker) {
    struct peer *peer = &d->assignments.peers[worker];
    struct peer_identity identity;
    struct trust trust = {0};
    d->transport->ops->identify(d->transport, worker, &identity);
    for (uint32_t w = 0; w < d->nodes; w++)
        if (was(d, w, worker, &identity) && d->assignments.peers[w].trust.failures > trust.failures)
            trust = d->assignments.peers[w].trust;
    peer->identity = identity;
    peer->trust = trust;
    peer->distrusted = peer->ban_due = false;
}
