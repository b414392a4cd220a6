#include "study/study_networks.h"

#include <stdlib.h>
#include <string.h>

convoy_status study_networks_fill(struct study_network *networks, const char *const *names, size_t count,
                                  convoy_error *error) {
    memset(networks, 0, count * sizeof *networks);
    for (size_t i = 0; i < count; i++) {
        networks[i].name = names[i];
        const convoy_status status =
            study_layers_create(&networks[i].layers, &networks[i].count, names[i], error);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}

void study_networks_clear(struct study_network *networks, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(networks[i].layers);
}

size_t study_layer_repeats(const struct study_network *network, size_t first) {
    size_t next = first + 1;
    while (next < network->count && strcmp(network->layers[next].name, network->layers[first].name) == 0)
        next++;
    return next - first;
}

const struct study_layer *study_layer_find(const struct study_network *network, const char *name) {
    for (size_t i = 0; i < network->count; i++)
        if (strcmp(network->layers[i].name, name) == 0)
            return &network->layers[i];
    return NULL;
}
