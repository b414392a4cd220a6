/* A layer over worker threads of which some are late, run after run. */
#ifndef STUDY_STRAGGLER_RUNS_H
#define STUDY_STRAGGLER_RUNS_H

#include "base/conv.h"
#include "code/code.h"
#include "study/topic.h"

enum { STRAGGLER_MOST_WORKERS = 64 };

struct straggler_setup {
    const struct study *study; /* which may be given up between two runs, or NULL */
    const struct conv_geometry *layer;
    const struct code_family *family;
    uint32_t workers, stragglers;       /* n, γ; at most STRAGGLER_MOST_WORKERS */
    uint32_t input_parts, filter_parts; /* k_A, k_B */
    const bool *late;                   /* [n]: whose messages come later */
    uint64_t delay_ns;                  /* by this */
    bool fallback;                      /* the master computes what does not come in time, else it waits */
    uint32_t runs;
};

/* What was seen: wall times of a layer in ms, ms[runs], in their order. */
struct straggler_runs {
    bool coded;    /* false: the code does not take these parts, and the master computed all runs */
    bool failed;   /* a run failed: too few answers that decode */
    uint32_t here; /* runs that the master computed */
};

/* CONVOY_E_MEMORY, CONVOY_E_CANCELLED, or what the cluster fails with. Blocks for all runs. */
convoy_status straggler_runs_measure(const struct straggler_setup *setup, double *ms,
                                     struct straggler_runs *runs, convoy_error *error);

/* Marks `count` of the workers at random. */
void straggler_draw(uint64_t seed, uint32_t workers, uint32_t count, bool *late);

#endif
