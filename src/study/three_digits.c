#include "study/three_digits.h"

#include <math.h>
#include <stdio.h>

const char *three_digits(double value, char text[THREE_DIGITS_SIZE]) {
    if (value == 0) /* exactly */
        snprintf(text, THREE_DIGITS_SIZE, "0");
    else if (!(value >= 0.001 && value < 1e7))
        snprintf(text, THREE_DIGITS_SIZE, "%.2e", value);
    else if (value >= 999.5)
        snprintf(text, THREE_DIGITS_SIZE, "%.0f", value);
    else
        snprintf(text, THREE_DIGITS_SIZE, "%.*f", 2 - (int)floor(log10(value * (1 + 1e-12))), value);
    return text;
}
