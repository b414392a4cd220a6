/* The JSON of `run`, `inspect` and `bench`. (Jansson) */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "classes.h"
#include "feed.h"
#include "labels.h"
#include "summary.h"

/* A string, or null; bytes beyond ASCII become "?" where they are not UTF-8. */
struct json_t *json_text(const char *text);

/* A number; null for NaN and infinities, which JSON does not have. */
struct json_t *json_number(double value);

/* A number that applies; else null. */
struct json_t *json_if(bool applies, double value);
struct json_t *json_count_if(bool applies, uint32_t count);

/* One result of `run`. */
struct json_result {
    const struct cli_options *options;
    const char *input;
    int64_t row;          /* of the file's batch axis; -1: none */
    const double *run_ms; /* [options->repeat] in order of time */
    double ms;            /* their median */
    const struct best_class *top;
    size_t top_count;
    const struct labels *labels;
    const convoy_check *check;                 /* NULL: not asked for */
    const convoy_not_finite *first_not_finite; /* layer NULL: all is finite; NULL: not asked for */
    const convoy_result *result;
};

/* One compact JSON object, to be freed; NULL if there is no memory. */
char *json_result_text(const struct json_result *result);

/* The same of an input that failed. */
char *json_failure_text(const struct origin *origin, const char *why);

/* The object of `run`, which is printed as results come: its beginning, up to "results": [; its end behind
 * them, or the end where the run failed, or a signal interrupted it. False where there was no memory. */
bool json_run_begin(const struct cli_options *options);
bool json_run_end(const struct cli_options *options, const struct summary *summary,
                  const struct cluster_state *cluster);
bool json_run_fail(const convoy_error *error);
bool json_run_interrupt(void);

/* Prints the object of `inspect`. False where there was no memory. */
bool json_inspect_print(const char *path, const convoy_model *model, const convoy_session *session);

/* The same of a model with operators that are not supported. */
bool json_nodes_print(const char *path, const convoy_model *model);

/* Prints the object of `bench`. False where there was no memory. */
bool json_bench_print(const char *path, const struct cli_options *options, const convoy_bench_figure *figures,
                      size_t count);

#endif
