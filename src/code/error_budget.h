/* How far decoding may err, by the condition number κ of the system that it solves (docs/scheme.md,
 * "Errors").
 */
#ifndef CODE_ERROR_BUDGET_H
#define CODE_ERROR_BUDGET_H

#include <convoy/tensor.h>

/* A bound on the error of an output relative to its largest element: 4·κ·ε of float32 or float64. Of answers
 * that travel as halves their own rounding is nearly all of the error, and κ·ε bounds it. */
double error_bound(convoy_dtype answers, double condition);

/* Whether answers may be decoded: the bound is at most 10⁻³; of halves 1/8. */
bool error_is_within_budget(convoy_dtype answers, double condition);

#endif
