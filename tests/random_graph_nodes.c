#include "random_graph_nodes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Begins a node of one output that reads value v, and inputs behind it (names separated by spaces). */
static struct message node_begin(struct random_graph *g, const char *op, uint32_t v, const char *more,
                                 convoy_dtype dtype, convoy_shape shape, bool exact) {
    char inputs[96];
    snprintf(inputs, sizeof inputs, "%s %s", g->values[v].name, more);
    size_t length = strlen(inputs);
    if (inputs[length - 1] == ' ')
        inputs[length - 1] = 0;
    const struct graph_item *made = &g->values[graph_value_new(g, dtype, shape, exact)];
    char text[48], line[256];
    snprintf(line, sizeof line, "%s(%s) -> %s %s; ", op, inputs, made->name,
             convoy_shape_text(&made->shape, text, sizeof text));
    strncat(g->log, line, sizeof g->log - strlen(g->log) - 1);
    return node_message(op, "", inputs, made->name);
}

static bool node_end(struct random_graph *g, struct message *node) {
    message_take(&g->graph, GRAPH_NODE, node);
    return true;
}

/* A node that keeps type and shape. */
static bool node_like(struct random_graph *g, const char *op, uint32_t v, const char *more, bool exact) {
    struct message node =
        node_begin(g, op, v, more, g->values[v].dtype, g->values[v].shape, exact && g->values[v].exact);
    return node_end(g, &node);
}

static bool make_function(struct random_graph *g) {
    static const char *const smooth[] = {
        "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "HardSwish", "Elu",  "Selu", "Softplus", "Softsign",
        "Erf",     "Mish", "Gelu",      "Sin",         "Cos",       "Atan", "Celu", "Relu",     "Relu"};
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    return node_like(g, smooth[graph_between(g, 0, sizeof smooth / sizeof *smooth - 1)], v, "", false);
}

/* Swish and HardSwish as exporters write them. */
static bool make_gate(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    bool hard = graph_one_in(g, 2);
    if (g->count + 2 > RANDOM_GRAPH_VALUES)
        return false;
    struct message gate =
        node_begin(g, hard ? "HardSigmoid" : "Sigmoid", v, "", CONVOY_F32, g->values[v].shape, false);
    if (hard)
        node_float(&gate, "alpha", 1.0f / 6);
    node_end(g, &gate);
    return node_like(g, "Mul", v, g->values[g->count - 1].name, false);
}

static bool make_step_function(struct random_graph *g) {
    static const char *const steps[] = {"Floor", "Ceil", "Round", "Sign", "Abs", "Neg", "Relu"};
    uint32_t v = graph_pick(g, CONVOY_F32, 0, true);
    return node_like(g, steps[graph_between(g, 0, sizeof steps / sizeof *steps - 1)], v, "", true);
}

static bool make_arithmetic(struct random_graph *g) {
    static const char *const ops[] = {"Add", "Add", "Sub", "Max", "Min", "Mul"};
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false), other = graph_pick_like(g, v, false);
    int64_t op = graph_between(g, 0, 5);
    if (other == NO_ITEM || (op == 5 && !graph_one_in(g, 3))) /* products of products grow */
        return false;
    return node_like(g, ops[op], v, g->values[other].name, false);
}

/* By a constant for all, for each channel, or for each position of the last axis. */
static bool make_arithmetic_by_constant(struct random_graph *g) {
    static const char *const ops[] = {"Add", "Mul", "Sub", "Div", "Max", "PRelu"};
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    const convoy_shape *shape = &g->values[v].shape;
    int64_t form = graph_between(g, 0, 2), dims[CONVOY_MAX_RANK];
    uint32_t rank = form == 0 || shape->rank < 2 ? 0 : form == 1 ? shape->rank - 1 : 1;
    for (uint32_t i = 0; i < rank; i++)
        dims[i] = i == 0 ? shape->dims[shape->rank - rank] : 1;
    char name[12];
    graph_constant_new(g, dims, rank, 0.5, 1.5, name);
    return node_like(g, ops[graph_between(g, 0, 5)], v, name, false);
}

static bool make_comparison(struct random_graph *g) {
    static const char *const ops[] = {"Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"};
    uint32_t v = graph_pick(g, CONVOY_F32, 0, true), other = graph_pick_like(g, v, true);
    char name[12] = "";
    if (other == NO_ITEM)
        graph_constant_new(g, NULL, 0, -1, 1, name);
    struct message node =
        node_begin(g, ops[graph_between(g, 0, 4)], v, other == NO_ITEM ? name : g->values[other].name,
                   CONVOY_BOOL, g->values[v].shape, true);
    return node_end(g, &node);
}

