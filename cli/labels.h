/* Text files of one thing a line: names of classes, and what is expected of which input. */
#ifndef CLI_LABELS_H
#define CLI_LABELS_H

#include "commands.h"
#include "progress.h"

struct labels {
    const char *path; /* as given; NULL: no names */
    char *text;       /* the file, cut into strings */
    char **lines;     /* of the text */
    char **names;     /* [count] of the classes: lines, or those behind the first */
    size_t count;
    bool met; /* labels_meet was called */
};

/* Line i is the name of class i. path NULL: no names; "imagenet": those of ImageNet. path is borrowed.
 * CONVOY_E_IO, CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status labels_load(struct labels *labels, const char *path, convoy_error *error);
void labels_free(struct labels *labels);

/* The output has so many classes. ImageNet's names begin with "background" if these are 1,001. Warns, at the
 * first call, of too few names, and of two too many or more. */
void labels_meet(struct labels *labels, size_t classes, struct progress *progress);

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

/* Warns of labels that no result can have: they are no names of classes, or, without names, no numbers. path:
 * of the expectations. CONVOY_E_MEMORY. */
convoy_status expectations_check(const struct expectations *expectations, const char *path,
                                 const struct labels *labels, struct progress *progress, convoy_error *error);

#endif
