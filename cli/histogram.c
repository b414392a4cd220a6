#include "histogram.h"

#include <math.h>
#include <string.h>

#define DIGITS  7                             /* binary ones: 128 buckets between two powers of two */
#define EXACTLY (UINT64_C(1) << (DIGITS + 1)) /* values below have a bucket each */

void histogram_clear(struct histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
}

size_t histogram_bucket(uint64_t value) {
    if (value < EXACTLY)
        return (size_t)value;
    const int shift = 63 - __builtin_clzll(value) - DIGITS; /* leaves DIGITS + 1 digits */
    return ((size_t)shift << DIGITS) + (size_t)(value >> shift);
}

double histogram_start(size_t bucket) {
    if (bucket < EXACTLY)
        return (double)bucket;
    const int shift = (int)(bucket >> DIGITS) - 1;
    return ldexp((double)(bucket - ((size_t)shift << DIGITS)), shift);
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->buckets[histogram_bucket(value)]++;
    if (histogram->count == 0 || value < histogram->least)
        histogram->least = value;
    if (value > histogram->most)
        histogram->most = value;
    histogram->count++;
    histogram->sum += (double)value;
}

/* The middle of the whole numbers that the bucket holds. */
static double middle(const struct histogram *histogram, size_t bucket) {
    const double value = (histogram_start(bucket) + histogram_start(bucket + 1) - 1) / 2;
    return fmin(fmax(value, (double)histogram->least), (double)histogram->most);
}

double histogram_quantile(const struct histogram *histogram, double share) {
    /* The rank from 1 on. A product like 0.9 * 10 may lie a bit above the whole number that it is. */
    const double rank = ceil(share * (double)histogram->count - 1e-9 * (double)histogram->count);
    double passed = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        passed += (double)histogram->buckets[i];
        if (histogram->buckets[i] && passed >= rank)
            return middle(histogram, i);
    }
    return 0;
}

double histogram_mean(const struct histogram *histogram) {
    return histogram->count ? histogram->sum / (double)histogram->count : 0;
}

bool histogram_supports(const struct histogram *histogram, double share) {
    return pow(share, (double)histogram->count) <= 0.05;
}
