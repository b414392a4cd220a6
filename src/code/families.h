/* The families there are; each is a table of functions in the file named beside it. */
#ifndef CODE_FAMILIES_H
#define CODE_FAMILIES_H

#include "code/code.h"

extern const struct code_family code_rotation;    /* rotation.c */
extern const struct code_family code_systematic;  /* systematic.c */
extern const struct code_family code_vandermonde; /* vandermonde.c */
extern const struct code_family code_chebyshev;   /* chebyshev.c */
extern const struct code_family code_khatri_rao;  /* khatri_rao.c */
extern const struct code_family code_replicate;   /* replicate.c */
extern const struct code_family code_uncoded;     /* replicate.c */

#endif
