/* A figure by gnuplot, which runs as a program of its own and is written commands. */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include "commands.h"

#include <signal.h>
#include <stdio.h>

struct svg {
    const char *path;
    FILE *gnuplot;
    int drawing;            /* a file in memory, into which gnuplot draws */
    struct sigaction usual; /* what SIGPIPE did before */
};

/* Starts a picture of so many pixels, to be drawn to the file `path` (borrowed). CONVOY_E_IO. */
convoy_status svg_open(struct svg *svg, const char *path, size_t width, size_t height, convoy_error *error);

/* A text between single quotes of gnuplot. */
void svg_quote(struct svg *svg, const char *text);

/* Ends the picture. CONVOY_E_IO if gnuplot is not there or has not drawn it. */
convoy_status svg_close(struct svg *svg, convoy_error *error);

#endif
