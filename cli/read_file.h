/* Files, pipes and standard input, read whole. */
#ifndef CLI_READ_FILE_H
#define CLI_READ_FILE_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>

/* Whether an input of this name is standard input: "-". */
bool is_standard_input(const char *path);

/* Reads a file, a pipe or standard input to its end, but at most `most` bytes and one more: *size > most says
 * that it holds more. *bytes are the caller's to free; a zero that does not count is behind them.
 * CONVOY_E_IO, CONVOY_E_MEMORY, CONVOY_E_CANCELLED (a signal ended the wait for more). */
convoy_status whole_read(char **bytes, size_t *size, const char *path, size_t most, convoy_error *error);

/* The same of a text of up to 16 MiB, without a byte order mark in front. what: the words for its content, as
 * in "labels, one a line". Also CONVOY_E_INPUT: it is larger, or no text. */
convoy_status text_read(char **text, const char *path, const char *what, convoy_error *error);

/* Cuts the next line off *rest, without its end; NULL at the end of the text. */
char *text_line(char **rest);

#endif
