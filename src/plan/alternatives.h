/* Plans of one network that differ in their code or in what their frames are: which of them is taken. */
#ifndef PLAN_ALTERNATIVES_H
#define PLAN_ALTERNATIVES_H

#include "plan/plan.h"

/* Halves are taken in the place of float32 if every coded layer errs by at most this, relative to the largest
 * element of its output (plan_option.error_bound). */
#define PLAN_HALVES_ERROR 1e-2

/* A plan that errs more, by its noise gain, is taken in the place of another if it takes no more than this
 * share of its time: predictions are off by a fifth. */
#define PLAN_ALIKE 0.8

/* Plans whose layers err by no more than this are better than such that do not: beyond, an answer may be
 * called another one than that of the uncoded model (CONVOY_CHECK_CLOSE). */
#define PLAN_CLOSE 1e-4

/* How many layers workers compute. */
size_t plan_coded(const struct plan *plan);

/* The largest bound on the error of a coded layer; 0 if none is coded. */
double plan_error_bound(const struct plan *plan);

/* The largest noise gain ν of a coded layer; 1 if none is coded. */
double plan_noise_gain(const struct plan *plan);

/* Why a cluster for which this was asked cannot have this code: static; NULL: it can. reserve: nodes that are
 * kept free. */
const char *plan_refuses_code(const struct code_family *family, uint32_t stragglers, uint32_t reserve);

/* Whether a is better than b, both being made for one objective. Bytes and the paper's costs are those of the
 * layers that workers compute, so there the plan that gives them more layers is better, and these decide
 * between plans that give them as many. So it is if every layer that can be coded shall be (PLAN_ALL). Then
 * one whose error is bound by PLAN_CLOSE, then the faster one; of two that take about the same time
 * (PLAN_ALIKE) that with the smaller noise gain. */
bool plan_is_better(const struct plan *a, const struct plan *b);

/* Why a plan with frames of halves is not taken in the place of one with frames of float32: static; NULL: it
 * is, since it is faster by PLAN_WORTH and errs by no more than PLAN_HALVES_ERROR, and with PLAN_ALL codes as
 * many layers. */
const char *plan_refuses_halves(const struct plan *halves, const struct plan *floats);

#endif
