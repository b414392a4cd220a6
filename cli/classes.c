#include "classes.h"

#include <math.h>
#include <string.h>

#define SUM_CLOSE 1e-3 /* how far the sum of probabilities is from 1 at most */

bool classes_are_scores(const convoy_tensor *tensor, size_t rows) {
    const convoy_shape *shape = &tensor->shape;
    const bool floating = tensor->dtype == CONVOY_F32 || tensor->dtype == CONVOY_F64 ||
                          tensor->dtype == CONVOY_F16 || tensor->dtype == CONVOY_BF16;
    const bool plane = shape->rank == 4 && shape->dims[2] == 1 && shape->dims[3] == 1;
    return floating && (shape->rank == 2 || plane) && shape->dims[0] == (int64_t)rows && shape->dims[1] >= 2;
}

static bool better(double a, double b) {
    return a > b || (isnan(b) && !isnan(a));
}

/* How scores become probabilities: as they are, or by softmax, exp(score - largest) / sum. */
struct distribution {
    bool given;
    double largest, sum;
};

static struct distribution distribution_of(const convoy_tensor *tensor, size_t first, size_t count) {
    struct distribution d = {.given = true, .largest = -INFINITY};
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double score = convoy_tensor_element(tensor, first + i);
        d.given = d.given && score >= 0;
        d.largest = fmax(d.largest, score);
        sum += score;
    }
    d.given = d.given && fabs(sum - 1) <= SUM_CLOSE;
    for (size_t i = 0; i < count && !d.given; i++)
        d.sum += exp(convoy_tensor_element(tensor, first + i) - d.largest);
    return d;
}

size_t classes_find(const convoy_tensor *tensor, size_t rows, size_t row, struct best_class *best,
                    size_t most) {
    const size_t each = convoy_tensor_elements(tensor) / rows, first = row * each;
    size_t count = 0;
    for (size_t i = 0; i < each; i++) {
        const double score = convoy_tensor_element(tensor, first + i);
        size_t place = count;
        while (place > 0 && better(score, best[place - 1].score))
            place--;
        if (place == most)
            continue;
        if (count < most)
            count++;
        memmove(&best[place + 1], &best[place], (count - 1 - place) * sizeof *best);
        best[place] = (struct best_class){i, score, NAN};
    }
    if (!classes_are_scores(tensor, rows))
        return count;
    const struct distribution d = distribution_of(tensor, first, each);
    for (size_t i = 0; i < count; i++)
        best[i].probability = d.given ? best[i].score : exp(best[i].score - d.largest) / d.sum;
    return count;
}
