/* The lines that tell people what a model said of an input. */
#ifndef CLI_ANSWERS_H
#define CLI_ANSWERS_H

#include "classes.h"
#include "labels.h"

#include <stdio.h>

/* One row of a result. */
struct answer {
    const char *input;
    int64_t row; /* of a file of several rows; -1: it has one */
    const convoy_result *result;
    const convoy_value_info *outputs; /* [result->output_count], for their names */
    size_t rows, at;                  /* of the outputs: how many, and which */
    const struct best_class *best;    /* [count] of the first output */
    size_t count;
    const struct labels *labels;
    const char *expected; /* and not found; NULL */
    bool scores;          /* show them instead of probabilities */
    bool all;             /* all of best, whatever they say and however long the line becomes */
    size_t width;         /* columns of a line */
};

/* Prints a line, for a model with several outputs one for each: of the first output the best classes, as many
 * as say something and the line has room for, if it is a classification; else the output's shape and the
 * range of its elements. Styles are those of standard output, to which the lines go in the end. */
void answer_print(FILE *file, const struct answer *answer);

#endif
