#include "save.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_npy(const char *file) {
    const size_t length = strlen(file);
    return length >= 4 && strcmp(file + length - 4, ".npy") == 0;
}

static bool same_place(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Finds the folder of a file that is not there yet; *name: the file in it, within the copy, which the caller
 * frees. */
static bool find_folder(const char *file, struct stat *folder, char **copy, const char **name) {
    *copy = strdup(file);
    char *slash = *copy ? strrchr(*copy, '/') : NULL;
    if (!*copy)
        return false;
    *name = slash ? slash + 1 : *copy;
    if (!slash)
        return stat(".", folder) == 0;
    if (slash == *copy)
        return stat("/", folder) == 0;
    *slash = '\0';
    return stat(*copy, folder) == 0;
}

/* Whether two paths lead to one file, however they are written. */
static bool same_file(const char *a, const char *b) {
    struct stat at_a, at_b;
    const bool there_a = stat(a, &at_a) == 0, there_b = stat(b, &at_b) == 0;
    if (there_a || there_b)
        return there_a && there_b && same_place(&at_a, &at_b);
    char *copy_a = NULL, *copy_b = NULL;
    const char *name_a, *name_b;
    const bool same = find_folder(a, &at_a, &copy_a, &name_a) && find_folder(b, &at_b, &copy_b, &name_b) &&
                      same_place(&at_a, &at_b) && strcmp(name_a, name_b) == 0;
    free(copy_a);
    free(copy_b);
    return same;
}

/* Whether the command reads the file: the model, an input, or the profile of a plan. */
static bool is_read(const struct cli_options *options, const char *file) {
    for (size_t i = 0; i < options->arguments.count; i++)
        if (same_file(options->arguments.items[i], file))
            return true;
    for (size_t i = 0; i < options->inputs.count; i++) {
        const char *named = strchr(options->inputs.items[i], '='); /* the name may have one itself */
        for (; named; named = strchr(named + 1, '='))
            if (same_file(named + 1, file))
                return true;
    }
    return options->session.profile && same_file(options->session.profile, file);
}

static convoy_status check_not_read(const struct cli_options *options, const char *option, const char *file,
                                    convoy_error *error) {
    if (is_read(options, file))
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: this file is an input; another name is accepted",
                         option, file);
    return CONVOY_OK;
}

/* The next of the files, beside those before it. */
static convoy_status check_file(const struct saves *saves, const struct cli_options *options,
                                const struct save *save, convoy_error *error) {
    if (!is_npy(save->file))
        return cli_error(error, CONVOY_E_USAGE, "--output %s: the name of the file must end in .npy",
                         save->file);
    const convoy_status status = check_not_read(options, "output", save->file, error);
    if (status != CONVOY_OK)
        return status;
    for (size_t i = 0; i < saves->count; i++)
        if (same_file(saves->items[i].file, save->file))
            return cli_error(error, CONVOY_E_USAGE,
                             "--output %s: another output goes to this file already, as %s", save->file,
                             saves->items[i].file);
    return CONVOY_OK;
}

/* The text has a '=', and what stands before it names no output, or there is none. */
static convoy_status refuse_name(const char *text, const convoy_value_info *outputs, size_t count,
                                 convoy_error *error) {
    char names[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof names - 1; i++) {
        const int written =
            snprintf(names + used, sizeof names - used, "%s'%.100s'", i ? ", " : "", outputs[i].name);
        used += written > 0 ? (size_t)written : 0;
    }
    return cli_error(error, CONVOY_E_USAGE,
                     "--output %s: must be FILE, or NAME=FILE with an output of the model: %s%s", text, names,
                     used >= sizeof names ? ", ..." : "");
}

static convoy_status resolve(struct save *save, const char *text, const convoy_model *model,
                             convoy_error *error) {
    const convoy_value_info *outputs;
    const size_t count = convoy_model_outputs(model, &outputs);
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(outputs[i].name);
        if (strncmp(text, outputs[i].name, length) == 0 && text[length] == '=' && text[length + 1]) {
            *save = (struct save){.file = text + length + 1, .output = i};
            return CONVOY_OK;
        }
    }
    if (count == 0 || strchr(text, '='))
        return refuse_name(text, outputs, count, error);
    *save = (struct save){.file = text};
    return CONVOY_OK;
}

