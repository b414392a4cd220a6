#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS         30
#define REDRAW_MS         100
#define TO_START_AND_WIPE "\r\033[K"

void progress_open(struct progress *progress, bool quiet) {
    *progress = (struct progress){
        .quiet = quiet, .bar = !quiet && isatty(STDERR_FILENO), .shared = isatty(STDOUT_FILENO)};
}

void progress_show(struct progress *progress, const char *what, size_t done, size_t total) {
    if (!progress->bar || total == 0)
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (now_ms < progress->drawn_ms + REDRAW_MS)
        return;
    progress->drawn_ms = now_ms;

    char cells[BAR_CELLS + 1];
    for (size_t i = 0; i < BAR_CELLS; i++)
        cells[i] = i < (size_t)((double)done / (double)total * BAR_CELLS) ? '#' : '.';
    cells[BAR_CELLS] = '\0';
    fprintf(stderr, TO_START_AND_WIPE "%s [%s] %zu/%zu", what, cells, done, total);
    fflush(stderr);
}

void progress_planning(void *context, size_t done, size_t total) {
    progress_show(context, "layers planned", done, total);
}

void progress_coding(void *context, size_t done, size_t total) {
    progress_show(context, "layers made ready", done, total);
}

void progress_make_way(struct progress *progress) {
    if (!progress->shared)
        return;
    progress_clear(progress);
    progress->drawn_ms = 0;
}

void progress_clear(const struct progress *progress) {
    if (progress->bar)
        fputs(TO_START_AND_WIPE, stderr);
}

void progress_log(void *context, convoy_log_level level, const char *line) {
    const struct progress *progress = context;
    if (!progress->quiet) /* one call: lines of several threads do not mix */
        fprintf(stderr, "%sconvoy: %s%s\n", progress->bar ? TO_START_AND_WIPE : "",
                level == CONVOY_LOG_WARNING ? "warning: " : "", line);
}
