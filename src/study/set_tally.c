#include "study/set_tally.h"

#include <math.h>

/* The members of a set of bits, ascending. Returns how many there are. */
static uint32_t list_members(uint32_t set, uint32_t members[SET_TALLY_MOST_WORKERS]) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < SET_TALLY_MOST_WORKERS; w++)
        if (set >> w & 1)
            members[count++] = w;
    return count;
}

convoy_status set_tally_add(struct set_tally *tally, const struct coded_sample *sample, convoy_error *error) {
    const struct code *code = sample->setup.code;
    for (uint32_t set = 0; set < UINT32_C(1) << code->placement.workers; set++) {
        uint32_t members[SET_TALLY_MOST_WORKERS];
        struct decoded_error found;
        if (list_members(set, members) != code->threshold)
            continue;
        const convoy_status status = coded_sample_decode(sample, members, NULL, &found, error);
        if (status != CONVOY_OK)
            return status;
        tally->sets++;
        if (!found.decoded)
            continue;
        tally->decoded += found.relative <= SET_TALLY_ERROR;
        tally->largest_error = fmax(tally->largest_error, found.relative);
        tally->largest_condition = fmax(tally->largest_condition, found.condition);
    }
    return CONVOY_OK;
}
