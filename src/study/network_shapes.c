/* Shapes as published: LeNet-5 (LeCun et al., doi 10.1109/5.726791, with the valid padding of models/lenet5),
 * AlexNet (Krizhevsky, arXiv 1404.5997, one tower, as the model zoos have it), VGG-16 (Simonyan and
 * Zisserman, arXiv 1409.1556, configuration D), ResNet-18 and -50 (He et al., arXiv 1512.03385; stride in the
 * 3 x 3 convolution). Layers that a network repeats stand here as often as it has them. */
#include "study/network_shapes.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A square convolution; a product of one row if size is 1 and kernel is 1. */
struct shape {
    const char *name;
    int64_t in_channels, size, out_channels, kernel, stride, pad;
    uint32_t times; /* as often in a row */
};

static const struct shape lenet5[] = {{"conv1", 1, 32, 6, 5, 1, 0, 1},
                                      {"conv2", 6, 14, 16, 5, 1, 0, 1},
                                      {"fc1", 400, 1, 120, 1, 1, 0, 1},
                                      {"fc2", 120, 1, 84, 1, 1, 0, 1},
                                      {"fc3", 84, 1, 10, 1, 1, 0, 1}};

static const struct shape alexnet[] = {
    {"conv1", 3, 224, 64, 11, 4, 2, 1},  {"conv2", 64, 27, 192, 5, 1, 2, 1},
    {"conv3", 192, 13, 384, 3, 1, 1, 1}, {"conv4", 384, 13, 256, 3, 1, 1, 1},
    {"conv5", 256, 13, 256, 3, 1, 1, 1}, {"fc6", 9216, 1, 4096, 1, 1, 0, 1},
    {"fc7", 4096, 1, 4096, 1, 1, 0, 1},  {"fc8", 4096, 1, 1000, 1, 1, 0, 1}};

static const struct shape vgg16[] = {
    {"conv1_1", 3, 224, 64, 3, 1, 1, 1},   {"conv1_2", 64, 224, 64, 3, 1, 1, 1},
    {"conv2_1", 64, 112, 128, 3, 1, 1, 1}, {"conv2_2", 128, 112, 128, 3, 1, 1, 1},
    {"conv3_1", 128, 56, 256, 3, 1, 1, 1}, {"conv3_x", 256, 56, 256, 3, 1, 1, 2},
    {"conv4_1", 256, 28, 512, 3, 1, 1, 1}, {"conv4_x", 512, 28, 512, 3, 1, 1, 2},
    {"conv5_x", 512, 14, 512, 3, 1, 1, 3}, {"fc6", 25088, 1, 4096, 1, 1, 0, 1},
    {"fc7", 4096, 1, 4096, 1, 1, 0, 1},    {"fc8", 4096, 1, 1000, 1, 1, 0, 1}};

static const struct shape resnet18[] = {
    {"conv1", 3, 224, 64, 7, 2, 3, 1},        {"conv2_x", 64, 56, 64, 3, 1, 1, 4},
    {"conv3_1", 64, 56, 128, 3, 2, 1, 1},     {"conv3_x", 128, 28, 128, 3, 1, 1, 3},
    {"conv3_down", 64, 56, 128, 1, 2, 0, 1},  {"conv4_1", 128, 28, 256, 3, 2, 1, 1},
    {"conv4_x", 256, 14, 256, 3, 1, 1, 3},    {"conv4_down", 128, 28, 256, 1, 2, 0, 1},
    {"conv5_1", 256, 14, 512, 3, 2, 1, 1},    {"conv5_x", 512, 7, 512, 3, 1, 1, 3},
    {"conv5_down", 256, 14, 512, 1, 2, 0, 1}, {"fc", 512, 1, 1000, 1, 1, 0, 1}};

