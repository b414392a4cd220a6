/* Files of text that a person may have written: profiles and plans. */
#ifndef PLAN_TEXT_FILE_H
#define PLAN_TEXT_FILE_H

#include <convoy/status.h>

#include <stddef.h>

/* Reads a regular file of at most `most` bytes, without waiting for anybody: *text, which the caller frees,
 * has `bytes`, and no end of its own. CONVOY_E_IO: it is no regular file or cannot be read; CONVOY_E_INPUT:
 * it has more bytes; CONVOY_E_MEMORY. */
convoy_status text_file_read(char **text, size_t *bytes, const char *path, size_t most, convoy_error *error);

/* Writes a text. A regular file is there whole, or what was there before is; a device or a pipe is written
 * to. what: "plan", for the sentence. CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status text_file_write(const char *text, const char *path, const char *what, convoy_error *error);

#endif
