/* The inputs of a run, one by one: what is in folders and on lists stands in their places. */
#ifndef CLI_INPUT_LIST_H
#define CLI_INPUT_LIST_H

#include "run_options.h"

struct input_list {
    struct text_list arguments; /* the model, and behind it the inputs; all are the list's own */
    size_t capacity;
    const char *standard_input; /* the argument that reads it; NULL: none */
};

/* Takes the arguments apart. A folder stands for the files in it with an extension of an input, by name;
 * "@FILE" for the lines of FILE, "@-" for those of standard input. No input is read. Only one argument, or
 * one
 * --input, may read standard input. The options are borrowed. CONVOY_E_USAGE, CONVOY_E_INPUT (a folder or a
 * list without inputs), CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status input_list_open(struct input_list *list, const struct run_options *options,
                              convoy_error *error);
void input_list_close(struct input_list *list);

#endif
