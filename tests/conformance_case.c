#include "conformance_case.h"

#include "base/error.h"
#include "base/tensor.h"
#include "io/file_map.h"
#include "io/tensor_proto.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_ROOT "/usr/share/libonnx-testdata/data"

/* The package's "real" holds only addresses from which models may be fetched. */
static const char *const groups[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};

/* --- The list ------------------------------------------------------------------------------------------- */

static int is_case(const struct dirent *entry) {
    return strncmp(entry->d_name, "test_", 5) == 0;
}

static bool add_group(struct case_list *list, const char *group) {
    char folder[512];
    struct dirent **entries;
    snprintf(folder, sizeof folder, "%s/%s", list->root, group);
    int count = scandir(folder, &entries, is_case, alphasort);
    if (count < 0) {
        printf("skipped: no folder %s (package libonnx-testdata)\n", folder);
        return false;
    }
    list->cases = reallocarray(list->cases, list->count + (size_t)count + 1, sizeof *list->cases);
    if (!list->cases)
        abort();
    for (int i = 0; i < count; i++) {
        list->cases[list->count++] = (struct case_name){group, strdup(entries[i]->d_name)};
        free(entries[i]);
    }
    free(entries);
    return true;
}

bool case_list_open(struct case_list *list) {
    const char *given = getenv("CONVOY_ONNX_TESTS");
    *list = (struct case_list){.root = given && *given ? given : DEFAULT_ROOT};
    bool complete = true;
    for (size_t i = 0; i < sizeof groups / sizeof *groups && complete; i++)
        complete = add_group(list, groups[i]);
    if (!complete)
        case_list_close(list);
    return complete;
}

void case_list_close(struct case_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->cases[i].name);
    free(list->cases);
    *list = (struct case_list){0};
}

/* --- One case ------------------------------------------------------------------------------------------- */

static convoy_status read_tensor(const char *path, convoy_tensor *tensor, convoy_error *error) {
    struct buffer *map;
    struct tensor_proto proto = {0};
    convoy_status status = file_map(&map, path, error);
    if (status != CONVOY_OK)
        return status;
    status = tensor_proto_parse(&proto, map, 0, map->bytes, NULL, error);
    buffer_release(&map);
    if (status == CONVOY_OK)
        status = tensor_align(&proto.tensor, error);
    if (status == CONVOY_OK) {
        *tensor = proto.tensor;
        proto.tensor = (convoy_tensor){0};
    }
    tensor_proto_release(&proto);
    return status;
}

/* NumPy has no bfloat16: the files hold such elements as uint16, and the model says what they are. */
static void read_as_declared(convoy_tensor *tensor, const convoy_value_info *declared) {
    if (declared->dtype == CONVOY_BF16 && tensor->dtype == CONVOY_U16)
        tensor->dtype = CONVOY_BF16;
}

static convoy_status read_tensors(const char *folder, const char *kind, const convoy_value_info *declared,
                                  size_t count, convoy_tensor *tensors, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        char path[640];
        snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, kind, i);
        status = read_tensor(path, &tensors[i], error);
        read_as_declared(&tensors[i], &declared[i]);
    }
    return status;
}

static convoy_status read_data(struct conformance_case *c, convoy_error *error) {
    const convoy_value_info *inputs, *outputs;
    convoy_status status = CONVOY_OK;
    c->input_count = convoy_model_inputs(c->model, &inputs);
    c->output_count = convoy_model_outputs(c->model, &outputs);
    while (status == CONVOY_OK) {
        char folder[600];
        snprintf(folder, sizeof folder, "%s/test_data_set_%zu", c->folder, c->data_count);
        if (access(folder, F_OK) != 0)
            return c->data_count
                       ? CONVOY_OK
                       : error_set(error, CONVOY_E_INPUT, "%.300s: there is no such folder", folder);
        c->data = reallocarray(c->data, c->data_count + 1, sizeof *c->data);
        if (!c->data)
            abort();
        struct case_data *data = &c->data[c->data_count++];
        *data = (struct case_data){.inputs = calloc(c->input_count + 1, sizeof *data->inputs),
                                   .outputs = calloc(c->output_count + 1, sizeof *data->outputs)};
        if (!data->inputs || !data->outputs)
            abort();
        status = read_tensors(folder, "input", inputs, c->input_count, data->inputs, error);
        if (status == CONVOY_OK)
            status = read_tensors(folder, "output", outputs, c->output_count, data->outputs, error);
    }
    return status;
}

convoy_status case_open(struct conformance_case *c, const struct case_list *list, size_t number,
                        convoy_error *error) {
    char path[600];
    *c = (struct conformance_case){.group = list->cases[number].group, .name = list->cases[number].name};
    snprintf(c->folder, sizeof c->folder, "%.200s/%s/%.200s", list->root, c->group, c->name);
    snprintf(path, sizeof path, "%s/model.onnx", c->folder);
    convoy_status status = convoy_model_load(&c->model, path, error);
    return status == CONVOY_OK ? read_data(c, error) : status;
}

void case_close(struct conformance_case *c) {
    for (size_t d = 0; d < c->data_count; d++) {
        for (size_t i = 0; i < c->input_count; i++)
            convoy_tensor_release(&c->data[d].inputs[i]);
        for (size_t i = 0; i < c->output_count; i++)
            convoy_tensor_release(&c->data[d].outputs[i]);
        free(c->data[d].inputs);
        free(c->data[d].outputs);
    }
    free(c->data);
    convoy_model_destroy(&c->model);
}