static bool make_where(struct random_graph *g) {
    uint32_t condition = graph_pick(g, CONVOY_BOOL, 0, true);
    if (condition == NO_ITEM)
        return false;
    for (uint32_t v = g->count; v-- > 0;) {
        const struct graph_item *item = &g->values[v];
        if (item->dtype != CONVOY_F32 || item->shape.rank != g->values[condition].shape.rank ||
            memcmp(item->shape.dims, g->values[condition].shape.dims, item->shape.rank * sizeof(int64_t)))
            continue;
        char more[32], name[12];
        graph_constant_new(g, NULL, 0, -1, 1, name);
        snprintf(more, sizeof more, "%s %s", item->name, name);
        struct message node = node_begin(g, "Where", condition, more, CONVOY_F32, item->shape, item->exact);
        return node_end(g, &node);
    }
    return false;
}

static bool make_not(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_BOOL, 0, true);
    return v != NO_ITEM && node_like(g, "Not", v, "", true);
}

static bool make_cast(struct random_graph *g) {
    static const convoy_dtype to[] = {CONVOY_I32, CONVOY_I64, CONVOY_I8, CONVOY_BOOL, CONVOY_F16, CONVOY_F64};
    uint32_t v =
        graph_one_in(g, 2) ? (uint32_t)graph_between(g, 0, g->count - 1) : graph_pick(g, CONVOY_F32, 0, true);
    convoy_dtype dtype = g->values[v].dtype == CONVOY_F32 ? to[graph_between(g, 0, 5)] : CONVOY_F32;
    if (!g->values[v].exact)
        return false;
    struct message node = node_begin(g, "Cast", v, "", dtype, g->values[v].shape, true);
    node_int(&node, "to", dtype);
    return node_end(g, &node);
}

static bool make_integer_arithmetic(struct random_graph *g) {
    static const char *const ops[] = {"Add", "Sub", "Mul", "Max", "Min"};
    uint32_t v = graph_pick(g, graph_one_in(g, 2) ? CONVOY_I32 : CONVOY_I64, 0, true);
    uint32_t other = v == NO_ITEM ? NO_ITEM : graph_pick_like(g, v, true);
    return v != NO_ITEM &&
           node_like(g, ops[graph_between(g, 0, 4)], v, g->values[other == NO_ITEM ? v : other].name, true);
}

/* Convolutions keep the size of the map, or halve it. */
static bool make_conv(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM)
        return false;
    convoy_shape shape = g->values[v].shape;
    int64_t channels = shape.dims[1], kernel = graph_between(g, 0, 1) ? 3 : 1,
            stride = graph_one_in(g, 4) ? 2 : 1;
    bool depthwise = graph_one_in(g, 3);
    int64_t made = depthwise ? channels : graph_between(g, 1, 20), each = depthwise ? 1 : channels;
    double size = 1 / sqrt((double)(each * kernel * kernel));
    char weights[12], bias[12] = "", more[32];
    graph_constant_new(g, (const int64_t[]){made, each, kernel, kernel}, 4, -2 * size, 2 * size, weights);
    if (graph_one_in(g, 2))
        graph_constant_new(g, &made, 1, -1, 1, bias);
    snprintf(more, sizeof more, *bias ? "%s %s" : "%s", weights, bias);
    shape.dims[1] = made;
    for (int i = 2; i < 4; i++)
        shape.dims[i] = (shape.dims[i] - 1) / stride + 1;
    struct message node = node_begin(g, "Conv", v, more, CONVOY_F32, shape, false);
    int64_t pad = kernel / 2;
    node_ints(&node, "pads", (const int64_t[]){pad, pad, pad, pad}, 4);
    node_ints(&node, "strides", (const int64_t[]){stride, stride}, 2);
    node_int(&node, "group", depthwise ? channels : 1);
    return node_end(g, &node);
}

static bool make_pool(struct random_graph *g) {
    bool average = graph_one_in(g, 2);
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM)
        return false;
    struct message node =
        node_begin(g, average ? "AveragePool" : "MaxPool", v, "", CONVOY_F32, g->values[v].shape, false);
    node_ints(&node, "kernel_shape", (const int64_t[]){3, 3}, 2);
    node_ints(&node, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
    if (average)
        node_int(&node, "count_include_pad", graph_between(g, 0, 1));
    return node_end(g, &node);
}

