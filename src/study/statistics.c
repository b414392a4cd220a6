/* The median's interval: between the order statistics of ranks n/2 ± 1.96·√n/2 lies the median with
 * probability 0.95, whatever the distribution (David and Nagaraja, Order Statistics, 7.1). */
#include "study/topic.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value at a rank from 0 to count - 1, held within these. */
static double at_rank(const double *values, size_t count, double rank) {
    const double held = fmin(fmax(rank, 0), (double)(count - 1));
    return values[(size_t)held];
}

struct statistics study_statistics(double *values, size_t count) {
    struct statistics s = {.count = count};
    if (count == 0)
        return s;
    qsort(values, count, sizeof *values, compare);
    const double middle = (double)(count - 1) / 2, reach = 0.98 * sqrt((double)count);
    for (size_t i = 0; i < count; i++)
        s.mean += values[i] / (double)count;
    s.least = values[0];
    s.low = at_rank(values, count, floor(middle - reach));
    s.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    s.high = at_rank(values, count, ceil(middle + reach));
    s.p99 = at_rank(values, count, ceil(0.99 * (double)count) - 1);
    s.largest = values[count - 1];
    return s;
}
