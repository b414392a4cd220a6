/* Takes the runs as they finish, and turns each finished inference into what will be printed. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "classes.h"
#include "feed.h"
#include "labels.h"
#include "progress.h"
#include "save.h"
#include "summary.h"

/* One input that is under way, or waits for an earlier one to be printed. The inputs of one inference share
 * what the first of them holds. */
struct pending {
    struct origin origin;
    size_t index;       /* of its inference; NO_INFERENCE: its file could not be read */
    size_t place;       /* among the inputs of its inference */
    bool single;        /* its result is row `place` of the output; else all rows are its results */
    double *run_ms;     /* [options->repeat], of the first; NULL of the others */
    convoy_check check; /* of the first: the worst of its runs */
    convoy_not_finite first_not_finite; /* of the first: of the first run that had one */
    char *text; /* finished: a line for people (none for a failure), or a JSON object */
    bool last;  /* of an inference that ran */
};

struct record {
    const struct run_options *options;
    const struct feed *feed;
    struct progress *progress;
    struct labels labels;
    struct expectations expectations;
    struct saves saves;
    struct summary summary;
    struct best_class *best;          /* [answers.top + 1] */
    const convoy_value_info *outputs; /* of the model */
    size_t width;                     /* columns of a line */
    size_t rows;                      /* of an inference's first output: the batch, if it has such rows */
    struct pending *pending;          /* [capacity], a ring: input i is at i % capacity */
    size_t capacity;
    size_t begun, printed; /* inputs; those in between are pending */
    size_t inferences;     /* begun */
    size_t joined;         /* inputs of the inference that begins next */
    size_t shown;          /* inferences all of whose results are printed */
};

#define NO_INFERENCE SIZE_MAX

/* The files that a run reads. All of it is borrowed. */
struct files_read record_files_read(const struct run_options *options, const struct feed *feed);

/* Reads labels and expectations, resolves the outputs. options, feed and progress are borrowed. */
convoy_status record_open(struct record *record, const convoy_model *model, const struct run_options *options,
                          const struct feed *feed, struct progress *progress, convoy_error *error);
void record_close(struct record *record);

/* The input that the feed took last joins the inference that begins next. CONVOY_E_MEMORY. */
convoy_status record_join(struct record *record, convoy_error *error);

/* That inference begins. */
void record_begin(struct record *record);

/* The file that the feed read last is bad: tells so and goes on. CONVOY_E_MEMORY; CONVOY_E_IO: standard
 * output cannot be written, which ends the run. */
convoy_status record_bad_file(struct record *record, const convoy_error *why, convoy_error *error);

/* convoy_stream's refused: the same of an inference. */
convoy_status record_refused(struct record *record, size_t index, const convoy_error *why,
                             convoy_error *error);

/* The same if the run ends with it: the reason, with the name of the input. Returns its status, or
 * CONVOY_E_MEMORY. */
convoy_status record_blame(const struct record *record, size_t index, const convoy_error *why,
                           convoy_error *error);

/* convoy_stream's done. Errors as of record_bad_file. */
convoy_status record_run(struct record *record, size_t index, uint32_t run, const convoy_result *result,
                         const convoy_check *check, convoy_error *error);

#endif
