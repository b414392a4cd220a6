/* How often which times came, in memory that does not grow with their number: buckets of equal width between
 * two powers of two, as in an HdrHistogram, each at most 1/128 as wide as the times in it. What is told of a
 * bucket is its middle, 0.4 % off at most; sum, least and most are exact. */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 7424 /* for all numbers of 64 bits */

/* All zero: empty. */
struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t least, most; /* of those that came */
    double sum;
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);

/* The bucket of a value, and the first value of a bucket, which for HISTOGRAM_BUCKETS is infinite. */
size_t histogram_bucket(uint64_t value);
double histogram_start(size_t bucket);

/* The value that a share of those that came (0 < share <= 1) does not exceed, as the middle of its bucket; 0
 * if none came. */
double histogram_quantile(const struct histogram *histogram, double share);

/* 0 if none came. */
double histogram_mean(const struct histogram *histogram);

/* Whether the quantile means something: with a probability of 95 % at least one of so many independent values
 * lies beyond the true one, share^count <= 0.05. That takes 5 for the median, 29 for 0.9, 299 for 0.99 and
 * 2995 for 0.999. (S. S. Wilks, Determination of sample sizes for setting tolerance limits, Annals of
 * Mathematical Statistics 12, 1941, doi 10.1214/aoms/1177731788) */
bool histogram_supports(const struct histogram *histogram, double share);

#endif
