/* A table for people: columns as wide as their widest cell. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table {
    size_t columns;
    const char *right; /* [columns] of "<" and ">": how each column is aligned */
    char **cells;      /* [count] row after row; UTF-8 */
    size_t count, capacity;
    bool failed; /* a cell found no memory */
};

void table_open(struct table *table, const char *alignment);
void table_close(struct table *table);

/* Adds the next cell (printf format). */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the rows. False where there was no memory for a cell. */
bool table_print(const struct table *table, FILE *file);

#endif
