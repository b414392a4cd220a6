/* Which workers answer wrongly. Pure functions of what happened: nothing is locked and nothing is sent here.
 */
#ifndef RUNTIME_TRUST_H
#define RUNTIME_TRUST_H

#include <stdbool.h>
#include <stdint.h>

/* Of one worker process. All zero: no wrong answer is known. */
struct trust {
    uint32_t failures;   /* wrong answers, those of one failure counted once */
    uint64_t renewed_at; /* the last job that was opened before the worker's filters were sent anew */
};

enum trust_step {
    TRUST_KEEP,  /* the answer was asked for before the filters were sent anew: the same failure */
    TRUST_RENEW, /* its filters may have been damaged in memory: it gets all of them anew, once */
    TRUST_BAN    /* it gets no more tasks */
};

/* An answer of this job was wrong. last_job: the one that was opened last. */
enum trust_step trust_note_wrong(struct trust *trust, uint64_t job, uint64_t last_job);

/* Whether all answers are to be checked, whatever share of them is otherwise. */
bool trust_is_doubtful(const struct trust *trust);

#endif
