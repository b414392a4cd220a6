#include "model/operators.h"

#include <stdlib.h>
#include <string.h>

/* The domain of ONNX's own operators is written in two ways. */
static const struct {
    const char *domain;
    const struct onnx_operator *operators;
} tables[] = {
    {"", activation_operators},
    {"", block_operators},
    {"", control_operators},
    {"", conv_operators},
    {"", conv_transpose_operators},
    {"", einsum_operators},
    {"", index_operators},
    {"", layer_norm_operators},
    {"", legacy_operators},
    {"", make_operators},
    {"", math_operators},
    {"", move_operators},
    {"", nms_operators},
    {"", norm_operators},
    {"", pool_operators},
    {"", quantize_operators},
    {"", reduce_operators},
    {"", resize_operators},
    {"", roi_operators},
    {"", shape_operators},
    {"com.microsoft", microsoft_operators},
    {"com.microsoft", microsoft_quantize_operators},
};

const struct onnx_operator *operator_find(const char *domain, const char *name) {
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct onnx_operator *op = tables[t].operators;
             strcmp(tables[t].domain, domain) == 0 && op->name; op++)
            if (strcmp(op->name, name) == 0)
                return op;
    return NULL;
}

static int compare(const void *a, const void *b) {
    const convoy_operator *left = a, *right = b;
    int order = strcmp(left->domain, right->domain);
    return order ? order : strcmp(left->name, right->name);
}

size_t convoy_operators(convoy_operator *operators, size_t capacity) {
    size_t count = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct onnx_operator *op = tables[t].operators; op->name; op++, count++)
            if (count < capacity)
                operators[count] =
                    (convoy_operator){op->name, tables[t].domain, op->first_opset, op->last_opset};
    if (count <= capacity && count > 0)
        qsort(operators, count, sizeof *operators, compare);
    return count;
}
