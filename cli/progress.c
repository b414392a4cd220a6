#include "progress.h"

#include "terminal.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS         30
#define REDRAW_MS         100
#define SILENCE_S         2 /* after which people want to know how long it takes */
#define TO_START_AND_WIPE "\r\033[K"

void progress_open(struct progress *progress, bool quiet) {
    *progress = (struct progress){
        .quiet = quiet, .bar = !quiet && isatty(STDERR_FILENO), .shared = isatty(STDOUT_FILENO)};
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ", 12 s left", or nothing as long as that is a guess. */
static void left_text(char *text, size_t size, const struct progress *progress, uint64_t ms, size_t done,
                      size_t total) {
    const double took_s = (double)(ms - progress->begun_ms) / 1000;
    const size_t more = done > progress->begun_at ? done - progress->begun_at : 0;
    text[0] = '\0';
    if (took_s < SILENCE_S || more == 0 || done > total)
        return;
    const double left_s = took_s * (double)(total - done) / (double)more;
    if (left_s < 100)
        snprintf(text, size, ", %.0f s left", left_s);
    else
        snprintf(text, size, ", %.0f min left", left_s / 60);
}

void progress_show(struct progress *progress, const char *what, size_t done, size_t total) {
    const uint64_t ms = now_ms();
    if (!progress->bar || total == 0)
        return;
    if (progress->what != what) {
        progress->what = what;
        progress->begun_ms = ms;
        progress->begun_at = done;
    }
    if (ms < progress->drawn_ms + REDRAW_MS)
        return;
    progress->drawn_ms = ms;

    char cells[BAR_CELLS + 1], left[32];
    for (size_t i = 0; i < BAR_CELLS; i++)
        cells[i] = i < (size_t)((double)done / (double)total * BAR_CELLS) ? '#' : '.';
    cells[BAR_CELLS] = '\0';
    left_text(left, sizeof left, progress, ms, done, total);
    char line[160];
    snprintf(line, sizeof line, "%s [%s] %zu/%zu%s", what, cells, done, total, left);
    fprintf(stderr, TO_START_AND_WIPE "%.*s", (int)terminal_width(stderr, sizeof line) - 1, line);
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
    if (!progress->quiet && (level == CONVOY_LOG_WARNING || !progress->warnings ||
                             !progress->bar)) /* one call: lines of several threads do not mix */
        fprintf(stderr, "%sconvoy: %s%s%s%s\n", progress->bar ? TO_START_AND_WIPE : "",
                level == CONVOY_LOG_WARNING ? terminal_begin(stderr, STYLE_WARNING) : "",
                level == CONVOY_LOG_WARNING ? "warning: " : "",
                level == CONVOY_LOG_WARNING ? terminal_end(stderr) : "", line);
}
