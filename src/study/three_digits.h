/* Numbers of a page's tables. */
#ifndef STUDY_THREE_DIGITS_H
#define STUDY_THREE_DIGITS_H

enum { THREE_DIGITS_SIZE = 32 };

/* A number >= 0 with three significant digits, in full from 0.001 to 10 million, else with an exponent.
 * Returns text. */
const char *three_digits(double value, char text[THREE_DIGITS_SIZE]);

#endif
