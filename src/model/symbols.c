#include "model/symbols.h"

#include "base/error.h"

#include <stdlib.h>

/* The first axis of a name that is given. */
struct size {
    bool given;
    int64_t size;
    size_t input;
};

/* Numbers of the names of the axes of an input; NULL if the shape is none that it takes. */
static const int32_t *symbols_of(const convoy_model *model, size_t input, const convoy_shape *shape) {
    const convoy_value_info *info = &model->inputs[input];
    return shape->rank == info->shape.rank ? info->symbols : NULL;
}

static convoy_status note_sizes(const convoy_model *model, size_t input, const convoy_shape *shape,
                                struct size *sizes, convoy_error *error) {
    const int32_t *symbols = symbols_of(model, input, shape);
    for (uint32_t axis = 0; symbols && axis < shape->rank; axis++) {
        if (symbols[axis] < 0 || shape->dims[axis] < 0)
            continue;
        struct size *size = &sizes[symbols[axis]];
        if (!size->given)
            *size = (struct size){true, shape->dims[axis], input};
        else if (size->size != shape->dims[axis])
            return error_set(
                error, CONVOY_E_INPUT,
                "%.200s: '%.60s' is %lld in input '%.60s' and %lld in input '%.60s'; axes of one name have "
                "one size",
                model->path, model->symbols[symbols[axis]], (long long)size->size,
                model->inputs[size->input].name, (long long)shape->dims[axis], model->inputs[input].name);
    }
    return CONVOY_OK;
}

convoy_status symbols_bind(const convoy_model *model, const convoy_shape *given, convoy_shape *bound,
                           convoy_error *error) {
    struct size *sizes = calloc(model->symbol_count + 1, sizeof *sizes);
    convoy_status status = sizes ? CONVOY_OK : error_memory(error);
    for (size_t i = 0; i < model->input_count && status == CONVOY_OK; i++)
        status = note_sizes(model, i, &given[i], sizes, error);
    for (size_t i = 0; i < model->input_count && status == CONVOY_OK; i++) {
        const int32_t *symbols = symbols_of(model, i, &given[i]);
        bound[i] = given[i];
        for (uint32_t axis = 0; symbols && axis < bound[i].rank; axis++)
            if (bound[i].dims[axis] == -1 && symbols[axis] >= 0 && sizes[symbols[axis]].given)
                bound[i].dims[axis] = sizes[symbols[axis]].size;
    }
    free(sizes);
    return status;
}
