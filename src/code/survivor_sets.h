/* Sets of survivors: the one list of who may be left when γ of n workers are gone. */
#ifndef CODE_SURVIVOR_SETS_H
#define CODE_SURVIVOR_SETS_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stdint.h>

/* How many sets there are: n over γ. Exact below 2^32; beyond, some number that is as large. */
double survivor_sets_count(uint32_t workers, uint32_t stragglers);

/* Calls visit for sets of n − γ workers, ascending, until it returns false. If there are no more than `most`
 * sets: each of them. Else some `most` of them: losses of γ neighbours, and of every 2nd, 3rd, 4th and 8th
 * worker, from evenly spaced workers on; the rest random ones. Deterministic. CONVOY_E_USAGE if γ >= n;
 * CONVOY_E_MEMORY. */
convoy_status survivor_sets_visit(uint32_t workers, uint32_t stragglers, uint32_t most,
                                  bool (*visit)(void *context, const uint32_t *survivors, uint32_t count),
                                  void *context);

#endif
