/* Which of the q nodes on the unit circle each worker takes. Neighbouring machines fail together (a rack, a
 * switch), and neighbouring nodes are the worst to lose: spread placement t(j) = g·j mod q keeps them apart.
 */
#ifndef CODE_PLACEMENT_H
#define CODE_PLACEMENT_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stdint.h>

struct placement {
    uint32_t workers; /* n: the nodes that may be taken, reserve included */
    uint32_t order;   /* q >= n */
    uint32_t step;    /* g, coprime to q; t(j) = g·j mod q */
};

/* t(j) = j, q = n. */
struct placement placement_plain(uint32_t workers);

/* q = n and g the step below n/φ² that is coprime to n: a good spread of neighbours, whatever n. */
struct placement placement_golden(uint32_t workers);

/* Searches (q,g), q from n to n+8, g <= q/2, for the smallest largest κ over likely losses of γ workers, δ =
 * n − γ: γ neighbours on the ring of workers; γ neighbours in the order that deals workers out to 2, 3, 4 or
 * 8 hosts in turn; two windows of γ/2. Of equals the smallest q, then the largest g. Deterministic. Cost:
 * 0.15 s at n = 60, 0.5 s at n = 96; beyond that, and where no placement keeps κ below 1e6, q = n and g next
 * to q/φ² without a search. CONVOY_E_USAGE where γ >= n; CONVOY_E_MEMORY. */
convoy_status placement_spread(uint32_t workers, uint32_t stragglers, struct placement *placement);

/* The largest κ over those losses, which the search minimises. CONVOY_E_USAGE where γ >= n; CONVOY_E_MEMORY.
 */
convoy_status placement_worst_condition(const struct placement *placement, uint32_t stragglers,
                                        double *condition);

/* t(j). */
uint32_t placement_node(const struct placement *placement, uint32_t worker);

/* Row [count] of a worker in a real matrix with the singular values of the Vandermonde matrix [z_j^m], m <
 * count, of the same workers, however many these are: multiplied by phases from the left, and by a unitary
 * matrix that joins the columns m and count−1−m from the right, that becomes √2·cos and √2·sin of
 * (count−1)/2·θ_j, ((count−1)/2 − 1)·θ_j, ..., and a column of ones if count is odd. */
void placement_row(const struct placement *placement, uint32_t worker, uint32_t count, double *row);

/* How well a system decodes; both infinite if it is singular. */
struct conditioning {
    double condition;  /* κ: largest by smallest singular value */
    double noise_gain; /* ν: relative errors of the answers become so many times larger in the parts */
};

/* Of the count x count Vandermonde matrix V = [z_j^m] of these workers' nodes, any order; ν = ‖V⁻¹‖_F. With M
 * the missing nodes, if 2·count > q, V has the singular values of M's matrix, and √q for the rest.
 * CONVOY_E_MEMORY. */
convoy_status placement_conditioning(const struct placement *placement, const uint32_t *workers,
                                     uint32_t count, struct conditioning *conditioning);

#endif
