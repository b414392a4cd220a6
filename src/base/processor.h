/* Which processor this is. */
#ifndef BASE_PROCESSOR_H
#define BASE_PROCESSOR_H

#include <stddef.h>

/* The model's name as the system tells it, cut to size, or "unknown processor". Returns text. */
const char *processor_name(char *text, size_t size);

#endif
