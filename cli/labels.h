/* Text files of one thing a line: names of classes, and what is expected of which input. */
#ifndef CLI_LABELS_H
#define CLI_LABELS_H

#include "options.h"

struct labels {
    char *text;   /* the file, cut into strings */
    char **names; /* [count] */
    size_t count;
};

/* Line i is the name of class i. path NULL: no names. CONVOY_E_IO, CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status labels_load(struct labels *labels, const char *path, convoy_error *error);
void labels_free(struct labels *labels);

/* The name of a class, or NULL. */
const char *labels_name(const struct labels *labels, size_t index);

struct expectation {
    const char *file; /* base name */
    const char *label;
};

struct expectations {
    char *text;
    struct expectation *lines; /* [count], sorted by file */
    size_t count;
};

/* Lines "NAME LABEL"; the label goes to the end of the line. Empty lines do not count. */
convoy_status expectations_load(struct expectations *expectations, const char *path, convoy_error *error);
void expectations_free(struct expectations *expectations);

/* The label that is expected of the file at this path, or NULL. */
const char *expectations_find(const struct expectations *expectations, const char *path);

#endif
