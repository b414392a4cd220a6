#include "labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_TEXT (16u << 20) /* bytes; a text file of labels has a few thousand */

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* before UTF-8, by some editors */

/* The whole file, without a mark in front. */
static convoy_status read_text(char **text, const char *path, convoy_error *error) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return cli_error(error, CONVOY_E_IO, "%s: cannot be read: %s", path, strerror(errno));
    convoy_status status = CONVOY_OK;
    size_t used = 0, size = 4096;
    char *bytes = malloc(size);
    while (bytes) {
        used += fread(bytes + used, 1, size - 1 - used, file);
        if (used < size - 1 || size > LARGEST_TEXT)
            break;
        size *= 2;
        char *more = realloc(bytes, size);
        if (!more)
            free(bytes);
        bytes = more;
    }
    if (!bytes) {
        status = cli_error(error, CONVOY_E_MEMORY, "out of memory");
    } else if (ferror(file)) {
        status = cli_error(error, CONVOY_E_IO, "%s: cannot be read: %s", path, strerror(errno));
    } else if (used > LARGEST_TEXT || memchr(bytes, '\0', used)) {
        status = cli_error(error, CONVOY_E_INPUT, "%s is no text file of labels, one a line", path);
    }
    fclose(file);
    if (status != CONVOY_OK) {
        free(bytes);
        return status;
    }
    const size_t mark = used >= 3 && memcmp(bytes, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
    memmove(bytes, bytes + mark, used - mark);
    bytes[used - mark] = '\0';
    *text = bytes;
    return CONVOY_OK;
}

/* Cuts the next line off *rest and blanks off its ends; NULL at the end of the text. */
static char *take_line(char **rest) {
    char *line = *rest;
    if (*line == '\0')
        return NULL;
    const size_t length = strcspn(line, "\n");
    *rest = line + length + (line[length] == '\n');
    char *end = line + length;
    while (end > line && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    while (isspace((unsigned char)*line))
        line++;
    return line;
}

static size_t count_lines(const char *text) {
    size_t lines = 1;
    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

convoy_status labels_load(struct labels *labels, const char *path, convoy_error *error) {
    *labels = (struct labels){0};
    if (!path)
        return CONVOY_OK;
    convoy_status status = read_text(&labels->text, path, error);
    if (status != CONVOY_OK)
        return status;
    labels->names = calloc(count_lines(labels->text), sizeof *labels->names);
    if (!labels->names) {
        labels_free(labels);
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    }
    char *rest = labels->text;
    for (char *line; (line = take_line(&rest));)
        labels->names[labels->count++] = line;
    return CONVOY_OK;
}

void labels_free(struct labels *labels) {
    free(labels->names);
    free(labels->text);
    *labels = (struct labels){0};
}

const char *labels_name(const struct labels *labels, size_t index) {
    return index < labels->count ? labels->names[index] : NULL;
}

static int compare_files(const void *a, const void *b) {
    return strcmp(((const struct expectation *)a)->file, ((const struct expectation *)b)->file);
}

convoy_status expectations_load(struct expectations *expectations, const char *path, convoy_error *error) {
    *expectations = (struct expectations){0};
    if (!path)
        return CONVOY_OK;
    convoy_status status = read_text(&expectations->text, path, error);
    if (status != CONVOY_OK)
        return status;
    expectations->lines = calloc(count_lines(expectations->text), sizeof *expectations->lines);
    if (!expectations->lines) {
        expectations_free(expectations);
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    }
    char *rest = expectations->text;
    size_t number = 0;
    for (char *line; (line = take_line(&rest));) {
        number++;
        if (*line == '\0')
            continue;
        char *label = line + strcspn(line, " \t");
        if (*label == '\0') {
            expectations_free(expectations);
            return cli_error(error, CONVOY_E_INPUT, "%s: line %zu is not of the form NAME LABEL", path,
                             number);
        }
        *label++ = '\0';
        label += strspn(label, " \t");
        expectations->lines[expectations->count++] = (struct expectation){line, label};
    }
    qsort(expectations->lines, expectations->count, sizeof *expectations->lines, compare_files);
    return CONVOY_OK;
}

void expectations_free(struct expectations *expectations) {
    free(expectations->lines);
    free(expectations->text);
    *expectations = (struct expectations){0};
}

const char *expectations_find(const struct expectations *expectations, const char *path) {
    const char *slash = strrchr(path, '/');
    const struct expectation key = {slash ? slash + 1 : path, NULL};
    if (expectations->count == 0)
        return NULL;
    const struct expectation *line =
        bsearch(&key, expectations->lines, expectations->count, sizeof key, compare_files);
    return line ? line->label : NULL;
}
