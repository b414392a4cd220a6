/* What the terminal can show. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Columns of a line: what COLUMNS says, else those of the terminal behind the file; at least 40. If neither
 * tells, `otherwise`. */
size_t terminal_width(FILE *file, size_t otherwise);

/* Whether the file is a terminal that shows colours, and neither NO_COLOR is set nor TERM is "dumb".
 * (https://no-color.org) */
bool terminal_has_colours(FILE *file);

/* Sequences that begin and end a style; "" if the file shows no colours. Static. */
enum terminal_style { STYLE_STRONG, STYLE_WARNING, STYLE_ERROR };
const char *terminal_begin(FILE *file, enum terminal_style style);
const char *terminal_end(FILE *file);

/* Whether the locale of the environment writes UTF-8; the program's own stays C, since numbers have points.
 */
bool terminal_has_utf8(void);

#endif
