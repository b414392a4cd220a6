/* The range of a tensor's elements. */
#ifndef CLI_ELEMENT_RANGE_H
#define CLI_ELEMENT_RANGE_H

#include <convoy/convoy.h>

/* NaN is none of the least and the largest, unless all elements are; the mean is NaN if one is. */
struct element_range {
    size_t count; /* of elements */
    double least, mean, largest;
};

/* Of one of `rows` equal parts of a tensor whose first axis is `rows`; of any other tensor of all elements.
 * False, and all members 0, if there are no elements. */
bool element_range_find(struct element_range *range, const convoy_tensor *tensor, size_t rows, size_t row);

#endif
