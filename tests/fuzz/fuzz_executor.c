/* ONNX models that load: run alone on small inputs, on either backend by the parity of their size. */
#include "fuzz.h"

#include "base/dtype.h"
#include "base/tensor.h"
#include "model/executor.h"
#include "model/network.h"

#include <stdlib.h>

#define MAX_INPUTS    8
#define MOST_ELEMENTS 4096 /* of an input */
#define MOST_WORK     ((uint64_t)1 << 24)

/* Inputs of 1, -1, 2, -2, ... in every type, which is small numbers, indices and flags. False if they are
 * large. */
static bool make_inputs(const convoy_value_info *infos, size_t count, convoy_shape *shapes,
                        convoy_tensor *in) {
    for (size_t i = 0; i < count; i++) {
        shapes[i] = infos[i].shape;
        for (uint32_t axis = 0; axis < shapes[i].rank; axis++)
            if (shapes[i].dims[axis] < 0)
                shapes[i].dims[axis] = 2;
        size_t bytes;
        if (!tensor_bytes(CONVOY_F64, &shapes[i], &bytes) || bytes > MOST_ELEMENTS * sizeof(double) ||
            convoy_tensor_create(&in[i], infos[i].dtype, &shapes[i], NULL) != CONVOY_OK)
            return false;
        const struct dtype *dtype = dtype_find(infos[i].dtype);
        for (size_t k = 0; k < convoy_tensor_elements(&in[i]); k++)
            dtype->store((char *)in[i].data + k * dtype->bytes,
                         k % 2 ? -(double)(k / 2 % 5) : (double)(k / 2 % 5));
    }
    return true;
}

/* Whether a run of the network is short: its multiply-adds, and the elements of all tensors. */
static bool is_short(const struct network *network) {
    uint64_t work = 0;
    for (size_t s = 0; s < network->step_count && work < MOST_WORK; s++) {
        uint64_t macs = network_step_macs(&network->steps[s]);
        work += macs < MOST_WORK ? macs : MOST_WORK;
    }
    for (size_t v = 0; v < network->value_count && work < MOST_WORK; v++)
        work += shape_product(&network->values[v].shape, 0, network->values[v].shape.rank);
    return work < MOST_WORK;
}

static void run(const struct network *network, const char *name, const convoy_tensor *in) {
    struct backend *backend = NULL;
    struct executor *executor = NULL;
    convoy_error error;
    convoy_tensor *out = calloc(network->result_count + 1, sizeof *out);
    if (out && backend_create(&backend, name, 1, &error) == CONVOY_OK &&
        executor_create(&executor, network, backend, NULL, NULL, NULL, NULL, &error) == CONVOY_OK &&
        executor_run(executor, in, out, NULL, &error) == CONVOY_OK)
        for (size_t i = 0; i < network->result_count; i++)
            convoy_tensor_release(&out[i]);
    executor_destroy(&executor);
    if (backend)
        backend->ops->destroy(&backend);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    convoy_model *model = NULL;
    convoy_error error;
    if (convoy_model_load(&model, fuzz_file(data, size), &error) != CONVOY_OK)
        return 0;
    const convoy_value_info *infos;
    convoy_shape shapes[MAX_INPUTS];
    convoy_tensor in[MAX_INPUTS] = {0};
    size_t count = convoy_model_inputs(model, &infos);
    struct network *network = NULL;
    if (count <= MAX_INPUTS && make_inputs(infos, count, shapes, in) &&
        network_create(&network, model, shapes, &error) == CONVOY_OK && is_short(network))
        run(network, size % 2 ? "reference" : "onednn", in);
    network_destroy(&network);
    for (size_t i = 0; i < MAX_INPUTS; i++)
        convoy_tensor_release(&in[i]);
    convoy_model_destroy(&model);
    return 0;
}
