/* The best classes of an output. */
#ifndef CLI_CLASSES_H
#define CLI_CLASSES_H

#include <convoy/convoy.h>

struct best_class {
    size_t index;
    double score;
};

/* The `most` largest elements of one of `rows` equal parts of a tensor, largest first, the first of equals
 * first, NaN last. Returns how many there are. */
size_t classes_find(const convoy_tensor *tensor, size_t rows, size_t row, struct best_class *best,
                    size_t most);

#endif
