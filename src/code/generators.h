/* What follows from a code's coefficients alone, for any family: which answers to use, κ, and the solution.
 * The functions are those of struct code_family. */
#ifndef CODE_GENERATORS_H
#define CODE_GENERATORS_H

#include "code/code.h"

/* admit of a family with one piece of each operand for a worker, any k >= 1: δ = k_A·k_B. */
bool generators_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                      uint32_t workers, struct code_shape *shape);

/* Workers with one answer each: those that send plain parts first, then a well-conditioned choice of the
 * others (survivors.h). Workers with several: all, since least squares over more answers errs less. */
convoy_status generators_choose(const struct code *code, uint32_t *workers, uint32_t count, uint32_t *used);

/* Of the real map E from all parts to the workers' answers. κ is that of E as it is, ν that of E with rows of
 * unit length. With more answers than needed ν is that of all of them; parts that came plain are copied and
 * so are not averaged with others, and the solution's own ν may be larger. */
convoy_status generators_conditioning(const struct code *code, const uint32_t *workers, uint32_t count,
                                      struct conditioning *conditioning);

/* The parts that came plain are copied; the others are solved for, by least squares if there are more answers
 * than needed. Cost: the pseudo-inverse of a matrix of as many columns as parts did not come plain. */
convoy_status generators_solve(const struct code *code, struct code_solution *solution);

#endif
