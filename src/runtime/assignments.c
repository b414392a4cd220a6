#include "runtime/assignments.h"

#include <convoy/report.h>

#include <stdlib.h>
#include <string.h>

/* The longest that one wait counts, and lasts while somebody may turn out to be late: a master that was
 * stopped in the middle of it looks several times before it calls anybody late. */
#define LOOK_NS UINT64_C(50000000)

#define SHORTEST_LOOK_NS UINT64_C(1000000) /* so that the clock moves, whatever passes before the wait */

convoy_status assignments_init(struct assignments *a, uint32_t nodes) {
    *a = (struct assignments){.nodes = nodes, .watched_ns = 1, .peers = calloc(nodes, sizeof *a->peers)};
    return a->peers ? CONVOY_OK : CONVOY_E_MEMORY;
}

void assignments_clear(struct assignments *a) {
    free(a->peers);
    *a = (struct assignments){0};
}

uint32_t assignments_count(const struct assignments *a, enum peer_state state) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < a->nodes; w++)
        count += a->peers[w].state == state;
    return count;
}

/* ---- jobs ---- */

void assignments_open(struct assignments *a, struct job *job, uint64_t now_ns) {
    job_begin(job, now_ns);
    job_list_add(&a->jobs, job);
    for (uint32_t w = 0; w < a->nodes; w++) {
        const struct peer *peer = &a->peers[w];
        if (!task_is_pending(job->tasks[w].state))
            continue;
        if (peer_lives(peer))
            job_add_task(job, w, peer->lateness.late || peer->state == PEER_SUSPECT, now_ns);
        else
            job->tasks[w].state = TASK_LOST;
    }
}

/* Judges the workers by the answers to a job that ends, and leaves what it takes to judge those that come. */
static void judge_workers(struct assignments *a, const struct job *job, uint64_t now_ns) {
    uint32_t took_us[CONVOY_MAX_WORKERS] = {0};
    for (uint32_t w = 0; w < a->nodes; w++)
        if (job->tasks[w].state == TASK_ANSWERED)
            took_us[w] = job->tasks[w].took_us;
    uint32_t usual_us = lateness_usual_us(took_us, a->nodes);
    struct lateness_others others = job->others;
    if (job->background && !others.last_ns)
        others = (struct lateness_others){1, 1, a->watched_ns}; /* the master itself */
    for (uint32_t w = 0; w < a->nodes; w++) {
        struct peer *peer = &a->peers[w];
        lateness_note_pace(&peer->lateness, took_us[w], usual_us, now_ns);
        for (uint32_t i = 0; i < peer->owed_count; i++)
            if (peer->owed[i].job == job->id) {
                peer->owed[i].usual_us = usual_us;
                peer->owed[i].others = others;
                peer->owed[i].life.outcome =
                    job->tasks[w].state == TASK_LATE ? CONVOY_OUTCOME_LATE : CONVOY_OUTCOME_SPARE;
            }
    }
}

bool assignments_close(struct assignments *a, struct job *job, uint64_t now_ns) {
    bool out = false;
    job_list_remove(&a->jobs, job);
    for (uint32_t w = 0; w < a->nodes; w++)
        out = out || job->tasks[w].state == TASK_SENT;
    a->cancels_due = a->cancels_due || out;
    job_close(job, a->nodes, now_ns);
    judge_workers(a, job, now_ns);
    return out;
}

uint64_t assignments_release_held(struct assignments *a, uint64_t now_ns) {
    uint64_t next_ns = UINT64_MAX;
    for (struct job *job = a->jobs.first; job; job = job->next) {
        uint64_t look_ns = job_release_held(job, a->nodes, now_ns);
        next_ns = look_ns < next_ns ? look_ns : next_ns;
    }
    return next_ns;
}

bool assignments_sends(const struct assignments *a, const struct job *job, uint32_t worker) {
    const struct job_task *task = &job->tasks[worker];
    return task->state == TASK_WAITING && peer_has_room(&a->peers[worker], !job_awaits(job, task));
}

void assignments_note_task(struct assignments *a, struct job *job, uint32_t worker) {
    struct peer *peer = &a->peers[worker];
    job->tasks[worker].state = TASK_SENT;
    peer_owe(peer, &(struct owed){.job = job->id,
                                  .sent_ns = a->watched_ns,
                                  .longest_ns = job->longest_ns,
                                  .background = peer->lateness.late,
                                  .life = {.layer = job->name,
                                           .inference = job->inference,
                                           .worker = worker,
                                           .asked_ns = job->tasks[worker].asked_ns}});
}

uint64_t assignments_take_cancel(struct assignments *a, uint32_t worker) {
    struct peer *peer = &a->peers[worker];
    for (uint32_t i = 0; i < peer->owed_count; i++) {
        struct owed *owed = &peer->owed[i];
        if (owed->cancelled || owed->background || job_list_find(&a->jobs, owed->job))
            continue;
        owed->cancelled = true;
        return owed->job;
    }
    return 0;
}

/* ---- what comes ---- */

static uint64_t bound_of(const struct assignments *a, const struct owed *owed) {
    const struct job *job = job_list_find(&a->jobs, owed->job);
    return lateness_bound_ns(owed->sent_ns, job ? &job->others : &owed->others, owed->longest_ns);
}

