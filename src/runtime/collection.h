/* When answers suffice: how many are wanted next, when to solve for those that came, and what may be decoded.
 * A passive state machine, and a pure function: no clock is read and nothing is locked here. */
#ifndef RUNTIME_COLLECTION_H
#define RUNTIME_COLLECTION_H

#include "code/code.h"
#include "runtime/jobs.h"

/* Answers that do not decode well are searched again when some more came, not for each one: with hundreds of
 * workers answers come faster than searches end. No search begins after one that ended late, so that the end
 * is missed by no more than it takes to solve once. */
struct collection {
    const struct code *code;
    uint32_t wanted;   /* answers that are worth waking up for */
    uint32_t answered; /* so far */
    uint32_t possible; /* answers that came or may still come */
    uint32_t tried;    /* answers of which no choice decodes well */
    bool last;         /* nothing is waited for any more */
};

enum collection_step {
    COLLECTION_WAIT,  /* for `wanted` answers */
    COLLECTION_SOLVE, /* for those that came; collection_note_unsolved if they do not decode well */
    COLLECTION_END    /* enough answers cannot come any more, or not in time */
};

/* The code is borrowed. */
struct collection collection_begin(const struct code *code);

/* Looks at the tasks of all nodes after a wait; timely: there is time left. Lists those that answered,
 * ascending, in workers[nodes]. */
enum collection_step collection_look(struct collection *collection, const enum task_state *states,
                                     uint32_t nodes, bool timely, uint32_t *workers);

/* The answers that came do not decode well. */
enum collection_step collection_note_unsolved(struct collection *collection, bool timely);

#endif
