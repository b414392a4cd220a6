/* A figure by gnuplot, which runs as a program of its own. */
#ifndef STUDY_GNUPLOT_H
#define STUDY_GNUPLOT_H

#include <convoy/status.h>

/* Draws the commands as an image of so many pixels at path, whose name ends in ".svg" or ".png". CONVOY_E_IO
 * if gnuplot is not there or does not draw it. */
convoy_status gnuplot_draw(const char *commands, int width, int height, const char *path,
                           convoy_error *error);

#endif
