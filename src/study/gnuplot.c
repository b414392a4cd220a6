#include "study/gnuplot.h"

#include "base/error.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Between single quotes of gnuplot a quote is written twice. */
static void print_quoted(FILE *gnuplot, const char *text) {
    fputc('\'', gnuplot);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', gnuplot);
        fputc(*text, gnuplot);
    }
    fputc('\'', gnuplot);
}

convoy_status gnuplot_draw(const char *commands, int width, int height, const char *path,
                           convoy_error *error) {
    const size_t length = strlen(path);
    const bool png = length > 4 && strcmp(path + length - 4, ".png") == 0;
    struct sigaction usual, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, &usual); /* a gnuplot that ends early is told by its status */
    FILE *gnuplot = popen("exec gnuplot >/dev/null", "w");
    if (!gnuplot) {
        sigaction(SIGPIPE, &usual, NULL);
        return error_set(error, CONVOY_E_IO, "%s: gnuplot cannot be started: %s", path, strerror(errno));
    }
    fprintf(gnuplot, "set terminal %s size %d,%d font 'sans,%d' background '%s'\nset output ",
            png ? "pngcairo" : "svg", width, height, 11, "white");
    print_quoted(gnuplot, path);
    fprintf(gnuplot, "\n%s\nset output\n", commands);
    const int status = pclose(gnuplot);
    sigaction(SIGPIPE, &usual, NULL);
    if (status != 0)
        return error_set(error, CONVOY_E_IO,
                         "%s: gnuplot has not drawn it (Debian's package gnuplot-nox; its reason is above)",
                         path);
    return CONVOY_OK;
}
