/* How the library reports failures: a status, and one sentence for whoever asked. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <convoy/status.h>

/* Writes the sentence (printf format) into *error, where error is not NULL, and returns status. */
convoy_status error_set(convoy_error *error, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* CONVOY_E_USAGE and the sentence for a public function that was given NULL where it takes none. */
convoy_status error_null(convoy_error *error, const char *function);

/* The sentence for memory that could not be had. */
convoy_status error_memory(convoy_error *error);

#endif
