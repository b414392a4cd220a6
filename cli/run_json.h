/* The JSON of convoy run; docs/json/run.json describes it. One object, whose results are printed as they
 * come, or with --json-lines an object for each result and one behind them. */
#ifndef CLI_RUN_JSON_H
#define CLI_RUN_JSON_H

#include "classes.h"
#include "labels.h"
#include "run_options.h"
#include "summary.h"

/* One row of a result. */
struct json_result {
    const char *input;
    int64_t row;          /* of the file's batch axis; -1: none */
    const double *run_ms; /* [runs] in order of time */
    uint32_t runs;
    double ms; /* their median */
    const struct best_class *top;
    size_t top_count;
    const struct labels *labels;
    const char *expected; /* NULL: nothing is */
    bool correct;
    const convoy_check *check;                 /* NULL: not asked for */
    const convoy_not_finite *first_not_finite; /* layer NULL: all is finite; NULL: not asked for */
    const convoy_result *result;
    const convoy_value_info *outputs; /* for their names */
    size_t rows, at;                  /* of the outputs: how many, and which */
};

/* One compact JSON object, to be freed; NULL without memory. */
char *run_json_result_text(const struct json_result *result);

/* The same of an input that failed. */
char *run_json_failure_text(const char *input, int64_t row, const char *why);

/* Prints what comes before the first result; a result; what comes behind the last, or behind those that were
 * done if the run failed or a signal interrupted it. False without memory. */
bool run_json_begin(const struct run_options *options);
void run_json_print(const struct run_options *options, const char *text, bool first);
bool run_json_end(const struct run_options *options, const struct summary *summary,
                  const struct cluster_state *cluster);
bool run_json_fail(const struct run_options *options, const convoy_error *error);
bool run_json_interrupt(const struct run_options *options);

#endif
