/* Which processor this is. */
#ifndef BASE_PROCESSOR_H
#define BASE_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How many processors this process may use. */
uint32_t processors_usable(void);

/* The model's name as the system tells it, cut to size (at least 1), or "unknown processor". ARM has no
 * names: there it is the numbers of implementer, part and variant of each kind of core. Returns text. */
const char *processor_name(char *text, size_t size);

/* The same from a file in the form of /proc/cpuinfo; false, and text is empty, where that tells nothing. */
bool processor_name_read(FILE *cpuinfo, char *text, size_t size);

#endif
