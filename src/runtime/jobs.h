/* A job: one coded layer of one inference, with a task for each worker, of whose answers some suffice. And
 * the list of the jobs that are open. Both are passive: they are told what happened, and when, and tell what
 * that decides. They read no clock, lock nothing and send nothing; the dispatcher does (dispatcher.h). */
#ifndef RUNTIME_JOBS_H
#define RUNTIME_JOBS_H

#include "base/memory.h"
#include "base/tracing.h"
#include "runtime/lateness.h"

#include <convoy/tensor.h>

enum task_state {
    TASK_NONE,    /* this worker gets none: it was lost or stalled when the job began */
    TASK_HELD,    /* not sent before the others cannot suffice, or take long */
    TASK_WAITING, /* not sent yet */
    TASK_SENT,
    TASK_ANSWERED,
    TASK_LOST,     /* the worker died, or its answer was lost or damaged */
    TASK_WRONG,    /* its answer came, and was wrong */
    TASK_DECLINED, /* the worker cannot compute it, or its answer is beyond the frames' range */
    TASK_LATE      /* job_states alone says so: to be sent, or sent, to a worker for which nobody waits. Once
                      the job is closed: without an answer, which was missed (job_close) */
};

struct job_task {
    enum task_state state;
    bool late; /* the dispatcher's own: the worker is late or silent; its answer is welcome, but nobody waits
                  for it unless the job is patient */
    struct buffer *payload; /* until sent; the job's reference */
    uint64_t payload_hash;  /* dispatcher_payload_hash */
    struct buffer *answer;  /* ANSWERED: the job's reference */
    uint32_t took_us;       /* ANSWERED: how long the worker computed; 0: not known */
    uint64_t asked_ns;      /* when it was first to be sent; 0: it is HELD */
    struct trace_task life; /* ended_ns 0: it has not been sent, or not ended while the job was open */
};

struct waiter; /* the dispatcher's: an owner that sleeps */

/* Filled by its owner before it is opened; afterwards tasks[] belongs to the dispatcher until the job is
 * closed. */
struct job {
    uint32_t layer;
    const char *name; /* of the layer, and the inference's number: for the trace */
    uint64_t inference;
    convoy_dtype dtype;
    size_t answer_bytes;
    uint64_t usual_ns;      /* until enough answers come; 0: not known */
    uint64_t longest_ns;    /* a task that is out for longer is late, whatever others do */
    bool patient;           /* waits for the late and the silent, too */
    bool background;        /* has no tasks but of late workers, of which it learns whether they still are */
    struct job_task *tasks; /* [nodes] */
    bool wanting;           /* to be set before it is closed: its answers did not suffice */

    /* The dispatcher's own, while the job is open. */
    uint64_t id;
    struct job *next;
    uint32_t open, held; /* tasks that are waited for: HELD, WAITING or SENT; HELD */
    uint32_t asked;      /* tasks that are not HELD, or are not any more */
    uint32_t answered;
    struct lateness_others others; /* by the clock of assignments.watched_ns */
    uint64_t hold_until_ns;
    uint32_t wanted;       /* answers, by who waits */
    struct waiter *waiter; /* who sleeps until the job is decided, or NULL */
};

static inline bool task_is_pending(enum task_state state) {
    return state == TASK_HELD || state == TASK_WAITING || state == TASK_SENT;
}

static inline bool job_awaits(const struct job *job, const struct job_task *task) {
    return job->patient || !task->late;
}

/* Whether as many answers as are wanted came, or cannot come any more. */
static inline bool job_is_decided(const struct job *job) {
    return job->answered >= job->wanted || job->answered + job->open < job->wanted;
}

/* Whether the answers that are wanted cannot come any more from the tasks that are not held. */
static inline bool job_needs_held(const struct job *job) {
    return job->answered + job->open - job->held < job->wanted;
}

/* The job begins: no task is waited for yet. */
void job_begin(struct job *job, uint64_t now_ns);

/* A HELD or WAITING task of a job that begins. late: the worker is late or silent. */
void job_add_task(struct job *job, uint32_t worker, bool late, uint64_t now_ns);

/* An answer came to a task that is SENT; takes it. in_time: it counts as a yardstick for the others, by
 * watched_ns. */
void job_take_answer(struct job *job, uint32_t worker, struct buffer **take_answer, uint32_t took_us,
                     bool in_time, uint64_t watched_ns);

/* No answer comes to a task that is SENT: it is LOST or DECLINED. Others are left alone. */
void job_fail_task(struct job *job, uint32_t worker, enum task_state state);

/* The answer to a task that is ANSWERED is wrong: it counts as if it had not come. */
void job_reject_answer(struct job *job, uint32_t worker);

/* The worker is gone: its task is LOST, if it is pending. */
void job_lose_worker(struct job *job, uint32_t worker);

/* The worker is late or silent: its task, if it is pending, is not waited for any more; or, by a patient job,
 * no longer alone: nothing is held back any more. */
void job_give_up_on(struct job *job, uint32_t worker);

/* Makes the HELD tasks WAITING if it is time. Returns when to look again; UINT64_MAX: nothing is held. */
uint64_t job_release_held(struct job *job, uint32_t nodes, uint64_t now_ns);

/* The job is over. A task that is pending becomes LATE if its worker is late or silent; or, unless it is
 * HELD, if the answers that came do not suffice, or if it was to be sent so long ago that HELD tasks would be
 * asked for it by now (selection_hold_until_ns): then the layer took long for want of it. */
void job_close(struct job *job, uint32_t nodes, uint64_t now_ns);

/* The tasks' states as a thread that waits sees them: TASK_LATE if a task is pending and nobody waits for it.
 */
void job_states(const struct job *job, uint32_t nodes, enum task_state *states);

/* Drops the references that a closed job's tasks hold. */
void job_release(struct job *job, uint32_t nodes);

/* The open jobs. All zero: none. */
struct job_list {
    struct job *first; /* oldest first */
    uint64_t last_id;
};

/* Puts a job at the end of the list and numbers it; its number is used only once. */
void job_list_add(struct job_list *list, struct job *job);
void job_list_remove(struct job_list *list, struct job *job);

/* An open job, or NULL. */
struct job *job_list_find(const struct job_list *list, uint64_t id);

#endif
