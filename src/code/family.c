#include "code/families.h"

#include "base/error.h"

#include <string.h>

static const struct code_family *const families[] = {
    &code_rotation,   &code_systematic, &code_vandermonde, &code_chebyshev,
    &code_khatri_rao, &code_replicate,  &code_uncoded,
};

#define FAMILIES (sizeof families / sizeof families[0])

const struct code_family *code_family_at(size_t index) {
    return index < FAMILIES ? families[index] : NULL;
}

void code_family_destroy(const struct code_family **slot) {
    struct code_family *family = slot ? (struct code_family *)*slot : NULL;
    if (!family)
        return;
    *slot = NULL;
    if (family->destroy)
        family->destroy(family);
}

convoy_status code_family_find(const char *name, const struct code_family **family, convoy_error *error) {
    char names[256] = "";
    for (size_t i = 0; i < FAMILIES; i++) {
        if (strcmp(families[i]->name, name) == 0) {
            *family = families[i];
            return CONVOY_OK;
        }
        strncat(names, i ? ", " : "", sizeof names - strlen(names) - 1);
        strncat(names, families[i]->name, sizeof names - strlen(names) - 1);
    }
    return error_set(error, CONVOY_E_USAGE, "there is no code family '%.64s'; there are: %s", name, names);
}
