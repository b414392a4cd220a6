/* --audit: a line of JSON for every wrong answer, appended to a file. */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include <convoy/convoy.h>

#include <stdio.h>

struct audit {
    FILE *file; /* NULL: none is wanted */
};

/* Opens the file, which is made if it does not exist; path NULL: none. CONVOY_E_IO. */
convoy_status audit_open(struct audit *audit, const char *path, convoy_error *error);

/* convoy_options.wrong_answer, its context being a struct audit. */
void audit_note(void *context, const convoy_wrong_answer *wrong);

/* CONVOY_E_IO if not all lines could be written. */
convoy_status audit_close(struct audit *audit, const char *path, convoy_error *error);

#endif
