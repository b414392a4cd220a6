/* How long whole inferences take: by this process alone, on the workers, and on the workers without γ of
 * them. The cases are measured in turns, a part of a second each, so that all see the same machine.
 * (latency.c; shown by latency_table.c and latency_bars.c for people, latency_json.c for programs, and drawn
 * by latency_svg.c) */
#ifndef CLI_LATENCY_H
#define CLI_LATENCY_H

#include "bench_options.h"
#include "histogram.h"
#include "progress.h"

enum latency_case { LATENCY_ALONE, LATENCY_CODED, LATENCY_MISSING, LATENCY_CASES };

struct latency_row {
    const char *name;        /* for programs: "alone", "coded", "missing" */
    char title[40];          /* for people */
    uint64_t warm_up;        /* inferences, before those that follow */
    struct histogram times;  /* ns, of the inferences that count */
    uint64_t degraded;       /* of those that count */
    uint64_t ended;          /* inferences of all turns that were not interrupted */
    double busy_ms;          /* during which at least one of these was under way */
    uint64_t turns_ns;       /* of all turns */
    double each_turn;        /* inferences of the last turn, or of one by the rate of the warm-up */
    struct histogram ratios; /* of a turn's median to that of the turn alone, in millionths */
};

struct latency {
    struct latency_row rows[LATENCY_CASES]; /* [count] */
    size_t count;
    uint64_t warm_up_ns, duration_ns, turn_ns; /* of each case; of one turn */
    uint32_t left_out[CONVOY_MAX_WORKERS];     /* [left_out_count] in the last turn of LATENCY_MISSING */
    size_t left_out_count;
    bool interrupted; /* by a signal */
};

struct latency_setup {
    convoy_session *alone, *coded; /* coded NULL: LATENCY_ALONE is the only case */
    uint32_t workers, stragglers;  /* n, γ of coded; with γ = 0 there is no LATENCY_MISSING */
    uint32_t in_flight;
    uint64_t duration_ns;        /* of each case at least, and until five inferences of each count */
    const convoy_tensor *inputs; /* one for each model input */
    size_t input_count;
    struct progress *progress;
};

/* Fills *latency, which is all zero. A signal that was taken (signals.h) ends it, with CONVOY_OK and what was
 * measured until then. CONVOY_E_WORKERS, CONVOY_E_MEMORY and what else runs fail with. */
convoy_status latency_measure(struct latency *latency, const struct latency_setup *setup,
                              convoy_error *error);

/* How many inferences count, of all cases. */
uint64_t latency_inferences(const struct latency *latency);

/* What is printed of every row: a share of its inferences does not take longer. */
struct latency_percentile {
    const char *name; /* "p50" */
    double share;
};
#define LATENCY_PERCENTILES 4
extern const struct latency_percentile latency_percentiles[LATENCY_PERCENTILES];

/* Inferences a second; 0: not known. */
double latency_rate(const struct latency_row *row);

/* How many times as long as alone the median inference takes; 0: not known. */
double latency_ratio(const struct latency *latency, const struct latency_row *row);

/* Lines for people, 80 columns wide or as the terminal is; in the JSON and the CSV what there are too few
 * inferences for is left out. options: as settled. False without memory. */
bool latency_print(const struct latency *latency, const struct bench_options *options);
bool latency_print_json(const struct latency *latency, const struct bench_options *options);
void latency_print_csv(const struct latency *latency);

/* The bars below the table: how often which time came, over one logarithmic axis. False without memory. */
bool latency_print_bars(const struct latency *latency);

/* Draws options->svg: over a logarithmic axis of times, the share of the inferences that do not take
 * longer. CONVOY_E_IO. */
convoy_status latency_draw(const struct latency *latency, const struct bench_options *options,
                           convoy_error *error);

#endif
