/* How a layer follows what is measured (--adapt): how many workers are asked at once, and whether they are
 * asked at all. Filters do not move: what was planned for workers may be computed here for a while, and back.
 * A passive state machine: no clock is read and nothing is locked here. */
#ifndef RUNTIME_ADAPTATION_H
#define RUNTIME_ADAPTATION_H

#include <stdbool.h>
#include <stdint.h>

struct adaptation {
    uint32_t least, most; /* workers asked: as planned, all */
    uint32_t asked;       /* now */
    uint32_t trouble;     /* rises with each run in which spares had to be asked, and falls with others */
    uint32_t calm;        /* runs since the last such one, or since asked changed */
    double coded_ns;      /* smoothed time by workers; 0: not known */
    double here_ns;       /* smoothed time here; first as predicted; 0: not known */
    uint32_t coded_runs;
    bool here;             /* computed here just now */
    uint32_t runs_to_look; /* while it is: until the workers are tried again */
};

/* What is decided for one run when it begins. Others may begin and end before it ends. */
struct adapted_run {
    bool here;      /* the master computes it */
    bool looks;     /* the workers compute it to see whether they are faster again */
    uint32_t asked; /* workers, at once */
};

/* predicted_here_ns: 0 if it is not known. */
void adaptation_init(struct adaptation *adaptation, uint32_t planned, uint32_t nodes,
                     double predicted_here_ns);

struct adapted_run adaptation_begin(struct adaptation *adaptation);

/* A run by the workers ended, for which so many were asked in all: more than at once if an answer was overdue
 * or lost. What was decided otherwise since the run began is not judged by it. */
void adaptation_note_coded(struct adaptation *adaptation, const struct adapted_run *run, double took_ns,
                           uint32_t asked_in_all);

/* A run here ended. */
void adaptation_note_here(struct adaptation *adaptation, double took_ns);

#endif
