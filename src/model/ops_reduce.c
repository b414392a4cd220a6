/* Reductions over axes. */
#include "model/attributes.h"
#include "model/operators.h"

/* The operator set from which on the axes are an input: 13 for ReduceSum, 18 for the others. */
static int64_t axes_moved(const struct lowering *l) {
    return l->op->parameter == REDUCE_SUM ? 13 : 18;
}

static convoy_status lower_reduce(struct lowering *l) {
    const int64_t moved = axes_moved(l);
    convoy_shape x = input_shape(l, 0), shape = {0};
    struct int_list list = option_ints(l, "axes", 1, moved);
    bool keep = attribute_int(l, "keepdims", 1) != 0;
    bool none_is_none = l->model->opset >= moved && attribute_int(l, "noop_with_empty_axes", 0) != 0;
    uint32_t axes = axes_mask(l, &list, x.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    if (list.count == 0 && none_is_none)
        return alias_lower(l, &x);
    if (list.count == 0)
        axes = (UINT32_C(1) << x.rank) - 1;
    struct layer_desc desc = {
        .kind = LAYER_REDUCE, .reduce = {(enum reduce_op)l->op->parameter, axes}, .outputs = {{.shape = x}}};
    for (uint32_t i = 0; i < x.rank; i++) {
        bool gone = axes >> i & 1;
        if (gone)
            desc.outputs[0].shape.dims[i] = 1;
        if (!gone || keep)
            shape.dims[shape.rank++] = desc.outputs[0].shape.dims[i];
    }
    uint32_t input = input_number(l, 0), value = NO_VALUE;
    if (layer_add(l, &desc, NULL, &input, 1, &shape, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

#define REDUCTION(NAME, OP) OPERATOR(NAME, 1, lower_reduce, 1, 2, .parameter = OP)

const struct onnx_operator reduce_operators[] = {
    REDUCTION("ReduceL1", REDUCE_L1),
    REDUCTION("ReduceL2", REDUCE_L2),
    REDUCTION("ReduceLogSum", REDUCE_LOG_SUM),
    REDUCTION("ReduceLogSumExp", REDUCE_LOG_SUM_EXP),
    REDUCTION("ReduceMax", REDUCE_MAX),
    REDUCTION("ReduceMean", REDUCE_MEAN),
    REDUCTION("ReduceMin", REDUCE_MIN),
    REDUCTION("ReduceProd", REDUCE_PROD),
    REDUCTION("ReduceSum", REDUCE_SUM),
    REDUCTION("ReduceSumSquare", REDUCE_SUM_SQUARE),
    LAST_OPERATOR,
};
