/* Whom a job asks: which workers get a task, which tasks are held back and until when, and whether it is
 * worth asking once more. Pure functions of states and times: no clock is read and nothing is locked here, so
 * that a test or a simulation may use them with times of its own. */
#ifndef RUNTIME_SELECTION_H
#define RUNTIME_SELECTION_H

#include "code/code.h"
#include "runtime/jobs.h"
#include "runtime/peer.h"

/* What is known when workers are chosen. */
struct selection {
    const struct code *code;
    uint32_t nodes;
    const enum worker_standing *standings; /* [nodes] */
    const float *paces;                    /* [nodes] lateness.pace */
    bool patient;      /* the late and the silent are waited for if nothing else suffices */
    uint32_t asked;    /* how many are asked at once; less than δ counts as δ */
    uint32_t *workers; /* [nodes], scratch */
};

/* What came of it. */
struct choice {
    bool enough;     /* the answers of those that are asked and waited for would suffice */
    bool background; /* they would not: only late workers are asked, to learn whether they still are */
    uint32_t fit;    /* workers that are fit to be asked */
};

/* Chooses whom to ask: tasks[nodes] become NONE, WAITING or HELD, and empty. Of the workers that are fit so
 * many as are to be asked at once are WAITING, the fastest first (those that differ by less than half count
 * as alike, and the lowest numbers are taken), and the others HELD; the slow are HELD, too, if the others
 * suffice. The late are asked, too, but not waited for. If the late or the silent are needed, all are
 * WAITING. */
struct choice selection_choose(const struct selection *selection, struct job_task *tasks);

/* Whether others may be asked, if `answered` answers did not suffice and no more come: some workers may
 * have come, or got their filters, while others died. If so, tasks[] are chosen anew. */
bool selection_choose_again(const struct selection *selection, uint32_t answered, struct job_task *tasks);

/* Until when a job that begins now holds tasks back, if the others may suffice. usual_ns: what it usually
 * takes until enough answers come; 0: not known, and nothing is held. */
uint64_t selection_hold_until_ns(uint64_t now_ns, uint64_t usual_ns);

#endif
