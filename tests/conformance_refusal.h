/* What Convoy refuses by design, so that a test case that needs it is not applicable. */
#ifndef TESTS_CONFORMANCE_REFUSAL_H
#define TESTS_CONFORMANCE_REFUSAL_H

#include "conformance_case.h"

/* Why a case that was refused with this error is not applicable: static; NULL: it ought to be computed. */
const char *case_refusal(const struct conformance_case *c, const convoy_error *error);

/* An operator of ONNX's own domain that stands in the list of refused ones although Convoy has it: NULL if
 * there is none. */
const char *refusal_outdated(void);

/* By what the tolerance of a case is multiplied: 1, unless its own expected numbers are less exact. */
double case_widening(const struct conformance_case *c);

#endif
