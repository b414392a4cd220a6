/* The public face of a model, and its life. */
#include <convoy/model.h>

#include "base/error.h"
#include "io/file_map.h"
#include "model/batch_axis.h"
#include "model/graph.h"
#include "model/model_files.h"
#include "model/node_support.h"
#include "model/onnx_reader.h"

#include <stdlib.h>
#include <string.h>

/* The folder of a path, in the arena; NULL if there is no memory. */
static char *folder_of(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_text(arena, ".", 1);
    return arena_text(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

/* Where weights of the model may be that are not in its own file. */
static bool folders_find(struct file_folders *folders, struct arena *arena, const char *path) {
    char *real = realpath(path, NULL); /* NULL for a file without a path, as one behind /proc */
    *folders =
        (struct file_folders){.given = folder_of(arena, path), .real = real ? folder_of(arena, real) : NULL};
    bool found = folders->given && (!real || folders->real);
    free(real);
    return found;
}

convoy_status convoy_model_load(convoy_model **out, const char *path, convoy_error *error) {
    if (!out || !path)
        return error_null(error, __func__);
    convoy_model *model = calloc(1, sizeof *model);
    if (!model)
        return error_memory(error);
    convoy_status status = file_map(&model->map, path, error);
    if (status != CONVOY_OK)
        goto out;
    model->path = arena_text(&model->arena, path, strlen(path));
    struct file_folders folders;
    if (!folders_find(&folders, &model->arena, path) || !model->path) {
        status = error_memory(error);
        goto out;
    }
    if (model->map->bytes == 0) {
        status =
            error_set(error, CONVOY_E_INPUT, "%.200s: the file is empty; an ONNX model is expected", path);
        goto out;
    }
    status = onnx_read(model, &folders, error);
    file_folders_clear(&folders);
    if (status == CONVOY_OK)
        status = model_files_find(model, error);
    if (status == CONVOY_OK)
        status = batch_axes_find(model, error);
    if (status == CONVOY_OK)
        status = node_support_find(model, error);
    if (status != CONVOY_OK)
        goto out;
    *out = model;
    return CONVOY_OK;
out:
    convoy_model_destroy(&model);
    return status;
}

static void release_attributes(struct node *nodes, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < nodes[i].attribute_count; k++)
            if (nodes[i].attributes[k].kind == ATTRIBUTE_TENSOR)
                convoy_tensor_release(&nodes[i].attributes[k].tensor);
}

void convoy_model_destroy(convoy_model **slot) {
    convoy_model *model = slot ? *slot : NULL;
    if (!model)
        return;
    *slot = NULL;
    for (size_t i = 0; i < model->value_count; i++)
        convoy_tensor_release(&model->values[i].constant);
    release_attributes(model->nodes, model->node_count);
    for (struct subgraph *graph = model->subgraphs; graph; graph = graph->next)
        release_attributes(graph->nodes, graph->node_count);
    buffer_release(&model->map);
    free(model->values);
    free(model->files);
    arena_release(&model->arena);
    free(model);
}

size_t convoy_model_inputs(const convoy_model *model, const convoy_value_info **inputs) {
    *inputs = model->inputs;
    return model->input_count;
}

size_t convoy_model_outputs(const convoy_model *model, const convoy_value_info **outputs) {
    *outputs = model->outputs;
    return model->output_count;
}

size_t convoy_model_symbols(const convoy_model *model, const char *const **names) {
    *names = model->symbols;
    return model->symbol_count;
}

bool convoy_model_batched(const convoy_model *model, size_t input) {
    return model->batched[input];
}

size_t convoy_model_group(const convoy_model *model, size_t input) {
    return batch_axis_group(model, input);
}

int64_t convoy_model_opset(const convoy_model *model) {
    return model->opset;
}

size_t convoy_model_nodes(const convoy_model *model, const convoy_node_info **nodes) {
    *nodes = model->node_infos;
    return model->info_count;
}

size_t convoy_model_unsupported(const convoy_model *model, const convoy_unsupported **operators) {
    *operators = model->unsupported.operators;
    return model->unsupported.count;
}
