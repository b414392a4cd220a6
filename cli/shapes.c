#include "shapes.h"

#include <stdlib.h>

#define USUAL_SIZE 224 /* of an image whose sides the model leaves open */
#define CHANNELS   3

/* What an axis becomes that the model leaves open. batched: the first axis is a batch; else the input is one
 * image, [h,w,c] if the last axis is known, or [c,h,w]. */
static int64_t usual_extent(const convoy_shape *shape, uint32_t axis, bool batched, int64_t size) {
    if (batched)
        return axis == 0 ? 1 : axis == 1 && shape->rank > 2 ? CHANNELS : size;
    return axis == 0 && shape->rank == 3 && shape->dims[2] == -1 ? CHANNELS : size;
}

convoy_shape *shapes_close(const convoy_model *model, int64_t size) {
    const convoy_value_info *inputs;
    size = size ? size : USUAL_SIZE;
    const size_t count = convoy_model_inputs(model, &inputs);
    convoy_shape *shapes = calloc(count + 1, sizeof *shapes);
    for (size_t i = 0; shapes && i < count; i++) {
        const bool batched = convoy_model_batched(model, i);
        shapes[i] = inputs[i].shape;
        for (uint32_t axis = 0; axis < shapes[i].rank; axis++)
            if (inputs[i].shape.dims[axis] == -1)
                shapes[i].dims[axis] = usual_extent(&inputs[i].shape, axis, batched, size);
    }
    return shapes;
}