/* What a worker owes as its i-th is settled: answered, or not. Whether that is in time. */
static bool note_reply(struct assignments *a, uint32_t worker, uint32_t i, bool answered) {
    struct peer *peer = &a->peers[worker];
    uint64_t bound_ns = bound_of(a, &peer->owed[i]);
    lateness_note_reply(&peer->lateness, answered, a->watched_ns, bound_ns);
    return a->watched_ns < bound_ns;
}

/* A task has ended. If its job is open, the owner of the job tells of the task; else the thread that drives
 * does. */
static void note_ended(struct assignments *a, struct job *job, const struct trace_task *life) {
    if (job)
        job->tasks[life->worker].life = *life;
    else if (a->ended_count < TASKS_AHEAD)
        a->ended[a->ended_count++] = *life;
}

uint32_t assignments_take_ended(struct assignments *a, struct trace_task ended[TASKS_AHEAD]) {
    uint32_t count = a->ended_count;
    memcpy(ended, a->ended, count * sizeof *ended);
    a->ended_count = 0;
    return count;
}

/* The tasks that were sent before a frame of this order, and are still owed, are lost. */
static void settle_before(struct assignments *a, uint32_t worker, uint64_t order, uint64_t now_ns) {
    struct peer *peer = &a->peers[worker];
    while (peer->owed_count && peer->owed[0].order < order) {
        struct job *job = job_list_find(&a->jobs, peer->owed[0].job);
        struct trace_task life = peer->owed[0].life;
        life.ended_ns = now_ns;
        life.outcome = CONVOY_OUTCOME_LOST;
        note_reply(a, worker, 0, false);
        if (job)
            job_fail_task(job, worker, TASK_LOST);
        note_ended(a, job, &life);
        peer_forget_owed(peer, 0);
    }
}

/* A cancelled task is declined out of turn, so only an answer tells about older tasks. */
void assignments_take_answer(struct assignments *a, uint32_t worker, const struct frame_header *header,
                             struct buffer **payload) {
    struct peer *peer = &a->peers[worker];
    uint32_t i = peer_find_owed(peer, header->job);
    if (i == peer->owed_count)
        return; /* given up earlier */
    struct job *job = job_list_find(&a->jobs, header->job);
    bool answered = header->kind == FRAME_ANSWER;
    bool right = answered && job && header->layer == job->layer && header->dtype == job->dtype &&
                 header->bytes == job->answer_bytes && *payload;
    if (answered && !job)
        lateness_note_pace(&peer->lateness, header->took_us, peer->owed[i].usual_us, peer->heard_ns);
    struct trace_task life = peer->owed[i].life;
    life.ended_ns = peer->heard_ns;
    life.took_us = answered ? header->took_us : 0;
    life.cancelled = !answered && !job;
    bool in_time = note_reply(a, worker, i, answered && (right || !job));
    if (right)
        job_take_answer(job, worker, payload, header->took_us, in_time, a->watched_ns);
    else if (job)
        job_fail_task(job, worker, answered ? TASK_LOST : TASK_DECLINED);
    note_ended(a, job, &life);
    uint64_t order = peer->owed[i].order;
    peer_forget_owed(peer, i);
    if (answered)
        settle_before(a, worker, order, peer->heard_ns);
}

void assignments_take_pong(struct assignments *a, uint32_t worker, uint64_t ping) {
    if (peer_end_ping(&a->peers[worker], ping))
        settle_before(a, worker, ping, a->peers[worker].heard_ns);
}

void assignments_lose_worker(struct assignments *a, uint32_t worker, uint64_t now_ns) {
    settle_before(a, worker, UINT64_MAX, now_ns);
    for (struct job *job = a->jobs.first; job; job = job->next)
        job_lose_worker(job, worker);
    a->peers[worker].ping = 0;
}

void assignments_give_up_on(struct assignments *a, uint32_t worker) {
    for (struct job *job = a->jobs.first; job; job = job->next)
        job_give_up_on(job, worker);
}

/* ---- lateness ---- */

void assignments_watch(struct assignments *a, uint64_t start_ns, uint64_t end_ns, uint64_t deadline_ns) {
    if (end_ns > deadline_ns)
        end_ns = deadline_ns > start_ns ? deadline_ns : start_ns;
    a->watched_ns += end_ns - start_ns < LOOK_NS ? end_ns - start_ns : LOOK_NS;
}

uint64_t assignments_look_ns(const struct assignments *a) {
    uint64_t left_ns = UINT64_MAX;
    for (uint32_t w = 0; w < a->nodes; w++) {
        const struct peer *peer = &a->peers[w];
        for (uint32_t i = 0; i < peer->owed_count && !peer->lateness.late; i++) {
            uint64_t bound_ns = bound_of(a, &peer->owed[i]);
            uint64_t own_ns = bound_ns > a->watched_ns ? bound_ns - a->watched_ns : 0;
            left_ns = own_ns < left_ns ? own_ns : left_ns;
        }
    }
    if (left_ns == UINT64_MAX)
        return UINT64_MAX;
    left_ns = left_ns > SHORTEST_LOOK_NS ? left_ns : SHORTEST_LOOK_NS;
    return left_ns < LOOK_NS ? left_ns : LOOK_NS;
}

void assignments_find_late(struct assignments *a) {
    for (uint32_t w = 0; w < a->nodes; w++) {
        struct peer *peer = &a->peers[w];
        for (uint32_t i = 0; i < peer->owed_count && !peer->lateness.late; i++) {
            if (a->watched_ns < bound_of(a, &peer->owed[i]))
                continue;
            peer->lateness.late = true;
            assignments_give_up_on(a, w);
        }
    }
}
