/* What tests of coding allow as an error, and what they saw. */
#ifndef CODING_TALLY_H
#define CODING_TALLY_H

#include "coding_pipeline.h"

#define CODING_SEED 1

/* Seeded experiments are repeated so many times less often under sanitizers, which make them ten times
 * slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CODING_REDUCTION 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CODING_REDUCTION 10
#endif
#endif
#ifndef CODING_REDUCTION
#define CODING_REDUCTION 1
#endif

/* ‖Ŷ−Y‖_F <= C·κ·ε·‖Y‖_F for a code_solution of condition κ. */
struct coding_tolerance {
    convoy_dtype dtype;     /* of what travels */
    double factor, epsilon; /* C, ε */
};

enum { CODING_DTYPES = 2, CODING_FRAMES = 4 }; /* what can be computed in, what can travel */
extern const struct coding_tolerance coding_tolerances[CODING_FRAMES];

/* What one test saw. */
struct tally {
    long decodes;
    long vacuous;                  /* with C·κ·ε >= 1, so that nothing was tested */
    double largest[CODING_FRAMES]; /* error/(κ·ε), of the others */
};

/* Counts an error; fails the running test where it is more than C·κ·ε·norm. */
void tally_error(struct tally *tally, const struct pipeline *pipeline, double condition, double error,
                 double norm);

/* Decodes from these workers (ascending) into out [outputs] and counts the distance to the layer, relative to
 * ‖y‖ or to least_norm, whichever is larger. Returns κ. */
double tally_survivors(struct tally *tally, const struct pipeline *pipeline, const uint32_t *workers,
                       uint32_t count, double least_norm, void *out);

/* Prints what was seen, the seed, and whether there was less of it. */
void tally_print(const struct tally *tally);

/* The workers whose bits are in the set, ascending; returns how many there are. */
uint32_t set_members(uint32_t set, uint32_t *workers);

/* count of the workers, at random, ascending; workers <= 256. */
void random_survivors(struct random *random, uint32_t workers, uint32_t count, uint32_t *survivors);

/* Layers of at least 16 rows and 16 channels a group, one of each kind, sizes that little divides; kind is
 * any number. */
struct conv_geometry coding_layer(uint32_t kind);

struct placement coding_placement(bool spread, uint32_t workers, uint32_t stragglers);

#endif
