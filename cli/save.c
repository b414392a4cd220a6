#include "save.h"

#include "commands.h"

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
static bool is_read(const struct files_read *read, const char *file) {
    for (size_t i = 0; i < read->input_count; i++)
        if (same_file(read->inputs[i], file))
            return true;
    for (size_t i = 0; read->arguments && i < read->arguments->count; i++)
        if (read->arguments->items[i][0] == '@' && same_file(read->arguments->items[i] + 1, file))
            return true;
    for (size_t i = 0; read->named && i < read->named->count; i++) {
        const char *named = strchr(read->named->items[i], '='); /* the name may have one itself */
        for (; named; named = strchr(named + 1, '='))
            if (same_file(named + 1, file))
                return true;
    }
    for (size_t i = 0; i < READ_OTHERS; i++)
        if (read->others[i] && same_file(read->others[i], file))
            return true;
    return false;
}

void save_note_session(struct files_read *read, size_t first, const convoy_options *session) {
    static const char table[] = "table:";
    read->others[first] = session->profile;
    read->others[first + 1] = session->plan_file;
    read->others[first + 2] = session->key_file;
    if (session->code && strncmp(session->code, table, strlen(table)) == 0)
        read->others[first + 3] = session->code + strlen(table);
}

convoy_status save_check_apart(const char *option, const char *file, const char *other,
                               const char *other_file, convoy_error *error) {
    if (!file || !other_file || !same_file(file, other_file))
        return CONVOY_OK;
    return cli_error(error, CONVOY_E_USAGE,
                     "--%s %s: --%s writes to this file already; another name is accepted", option, file,
                     other);
}

static convoy_status check_not_read(const struct files_read *read, const char *option, const char *file,
                                    convoy_error *error) {
    if (is_read(read, file))
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: this file is an input; another name is accepted",
                         option, file);
    return CONVOY_OK;
}

/* The next of the files, beside those before it. */
static convoy_status check_file(const struct saves *saves, const struct files_read *read,
                                const struct save *save, convoy_error *error) {
    if (!is_npy(save->file))
        return cli_error(error, CONVOY_E_USAGE, "--output %s: the name of the file must end in .npy",
                         save->file);
    const convoy_status status = check_not_read(read, "output", save->file, error);
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

convoy_status saves_open(struct saves *saves, const convoy_model *model, const struct text_list *outputs,
                         const struct files_read *read, convoy_error *error) {
    *saves = (struct saves){0};
    saves->items = calloc(outputs->count + 1, sizeof *saves->items);
    if (!saves->items)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < outputs->count; i++) {
        struct save *save = &saves->items[i];
        convoy_status status = resolve(save, outputs->items[i], model, error);
        if (status == CONVOY_OK)
            status = check_file(saves, read, save, error);
        if (status != CONVOY_OK)
            return status;
        saves->count++;
    }
    return CONVOY_OK;
}

void saves_close(struct saves *saves) {
    for (size_t i = 0; i < saves->count; i++) {
        for (size_t k = 0; k < saves->items[i].capacity; k++)
            convoy_tensor_release(&saves->items[i].kept[k]);
        free(saves->items[i].kept);
    }
    free(saves->items);
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

convoy_status saves_check_other(const struct saves *saves, const char *option, const char *file,
                                convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < saves->count && status == CONVOY_OK; i++)
        status = save_check_apart(option, file, "output", saves->items[i].file, error);
    return status;
}

convoy_status saves_check(const struct saves *saves, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < saves->count && status == CONVOY_OK; i++)
        status = check_writable(saves->items[i].file, error);
    return status;
}

convoy_status save_check_file(const struct files_read *read, const char *option, const char *file,
                              convoy_error *error) {
    const convoy_status status = check_not_read(read, option, file, error);
    return status == CONVOY_OK ? check_writable(file, error) : status;
}

/* Room for the outputs of one more inference than `index`. */
static convoy_status grow(struct save *save, size_t index, convoy_error *error) {
    if (index < save->capacity)
        return CONVOY_OK;
    const size_t capacity = 2 * index + 1;
    convoy_tensor *grown = capacity > index ? reallocarray(save->kept, capacity, sizeof *grown) : NULL;
    if (!grown)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory for the outputs that go to %s", save->file);
    memset(grown + save->capacity, 0, (capacity - save->capacity) * sizeof *grown);
    save->kept = grown;
    save->capacity = capacity;
    return CONVOY_OK;
}

