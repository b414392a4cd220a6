#include "classes.h"

#include <math.h>
#include <string.h>

static bool better(double a, double b) {
    return a > b || (isnan(b) && !isnan(a));
}

size_t classes_find(const convoy_tensor *tensor, size_t rows, size_t row, struct best_class *best,
                    size_t most) {
    const size_t each = convoy_tensor_elements(tensor) / rows;
    size_t count = 0;
    for (size_t i = 0; i < each; i++) {
        const double score = convoy_tensor_element(tensor, row * each + i);
        size_t place = count;
        while (place > 0 && better(score, best[place - 1].score))
            place--;
        if (place == most)
            continue;
        if (count < most)
            count++;
        memmove(&best[place + 1], &best[place], (count - 1 - place) * sizeof *best);
        best[place] = (struct best_class){i, score};
    }
    return count;
}
