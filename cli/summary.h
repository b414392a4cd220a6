/* What all inferences together came to, layer by layer. */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "run_options.h"

enum layer_time { TIME_ENCODE, TIME_WAIT, TIME_DECODE, TIME_WALL, TIME_COUNT };

struct summary_layer {
    convoy_layer_report last; /* of the last run that was coded, or else of the last */
    size_t coded, fallback;   /* runs */
    size_t here;              /* runs that were planned for workers and computed here all the same, by --adapt
                                 or since something was not finite */
    double condition;         /* the worst κ */
    size_t late[CONVOY_MAX_WORKERS], lost[CONVOY_MAX_WORKERS]; /* runs in which a worker was */
    float *times;                                              /* [SUMMARY_SAMPLES][TIME_COUNT], ms */
};

/* Of many runs every second is kept, then every fourth, and so on: memory does not grow with their number. */
#define SUMMARY_SAMPLES 1024

struct summary {
    size_t runs;
    size_t stride, samples; /* of every stride-th run the times are kept */
    size_t degraded;        /* runs */
    size_t wrong;           /* answers */
    struct summary_layer *layers;
    size_t layer_count;
    convoy_check worst;             /* of all runs */
    size_t checked, agreeing;       /* runs */
    double differing;               /* convoy_check.differing, the sum of all runs */
    size_t expected, correct;       /* results that have a label, and those that got it */
    size_t failed;                  /* inputs that could not be read or run */
    size_t split_files, split_rows; /* files that became an inference for each row, and these inferences */
    const char *split_file;         /* the first of them */
    size_t postponed;               /* nodes that a run computes at its end */
    double total_ms;
};

/* The workers at the end of the command. */
struct cluster_state {
    const uint32_t *lost; /* [lost_count] */
    size_t lost_count;
    const uint32_t *distrusted; /* [distrusted_count] */
    size_t distrusted_count;
    uint32_t live, needed; /* alive; needed that no layer waits */
};

void summary_close(struct summary *summary);

/* Adds one run; check may be NULL. CONVOY_E_MEMORY. */
convoy_status summary_add(struct summary *summary, const convoy_result *result, const convoy_check *check,
                          convoy_error *error);

/* Makes *worst the worse of both in every member. */
void check_worsen(convoy_check *worst, const convoy_check *check);

/* The median of count numbers, which it sorts. 0 for none. */
double median(double *values, size_t count);

/* The median over the runs of one of a layer's times, ms. scratch: [samples]. */
double summary_median(const struct summary *summary, const struct summary_layer *layer, enum layer_time which,
                      double *scratch);

/* Prints the table of the layers. local: no workers computed any. False without memory. (layer_table.c) */
bool layer_table_print(const struct summary *summary, bool local);

/* Prints what the inferences came to, in at most eight lines; with options->answers.layers the table of the
 * layers above them, and some lines more. False without memory. (summary_lines.c) */
bool summary_print(const struct summary *summary, const struct run_options *options,
                   const struct cluster_state *cluster);

#endif
