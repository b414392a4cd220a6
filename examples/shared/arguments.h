/* The options of the examples' command lines, read by tables. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <convoy/status.h>

#include <stddef.h>

enum argument_kind {
    ARGUMENT_FLAG,   /* bool */
    ARGUMENT_TEXT,   /* const char * */
    ARGUMENT_COUNT,  /* uint32_t, from least to most */
    ARGUMENT_NUMBER, /* double, from least to most */
    ARGUMENT_CHOICE, /* unsigned: which of the words of choices, from 0 */
    ARGUMENT_LIST    /* struct text_list: the option may be given several times */
};

/* Texts of the command line. `texts` has room for all of them, and is freed by the owner. */
struct text_list {
    const char **texts;
    size_t count;
};

struct argument {
    const char *name;  /* with its dashes */
    const char *value; /* as the usage calls it; NULL: a flag */
    const char *help;
    enum argument_kind kind;
    void *target; /* of the type that the kind says */
    double least, most;
    const char *choices; /* "one,two,three" */
};

/* Several tables, the last one without rows. */
struct argument_table {
    const struct argument *rows;
    size_t count;
};

/* Reads all options into their targets, and what is no option into *others. An option's value is the next
 * argument or follows after '='; "--" ends the options. CONVOY_E_USAGE, CONVOY_E_MEMORY. */
convoy_status arguments_read(int argc, char **argv, const struct argument_table *tables,
                             struct text_list *others, convoy_error *error);

/* Prints a line for each option on standard output. */
void arguments_print(const struct argument_table *tables);

/* Fills *error with a sentence, and returns the status. */
convoy_status fail(convoy_error *error, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
