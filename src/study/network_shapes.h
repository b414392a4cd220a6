/* The convolutions and products of networks that the literature measures, by their published shapes: the
 * studies need no model files. Weights and inputs are random (study_layer_fill). */
#ifndef STUDY_NETWORK_SHAPES_H
#define STUDY_NETWORK_SHAPES_H

#include "base/conv.h"

struct study_layer {
    const char *network, *name;
    struct conv_geometry geometry; /* complete, one image */
};

/* The layers of a network ("lenet5", "alexnet", "vgg16", "resnet18", "resnet50") in a new array, in the order
 * in which they are computed. CONVOY_E_USAGE, CONVOY_E_MEMORY. */
convoy_status study_layers_create(struct study_layer **layers, size_t *count, const char *network,
                                  convoy_error *error);

#endif
