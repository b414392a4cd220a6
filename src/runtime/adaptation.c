#include "runtime/adaptation.h"

/* Two runs within some ten in which spares were asked are no accident. */
#define TROUBLE_RISE 5
#define TROUBLE_MOST 9

#define CALM_RUNS 64 /* without any, until one worker fewer is tried */

/* Workers must be slower than this machine by so much, over so many runs, to lose the layer. */
#define SLOWER       1.25
#define LEAST_RUNS   8
#define RUNS_TO_LOOK 64 /* here, until the workers are tried again */

void adaptation_init(struct adaptation *a, uint32_t planned, uint32_t nodes, double predicted_here_ns) {
    *a = (struct adaptation){.least = planned, .most = nodes, .asked = planned, .here_ns = predicted_here_ns};
}

struct adapted_run adaptation_begin(struct adaptation *a) {
    struct adapted_run run = {.here = a->here, .asked = a->asked};
    if (!a->here)
        return run;
    if (a->runs_to_look > 0) {
        a->runs_to_look--;
        return run;
    }
    a->runs_to_look = RUNS_TO_LOOK;
    run.here = false;
    run.looks = true;
    return run;
}

static double smoothed(double before, double now) {
    return before > 0 ? (7 * before + now) / 8 : now;
}

static void follow_asked(struct adaptation *a, bool spares_asked) {
    if (!spares_asked) {
        a->trouble -= a->trouble > 0;
        if (++a->calm < CALM_RUNS)
            return;
        a->asked -= a->asked > a->least;
        a->calm = 0;
        return;
    }
    a->calm = 0;
    a->trouble += TROUBLE_RISE;
    if (a->trouble < TROUBLE_MOST)
        return;
    a->asked += a->asked < a->most;
    a->trouble = 0;
}

void adaptation_note_coded(struct adaptation *a, const struct adapted_run *run, double took_ns,
                           uint32_t asked_in_all) {
    if (run->asked == a->asked)
        follow_asked(a, asked_in_all > run->asked);
    if (a->here && !run->looks)
        return;
    a->coded_ns = a->here ? took_ns : smoothed(a->coded_ns, took_ns);
    a->coded_runs += a->coded_runs < LEAST_RUNS;
    if (a->here && a->coded_ns < a->here_ns) {
        a->here = false;
        a->coded_runs = 0;
    } else if (!a->here && a->here_ns > 0 && a->coded_runs == LEAST_RUNS &&
               a->coded_ns > SLOWER * a->here_ns) {
        a->here = true;
        a->runs_to_look = RUNS_TO_LOOK;
    }
}

void adaptation_note_here(struct adaptation *a, double took_ns) {
    a->here_ns = smoothed(a->here_ns, took_ns);
}
