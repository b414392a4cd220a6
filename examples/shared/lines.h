/* Text files of lines: names of classes, truths. */
#ifndef LINES_H
#define LINES_H

#include <convoy/status.h>

#include <stddef.h>

/* lines[0..count), without their ends and blanks there; an empty last line does not count. */
struct lines {
    char *text;
    char **lines;
    size_t count;
};

/* Reads a file. CONVOY_E_IO, CONVOY_E_INPUT if it is empty or holds zero bytes, CONVOY_E_MEMORY. */
convoy_status lines_load(struct lines *lines, const char *path, convoy_error *error);

/* Frees the lines. Takes those that were never loaded, all zeros. */
void lines_release(struct lines *lines);

/* What the lines "NAME REST" say of the file with this path, whose folder does not matter: the rest of the
 * next such line from *at on, which is moved behind it; NULL: there is none any more. */
const char *lines_next(const struct lines *lines, const char *path, size_t *at);

/* The name of a file without its folder. */
const char *base_name(const char *path);

#endif
