/* Files that become tensors: npy, TensorProto, PNG, JPEG, PNM, told by their content. */
#include "fuzz.h"

#include <convoy/input.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const convoy_shape shape = {.rank = 4, .dims = {1, 3, 8, 8}};
    convoy_tensor tensor = {0};
    convoy_error error;
    if (convoy_input_load(&tensor, fuzz_file(data, size), CONVOY_F32, &shape, NULL, &error) == CONVOY_OK)
        convoy_tensor_release(&tensor);
    return 0;
}
