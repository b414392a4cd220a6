/* Takes the runs as they finish, and turns each finished inference into what will be printed. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "classes.h"
#include "feed.h"
#include "labels.h"
#include "progress.h"
#include "save.h"
#include "summary.h"

/* One input that is under way, or waits for an earlier one to be printed. */
struct pending {
    struct origin origin;
    size_t index;                       /* of its inference; NO_INFERENCE: its file could not be read */
    double *run_ms;                     /* [options->repeat] */
    convoy_check check;                 /* the worst of its runs */
    convoy_not_finite first_not_finite; /* of the first run that had one */
    char *text; /* finished: a line for people (none for a failure), or a JSON object */
};

struct record {
    const struct cli_options *options;
    const struct feed *feed;
    struct progress *progress;
    struct labels labels;
    struct expectations expectations;
    struct saves saves;
    struct summary summary;
    struct best_class *best; /* [options->top + 1] */
    size_t rows;             /* results of one inference: the batch, if the first output has such rows */
    struct pending *pending; /* [capacity], a ring: input i is at i % capacity */
    size_t capacity;
    size_t begun, printed; /* inputs; those in between are pending */
    size_t inferences;     /* begun */
};

#define NO_INFERENCE SIZE_MAX

/* Reads labels and expectations, resolves the outputs. options, feed and progress are borrowed. */
convoy_status record_open(struct record *record, const convoy_model *model, const struct cli_options *options,
                          const struct feed *feed, struct progress *progress, convoy_error *error);
void record_close(struct record *record);

/* The next inference begins, of what the feed handed out last. CONVOY_E_MEMORY. */
convoy_status record_begin(struct record *record, convoy_error *error);

/* The file that the feed read last is bad: tells so and goes on. CONVOY_E_MEMORY; CONVOY_E_IO: standard
 * output cannot be written, which ends the run. */
convoy_status record_bad_file(struct record *record, const convoy_error *why, convoy_error *error);

/* convoy_stream's refused: the same of an inference. */
convoy_status record_refused(struct record *record, size_t index, const convoy_error *why,
                             convoy_error *error);

/* convoy_stream's done. Errors as of record_bad_file. */
convoy_status record_run(struct record *record, size_t index, uint32_t run, const convoy_result *result,
                         const convoy_check *check, convoy_error *error);

#endif
