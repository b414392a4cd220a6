#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void table_open(struct table *table, const char *alignment) {
    *table = (struct table){.columns = strlen(alignment), .right = alignment};
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

/* Characters of UTF-8, counted by their first bytes. */
static size_t text_width(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

bool table_print(const struct table *table, FILE *file) {
    if (table->failed)
        return false;
    size_t *widths = calloc(table->columns, sizeof *widths);
    if (!widths)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const size_t width = text_width(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t i = 0; i < table->count; i++) {
        const size_t column = i % table->columns;
        const bool last = column + 1 == table->columns;
        const int gap = (int)(widths[column] - text_width(table->cells[i]));
        if (table->right[column] == '>')
            fprintf(file, "%*s%s", gap, "", table->cells[i]);
        else
            fprintf(file, "%s%*s", table->cells[i], last ? 0 : gap, "");
        fputs(last ? "\n" : "  ", file);
    }
    free(widths);
    return true;
}
