#include "input_list.h"

#include "read_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MOST_INPUTS ((size_t)10000000)

/* The extensions by which the inputs in a folder are known. */
static const char *const extensions[] = {".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".npy", ".pb"};

static convoy_status no_memory(convoy_error *error) {
    return cli_error(error, CONVOY_E_MEMORY, "out of memory");
}

static convoy_status add_copy(struct input_list *list, const char *text, convoy_error *error) {
    struct text_list *arguments = &list->arguments;
    if (arguments->count > MOST_INPUTS)
        return cli_error(error, CONVOY_E_INPUT, "%s: this is one input too many; a run takes %zu", text,
                         MOST_INPUTS);
    if (arguments->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 64;
        const char **more = reallocarray(arguments->items, capacity, sizeof *more);
        if (!more)
            return no_memory(error);
        arguments->items = more;
        list->capacity = capacity;
    }
    char *copy = strdup(text);
    if (!copy)
        return no_memory(error);
    arguments->items[arguments->count++] = copy;
    return CONVOY_OK;
}

static convoy_status take_standard_input(struct input_list *list, const char *argument, convoy_error *error) {
    if (list->standard_input)
        return cli_error(error, CONVOY_E_USAGE, "%s and %s: standard input can be read only once",
                         list->standard_input, argument);
    list->standard_input = argument;
    return CONVOY_OK;
}

static bool is_input_name(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

/* Adds folder/name, unless it is something else than a file. One that cannot be looked at is told when it is
 * read. */
static convoy_status add_entry(struct input_list *list, const char *folder, const char *name,
                               convoy_error *error) {
    char *path = NULL;
    struct stat info;
    const size_t length = strlen(folder);
    if (asprintf(&path, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name) < 0)
        return no_memory(error);
    convoy_status status = CONVOY_OK;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode))
        status = add_copy(list, path, error);
    free(path);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static convoy_status add_folder(struct input_list *list, const char *path, convoy_error *error) {
    const size_t before = list->arguments.count;
    convoy_status status = CONVOY_OK;
    DIR *folder = opendir(path);
    if (!folder)
        return cli_error(error, CONVOY_E_IO, "%s: cannot be read: %s", path, strerror(errno));
    errno = 0;
    for (const struct dirent *entry; status == CONVOY_OK && (entry = readdir(folder)); errno = 0)
        if (entry->d_name[0] != '.' && is_input_name(entry->d_name))
            status = add_entry(list, path, entry->d_name, error);
    if (status == CONVOY_OK && errno != 0)
        status = cli_error(error, CONVOY_E_IO, "%s: cannot be read: %s", path, strerror(errno));
    closedir(folder);
    const size_t added = list->arguments.count - before;
    if (status == CONVOY_OK && added == 0)
        return cli_error(error, CONVOY_E_INPUT,
                         "%s: this folder holds no file that ends in .png, .jpg, .jpeg, .pgm, .ppm, .npy or "
                         ".pb",
                         path);
    if (added > 0)
        qsort(list->arguments.items + before, added, sizeof *list->arguments.items, compare_names);
    return status;
}

/* Adds a file, or what is in a folder. */
static convoy_status add_path(struct input_list *list, const char *path, convoy_error *error) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? add_folder(list, path, error)
                                                           : add_copy(list, path, error);
}

static bool is_blank(const char *text) {
    while (isspace((unsigned char)*text))
        text++;
    return *text == '\0';
}

static convoy_status add_line(struct input_list *list, const char *argument, size_t number, const char *line,
                              convoy_error *error) {
    if (line[0] == '@')
        return cli_error(error, CONVOY_E_INPUT,
                         "%s: line %zu, %.200s: lists do not nest; a file of this name is given as ./%.200s",
                         argument + 1, number, line, line);
    if (is_standard_input(line)) {
        const convoy_status status = take_standard_input(list, argument, error);
        if (status != CONVOY_OK)
            return status;
    }
    return add_path(list, line, error);
}

/* Adds what is on the list, whose name follows '@' in the argument. */
static convoy_status add_list(struct input_list *list, const char *argument, convoy_error *error) {
    const char *path = argument + 1;
    const size_t before = list->arguments.count;
    char *text = NULL;
    if (*path == '\0')
        return cli_error(error, CONVOY_E_USAGE, "@: the name of a list must follow, as in @list.txt");
    convoy_status status = text_read(&text, path, "inputs, one a line", error);
    if (status != CONVOY_OK)
        return status;
    char *rest = text;
    size_t number = 0;
    for (char *line; status == CONVOY_OK && (line = text_line(&rest));) {
        const size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        number++;
        if (line[0] != '#' && !is_blank(line))
            status = add_line(list, argument, number, line, error);
    }
    free(text);
    if (status == CONVOY_OK && list->arguments.count == before)
        return cli_error(error, CONVOY_E_INPUT, "%s: this list names no inputs", path);
    return status;
}

static convoy_status add_argument(struct input_list *list, const char *argument, convoy_error *error) {
    return argument[0] == '@'            ? add_list(list, argument, error)
           : is_standard_input(argument) ? add_copy(list, argument, error)
                                         : add_path(list, argument, error);
}

/* Finds what of the command reads standard input, before anything is read. */
static convoy_status find_standard_input(struct input_list *list, const struct run_options *options,
                                         convoy_error *error) {
    const struct text_list *arguments = &options->common.arguments, *named = &options->input.named;
    const struct answer_options *answers = &options->answers;
    convoy_status status = CONVOY_OK;
    if (answers->labels && is_standard_input(answers->labels))
        status = take_standard_input(list, "--labels -", error);
    if (status == CONVOY_OK && answers->expect && is_standard_input(answers->expect))
        status = take_standard_input(list, "--expect -", error);
    for (size_t i = 0; i < named->count && status == CONVOY_OK; i++) {
        const char *file = strrchr(named->items[i], '=');
        if (file && is_standard_input(file + 1))
            status = take_standard_input(list, named->items[i], error);
    }
    for (size_t i = 1; i < arguments->count && status == CONVOY_OK; i++) {
        const char *file = arguments->items[i];
        if (is_standard_input(file + (file[0] == '@')))
            status = take_standard_input(list, file, error);
    }
    return status;
}

convoy_status input_list_open(struct input_list *list, const struct run_options *options,
                              convoy_error *error) {
    const struct text_list *arguments = &options->common.arguments;
    *list = (struct input_list){0};
    convoy_status status = find_standard_input(list, options, error);
    for (size_t i = 0; i < arguments->count && status == CONVOY_OK; i++)
        status = i == 0 ? add_copy(list, arguments->items[i], error) /* the model */
                        : add_argument(list, arguments->items[i], error);
    return status;
}

void input_list_close(struct input_list *list) {
    for (size_t i = 0; i < list->arguments.count; i++)
        free((char *)(uintptr_t)list->arguments.items[i]);
    free(list->arguments.items);
}
