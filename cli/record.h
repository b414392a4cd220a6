/* Takes the runs as they finish, and turns each finished inference into what will be printed. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "classes.h"
#include "feed.h"
#include "labels.h"
#include "progress.h"
#include "save.h"
#include "summary.h"

/* One inference; what is only needed until it is done is freed then. */
struct pending {
    double *run_ms;     /* [options->repeat] */
    convoy_check check; /* the worst of its runs */
    char *text;         /* finished: a line for people, or a JSON object */
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
    size_t batch;            /* first axis of the fed input, where the model fixes it; or 1 */
    size_t rows;             /* results of one inference: the batch, if the first output has such rows */
    struct pending *pending; /* [capacity], by the number of the inference */
    size_t capacity;
    size_t finished; /* inferences */
    size_t printed;  /* of them, in order */
};

/* Reads labels and expectations, resolves the outputs. options, feed and progress are borrowed. */
convoy_status record_open(struct record *record, const convoy_model *model, const struct cli_options *options,
                          const struct feed *feed, struct progress *progress, convoy_error *error);
void record_close(struct record *record);

/* convoy_stream's done. */
convoy_status record_run(struct record *record, size_t index, uint32_t run, const convoy_result *result,
                         const convoy_check *check, convoy_error *error);

#endif
