/* A table for people: columns as wide as their widest cell, fitted to the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table {
    size_t columns;
    const char *kinds; /* [columns] of "<": to the left; ">": to the right; "n": names, to the left, shortened
                          in the middle if the line is too long; "w": words, the last column only, wrapped */
    char **cells;      /* [count] row after row; UTF-8. The first row is the head */
    size_t count, capacity;
    bool failed; /* a cell found no memory */
};

void table_open(struct table *table, const char *kinds);
void table_close(struct table *table);

/* Adds the next cell (printf format). */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the rows, without columns in which nothing stands below the head. False without memory. */
bool table_print(const struct table *table, FILE *file);

/* Characters of UTF-8; the bytes of the first `count` characters. */
size_t table_text_width(const char *text);
size_t table_text_bytes(const char *text, size_t count);

#endif
