/* What the tests of kinds by examples share. */
#ifndef TESTS_EXPECT_VALUES_H
#define TESTS_EXPECT_VALUES_H

#include "layer_sample.h"

/* Expects these elements, within a few roundings of float32, from every backend. Ends the sample. */
static inline void expect_values(struct sample *s, const double *expected) {
    for (int b = 0; b < BACKENDS; b++) {
        convoy_tensor out;
        convoy_error error;
        if (sample_run(s, backends[b].name, backends[b].threads, &out, &error) != CONVOY_OK)
            fail_msg("%s: %s", backends[b].name, error.message);
        for (size_t i = 0; i < convoy_tensor_elements(&out); i++) {
            double found = tensor_get(&out, i),
                   allowed = s->desc.outputs[0].dtype == CONVOY_F32 ? 1e-6 : 1e-14;
            bool same = found == expected[i] || (isnan(found) && isnan(expected[i])) ||
                        fabs(found - expected[i]) <= allowed * fmax(1, fabs(expected[i]));
            if (!same)
                fail_msg("%s, element %zu: %.17g instead of %.17g", backends[b].name, i, found, expected[i]);
        }
        convoy_tensor_release(&out);
    }
    sample_end(s);
}

static const convoy_dtype floats[] = {CONVOY_F32, CONVOY_F64};
#define VALUES(...)  ((const double[]){__VA_ARGS__})
#define VECTOR(n)    shape_of(1, n, 0, 0, 0)
#define MATRIX(m, n) shape_of(2, m, n, 0, 0)

#endif
