#include "table.h"

#include "terminal.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP         2  /* columns of the terminal between two of the table */
#define LEAST_NAME  12 /* a name is not made shorter than that */
#define ROOMY_WORDS 30 /* a column of words is not narrower, unless names cannot be shorter */
#define LEAST_WORDS 12 /* nor is it narrower than that */

void table_open(struct table *table, const char *kinds) {
    *table = (struct table){.columns = strlen(kinds), .kinds = kinds};
}

void table_close(struct table *table) {
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
}

void table_cell(struct table *table, const char *format, ...) {
    if (table->count == table->capacity) {
        const size_t capacity = table->capacity ? 2 * table->capacity : 256;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        table->failed = true;
    else
        table->cells[table->count++] = text;
}

static bool begins_character(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

size_t table_text_width(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += begins_character(*text);
    return width;
}

size_t table_text_bytes(const char *text, size_t count) {
    size_t bytes = 0;
    for (; text[bytes] && (count > 0 || !begins_character(text[bytes])); bytes++)
        count -= begins_character(text[bytes]);
    return bytes;
}

/* Widths of the columns; 0: nothing stands in one. */
static void measure(const struct table *table, size_t *widths) {
    for (size_t i = table->columns; i < table->count; i++) {
        const size_t width = table_text_width(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t c = 0; c < table->columns; c++) {
        const size_t head = table_text_width(table->cells[c]);
        const bool alone = table->count == table->columns; /* a head without rows */
        if ((widths[c] > 0 || alone) && head > widths[c])
            widths[c] = head;
    }
}

static size_t whole_width(const struct table *table, const size_t *widths) {
    size_t whole = 0;
    for (size_t c = 0; c < table->columns; c++)
        whole += widths[c] > 0 ? widths[c] + (whole > 0 ? GAP : 0) : 0;
    return whole;
}

/* The widest column that can be made narrower: names, or words beyond `least_words`; columns: there is none.
 */
static size_t widest_column(const struct table *table, const size_t *widths, size_t least_words) {
    size_t widest = table->columns;
    for (size_t c = 0; c < table->columns; c++) {
        const bool words = table->kinds[c] == 'w';
        if ((words || table->kinds[c] == 'n') && widths[c] > (words ? least_words : LEAST_NAME) &&
            (widest == table->columns || widths[c] > widths[widest]))
            widest = c;
    }
    return widest;
}

/* Takes what the line has too much from the widest names and from the words, from these as long as a few fit
 * in a line if that is enough. */
static void fit(const struct table *table, size_t *widths, size_t line) {
    size_t least_words = ROOMY_WORDS;
    while (whole_width(table, widths) > line) {
        const size_t widest = widest_column(table, widths, least_words);
        if (widest < table->columns)
            widths[widest]--;
        else if (least_words > LEAST_WORDS)
            least_words = LEAST_WORDS;
        else
            return;
    }
}

/* "a_long_..._name": the ends of a name that is too long. */
static void print_name(FILE *file, const char *text, size_t width) {
    static const char dots[] = "...";
    const size_t whole = table_text_width(text);
    if (whole <= width) {
        fprintf(file, "%s%*s", text, (int)(width - whole), "");
        return;
    }
    const size_t kept = width - strlen(dots), front = kept / 3, back = kept - front; /* ends differ more */
    fprintf(file, "%.*s%s%s", (int)table_text_bytes(text, front), text, dots,
            text + table_text_bytes(text, whole - back));
}

/* Words, on further lines from column `indent` on. */
static void print_words(FILE *file, const char *text, size_t width, size_t indent) {
    size_t used = 0;
    while (*text) {
        const size_t bytes = strcspn(text, " ");
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)bytes, text);
        const size_t columns = table_text_width(word);
        if (used > 0 && used + 1 + columns > width) {
            fprintf(file, "\n%*s", (int)indent, "");
            used = 0;
        } else if (used > 0) {
            fputc(' ', file);
            used++;
        }
        fprintf(file, "%.*s", (int)bytes, text);
        used += columns;
        text += bytes + (text[bytes] == ' ');
    }
}

static void print_cell(FILE *file, const char *text, char kind, size_t width, size_t indent, bool last) {
    const size_t own = table_text_width(text), gap = width > own ? width - own : 0;
    if (kind == '>')
        fprintf(file, "%*s%s", (int)gap, "", text);
    else if (kind == 'w')
        print_words(file, text, width, indent);
    else if (kind == 'n' && !(last && own <= width))
        print_name(file, text, width);
    else
        fprintf(file, "%s%*s", text, last ? 0 : (int)gap, "");
}

static void print_row(const struct table *table, char *const *cells, const size_t *widths, FILE *file) {
    size_t indent = 0, last = 0;
    for (size_t c = 0; c < table->columns; c++)
        last = widths[c] > 0 ? c : last;
    for (size_t c = 0; c < table->columns; c++) {
        if (widths[c] == 0)
            continue;
        if (indent > 0)
            fprintf(file, "%*s", GAP, "");
        indent += indent > 0 ? GAP : 0;
        print_cell(file, cells[c], table->kinds[c], widths[c], indent, c == last);
        indent += widths[c];
    }
}

bool table_print(const struct table *table, FILE *file) {
    size_t *widths = table->failed ? NULL : calloc(table->columns, sizeof *widths);
    if (!widths)
        return false;
    measure(table, widths);
    fit(table, widths, terminal_width(file, SIZE_MAX));
    fputs(terminal_begin(file, STYLE_STRONG), file);
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        print_row(table, &table->cells[i], widths, file);
        if (i == 0)
            fputs(terminal_end(file), file);
        fputc('\n', file);
    }
    free(widths);
    return true;
}
