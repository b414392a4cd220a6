/* Plans as files: JSON, and then whether a cluster and its layers admit what it decides. A plan that is taken
 * is written and read again: the same decisions. */
#include "fuzz.h"

#include "plan/plan_file.h"
#include "plan_rig.h"

#include <stdlib.h>

enum { SUBJECTS = 2 };

static void compare(const struct plan *a, const struct plan *b) {
    for (size_t s = 0; s < SUBJECTS; s++) {
        const struct plan_layer *x = &a->layers[s], *y = &b->layers[s];
        if (x->coded != y->coded || x->input_parts != y->input_parts || x->filter_parts != y->filter_parts ||
            x->threshold != y->threshold || x->asked != y->asked || x->kernel != y->kernel)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct profile profile;
    convoy_error error;
    profile_of_this_machine(&profile, 6, 2, true);
    profile.workers[0].memory_bytes = 100000;
    const struct plan_request request = plan_request_for(&profile, "rotation", 6, 2);
    const struct conv_geometry layer = plan_conv(6, 14, 16, 5, 0);
    const struct plan_subject subjects[SUBJECTS] = {{.name = "conv", .geometry = &layer, .dtype = CONVOY_F32},
                                                    {.name = "pool", .why_local = "a pool"}};
    struct plan *plan = NULL, *again = NULL;
    if (plan_parse(&plan, (const char *)data, size, "plan", &request, subjects, SUBJECTS, &error) !=
        CONVOY_OK)
        return 0;
    const char *path = fuzz_file(data, 0);
    if (plan_write(plan, path, &error) != CONVOY_OK ||
        plan_read(&again, path, &request, subjects, SUBJECTS, &error) != CONVOY_OK)
        abort();
    compare(plan, again);
    plan_destroy(&plan);
    plan_destroy(&again);
    return 0;
}
