/* --output: outputs of all inferences, collected along the first axis and written as .npy. */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "option.h"

enum { READ_OTHERS = 8 };

/* What a command reads, and must not write over. */
struct files_read {
    const char *const *inputs; /* [input_count] */
    size_t input_count;
    const struct text_list *arguments; /* of which "@FILE" is a list; NULL: none */
    const struct text_list *named;     /* NAME=FILE; NULL: none */
    const char *others[READ_OTHERS];   /* the model and what options name; NULL: none */
};

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

/* Resolves FILE or NAME=FILE of each --output: .npy files, no two of them the same, and none that the command
 * reads. CONVOY_E_USAGE, CONVOY_E_MEMORY. */
convoy_status saves_open(struct saves *saves, const convoy_model *model, const struct text_list *outputs,
                         const struct files_read *read, convoy_error *error);
void saves_close(struct saves *saves);

/* save_check_apart of a file and of all that --output names. */
convoy_status saves_check_other(const struct saves *saves, const char *option, const char *file,
                                convoy_error *error);

/* Whether the files can be written, as far as is to be told without touching them. CONVOY_E_IO. */
convoy_status saves_check(const struct saves *saves, convoy_error *error);

/* Whether two options name different files; NULL: an option is not given. CONVOY_E_USAGE. */
convoy_status save_check_apart(const char *option, const char *file, const char *other,
                               const char *other_file, convoy_error *error);

/* Notes the files that options about a session name in others[first..first+4). */
void save_note_session(struct files_read *read, size_t first, const convoy_options *session);

/* Whether a file that an option names can be written, as of saves_check, and is none that the command reads.
 * CONVOY_E_USAGE, CONVOY_E_IO. */
convoy_status save_check_file(const struct files_read *read, const char *option, const char *file,
                              convoy_error *error);

/* Keeps the outputs of inference `index`. One that failed is not kept, and has no place in the files. Of an
 * output with `group` rows along its first axis the first `rows` are kept; group 0: all of every output.
 * CONVOY_E_MEMORY. */
convoy_status saves_keep(struct saves *saves, size_t index, const convoy_result *result, size_t group,
                         size_t rows, convoy_error *error);

/* Writes the files: one inference's output as it is, those of several joined along the first axis. No file if
 * nothing was kept. CONVOY_E_IO; CONVOY_E_INPUT if outputs whose shapes depend on data cannot be joined.
 */
convoy_status saves_write(struct saves *saves, convoy_error *error);

#endif
