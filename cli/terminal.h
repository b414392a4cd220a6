/* What the terminal can show. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Columns of a line: what COLUMNS says, else those of the terminal behind the file; at least 40. If neither
 * tells, `otherwise`. */
size_t terminal_width(FILE *file, size_t otherwise);

/* Sequences that begin and end a style, static; "" if the file is no terminal, NO_COLOR is set
 * (https://no-color.org), or TERM is "dumb" or nothing. */
enum terminal_style { STYLE_STRONG, STYLE_WARNING, STYLE_ERROR };
const char *terminal_begin(FILE *file, enum terminal_style style);
const char *terminal_end(FILE *file);

/* Whether the locale of the environment writes UTF-8; the program's own stays C, since numbers have points.
 */
bool terminal_has_utf8(void);

#endif