static const struct shape resnet50[] = {
    {"conv1", 3, 224, 64, 7, 2, 3, 1},          {"conv2_1a", 64, 56, 64, 1, 1, 0, 1},
    {"conv2_b", 64, 56, 64, 3, 1, 1, 3},        {"conv2_c", 64, 56, 256, 1, 1, 0, 4},
    {"conv2_a", 256, 56, 64, 1, 1, 0, 2},       {"conv3_1a", 256, 56, 128, 1, 1, 0, 1},
    {"conv3_1b", 128, 56, 128, 3, 2, 1, 1},     {"conv3_b", 128, 28, 128, 3, 1, 1, 3},
    {"conv3_c", 128, 28, 512, 1, 1, 0, 4},      {"conv3_a", 512, 28, 128, 1, 1, 0, 3},
    {"conv3_down", 256, 56, 512, 1, 2, 0, 1},   {"conv4_1a", 512, 28, 256, 1, 1, 0, 1},
    {"conv4_1b", 256, 28, 256, 3, 2, 1, 1},     {"conv4_b", 256, 14, 256, 3, 1, 1, 5},
    {"conv4_c", 256, 14, 1024, 1, 1, 0, 6},     {"conv4_a", 1024, 14, 256, 1, 1, 0, 5},
    {"conv4_down", 512, 28, 1024, 1, 2, 0, 1},  {"conv5_1a", 1024, 14, 512, 1, 1, 0, 1},
    {"conv5_1b", 512, 14, 512, 3, 2, 1, 1},     {"conv5_b", 512, 7, 512, 3, 1, 1, 2},
    {"conv5_c", 512, 7, 2048, 1, 1, 0, 3},      {"conv5_a", 2048, 7, 512, 1, 1, 0, 2},
    {"conv5_down", 1024, 14, 2048, 1, 2, 0, 1}, {"fc", 2048, 1, 1000, 1, 1, 0, 1}};

#define NETWORK(name)                                                                                        \
    { #name, name, sizeof name / sizeof name[0] }

static const struct network_shapes {
    const char *name;
    const struct shape *shapes;
    size_t count;
} networks[] = {NETWORK(lenet5), NETWORK(alexnet), NETWORK(vgg16), NETWORK(resnet18), NETWORK(resnet50)};

/* The convolution, or the product of one row by a matrix: a convolution of a kernel of 1, channels last. */
static convoy_status fill_geometry(const struct shape *shape, struct conv_geometry *geometry,
                                   convoy_error *error) {
    const bool product = shape->size == 1;
    *geometry = (struct conv_geometry){.spatial = product ? 1 : 2,
                                       .layout = product ? CONV_CHANNELS_LAST : CONV_CHANNELS_FIRST,
                                       .batch = 1,
                                       .groups = 1,
                                       .in_channels = shape->in_channels,
                                       .out_channels = shape->out_channels};
    for (uint32_t axis = 0; axis < geometry->spatial; axis++) {
        geometry->in[axis] = shape->size;
        geometry->kernel[axis] = shape->kernel;
        geometry->stride[axis] = shape->stride;
        geometry->dilation[axis] = 1;
        geometry->pad_begin[axis] = geometry->pad_end[axis] = shape->pad;
    }
    return conv_geometry_complete(geometry, error);
}

convoy_status study_layers_create(struct study_layer **out, size_t *count, const char *network,
                                  convoy_error *error) {
    const struct network_shapes *found = NULL;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        found = strcmp(networks[i].name, network) == 0 ? &networks[i] : found;
    if (!found)
        return error_set(error, CONVOY_E_USAGE, "no shapes are known of a network '%.64s'", network);
    size_t layers = 0;
    for (size_t i = 0; i < found->count; i++)
        layers += found->shapes[i].times;
    struct study_layer *made = calloc(layers, sizeof *made);
    convoy_status status = made ? CONVOY_OK : error_memory(error);
    *count = 0;
    for (size_t i = 0; i < found->count && status == CONVOY_OK; i++) {
        struct study_layer layer = {.network = found->name, .name = found->shapes[i].name};
        status = fill_geometry(&found->shapes[i], &layer.geometry, error);
        for (uint32_t t = 0; t < found->shapes[i].times && status == CONVOY_OK; t++)
            made[(*count)++] = layer;
    }
    if (status != CONVOY_OK) {
        free(made);
        return status;
    }
    *out = made;
    return CONVOY_OK;
}
