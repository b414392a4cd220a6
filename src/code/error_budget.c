#include "code/error_budget.h"

#include <float.h>

static const double budget = 1e-3, half_budget = 0.125;

double error_bound(convoy_dtype answers, double condition) {
    switch (answers) {
    case CONVOY_BF16:
        return condition * 0x1p-8;
    case CONVOY_F16:
        return condition * 0x1p-11;
    case CONVOY_F32:
        return 4 * condition * (FLT_EPSILON / 2);
    default:
        return 4 * condition * (DBL_EPSILON / 2);
    }
}

bool error_is_within_budget(convoy_dtype answers, double condition) {
    bool half = answers == CONVOY_BF16 || answers == CONVOY_F16;
    return error_bound(answers, condition) <= (half ? half_budget : budget);
}
