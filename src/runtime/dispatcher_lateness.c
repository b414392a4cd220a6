/* Applies the rule of lateness.h to the dispatcher's workers. Its times are those of a clock that runs only
 * while the master watches (watched_ns): a master that was stopped, or had no processor, has not seen that
 * an answer did not come. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

/* The longest that one wait counts, and lasts while somebody may turn out to be late: a master that was
 * stopped in the middle of it looks several times before it calls anybody late. */
#define LOOK_NS (50 * NS_PER_MS)

#define SHORTEST_LOOK_NS NS_PER_MS /* so that the clock moves, whatever passes before the poll begins */

static uint64_t bound_of(struct dispatcher *d, const struct owed *owed) {
    const struct job *job = dispatcher_find_job(d, owed->job);
    return lateness_bound_ns(owed->sent_ns, job ? &job->others : &owed->others, owed->longest_ns);
}

void dispatcher_watch(struct dispatcher *d, uint64_t start_ns, uint64_t end_ns, uint64_t deadline_ns) {
    if (end_ns > deadline_ns)
        end_ns = deadline_ns > start_ns ? deadline_ns : start_ns;
    d->watched_ns += end_ns - start_ns < LOOK_NS ? end_ns - start_ns : LOOK_NS;
}

uint64_t dispatcher_next_look(struct dispatcher *d) {
    uint64_t left_ns = UINT64_MAX;
    for (uint32_t w = 0; w < d->nodes; w++) {
        const struct peer *peer = &d->peers[w];
        for (uint32_t i = 0; i < peer->owed_count && !peer->lateness.late; i++) {
            uint64_t bound_ns = bound_of(d, &peer->owed[i]);
            uint64_t own_ns = bound_ns > d->watched_ns ? bound_ns - d->watched_ns : 0;
            left_ns = own_ns < left_ns ? own_ns : left_ns;
        }
    }
    if (left_ns == UINT64_MAX)
        return UINT64_MAX;
    left_ns = left_ns > SHORTEST_LOOK_NS ? left_ns : SHORTEST_LOOK_NS;
    return clock_now_ns() + (left_ns < LOOK_NS ? left_ns : LOOK_NS);
}

void dispatcher_give_up_on(struct dispatcher *d, uint32_t worker) {
    for (struct job *job = d->jobs; job; job = job->next) {
        struct job_task *task = &job->tasks[worker];
        if (job->patient || !task_is_pending(task) || task->unawaited)
            continue;
        task->unawaited = true;
        job->open--;
        job->held -= task->state == TASK_HELD;
    }
}

void dispatcher_find_late(struct dispatcher *d) {
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct peer *peer = &d->peers[w];
        for (uint32_t i = 0; i < peer->owed_count && !peer->lateness.late; i++) {
            if (d->watched_ns < bound_of(d, &peer->owed[i]))
                continue;
            peer->lateness.late = true;
            dispatcher_give_up_on(d, w);
        }
    }
}

bool dispatcher_note_reply(struct dispatcher *d, uint32_t worker, uint32_t i, bool answered) {
    struct peer *peer = &d->peers[worker];
    uint64_t bound_ns = bound_of(d, &peer->owed[i]);
    lateness_note_reply(&peer->lateness, answered, d->watched_ns, bound_ns);
    return d->watched_ns < bound_ns;
}

void dispatcher_note_end(struct dispatcher *d, const struct job *job) {
    uint32_t took_us[CONVOY_MAX_WORKERS] = {0};
    for (uint32_t w = 0; w < d->nodes; w++)
        if (job->tasks[w].state == TASK_ANSWERED)
            took_us[w] = job->tasks[w].took_us;
    uint32_t usual_us = lateness_usual_us(took_us, d->nodes);
    uint64_t now_ns = clock_now_ns();
    struct lateness_others others = job->others;
    if (job->background && !others.last_ns)
        others = (struct lateness_others){1, 1, d->watched_ns}; /* the master itself */
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct peer *peer = &d->peers[w];
        lateness_note_pace(&peer->lateness, took_us[w], usual_us, now_ns);
        for (uint32_t i = 0; i < peer->owed_count; i++)
            if (peer->owed[i].job == job->id) {
                peer->owed[i].usual_us = usual_us;
                peer->owed[i].others = others;
            }
    }
}
