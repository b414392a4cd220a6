/* Which workers are slow: those that compute, by their own clocks, much longer than others compute the same
 * job. They are spared: what they would do too late takes processor time from others where these share a
 * machine with them. A slow worker is asked again once it has rested, and is slow no longer with the first
 * answer that took no longer than others'. Until then it is asked only where the others take long
 * (dispatcher_send.c). */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

#define SLOW_FACTOR     4  /* times what a job takes others */
#define REST_FACTOR     20 /* times what it took the worker: trying it takes little of its time */
#define LONGEST_REST_NS (5 * NS_PER_S)

void pace_note(struct peer *peer, uint32_t took_us, uint32_t usual_us) {
    if (!took_us || !usual_us)
        return;
    peer->slow = took_us > (uint64_t)SLOW_FACTOR * usual_us;
    uint64_t rest_ns = REST_FACTOR * 1000 * (uint64_t)took_us;
    peer->rests_until_ns = clock_now_ns() + (rest_ns < LONGEST_REST_NS ? rest_ns : LONGEST_REST_NS);
}

bool pace_spares(const struct peer *peer, uint64_t now_ns) {
    return peer->slow && (peer->owed_count || now_ns < peer->rests_until_ns);
}

/* The harmonic mean: one slow worker among those that answered does not move it far. */
static uint32_t usual_pace(const struct dispatcher *d, const struct job *job) {
    double paces = 0;
    uint32_t count = 0;
    for (uint32_t w = 0; w < d->nodes; w++) {
        const struct job_task *task = &job->tasks[w];
        if (task->state != TASK_ANSWERED || !task->took_us)
            continue;
        paces += 1 / (double)task->took_us;
        count++;
    }
    return count ? (uint32_t)(count / paces) : 0;
}

void pace_judge(struct dispatcher *d, const struct job *job) {
    uint32_t usual_us = usual_pace(d, job);
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct peer *peer = &d->peers[w];
        if (job->tasks[w].state == TASK_ANSWERED)
            pace_note(peer, job->tasks[w].took_us, usual_us);
        for (uint32_t i = 0; i < peer->owed_count; i++)
            if (peer->owed[i].job == job->id)
                peer->owed[i].usual_us = usual_us;
    }
}
