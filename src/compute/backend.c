#include "compute/backend.h"

#include "base/error.h"

#include <string.h>

static convoy_status create_reference(struct backend **backend, uint32_t threads, convoy_error *error) {
    (void)threads; /* its loops are plain */
    return reference_backend_create(backend, error);
}

static const struct {
    const char *name;
    convoy_status (*create)(struct backend **backend, uint32_t threads, convoy_error *error);
} backends[] = {
    {"onednn", onednn_backend_create},
    {"reference", create_reference},
};

convoy_status backend_create(struct backend **backend, const char *name, uint32_t threads,
                             convoy_error *error) {
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
        if (strcmp(name, backends[i].name) == 0)
            return backends[i].create(backend, threads, error);
    return error_set(error, CONVOY_E_USAGE, "there is no backend %s; there are onednn and reference", name);
}
