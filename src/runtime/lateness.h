/* Which workers straggle. A worker is slow if it computes, by its own clock, much longer than others compute
 * the same job. It is late if its answers come, by the master's clock, long after others' to the same job:
 * nobody waits for it then. Pure functions of states and times: no clock is read and nothing is locked here,
 * so that a test or a simulation may use them with times of its own. */
#ifndef RUNTIME_LATENESS_H
#define RUNTIME_LATENESS_H

#include <stdbool.h>
#include <stdint.h>

/* A worker is late whose answer takes this many times as long as others', and comes this much after theirs.
 * The floor is what a busy machine's scheduler does to a worker that is well: a task and its answer pass
 * through some six threads, and a processor with ten runnable ones gives each its turn within some 40 ms. A
 * machine that stalls as a whole (a control group that has used up its quota, a host that is overcommitted)
 * may let a few answer before: if fewer than half have, they are no yardstick before four times as long. A
 * worker that is late by less is waited for; the floor is paid once, and only if more than γ workers are
 * late.
 */
#define LATE_FACTOR       5
#define LATE_FLOOR_NS     UINT64_C(250000000)
#define LATE_FEW_FLOOR_NS (4 * LATE_FLOOR_NS)

/* What is known of a worker by its last answers. All zero: nothing yet. */
struct lateness {
    bool slow, late;
    uint64_t rests_until_ns; /* if slow: before that it should get nothing */
    float pace;              /* smoothed: times as long as others does it compute; 0: not known */
};

/* What workers made of one job: the yardstick for those that have not answered. */
struct lateness_others {
    uint32_t asked, answered; /* of those asked, not those that died; answered in time */
    uint64_t last_ns;         /* when the last of these answers came; 0: none did */
};

/* When a task that was sent at sent_ns is late, if it has not been answered by then. If nobody answered, only
 * longest_ns after it was sent: nobody is late if all are. If it was sent when others had answered already,
 * as one that was held, the floor counts from then on. */
uint64_t lateness_bound_ns(uint64_t sent_ns, const struct lateness_others *others, uint64_t longest_ns);

/* A task was settled at that time: answered, or not, as when it was cancelled. An answer in time clears a
 * worker; whatever comes too late makes it late. */
void lateness_note_reply(struct lateness *lateness, bool answered, uint64_t settled_ns, uint64_t bound_ns);

/* What a job usually takes those that answered to compute, by how long it took each of them (0: not known,
 * or no answer); 0 if none told. */
uint32_t lateness_usual_us(const uint32_t *took_us, uint32_t count);

/* An answer took a worker so long to compute, and others usually so long; 0: not known. */
void lateness_note_pace(struct lateness *lateness, uint32_t took_us, uint32_t usual_us, uint64_t now_ns);

enum lateness_verdict {
    LATENESS_PROMPT,  /* to be asked and waited for */
    LATENESS_SLOW,    /* to be asked only if the others take long, or cannot suffice */
    LATENESS_LATE,    /* to be asked, but not waited for */
    LATENESS_STALLED, /* late, and not to be asked: it owes an answer, or rests */
};

/* What to do with a worker now. owes: it has not answered everything that it was asked. */
enum lateness_verdict lateness_judge(const struct lateness *lateness, bool owes, uint64_t now_ns);

#endif