/* .npy files have no bfloat16. */
static convoy_dtype saved_type(convoy_dtype dtype) {
    return dtype == CONVOY_BF16 ? CONVOY_F32 : dtype;
}

/* Keeps the elements of the tensor that the shape has, which may have fewer rows. */
static convoy_status keep(struct save *save, size_t index, const convoy_tensor *tensor,
                          const convoy_shape *shape, convoy_error *error) {
    convoy_status status = grow(save, index, error);
    if (status == CONVOY_OK)
        status = convoy_tensor_create(&save->kept[index], saved_type(tensor->dtype), shape, error);
    if (status != CONVOY_OK)
        return status;
    const size_t count = convoy_tensor_elements(&save->kept[index]);
    if (tensor->dtype != CONVOY_BF16)
        memcpy(save->kept[index].data, tensor->data, count * convoy_dtype_bytes(tensor->dtype));
    for (size_t i = 0; tensor->dtype == CONVOY_BF16 && i < count; i++)
        ((float *)save->kept[index].data)[i] = (float)convoy_tensor_element(tensor, i);
    return CONVOY_OK;
}

convoy_status saves_keep(struct saves *saves, size_t index, const convoy_result *result, size_t group,
                         size_t rows, convoy_error *error) {
    for (size_t i = 0; i < saves->count; i++) {
        const convoy_tensor *output = &result->outputs[saves->items[i].output];
        convoy_shape shape = output->shape;
        if (group > 0 && shape.rank > 0 && shape.dims[0] == (int64_t)group)
            shape.dims[0] = (int64_t)rows;
        const convoy_status status = keep(&saves->items[i], index, output, &shape, error);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}

/* Moves what was kept to the front, so that inferences that failed leave no gap. How many there are. */
static size_t close_gaps(struct save *save) {
    size_t kept = 0;
    for (size_t i = 0; i < save->capacity; i++)
        if (save->kept[i].data) {
            const convoy_tensor tensor = save->kept[i];
            save->kept[i] = (convoy_tensor){0};
            save->kept[kept++] = tensor;
        }
    return kept;
}

/* The shape of all outputs joined along the first axis; scalars become a list. */
static convoy_status joined_shape(const struct save *save, size_t count, convoy_shape *shape,
                                  convoy_error *error) {
    *shape = save->kept[0].shape;
    if (shape->rank == 0) {
        *shape = (convoy_shape){.rank = 1, .dims = {(int64_t)count}};
        return CONVOY_OK;
    }
    for (size_t i = 1; i < count; i++) {
        const convoy_shape *next = &save->kept[i].shape;
        bool fits = next->rank == shape->rank;
        for (uint32_t axis = 1; fits && axis < shape->rank; axis++)
            fits = next->dims[axis] == shape->dims[axis];
        char first[160], other[160];
        if (!fits)
            return cli_error(
                error, CONVOY_E_INPUT,
                "%s: outputs of the shapes %s and %s cannot be joined along the first axis; one input a run "
                "is accepted",
                save->file, convoy_shape_text(&save->kept[0].shape, first, sizeof first),
                convoy_shape_text(next, other, sizeof other));
        shape->dims[0] += next->dims[0];
    }
    return CONVOY_OK;
}

static convoy_status write_joined(const struct save *save, size_t count, convoy_error *error) {
    convoy_shape shape;
    convoy_tensor joined = {0};
    convoy_status status = joined_shape(save, count, &shape, error);
    if (status == CONVOY_OK)
        status = convoy_tensor_create(&joined, save->kept[0].dtype, &shape, error);
    char *to = joined.data;
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        const size_t bytes = convoy_tensor_elements(&save->kept[i]) * convoy_dtype_bytes(joined.dtype);
        memcpy(to, save->kept[i].data, bytes);
        to += bytes;
    }
    if (status == CONVOY_OK)
        status = convoy_output_save(save->file, &joined, error);
    convoy_tensor_release(&joined);
    return status;
}

convoy_status saves_write(struct saves *saves, convoy_error *error) {
    for (size_t i = 0; i < saves->count; i++) {
        struct save *save = &saves->items[i];
        const size_t count = close_gaps(save);
        const convoy_status status = count == 0   ? CONVOY_OK
                                     : count == 1 ? convoy_output_save(save->file, &save->kept[0], error)
                                                  : write_joined(save, count, error);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}
