#include "element_range.h"

#include <math.h>

bool element_range_find(struct element_range *range, const convoy_tensor *tensor, size_t rows, size_t row) {
    const convoy_shape *shape = &tensor->shape;
    const bool in_rows = rows > 1 && shape->rank > 0 && shape->dims[0] == (int64_t)rows;
    const size_t count = convoy_tensor_elements(tensor) / (in_rows ? rows : 1);
    const size_t first = in_rows ? row * count : 0;
    *range = (struct element_range){.count = count};
    if (count == 0)
        return false;
    range->least = range->largest = NAN;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double value = convoy_tensor_element(tensor, first + i);
        range->least = fmin(range->least, value);
        range->largest = fmax(range->largest, value);
        sum += value;
    }
    range->mean = sum / (double)count;
    return true;
}
