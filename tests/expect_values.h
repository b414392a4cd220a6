/* What the tests of kinds by examples share. */
#ifndef TESTS_EXPECT_VALUES_H
#define TESTS_EXPECT_VALUES_H

#include "layer_sample.h"

/* Expects these elements, within a few roundings of float32, from every backend. Ends the sample. */
static inline void expect_values(struct sample *s, const double *expected) {
    sample_expect(s, expected, NULL);
}

static const convoy_dtype floats[] = {CONVOY_F32, CONVOY_F64};
#define VALUES(...)  ((const double[]){__VA_ARGS__})
#define VECTOR(n)    shape_of(1, n, 0, 0, 0)
#define MATRIX(m, n) shape_of(2, m, n, 0, 0)

#endif
