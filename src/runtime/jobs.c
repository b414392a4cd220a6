#include "runtime/jobs.h"

#include "runtime/selection.h"

#include <stddef.h>

void job_begin(struct job *job, uint64_t now_ns) {
    job->open = job->held = job->asked = job->answered = job->wanted = 0;
    job->others = (struct lateness_others){0};
    job->hold_until_ns = selection_hold_until_ns(now_ns, job->usual_ns);
    job->waiter = NULL;
}

void job_add_task(struct job *job, uint32_t worker, bool late, uint64_t now_ns) {
    struct job_task *task = &job->tasks[worker];
    bool held = task->state == TASK_HELD;
    task->late = late;
    bool awaited = job_awaits(job, task);
    task->asked_ns = held ? 0 : now_ns;
    job->open += awaited;
    job->held += awaited && held;
    job->asked += !held;
    job->others.asked += awaited && !held;
}

void job_take_answer(struct job *job, uint32_t worker, struct buffer **take_answer, uint32_t took_us,
                     bool in_time, uint64_t watched_ns) {
    struct job_task *task = &job->tasks[worker];
    if (task->state != TASK_SENT)
        return;
    task->state = TASK_ANSWERED;
    task->answer = *take_answer;
    *take_answer = NULL;
    task->took_us = took_us;
    job->open -= job_awaits(job, task);
    job->answered++;
    job->others.answered += in_time;
    job->others.last_ns = in_time ? watched_ns : job->others.last_ns;
}

void job_fail_task(struct job *job, uint32_t worker, enum task_state state) {
    struct job_task *task = &job->tasks[worker];
    if (task->state != TASK_SENT)
        return;
    task->state = state;
    job->open -= job_awaits(job, task);
    job->others.asked -= job_awaits(job, task);
}

/* The job stops waiting for a task that is pending. */
static void stop_waiting_for(struct job *job, const struct job_task *task) {
    job->open -= job_awaits(job, task);
    job->held -= job_awaits(job, task) && task->state == TASK_HELD;
}

void job_reject_answer(struct job *job, uint32_t worker) {
    struct job_task *task = &job->tasks[worker];
    if (task->state != TASK_ANSWERED)
        return;
    task->state = TASK_WRONG;
    job->answered--;
}

void job_lose_worker(struct job *job, uint32_t worker) {
    struct job_task *task = &job->tasks[worker];
    if (!task_is_pending(task->state))
        return;
    stop_waiting_for(job, task);
    task->state = TASK_LOST;
}

void job_give_up_on(struct job *job, uint32_t worker) {
    struct job_task *task = &job->tasks[worker];
    if (!task_is_pending(task->state))
        return;
    if (job->patient)
        job->hold_until_ns = 0;
    else
        stop_waiting_for(job, task);
    task->late = true;
}

uint64_t job_release_held(struct job *job, uint32_t nodes, uint64_t now_ns) {
    if (!job->held)
        return UINT64_MAX;
    if (now_ns < job->hold_until_ns && !job_needs_held(job))
        return job->hold_until_ns;
    for (uint32_t w = 0; w < nodes; w++)
        if (job->tasks[w].state == TASK_HELD) {
            job->tasks[w].state = TASK_WAITING;
            job->tasks[w].asked_ns = now_ns;
            job->asked++;
        }
    job->others.asked += job->held;
    job->held = 0;
    return UINT64_MAX;
}

/* Whether a task that is pending is out for so long that others would be asked. */
static bool is_overdue(const struct job *job, const struct job_task *task, uint64_t now_ns) {
    return job->usual_ns && now_ns >= selection_hold_until_ns(task->asked_ns, job->usual_ns);
}

void job_close(struct job *job, uint32_t nodes, uint64_t now_ns) {
    /* If too many were lost, what the others had not sent yet is not why the job failed. */
    const bool missed = job->wanting && job->answered + job->open >= job->wanted;
    for (uint32_t w = 0; w < nodes; w++) {
        struct job_task *task = &job->tasks[w];
        if (!task_is_pending(task->state))
            continue;
        if (task->late || (task->state != TASK_HELD && (missed || is_overdue(job, task, now_ns))))
            task->state = TASK_LATE;
    }
}

void job_states(const struct job *job, uint32_t nodes, enum task_state *states) {
    for (uint32_t w = 0; w < nodes; w++) {
        const struct job_task *task = &job->tasks[w];
        states[w] = !job_awaits(job, task) && task_is_pending(task->state) ? TASK_LATE : task->state;
    }
}

void job_release(struct job *job, uint32_t nodes) {
    for (uint32_t w = 0; w < nodes; w++) {
        buffer_release(&job->tasks[w].payload);
        buffer_release(&job->tasks[w].answer);
    }
}

/* ---- the list ---- */

void job_list_add(struct job_list *list, struct job *job) {
    struct job **at = &list->first;
    while (*at)
        at = &(*at)->next;
    *at = job;
    job->next = NULL;
    job->id = ++list->last_id;
}

void job_list_remove(struct job_list *list, struct job *job) {
    struct job **at = &list->first;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

struct job *job_list_find(const struct job_list *list, uint64_t id) {
    struct job *job = list->first;
    while (job && job->id != id)
        job = job->next;
    return job;
}
