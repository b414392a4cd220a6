#include "svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COPIED ((size_t)1 << 16) /* bytes at a time */

/* gnuplot draws into a file in memory: it would take a name apart, and does not tell of a full disk. */
convoy_status svg_open(struct svg *svg, const char *path, size_t width, size_t height, convoy_error *error) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    char command[64];
    *svg = (struct svg){.path = path, .drawing = memfd_create("svg", 0)};
    snprintf(command, sizeof command, "exec gnuplot >/dev/fd/%d", svg->drawing);
    sigaction(SIGPIPE, &ignore, &svg->usual); /* a gnuplot that ends early is told by its status */
    svg->gnuplot = svg->drawing < 0 ? NULL : popen(command, "w");
    if (!svg->gnuplot) {
        const int cause = errno;
        sigaction(SIGPIPE, &svg->usual, NULL);
        if (svg->drawing >= 0)
            close(svg->drawing);
        return cli_error(error, CONVOY_E_IO, "--svg %s: gnuplot cannot be started: %s", path,
                         strerror(cause));
    }
    fprintf(svg->gnuplot, "set terminal svg size %zu,%zu font 'sans,10' background 'white'\n", width, height);
    return CONVOY_OK;
}

/* A quote is written twice. */
void svg_quote(struct svg *svg, const char *text) {
    fputc('\'', svg->gnuplot);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', svg->gnuplot);
        if ((unsigned char)*text >= ' ') /* no line ends within a command */
            fputc(*text, svg->gnuplot);
    }
    fputc('\'', svg->gnuplot);
}

/* False, with errno, if not everything can be written. */
static bool copy(int from, const char *path) {
    FILE *file = fopen(path, "we");
    char *bytes = file ? malloc(COPIED) : NULL;
    bool written = bytes;
    ssize_t count;
    for (off_t at = 0; written && (count = pread(from, bytes, COPIED, at)) > 0; at += count)
        written = fwrite(bytes, 1, (size_t)count, file) == (size_t)count;
    free(bytes);
    const int cause = errno;
    const bool closed = !file || fclose(file) == 0;
    if (!written)
        errno = cause;
    return written && closed;
}

convoy_status svg_close(struct svg *svg, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    fprintf(svg->gnuplot, "unset output\n");
    const int ended = pclose(svg->gnuplot);
    sigaction(SIGPIPE, &svg->usual, NULL);
    if (ended != 0)
        status = cli_error(
            error, CONVOY_E_IO,
            "--svg %s: gnuplot has not drawn it (Debian's package gnuplot-nox; its reason is above)",
            svg->path);
    else if (!copy(svg->drawing, svg->path))
        status = cli_error(error, CONVOY_E_IO, "--svg %s: the figure cannot be written: %s", svg->path,
                           strerror(errno));
    close(svg->drawing);
    return status;
}
