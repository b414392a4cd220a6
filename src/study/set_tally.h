/* Whether any δ of n answers suffice: all sets of survivors of a small cluster are decoded. */
#ifndef STUDY_SET_TALLY_H
#define STUDY_SET_TALLY_H

#include "study/coded_error.h"

/* A set counts as decoded if the output's error, ‖Ŷ−Y‖_F/‖Y‖_F in float64, is at most this: a wrong code is
 * off by about 1, and rounding by κ·1e-16. */
#define SET_TALLY_ERROR 1e-6

#define SET_TALLY_MOST_WORKERS 16

struct set_tally {
    size_t sets, decoded;
    double largest_error, largest_condition; /* of those that are not singular */
};

/* Adds all sets of δ of the sample's workers, at most SET_TALLY_MOST_WORKERS. CONVOY_E_MEMORY. */
convoy_status set_tally_add(struct set_tally *tally, const struct coded_sample *sample, convoy_error *error);

#endif
