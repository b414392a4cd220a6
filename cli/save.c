#include "save.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
        return cli_error(error, CONVOY_E_USAGE,
                         "--output %s: must be FILE or NAME=FILE; the model's first output is '%s'", text,
                         count ? outputs[0].name : "");
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
        const convoy_status status = resolve(&saves->items[i], options->outputs.items[i], model, error);
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

convoy_status saves_check(const struct saves *saves, convoy_error *error) {
    for (size_t i = 0; i < saves->count; i++) {
        const int obstacle = find_obstacle(saves->items[i].file);
        if (obstacle)
            return cli_error(error, CONVOY_E_IO, "%s: cannot be written: %s", saves->items[i].file,
                             strerror(obstacle));
    }
    return CONVOY_OK;
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

convoy_status saves_write(const struct saves *saves, convoy_error *error) {
    for (size_t i = 0; i < saves->count; i++) {
        const struct save *save = &saves->items[i];
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
