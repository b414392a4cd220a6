/* The ways to cut a layer for a cluster, and the best of them by the paper's objective (FCDCC, arXiv
 * 2411.01579, §V). Studies compare ways that wait for equally many answers: the most that the layer admits.
 */
#ifndef STUDY_PARTS_CHOICE_H
#define STUDY_PARTS_CHOICE_H

#include "plan/candidates.h"

/* The ways with the largest threshold that layer, family and cluster admit, by k_A, in a new array; *count
 * may be 0. CONVOY_E_MEMORY. */
convoy_status parts_create(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                           struct candidate **parts, size_t *count);

/* The index of the cheapest of count >= 1 ways. Of equals the one that a worker stores the fewest elements
 * of, then the first. */
size_t parts_cheapest(const struct candidate *parts, size_t count, const double lambda[LAMBDAS]);

/* The index of the way whose k_A is nearest to a real one, by their ratio. An operand that is whole counts as
 * cut in two, which costs the same. */
size_t parts_nearest(const struct candidate *parts, size_t count, double input_parts);

/* λ of the elements that travel, both ways, and of nothing else. */
extern const double parts_travel[LAMBDAS];

#endif
