/* Operators on maps that are refused: what the sentence says. What they compute is in
 * tests/map_cases_make.py.
 */
#include "node_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const convoy_shape map = {4, {1, 4, 3, 3}}, line = {3, {1, 1, 4}};

/* A constant of the node: a list of integers, or of float32 with these dimensions. */
struct constant {
    const char *name;
    bool is_float;
    int64_t values[5];
    size_t count;
};

struct attribute_case {
    const char *name;
    enum { NONE, INT, FLOAT, TEXT, INTS } kind;
    const char *text;
    int64_t values[4];
    size_t count;
};

#define COUNT(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define WHOLE(NAME, VALUE)                                                                                   \
    { NAME, INT, NULL, {VALUE}, 1 }
#define NUMBER(NAME, VALUE)                                                                                  \
    { NAME, FLOAT, NULL, {VALUE}, 1 }
#define WORD(NAME, VALUE)                                                                                    \
    { NAME, TEXT, VALUE, {0}, 1 }
#define WHOLES(NAME, ...)                                                                                    \
    { NAME, INTS, NULL, {__VA_ARGS__}, COUNT(__VA_ARGS__) }
#define LIST(NAME, ...)                                                                                      \
    { NAME, false, {__VA_ARGS__}, COUNT(__VA_ARGS__) }
#define TENSOR(NAME, ...)                                                                                    \
    { NAME, true, {__VA_ARGS__}, COUNT(__VA_ARGS__) }