static bool make_global_pool(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM)
        return false;
    convoy_shape shape = g->values[v].shape;
    shape.dims[2] = shape.dims[3] = 1;
    struct message node = node_begin(g, graph_one_in(g, 2) ? "GlobalAveragePool" : "GlobalMaxPool", v, "",
                                     CONVOY_F32, shape, false);
    return node_end(g, &node);
}

static bool make_normalisation(struct random_graph *g) {
    static const char *const ops[] = {"BatchNormalization", "InstanceNormalization", "LayerNormalization",
                                      "LRN"};
    int64_t which = graph_between(g, 0, 3);
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM || (which == 1 && g->values[v].shape.dims[2] * g->values[v].shape.dims[3] < 4))
        return false; /* the variance of one number is 0, and its root magnifies rounding */
    int64_t extent = g->values[v].shape.dims[which == 2 ? 3 : 1];
    if (which == 2 && extent < 4)
        return false;
    char names[4][12] = {"", "", "", ""}, more[64] = "";
    for (int i = 0; i < (which == 0 ? 4 : which == 3 ? 0 : 2); i++) {
        graph_constant_new(g, &extent, 1, i == 3 ? 0.5 : -1, 1.5, names[i]);
        strcat(strcat(more, i ? " " : ""), names[i]);
    }
    struct message node = node_begin(g, ops[which], v, more, CONVOY_F32, g->values[v].shape, false);
    if (which == 3) {
        node_int(&node, "size", graph_between(g, 1, 5));
        node_float(&node, "alpha",
                   1); /* the usual 1e-4 leaves x what it is, and the difference to x is rounding */
    }
    if (which == 1 || which == 2)
        node_float(&node, "epsilon", 0.1f);
    return node_end(g, &node);
}

static bool make_softmax(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    if (g->values[v].shape.rank == 0)
        return false;
    struct message node = node_begin(g, "Softmax", v, "", CONVOY_F32, g->values[v].shape, false);
    node_int(&node, "axis", graph_between(g, 0, g->values[v].shape.rank - 1));
    return node_end(g, &node);
}

static bool make_concat(struct random_graph *g) {
    uint32_t v = (uint32_t)graph_between(g, 0, g->count - 1), other = graph_pick_like(g, v, false);
    if (other == NO_ITEM || g->values[v].shape.rank < 2)
        return false;
    convoy_shape shape = g->values[v].shape;
    uint32_t axis = graph_one_in(g, 3) ? (uint32_t)graph_between(g, 0, shape.rank - 1) : 1;
    shape.dims[axis] *= 2;
    if (shape.dims[axis] > 64)
        return false;
    struct message node = node_begin(g, "Concat", v, g->values[other].name, g->values[v].dtype, shape,
                                     g->values[v].exact && g->values[other].exact);
    node_int(&node, "axis", axis);
    return node_end(g, &node);
}

static bool make_transpose(struct random_graph *g) {
    uint32_t v = (uint32_t)graph_between(g, 0, g->count - 1);
    convoy_shape from = g->values[v].shape, shape = from;
    int64_t permutation[CONVOY_MAX_RANK];
    for (uint32_t i = 0; i < from.rank; i++) {
        uint32_t k = (uint32_t)graph_between(g, 0, i);
        permutation[i] = permutation[k];
        permutation[k] = i;
    }
    for (uint32_t i = 0; i < from.rank; i++)
        shape.dims[i] = from.dims[permutation[i]];
    struct message node = node_begin(g, "Transpose", v, "", g->values[v].dtype, shape, g->values[v].exact);
    node_ints(&node, "perm", permutation, from.rank);
    return node_end(g, &node);
}

static bool make_slice(struct random_graph *g) {
    uint32_t v = (uint32_t)graph_between(g, 0, g->count - 1);
    convoy_shape shape = g->values[v].shape;
    if (shape.rank == 0)
        return false;
    int64_t axis = graph_between(g, 0, shape.rank - 1), start = graph_between(g, 0, shape.dims[axis] - 1),
            end = graph_between(g, start + 1, shape.dims[axis]);
    shape.dims[axis] = end - start;
    char names[3][12], more[48];
    graph_integers_new(g, &start, 1, names[0]);
    graph_integers_new(g, &end, 1, names[1]);
    graph_integers_new(g, &axis, 1, names[2]);
    snprintf(more, sizeof more, "%s %s %s", names[0], names[1], names[2]);
    struct message node = node_begin(g, "Slice", v, more, g->values[v].dtype, shape, g->values[v].exact);
    return node_end(g, &node);
}

