#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

convoy_status fail(convoy_error *error, convoy_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return error->status = status;
}

/* A number from least to most, and nothing behind it. */
static bool read_number(const char *text, const struct argument *argument, bool whole, double *value) {
    char *end = NULL;
    if (isspace((unsigned char)text[0]))
        return false;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= argument->least && *value <= argument->most &&
           (!whole || *value == floor(*value));
}

/* Which word of "one,two,three" the text is; false: none. */
static bool read_choice(const char *text, const char *choices, unsigned *choice) {
    const size_t length = strlen(text);
    for (*choice = 0;; ++*choice) {
        const size_t word = strcspn(choices, ",");
        if (word == length && strncmp(choices, text, length) == 0)
            return true;
        if (choices[word] == '\0')
            return false;
        choices += word + 1;
    }
}

static convoy_status set(const struct argument *argument, const char *text, convoy_error *error) {
    double number;
    switch (argument->kind) {
    case ARGUMENT_FLAG:
        *(bool *)argument->target = true;
        return CONVOY_OK;
    case ARGUMENT_TEXT:
        *(const char **)argument->target = text;
        return CONVOY_OK;
    case ARGUMENT_LIST: {
        struct text_list *list = argument->target;
        list->texts[list->count++] = text;
        return CONVOY_OK;
    }
    case ARGUMENT_CHOICE:
        if (read_choice(text, argument->choices, argument->target))
            return CONVOY_OK;
        return fail(error, CONVOY_E_USAGE, "%s takes one of %s, not '%s'", argument->name, argument->choices,
                    text);
    case ARGUMENT_COUNT:
    case ARGUMENT_NUMBER:
        if (!read_number(text, argument, argument->kind == ARGUMENT_COUNT, &number))
            return fail(error, CONVOY_E_USAGE, "%s takes a %snumber from %g to %g, not '%s'", argument->name,
                        argument->kind == ARGUMENT_COUNT ? "whole " : "", argument->least, argument->most,
                        text);
        if (argument->kind == ARGUMENT_COUNT)
            *(uint32_t *)argument->target = (uint32_t)number;
        else
            *(double *)argument->target = number;
        return CONVOY_OK;
    }
    return fail(error, CONVOY_E_INTERNAL, "%s is of no kind", argument->name);
}

/* The option that text names, up to its end or to '='. */
static const struct argument *find(const struct argument_table *tables, const char *text) {
    const size_t length = strcspn(text, "=");
    for (; tables->rows; tables++)
        for (size_t i = 0; i < tables->count; i++)
            if (strncmp(tables->rows[i].name, text, length) == 0 && tables->rows[i].name[length] == '\0')
                return &tables->rows[i];
    return NULL;
}

/* Makes room in every list for as many texts as there are arguments. */
static convoy_status make_lists(size_t count, const struct argument_table *tables, struct text_list *others,
                                convoy_error *error) {
    *others = (struct text_list){calloc(count, sizeof(char *)), 0};
    bool there = others->texts;
    for (; tables->rows; tables++)
        for (size_t i = 0; i < tables->count; i++)
            if (tables->rows[i].kind == ARGUMENT_LIST) {
                struct text_list *list = tables->rows[i].target;
                *list = (struct text_list){calloc(count, sizeof(char *)), 0};
                there = there && list->texts;
            }
    return there ? CONVOY_OK : fail(error, CONVOY_E_MEMORY, "out of memory");
}

convoy_status arguments_read(int argc, char **argv, const struct argument_table *tables,
                             struct text_list *others, convoy_error *error) {
    convoy_status status = make_lists((size_t)argc + 1, tables, others, error);
    bool ended = false;
    for (int i = 1; i < argc && status == CONVOY_OK; i++) {
        const char *text = argv[i], *value = strchr(text, '=');
        if (ended || text[0] != '-' || text[1] == '\0') {
            others->texts[others->count++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            ended = true;
            continue;
        }
        const struct argument *argument = find(tables, text);
        if (!argument)
            return fail(error, CONVOY_E_USAGE, "unknown option %s; --help lists what there is", text);
        if (!argument->value && value)
            return fail(error, CONVOY_E_USAGE, "%s takes no value", argument->name);
        if (argument->value && !value && i + 1 == argc)
            return fail(error, CONVOY_E_USAGE, "%s needs a value: %s", argument->name, argument->value);
        status = set(argument, value ? value + 1 : argument->value ? argv[++i] : NULL, error);
    }
    return status;
}

void arguments_print(const struct argument_table *tables) {
    for (; tables->rows; tables++)
        for (size_t i = 0; i < tables->count; i++) {
            char text[64];
            const struct argument *row = &tables->rows[i];
            snprintf(text, sizeof text, "%s %s", row->name, row->value ? row->value : "");
            printf("  %-20s %s\n", text, row->help);
        }
}
