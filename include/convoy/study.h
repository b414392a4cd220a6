/* The studies: each answers one question about codes by figures that can be made again by one command. A
 * topic writes, into one folder,
 *
 *     TOPIC.csv            one row for each result, with seed, commit and processor
 *     TOPIC-samples.csv    the samples behind them
 *     TOPIC.svg, TOPIC.png the figure, drawn by gnuplot
 *     TOPIC.md             what was run, and how to read it
 */
#ifndef CONVOY_STUDY_H
#define CONVOY_STUDY_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct convoy_study_options {
    const char *topic;  /* a name of convoy_study_at */
    const char *folder; /* is made if it is not there; files of an earlier run are replaced */
    bool quick;         /* a smaller version, for a look: about a minute */
    uint64_t seed;      /* of everything that is drawn */
    /* Called as steps are done; may be NULL. */
    void (*progress)(void *context, const char *what, size_t done, size_t total);
    void *progress_context;
    /* Asked between steps whether to give up; may be NULL. */
    bool (*cancelled)(void *context);
    void *cancelled_context;
} convoy_study_options;

/* The topics from index 0 on, and what each is about in a few words (static); NULL beyond the last. */
CONVOY_API const char *convoy_study_at(size_t index, const char **summary);

/* Runs one. Files appear when the study is done: one that fails or is cancelled leaves none of its own
 * behind. CONVOY_E_USAGE (no such topic), CONVOY_E_IO, CONVOY_E_MEMORY, CONVOY_E_CANCELLED, or what a step
 * fails with. */
CONVOY_API convoy_status convoy_study(const convoy_study_options *options, convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
