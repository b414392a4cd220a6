/* --output: outputs of all inferences, collected along the first axis and written as .npy. */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "options.h"

struct save {
    const char *file;
    size_t output;       /* which of the model's */
    convoy_tensor *kept; /* [capacity] by inference; data NULL: it failed, or is not done */
    size_t capacity;
};

struct saves {
    struct save *items;
    size_t count;
};

/* Resolves FILE or NAME=FILE of each --output: .npy files, no two of them the same. CONVOY_E_USAGE,
 * CONVOY_E_MEMORY. */
convoy_status saves_open(struct saves *saves, const convoy_model *model, const struct cli_options *options,
                         convoy_error *error);
void saves_close(struct saves *saves);

/* Whether the files can be written, as far as is to be told without touching them. CONVOY_E_IO. */
convoy_status saves_check(const struct saves *saves, convoy_error *error);

/* The same of one file that an option names, and that the command does not read it. CONVOY_E_USAGE,
 * CONVOY_E_IO. */
convoy_status save_check_file(const struct cli_options *options, const char *option, const char *file,
                              convoy_error *error);

/* Keeps the outputs of inference `index`. One that failed is not kept, and has no place in the files.
 * CONVOY_E_MEMORY. */
convoy_status saves_keep(struct saves *saves, size_t index, const convoy_result *result, convoy_error *error);

/* Writes the files: one inference's output as it is, those of several joined along the first axis. No file if
 * nothing was kept. CONVOY_E_IO; CONVOY_E_INPUT if outputs whose shapes depend on data cannot be joined.
 */
convoy_status saves_write(struct saves *saves, convoy_error *error);

#endif