convoy_status saves_open(struct saves *saves, const convoy_model *model, const struct cli_options *options,
                         convoy_error *error) {
    *saves = (struct saves){0};
    saves->items = calloc(options->outputs.count + 1, sizeof *saves->items);
    if (!saves->items)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < options->outputs.count; i++) {
        struct save *save = &saves->items[i];
        convoy_status status = resolve(save, options->outputs.items[i], model, error);
        if (status == CONVOY_OK)
            status = check_file(saves, options, save, error);
        if (status != CONVOY_OK)
            return status;
        saves->count++;
    }
    return CONVOY_OK;
}

void saves_close(struct saves *saves) {
    for (size_t i = 0; i < saves->count; i++)
        free(saves->items[i].data);
    free(saves->items);
    free(saves->missing);
}

/* The cause as in errno, 0: none. A file that does not exist needs a folder in which it can be made. */
static int find_obstacle(const char *file) {
    struct stat status;
    if (stat(file, &status) == 0)
        return S_ISDIR(status.st_mode) ? EISDIR : access(file, W_OK) == 0 ? 0 : errno;
    char *copy = errno == ENOENT ? strdup(file) : NULL;
    if (!copy)
        return errno;
    const int obstacle = access(dirname(copy), W_OK | X_OK) == 0 ? 0 : errno;
    free(copy);
    return obstacle;
}

static convoy_status check_writable(const char *file, convoy_error *error) {
    const int obstacle = find_obstacle(file);
    if (obstacle)
        return cli_error(error, CONVOY_E_IO, "%s: cannot be written: %s", file, strerror(obstacle));
    return CONVOY_OK;
}

convoy_status saves_check(const struct saves *saves, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < saves->count && status == CONVOY_OK; i++)
        status = check_writable(saves->items[i].file, error);
    return status;
}

convoy_status save_check_file(const struct cli_options *options, const char *option, const char *file,
                              convoy_error *error) {
    const convoy_status status = check_not_read(options, option, file, error);
    return status == CONVOY_OK ? check_writable(file, error) : status;
}

static convoy_status keep(struct save *save, size_t index, const convoy_tensor *tensor, convoy_error *error) {
    if (save->count == 0) {
        save->shape = tensor->shape;
        save->each = convoy_tensor_elements(tensor);
    }
    if (index >= save->capacity) {
        const size_t capacity = 2 * index + 1;
        float *data = save->each < SIZE_MAX / sizeof *data / capacity
                          ? realloc(save->data, (capacity * save->each + 1) * sizeof *data)
                          : NULL;
        if (!data)
            return cli_error(error, CONVOY_E_MEMORY, "out of memory for the outputs that go to %s",
                             save->file);
        save->data = data;
        save->capacity = capacity;
    }
    for (size_t i = 0; i < save->each; i++)
        save->data[index * save->each + i] = (float)convoy_tensor_element(tensor, i);
    if (index >= save->count)
        save->count = index + 1;
    return CONVOY_OK;
}

convoy_status saves_keep(struct saves *saves, size_t index, const convoy_result *result,
                         convoy_error *error) {
    for (size_t i = 0; i < saves->count; i++) {
        const convoy_status status =
            keep(&saves->items[i], index, &result->outputs[saves->items[i].output], error);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}

convoy_status saves_skip(struct saves *saves, size_t index, convoy_error *error) {
    size_t *more = realloc(saves->missing, (saves->missing_count + 1) * sizeof *more);
    if (!more)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    saves->missing = more;
    size_t place = saves->missing_count++;
    for (; place > 0 && more[place - 1] > index; place--)
        more[place] = more[place - 1];
    more[place] = index;
    return CONVOY_OK;
}

/* Closes the gaps that missing inferences left. */
static void close_gaps(const struct saves *saves, struct save *save) {
    size_t kept = 0, next = 0;
    for (size_t i = 0; i < save->count; i++) {
        if (next < saves->missing_count && saves->missing[next] == i) {
            next++;
            continue;
        }
        if (kept < i)
            memmove(save->data + kept * save->each, save->data + i * save->each,
                    save->each * sizeof *save->data);
        kept++;
    }
    save->count = kept;
}

convoy_status saves_write(struct saves *saves, convoy_error *error) {
    for (size_t i = 0; i < saves->count; i++) {
        struct save *save = &saves->items[i];
        close_gaps(saves, save);
        if (save->count == 0)
            continue;
        convoy_tensor tensor = {.dtype = CONVOY_F32, .shape = save->shape, .data = save->data};
        if (save->count > 1 && tensor.shape.rank == 0)
            tensor.shape = (convoy_shape){.rank = 1, .dims = {(int64_t)save->count}};
        else if (save->count > 1)
            tensor.shape.dims[0] *= (int64_t)save->count;
        const convoy_status status = convoy_output_save(save->file, &tensor, error);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}
