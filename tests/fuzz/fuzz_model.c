/* ONNX models: read, and lowered for inputs of the shapes that they ask for (open axes are 1). */
#include "fuzz.h"

#include "model/network.h"

#include <convoy/model.h>

#define MAX_INPUTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    convoy_model *model = NULL;
    convoy_error error;
    if (convoy_model_load(&model, fuzz_file(data, size), &error) != CONVOY_OK)
        return 0;
    const convoy_value_info *inputs;
    convoy_shape shapes[MAX_INPUTS];
    size_t count = convoy_model_inputs(model, &inputs);
    for (size_t i = 0; i < count && i < MAX_INPUTS; i++) {
        shapes[i] = inputs[i].shape;
        for (uint32_t axis = 0; axis < shapes[i].rank; axis++)
            if (shapes[i].dims[axis] < 0)
                shapes[i].dims[axis] = 1;
    }
    struct network *network = NULL;
    if (count <= MAX_INPUTS && network_create(&network, model, shapes, &error) == CONVOY_OK)
        network_destroy(&network);
    convoy_model_destroy(&model);
    return 0;
}
