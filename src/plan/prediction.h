/* How long one coded layer takes, by what a profile says of the cluster. */
#ifndef PLAN_PREDICTION_H
#define PLAN_PREDICTION_H

#include "plan/candidates.h"
#include "plan/cost_model.h"

/* One layer of one inference, coded so. Times in ns, bytes as they travel. */
struct prediction {
    double total_ns;                       /* latency: the sum of the rest */
    double tasks_ns, encode_ns, decode_ns; /* of the master */
    double answers_ns;                     /* from the first task sent until the δ-th answer has come */
    double up_ns, task_ns, down_ns;        /* of which: one worker's task on the link, computed, its answer on
                                              the link; if no other traffic is in the way */
    double up_bytes, down_bytes;           /* all tasks; the answers that are waited for or come anyway */
    double workers_ns;                     /* of processors, all workers that are asked */
};

/* The times of a job. */
struct prediction_job {
    const struct profile *profile;
    uint32_t workers, asked; /* n; how many get a task at once: δ <= asked <= n */
    convoy_dtype frames;     /* F32, BF16, F16 or F64 */
    double task_master_ns;   /* the candidate's task, on the master's processor */
    uint32_t draws;          /* of the workers' slowness; 0: none, nobody is slow */
    const double *times;     /* [draws][workers]: what is drawn, by prediction_draw */
};

/* Draws the multiples of their usual times that workers take, once for all predictions for these workers:
 * times[draws][workers]. NULL if nobody is ever slow, so that there is nothing to draw. The caller frees
 * *times. CONVOY_E_MEMORY. */
convoy_status prediction_draw(double **times, const struct profile *profile, uint32_t workers, uint32_t draws,
                              uint64_t seed);

/* The model (docs/planning.md): the master encodes, then sends the tasks one after the other over its link;
 * each worker computes as soon as its task is there; answers share the link in the order in which they are
 * ready; the δ-th that came ends the wait. If that takes longer than PREDICTION_OVERDUE times what it would
 * without slowness, the workers that were not asked get their tasks. Workers on the master's own machine take
 * turns on its processors. Slowness is drawn; the mean of the draws counts. */
#define PREDICTION_OVERDUE 2
struct prediction predict(const struct prediction_job *job, const struct candidate *candidate);

#endif
