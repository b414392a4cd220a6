/* A bar on standard error while there is something to wait for, and the lines that the session logs. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <convoy/convoy.h>

struct progress {
    bool quiet;        /* nothing at all */
    bool warnings;     /* on a terminal only the warnings of what is logged */
    bool bar;          /* standard error is a terminal: draw */
    bool shared;       /* standard output is one too: its lines meet the bar */
    uint64_t drawn_ms; /* when it was drawn last */
    const char *what;  /* of the bar that was drawn last; it began then, with so much done */
    uint64_t begun_ms;
    size_t begun_at;
};

void progress_open(struct progress *progress, bool quiet);

/* Draws the bar, at most ten times a second; after two seconds with the time that is left. `what` is static.
 */
void progress_show(struct progress *progress, const char *what, size_t done, size_t total);

/* The planning and the progress of convoy_options; context: the struct progress. */
void progress_planning(void *context, size_t done, size_t total);
void progress_coding(void *context, size_t done, size_t total);

/* Takes the bar away for a line on standard output, where the two meet; the next progress_show draws it
 * again. */
void progress_make_way(struct progress *progress);

/* Takes the bar away at the end. */
void progress_clear(const struct progress *progress);

/* A convoy_log_fn; context: the struct progress. */
void progress_log(void *context, convoy_log_level level, const char *line);

#endif
