/* Options as typed rows: what each is called, what its value may be, and which field takes it. */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include <convoy/convoy.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint32_t, min..max */
    OPTION_SIZE,   /* int64_t, min..max */
    OPTION_LARGE,  /* uint64_t, min..max */
    OPTION_TIME,   /* uint64_t, nanoseconds: seconds, or a number with "s" or "ms" */
    OPTION_PARTS,  /* uint32_t[2], "KA,KB", each min..max */
    OPTION_RANGE,  /* uint32_t[2], "N" or "A..B", each min..max */
    OPTION_LAMBDA, /* double[4]: three or four numbers from 0 to 1e12 */
    OPTION_NUMBER, /* float */
    OPTION_COLOUR, /* float[3]: three numbers, or one for all */
    OPTION_RGB,    /* uint8_t[3]: "#rrggbb", "#rgb", "white" or "black" */
    OPTION_CHOICE, /* unsigned: the place of the word in `words` */
    OPTION_TEXT,   /* const char * */
    OPTION_LIST    /* struct text_list */
};

/* Arguments, or those of an option that may be given several times. The strings are the command line's. */
struct text_list {
    const char **items;
    size_t count;
};

struct option {
    const char *name;  /* after "--" */
    char letter;       /* after "-"; 0: none */
    const char *value; /* what the help calls the value; NULL: none is taken */
    enum option_type type;
    size_t offset; /* of the field, in the struct that the group is about */
    uint64_t min, max;
    const char *words; /* OPTION_CHOICE: separated by "," */
    size_t given;      /* if not 0: offset of a bool that becomes true */
    const char *unset; /* what the help says of the default if the field's does not tell it; NULL */
    /* The usual values and what each is, from 0 on; NULL beyond the last. more NULL: there are none. */
    const char *(*more)(size_t index, const char **summary);
    const char *help;
};

/* Rows about one struct. */
struct option_group {
    const char *title; /* in the help; NULL: the rows belong to the group before */
    const struct option *rows;
    size_t count;
    size_t offset; /* of the struct, in the options of the command */
};

/* Adds a string, which is borrowed. False without memory. */
bool text_list_add(struct text_list *list, const char *text);

/* Reads a value into a field. CONVOY_E_USAGE, with what is accepted; CONVOY_E_MEMORY. */
convoy_status option_read(const struct option *option, const char *text, void *field, convoy_error *error);

/* What a field holds, as it would be written; "" if there is nothing to say. */
void option_text(const struct option *option, const void *field, char *text, size_t size);

#endif
