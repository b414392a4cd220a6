/* Files that become tensors: npy, TensorProto, PNG, JPEG, PNM, told by their content; read for models that
 * take floats (pictures too, in grey and in colour), halves, integers and bool. */
#include "fuzz.h"

#include <convoy/input.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        convoy_dtype dtype;
        convoy_shape shape;
    } inputs[] = {{CONVOY_F32, {4, {1, 3, 8, 8}}},
                  {CONVOY_F32, {4, {1, 1, 5, 9}}},
                  {CONVOY_F16, {0}},
                  {CONVOY_I64, {0}},
                  {CONVOY_BOOL, {0}}};
    static const convoy_image_options options = {.preset = CONVOY_PRESET_RAW, .has_background = true};
    const char *path = fuzz_file(data, size);
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        convoy_tensor tensor = {0};
        convoy_error error;
        if (convoy_input_load(&tensor, path, inputs[i].dtype, &inputs[i].shape, i ? &options : NULL,
                              &error) == CONVOY_OK)
            convoy_tensor_release(&tensor);
    }
    return 0;
}