/* status 0: CONVOY_E_INPUT. */
#define REFUSED(OP, INPUTS, OPSET, SHAPE, ...)                                                               \
    { .op = #OP, .inputs = INPUTS, .opset = OPSET, .shape = &SHAPE, .words = __VA_ARGS__ }

static const struct refusal {
    const char *op, *inputs;
    int64_t opset;
    const convoy_shape *shape;
    const char *words;
    convoy_status status;
    struct attribute_case attributes[3];
    struct constant constants[3];
} refusals[] = {
    REFUSED(Resize, "x", 13, map, "either input 'scales' or input 'sizes'"),
    REFUSED(Resize, "x - - z", 13, map, "input 'sizes' must be 4 numbers", .constants = {LIST("z", 1, 4, 6)}),
    REFUSED(Resize, "x - - z", 13, map, "axis 2: 3 positions cannot become -1",
            .constants = {LIST("z", 1, 4, -1, 6)}),
    REFUSED(Resize, "x - s z", 13, map, "either input 'scales'",
            .constants = {LIST("z", 1, 4, 6, 6), LIST("s", 1, 1, 2, 2)}),
    REFUSED(Resize, "x - s", 13, map, "a scale of 0; more than 0 is expected",
            .constants = {LIST("s", 1, 1, 0, 2)}),
    REFUSED(Resize, "x - - z", 13, map, "mode is 'area'; nearest, linear or cubic is expected",
            .attributes = {WORD("mode", "area")}, .constants = {LIST("z", 1, 4, 6, 6)}),
    REFUSED(Resize, "x - - z", 13, map, "tf_crop_and_resize needs input 'roi'",
            .attributes = {WORD("coordinate_transformation_mode", "tf_crop_and_resize")},
            .constants = {LIST("z", 1, 4, 6, 6)}),
    REFUSED(Resize, "x - - z", 13, map, "attribute 'antialias' is not supported",
            .status = CONVOY_E_UNSUPPORTED, .attributes = {WHOLE("antialias", 1)},
            .constants = {LIST("z", 1, 4, 6, 6)}),
    REFUSED(Resize, "x - - z", 18, map, "axis 2 is listed twice", .attributes = {WHOLES("axes", 2, 2)},
            .constants = {LIST("z", 6, 6)}),
    REFUSED(Upsample, "x s", 10, map, "operator set 10: Upsample", .status = CONVOY_E_UNSUPPORTED,
            .constants = {LIST("s", 1, 1, 2, 2)}),
    REFUSED(Upsample, "x", 7, map, "4 scales are needed, one for each axis"),
    REFUSED(Upsample, "x", 1, line, "the input has 3 axes; [N,C,H,W] is expected"),
    REFUSED(ConvTranspose, "x w", 11, map, "the weights are 3x1x2x2; 4 input channels",
            .constants = {TENSOR("w", 3, 1, 2, 2)}),
    REFUSED(ConvTranspose, "x w", 11, map, "the weights have 3", .constants = {TENSOR("w", 4, 1, 2)}),
    REFUSED(ConvTranspose, "x w b", 11, map, "the biases must be a list of 1 numbers",
            .constants = {TENSOR("w", 4, 1, 2, 2), TENSOR("b", 2)}),
    REFUSED(ConvTranspose, "x w", 11, map, "attribute 'output_padding' has 1 elements, not 2",
            .attributes = {WHOLES("output_padding", 1)}, .constants = {TENSOR("w", 4, 1, 2, 2)}),
    REFUSED(ConvTranspose, "x w", 11, map, "spatial axis 1: an output of 0 positions",
            .attributes = {WHOLES("pads", 0, 2, 0, 2)}, .constants = {TENSOR("w", 4, 1, 2, 2)}),
    REFUSED(ConvTranspose, "x w", 11, map, "do not make a transposed convolution of 3 groups",
            .attributes = {WHOLE("group", 3)}, .constants = {TENSOR("w", 4, 1, 2, 2)}),
    REFUSED(ConvTranspose, "x w", 11, line, "'output_shape' holds 1073741825; 0 to 2^30",
            .attributes = {WHOLES("output_shape", (1 << 30) + 1)}, .constants = {TENSOR("w", 1, 1, 2)}),
    REFUSED(MaxPool, "x", 12, line, "storage_order is 2",
            .attributes = {WHOLE("storage_order", 2), WHOLES("kernel_shape", 1)}),
    REFUSED(LpPool, "x", 2, line, "p is 0; more than 0 is expected",
            .attributes = {WHOLE("p", 0), WHOLES("kernel_shape", 1)}),
    REFUSED(MaxUnpool, "x i o", 11, line, "output_shape must be 1x1x8, or larger along spatial axes",
            .attributes = {WHOLES("kernel_shape", 2), WHOLES("strides", 2)},
            .constants = {LIST("i", 0, 1, 2, 3), LIST("o", 1, 1, 7)}),
    REFUSED(MaxUnpool, "x i", 11, line, "values and indices have different shapes",
            .attributes = {WHOLES("kernel_shape", 2)}, .constants = {LIST("i", 0, 1, 2, 3)}),
    REFUSED(RoiAlign, "x r i", 16, map, "mode is 'sum'; avg or max is expected",
            .attributes = {WORD("mode", "sum")}, .constants = {TENSOR("r", 1, 4), LIST("i", 0)}),
    REFUSED(RoiAlign, "x r i", 16, map, "0 x 1 bins; at least 1 x 1 are expected",
            .attributes = {WHOLE("output_height", 0)}, .constants = {TENSOR("r", 1, 4), LIST("i", 0)}),
    REFUSED(RoiAlign, "x r i", 16, map, "region 0 is of image 1 in a batch of 1",
            .constants = {TENSOR("r", 1, 4), LIST("i", 1)}),
    REFUSED(MaxRoiPool, "x r", 1, map, "a region must have five numbers",
            .attributes = {WHOLES("pooled_shape", 1, 1)}, .constants = {TENSOR("r", 1, 4)}),
    REFUSED(MaxRoiPool, "x r", 1, map, "pooled_shape must have two elements",
            .constants = {TENSOR("r", 1, 5)}),
    REFUSED(GridSample, "x g", 16, map, "an input of 4 axes and a grid of 3",
            .constants = {TENSOR("g", 1, 2, 2)}),
    REFUSED(GridSample, "x g", 20, map, "the grid is not [N,out...,spatial axes]",
            .constants = {TENSOR("g", 1, 2, 2, 3)}),
    REFUSED(GridSample, "x g", 20, map, "mode is 'bilinear'; nearest, linear or cubic is expected",
            .attributes = {WORD("mode", "bilinear")}, .constants = {TENSOR("g", 1, 2, 2, 2)}),
    REFUSED(DepthToSpace, "x", 13, map, "blocksize is 0; 1 or more is expected"),
    REFUSED(DepthToSpace, "x", 13, map, "4 channels are no blocks of 3 x 3",
            .attributes = {WHOLE("blocksize", 3)}),
    REFUSED(SpaceToDepth, "x", 13, map, "maps of 3 x 3 are not divided by blocks of 2",
            .attributes = {WHOLE("blocksize", 2)}),
    REFUSED(ScaledTanh, "x", 1, map, "attribute 'beta' is missing; it has no default",
            .attributes = {NUMBER("alpha", 1)}),
    REFUSED(Crop, "x", 1, map, "spatial axis 1: a map of 3 positions is too small",
            .attributes = {WHOLES("border", 2, 0, 2, 0)}),
    REFUSED(Crop, "x", 1, map, "a border of four numbers and a scale of two"),
};

static void add_attribute(struct message *node, const struct attribute_case *attribute) {
    switch (attribute->kind) {
    case INT:
        node_int(node, attribute->name, attribute->values[0]);
        break;
    case FLOAT:
        node_float(node, attribute->name, (float)attribute->values[0]);
        break;
    case TEXT:
        node_text(node, attribute->name, attribute->text);
        break;
    case INTS:
        node_ints(node, attribute->name, attribute->values, attribute->count);
        break;
    case NONE:
        break;
    }
}

static struct message constant_message(const struct constant *constant) {
    size_t elements = 1;
    for (size_t i = 0; i < constant->count; i++)
        elements *= (size_t)constant->values[i];
    return constant->is_float ? tensor_message(constant->name, constant->values, constant->count, elements)
                              : int_tensor_message(constant->name, constant->values, constant->count);
}

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *refusal = &refusals[i];
        struct message node = node_message(refusal->op, "n", refusal->inputs, "y"), constants[3];
        size_t count = 0;
        for (size_t k = 0; k < 3; k++)
            add_attribute(&node, &refusal->attributes[k]);
        for (; count < 3 && refusal->constants[count].name; count++)
            constants[count] = constant_message(&refusal->constants[count]);
        convoy_tensor out = {0};
        convoy_error error = {0};
        convoy_status status =
            run_node(&node, constants, count, refusal->opset, refusal->shape, &out, &error);
        convoy_status expected = refusal->status ? refusal->status : CONVOY_E_INPUT;
        if (status != expected || !strstr(error.message, refusal->words))
            fail_msg("%s: status %d, '%s' does not say '%s'", refusal->op, (int)status, error.message,
                     refusal->words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
