#include "lines.h"

#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file, with a zero behind it; NULL and errno: it cannot be read. */
static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0;
    if (!file)
        return NULL;
    *length = 0;
    do {
        room = 2 * room + 4096;
        char *more = realloc(text, room);
        if (!more) {
            free(text);
            fclose(file);
            errno = ENOMEM;
            return NULL;
        }
        text = more;
        *length += fread(text + *length, 1, room - 1 - *length, file);
    } while (*length == room - 1);
    const int reason = ferror(file) ? errno : 0;
    fclose(file);
    text[*length] = '\0';
    if (reason) {
        free(text);
        errno = reason;
        return NULL;
    }
    return text;
}

/* Cuts the text into lines. */
static void cut(struct lines *lines) {
    char *at = lines->text;
    while (*at) {
        char *next = at + strcspn(at, "\n");
        char *end = next;
        next += *next != '\0';
        while (end > at && isspace((unsigned char)end[-1]))
            end--;
        *end = '\0';
        lines->lines[lines->count++] = at;
        at = next;
    }
}

convoy_status lines_load(struct lines *lines, const char *path, convoy_error *error) {
    size_t length, most = 1;
    *lines = (struct lines){.text = read_file(path, &length)};
    if (!lines->text)
        return fail(error, errno == ENOMEM ? CONVOY_E_MEMORY : CONVOY_E_IO, "%s: cannot be read: %s", path,
                    strerror(errno));
    if (length == 0 || strlen(lines->text) != length) {
        lines_release(lines);
        return fail(error, CONVOY_E_INPUT, "%s: is empty or no text", path);
    }
    for (const char *end = lines->text; (end = strchr(end, '\n')); end++)
        most++;
    lines->lines = calloc(most, sizeof *lines->lines);
    if (!lines->lines) {
        lines_release(lines);
        return fail(error, CONVOY_E_MEMORY, "out of memory");
    }
    cut(lines);
    return CONVOY_OK;
}

void lines_release(struct lines *lines) {
    free(lines->lines);
    free(lines->text);
    *lines = (struct lines){0};
}

const char *lines_next(const struct lines *lines, const char *path, size_t *at) {
    const char *name = base_name(path);
    const size_t length = strlen(name);
    while (*at < lines->count) {
        const char *line = lines->lines[(*at)++];
        if (strncmp(line, name, length) == 0 && (line[length] == '\0' || line[length] == ' '))
            return line + length + strspn(line + length, " ");
    }
    return NULL;
}

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