static bool make_pad(struct random_graph *g) {
    static const char *const modes[] = {"constant", "edge", "reflect"};
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM)
        return false;
    convoy_shape shape = g->values[v].shape;
    int64_t pads[8] = {0}, mode = graph_between(g, 0, 2);
    for (int i = 2; i < 4; i++) {
        int64_t most = mode == 2 ? shape.dims[i] - 1 : 2;
        pads[i] = graph_between(g, 0, most < 2 ? most : 2);
        pads[4 + i] = graph_between(g, 0, most < 2 ? most : 2);
        shape.dims[i] += pads[i] + pads[4 + i];
    }
    char name[12];
    graph_integers_new(g, pads, 8, name);
    struct message node = node_begin(g, "Pad", v, name, CONVOY_F32, shape, g->values[v].exact);
    node_text(&node, "mode", modes[mode]);
    return node_end(g, &node);
}

static bool make_reshape(struct random_graph *g) {
    uint32_t v = (uint32_t)graph_between(g, 0, g->count - 1);
    convoy_shape from = g->values[v].shape, shape = {2, {1, 1}};
    uint32_t at = (uint32_t)graph_between(g, 0, from.rank);
    for (uint32_t i = 0; i < from.rank; i++)
        shape.dims[i >= at] *= from.dims[i];
    struct message node = node_begin(g, "Flatten", v, "", g->values[v].dtype, shape, g->values[v].exact);
    node_int(&node, "axis", at);
    return node_end(g, &node);
}

static bool make_reduction(struct random_graph *g) {
    static const char *const ops[] = {"ReduceMean", "ReduceSum", "ReduceMax",
                                      "ReduceMin",  "ReduceL2",  "ReduceLogSumExp"};
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    convoy_shape shape = g->values[v].shape;
    if (shape.rank == 0)
        return false;
    int64_t axis = graph_between(g, 0, shape.rank - 1);
    shape.dims[axis] = 1;
    char name[12];
    graph_integers_new(g, &axis, 1, name);
    struct message node = node_begin(g, ops[graph_between(g, 0, 5)], v, name, CONVOY_F32, shape, false);
    return node_end(g, &node);
}

static bool make_product(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    convoy_shape shape = g->values[v].shape;
    if (shape.rank < 2)
        return false;
    int64_t depth = shape.dims[shape.rank - 1], columns = graph_between(g, 1, 12);
    double size = 1 / sqrt((double)depth);
    char name[12];
    graph_constant_new(g, (const int64_t[]){depth, columns}, 2, -2 * size, 2 * size, name);
    shape.dims[shape.rank - 1] = columns;
    struct message node = node_begin(g, "MatMul", v, name, CONVOY_F32, shape, false);
    return node_end(g, &node);
}

static bool make_conv_transpose(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM)
        return false;
    convoy_shape shape = g->values[v].shape;
    int64_t made = graph_between(g, 1, 10), kernel = graph_between(g, 1, 3), stride = graph_between(g, 1, 2);
    double size = 1 / sqrt((double)(shape.dims[1] * kernel * kernel));
    char weights[12];
    graph_constant_new(g, (const int64_t[]){shape.dims[1], made, kernel, kernel}, 4, -2 * size, 2 * size,
                       weights);
    shape.dims[1] = made;
    for (int i = 2; i < 4; i++)
        shape.dims[i] = (shape.dims[i] - 1) * stride + kernel;
    if (shape.dims[2] > 24 || shape.dims[3] > 24)
        return false;
    struct message node = node_begin(g, "ConvTranspose", v, weights, CONVOY_F32, shape, false);
    node_ints(&node, "strides", (const int64_t[]){stride, stride}, 2);
    return node_end(g, &node);
}

/* Twice the size, or three times. */
static bool make_resize(struct random_graph *g) {
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    uint32_t v = graph_pick(g, CONVOY_F32, 4, false);
    if (v == NO_ITEM)
        return false;
    convoy_shape shape = g->values[v].shape;
    int64_t times = graph_between(g, 2, 3);
    for (int i = 2; i < 4; i++)
        shape.dims[i] *= times;
    if (shape.dims[2] > 24 || shape.dims[3] > 24)
        return false;
    char name[12], more[32];
    graph_integers_new(g, shape.dims, 4, name);
    snprintf(more, sizeof more, "- - %s", name);
    struct message node = node_begin(g, "Resize", v, more, CONVOY_F32, shape, false);
    node_text(&node, "mode", modes[graph_between(g, 0, 2)]);
    return node_end(g, &node);
}

/* The largest of each line, in order: of values that every backend computes alike, since near ones change
 * places. Not all of a line: its sum less that of the line itself is nothing but rounding. */
