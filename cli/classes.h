/* What an output says of classes. */
#ifndef CLI_CLASSES_H
#define CLI_CLASSES_H

#include <convoy/convoy.h>

struct best_class {
    size_t index;
    double score;       /* as the model gives it */
    double probability; /* NaN if the output is no classification */
};

/* Whether a tensor holds the scores of at least two classes in each of `rows` rows: floating-point numbers,
 * [rows,K] or [rows,K,1,1]. */
bool classes_are_scores(const convoy_tensor *tensor, size_t rows);

/* The `most` largest elements of one of `rows` equal parts of a tensor, largest first, the first of equals
 * first, NaN last. Returns how many there are. Of scores the probabilities are told: scores that are not
 * negative and have the sum 1, within 1e-3, are probabilities; of others the softmax is taken. */
size_t classes_find(const convoy_tensor *tensor, size_t rows, size_t row, struct best_class *best,
                    size_t most);

#endif
