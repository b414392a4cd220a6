#include "compute/layer.h"
#include "compute/onednn.h"

bool onednn_matmul(const struct layer_desc *desc, const struct layer_params *params,
                   struct onednn_recipe *recipe) {
    (void)params;
    convoy_shape a, b, y;
    if (!matmul_shapes(desc, &a, &b, &y))
        return false;
    recipe->input_count = 2;
    recipe->inputs[0] = (struct onednn_operand){.arg = DNNL_ARG_SRC, .index = 0};
    recipe->inputs[1] = (struct onednn_operand){.arg = DNNL_ARG_WEIGHTS, .index = 1};
    recipe->output.arg = DNNL_ARG_DST;
    return onednn_plain(&recipe->inputs[0].plain, (int)a.rank, a.dims) &&
           onednn_plain(&recipe->inputs[1].plain, (int)b.rank, b.dims) &&
           onednn_plain(&recipe->output.plain, (int)y.rank, y.dims) &&
           dnnl_matmul_desc_init(&recipe->op.matmul, &recipe->inputs[0].plain, &recipe->inputs[1].plain, NULL,
                                 &recipe->output.plain) == dnnl_success;
}