static bool make_top_k(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 0, true);
    convoy_shape shape = g->values[v].shape;
    if (shape.rank == 0)
        return false;
    int64_t axis = graph_between(g, 0, shape.rank - 1),
            k = graph_between(g, 1, shape.dims[axis] > 1 ? shape.dims[axis] - 1 : 1);
    shape.dims[axis] = k;
    char name[12];
    graph_integers_new(g, &k, 1, name);
    struct message node = node_begin(g, "TopK", v, name, CONVOY_F32, shape, true);
    node_int(&node, "axis", axis);
    node_int(&node, "largest", graph_between(g, 0, 1));
    return node_end(g, &node);
}

static bool make_arg(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 0, true);
    convoy_shape shape = g->values[v].shape;
    if (shape.rank == 0)
        return false;
    int64_t axis = graph_between(g, 0, shape.rank - 1);
    shape.dims[axis] = 1;
    struct message node =
        node_begin(g, graph_one_in(g, 2) ? "ArgMax" : "ArgMin", v, "", CONVOY_I64, shape, true);
    node_int(&node, "axis", axis);
    return node_end(g, &node);
}

static bool make_tile(struct random_graph *g) {
    uint32_t v = (uint32_t)graph_between(g, 0, g->count - 1);
    convoy_shape shape = g->values[v].shape;
    int64_t repeats[CONVOY_MAX_RANK];
    for (uint32_t i = 0; i < shape.rank; i++) {
        repeats[i] = graph_one_in(g, 3) ? 2 : 1;
        shape.dims[i] *= repeats[i];
    }
    if (shape.rank == 0 || shape.dims[0] > 8 || shape.dims[shape.rank - 1] > 24)
        return false;
    char name[12];
    graph_integers_new(g, repeats, shape.rank, name);
    struct message node = node_begin(g, "Tile", v, name, g->values[v].dtype, shape, g->values[v].exact);
    return node_end(g, &node);
}

static bool make_running_sum(struct random_graph *g) {
    uint32_t v = graph_pick(g, CONVOY_F32, 0, false);
    if (g->values[v].shape.rank == 0)
        return false;
    int64_t axis = graph_between(g, 0, g->values[v].shape.rank - 1);
    char name[12];
    graph_integers_new(g, &axis, 1, name);
    struct message node = node_begin(g, "CumSum", v, name, CONVOY_F32, g->values[v].shape, false);
    node_int(&node, "reverse", graph_between(g, 0, 1));
    node_int(&node, "exclusive", graph_between(g, 0, 1));
    return node_end(g, &node);
}

/* How many elements are not zero, by the indices of those: a shape that depends on data, which the sum over
 * it does not. */
static bool make_count(struct random_graph *g) {
    uint32_t v = graph_pick(g, graph_one_in(g, 2) ? CONVOY_BOOL : CONVOY_I32, 0, true);
    if (v == NO_ITEM || g->values[v].shape.rank == 0)
        return false;
    char name[12], axis_name[12];
    snprintf(name, sizeof name, "c%u", g->constants++);
    struct message found = node_message("NonZero", "", g->values[v].name, name);
    node_end(g, &found);
    int64_t axis = 1;
    graph_integers_new(g, &axis, 1, axis_name);
    char inputs[32];
    snprintf(inputs, sizeof inputs, "%s %s", name, axis_name);
    uint32_t made = graph_value_new(g, CONVOY_I64, (convoy_shape){2, {g->values[v].shape.rank, 1}}, true);
    struct message sum = node_message("ReduceSum", "", inputs, g->values[made].name);
    strncat(g->log, "NonZero, ReduceSum; ", sizeof g->log - strlen(g->log) - 1);
    return node_end(g, &sum);
}

/* Those that occur often stand twice. */
static bool (*const makers[])(struct random_graph *) = {
    make_conv,
    make_conv,
    make_function,
    make_function,
    make_arithmetic,
    make_arithmetic,
    make_pool,
    make_concat,
    make_transpose,
    make_slice,
    make_arithmetic_by_constant,
    make_pad,
    make_reshape,
    make_softmax,
    make_reduction,
    make_product,
    make_normalisation,
    make_step_function,
    make_comparison,
    make_where,
    make_not,
    make_cast,
    make_integer_arithmetic,
    make_global_pool,
    make_conv_transpose,
    make_resize,
    make_top_k,
    make_arg,
    make_tile,
    make_running_sum,
    make_count,
    make_gate,
    make_gate,
};

bool graph_node_add(struct random_graph *g) {
    return makers[graph_between(g, 0, sizeof makers / sizeof *makers - 1)](g);
}
