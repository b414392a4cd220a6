#include "shapes.h"

#include <stdlib.h>

#define CHANNELS 3

/* What an axis becomes that the model leaves open. batched: the first axis is a batch; else the input is one
 * image, [h,w,c] if the last axis is known, or [c,h,w]. */
static int64_t usual_extent(const convoy_shape *shape, uint32_t axis, bool batched, int64_t size) {
    const bool channels_last = convoy_layout_find(shape) == CONVOY_LAYOUT_NHWC;
    if (batched)
        return axis == 0 ? 1 : axis == 1 && shape->rank > 2 && !channels_last ? CHANNELS : size;
    return axis == 0 && shape->rank == 3 && shape->dims[2] == -1 ? CHANNELS : size;
}

/* An open axis gets the size of its name: what the first axis of that name became. */
static void close_axis(const convoy_value_info *info, uint32_t axis, bool batched, int64_t size,
                       int64_t *of_symbol, int64_t *extent) {
    int32_t symbol = info->symbols[axis];
    *extent = symbol >= 0 && of_symbol[symbol] ? of_symbol[symbol]
                                               : usual_extent(&info->shape, axis, batched, size);
    if (symbol >= 0)
        of_symbol[symbol] = *extent;
}

/* Batches come first. A name that stands for a batch once does so on every axis that has it. */
convoy_shape *shapes_close(const convoy_model *model, int64_t size) {
    const convoy_value_info *inputs;
    const char *const *symbols;
    const size_t count = convoy_model_inputs(model, &inputs);
    convoy_shape *shapes = calloc(count + 1, sizeof *shapes);
    int64_t *of_symbol = calloc(convoy_model_symbols(model, &symbols) + 1, sizeof *of_symbol);
    for (int others = 0; shapes && of_symbol && others < 2; others++)
        for (size_t i = 0; i < count; i++) {
            const bool batched = convoy_model_batched(model, i);
            if (!others)
                shapes[i] = inputs[i].shape;
            for (uint32_t axis = 0; axis < shapes[i].rank; axis++)
                if (shapes[i].dims[axis] == -1 && (others || (batched && axis == 0)))
                    close_axis(&inputs[i], axis, batched, size, of_symbol, &shapes[i].dims[axis]);
        }
    if (!of_symbol) {
        free(shapes);
        shapes = NULL;
    }
    free(of_symbol);
    return shapes;
}
