/* Seeded random numbers, the same on every machine: xoshiro256** (Blackman and Vigna, doi 10.1145/3460772),
 * seeded by splitmix64. Not for secrets. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);

/* Uniform in 0..bound-1; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* Uniform in [0,1). */
double random_unit(struct random *random);

/* Standard normal. */
double random_normal(struct random *random);

#endif
