#include "shapes.h"

#include <stdlib.h>

#define USUAL_SIZE 224 /* of an image whose sides the model leaves open */

convoy_shape *shapes_close(const convoy_model *model, int64_t size) {
    const convoy_value_info *inputs;
    size = size ? size : USUAL_SIZE;
    const size_t count = convoy_model_inputs(model, &inputs);
    convoy_shape *shapes = calloc(count + 1, sizeof *shapes);
    for (size_t i = 0; shapes && i < count; i++) {
        shapes[i] = inputs[i].shape;
        for (uint32_t axis = 0; axis < shapes[i].rank; axis++) {
            if (shapes[i].dims[axis] == -1)
                shapes[i].dims[axis] = axis == 0 ? 1 : axis == 1 && shapes[i].rank > 2 ? 3 : size;
        }
    }
    return shapes;
}
