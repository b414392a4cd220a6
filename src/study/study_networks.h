/* Some networks of network_shapes.h together. */
#ifndef STUDY_STUDY_NETWORKS_H
#define STUDY_STUDY_NETWORKS_H

#include "study/network_shapes.h"

struct study_network {
    const char *name;
    struct study_layer *layers; /* [count], in the order in which they are computed */
    size_t count;
};

/* Fills networks[count] by their names. On failure too study_networks_clear follows. CONVOY_E_USAGE,
 * CONVOY_E_MEMORY. */
convoy_status study_networks_fill(struct study_network *networks, const char *const *names, size_t count,
                                  convoy_error *error);
void study_networks_clear(struct study_network *networks, size_t count);

/* How many layers in a row, from this one on, are the same. */
size_t study_layer_repeats(const struct study_network *network, size_t first);

/* The layer of this name; NULL: there is none. */
const struct study_layer *study_layer_find(const struct study_network *network, const char *name);

#endif
