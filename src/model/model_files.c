#include "model/model_files.h"

#include "base/error.h"
#include "base/memory.h"
#include "model/graph.h"

#include <stdlib.h>

static bool is_known(const convoy_model *model, const struct buffer *file) {
    for (size_t i = 0; i < model->file_count; i++)
        if (model->files[i] == file)
            return true;
    return false;
}

convoy_status model_files_find(convoy_model *model, convoy_error *error) {
    model->files = calloc(model->value_count + 1, sizeof(struct buffer *));
    if (!model->files)
        return error_memory(error);
    model->files[model->file_count++] = model->map;
    for (size_t i = 0; i < model->value_count; i++) {
        const struct buffer *owner = model->values[i].constant.owner;
        if (owner && owner->changed && !is_known(model, owner))
            model->files[model->file_count++] = owner;
    }
    return CONVOY_OK;
}

convoy_status model_files_check(const convoy_model *model, convoy_error *error) {
    for (size_t i = 0; i < model->file_count; i++) {
        const char *name = buffer_changed(model->files[i]);
        if (name)
            return error_set(error, CONVOY_E_IO, "%.200s: " FILE_CHANGED, name);
    }
    return CONVOY_OK;
}
