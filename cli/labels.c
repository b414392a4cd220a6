#include "labels.h"

#include "commands.h"
#include "imagenet_labels.h"
#include "read_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next line, without blanks at its ends; NULL at the end of the text. */
static char *take_line(char **rest) {
    char *line = text_line(rest);
    if (!line)
        return NULL;
    char *end = line + strlen(line);
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

/* TensorFlow's models have a class in front of ImageNet's, for what is none of them. */
#define IMAGENET            "imagenet"
#define IMAGENET_BACKGROUND "background\n"

static bool is_imagenet(const struct labels *labels) {
    return labels->path && strcmp(labels->path, IMAGENET) == 0;
}

/* A file, unless there is none and its name is close to that of ImageNet's labels. */
static convoy_status read_labels_file(struct labels *labels, convoy_error *error) {
    static const char *const known[] = {IMAGENET};
    const convoy_status status = text_read(&labels->text, labels->path, "labels, one a line", error);
    if (status == CONVOY_E_IO && convoy_closest(labels->path, known, 1))
        return cli_error(error, status, "%s: there is no such file of labels; did you mean " IMAGENET "?",
                         labels->path);
    return status;
}

static convoy_status read_labels(struct labels *labels, convoy_error *error) {
    if (!is_imagenet(labels))
        return read_labels_file(labels, error);
    if (asprintf(&labels->text, "%s%s", IMAGENET_BACKGROUND, imagenet_labels) >= 0)
        return CONVOY_OK;
    labels->text = NULL;
    return cli_error(error, CONVOY_E_MEMORY, "out of memory");
}

convoy_status labels_load(struct labels *labels, const char *path, convoy_error *error) {
    *labels = (struct labels){.path = path};
    if (!path)
        return CONVOY_OK;
    convoy_status status = read_labels(labels, error);
    if (status != CONVOY_OK)
        return status;
    labels->lines = calloc(count_lines(labels->text), sizeof *labels->lines);
    if (!labels->lines) {
        labels_free(labels);
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    }
    char *rest = labels->text;
    for (char *line; (line = take_line(&rest));)
        labels->lines[labels->count++] = line;
    labels->names = labels->lines;
    if (is_imagenet(labels)) {
        labels->names++;
        labels->count--;
    }
    return CONVOY_OK;
}

void labels_free(struct labels *labels) {
    free(labels->lines);
    free(labels->text);
    *labels = (struct labels){0};
}

void labels_meet(struct labels *labels, size_t classes, struct progress *progress) {
    char line[256];
    if (!labels->path || labels->met)
        return;
    labels->met = true;
    if (is_imagenet(labels) && classes == labels->count + 1) {
        labels->names = labels->lines;
        labels->count++;
    }
    if (labels->count >= classes && labels->count <= classes + 1)
        return;
    snprintf(line, sizeof line, "--labels %.100s has %zu name%s, but the first output has %zu classes",
             labels->path, labels->count, labels->count == 1 ? "" : "s", classes);
    progress_log(progress, CONVOY_LOG_WARNING, line);
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
    convoy_status status = text_read(&expectations->text, path, "lines NAME LABEL", error);
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

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether a result can have the label; names: those of the classes, [count], sorted. */
static bool is_possible(const char *label, char *const *names, size_t count) {
    if (count == 0)
        return label[strspn(label, "0123456789")] == '\0';
    return bsearch(&label, names, count, sizeof *names, compare_texts);
}

convoy_status expectations_check(const struct expectations *expectations, const char *path,
                                 const struct labels *labels, struct progress *progress,
                                 convoy_error *error) {
    const size_t count = labels->count + (labels->names != labels->lines);
    const char *first = NULL;
    size_t impossible = 0;
    char line[320];
    if (expectations->count == 0)
        return CONVOY_OK;
    char **names = calloc(count + 1, sizeof *names);
    if (!names)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (count > 0)
        memcpy(names, labels->lines, count * sizeof *names);
    qsort(names, count, sizeof *names, compare_texts);
    for (size_t i = 0; i < expectations->count; i++)
        if (!is_possible(expectations->lines[i].label, names, count)) {
            first = first ? first : expectations->lines[i].label;
            impossible++;
        }
    free(names);
    if (impossible == 0)
        return CONVOY_OK;
    snprintf(line, sizeof line,
             "--expect %.100s: %zu of its %zu labels belong%s to no class, the first is '%.80s'%s", path,
             impossible, expectations->count, impossible == 1 ? "s" : "", first,
             count == 0 ? "; without --labels they are numbers" : "");
    progress_log(progress, CONVOY_LOG_WARNING, line);
    return CONVOY_OK;
}
