/* From file names to the inputs of one inference after another. */
#ifndef CLI_FEED_H
#define CLI_FEED_H

#include "run_options.h"

/* Where an input came from. */
struct origin {
    const char *file;
    int64_t row; /* of the file's leading batch axis; -1: the file is one input */
};

struct feed {
    const convoy_value_info *inputs; /* of the model */
    size_t input_count;
    const convoy_model *model;
    convoy_shape
        *shapes; /* [input_count] of every inference; that of the fed one after the first feed_read */
    const char *shaped_by; /* the file that gave it; NULL: none yet */
    const convoy_image_options *image;

    convoy_tensor *fixed; /* [input_count] from --input; empty for the input that the files feed */
    size_t fed;           /* which input the files feed */
    bool one_each;        /* --one: a file is one inference, however much lies along its first axis */
    bool batch;           /* --batch: an open first axis is a batch */
    size_t group;         /* inputs of one inference; 1, unless the model takes a fixed batch of images */
    const char *const *files;
    size_t file_count, files_read;
    const char *only_file[1]; /* files, where they come from --input; the model, where it has no inputs */

    convoy_tensor current; /* the file that is being handed out, in `rows` rows */
    int64_t row, rows;     /* row: the next one; rows 0: no file */
    bool whole;            /* the file is a group in itself, all its rows one inference */

    convoy_tensor gathered; /* of a group: the rows of the next inference so far */
    size_t gathered_count;  /* inputs of the next inference so far */
    struct origin origin;   /* of the last of them */
    size_t handed;          /* inferences so far */
};

/* Resolves which file feeds which input, and reads those of --input. The arguments after the first, the
 * model, are files. A model without inputs runs once. All of them are borrowed. */
convoy_status feed_open(struct feed *feed, const convoy_model *model, const struct text_list *arguments,
                        const struct input_options *input, convoy_error *error);
void feed_close(struct feed *feed);

/* Makes sure that there is an input that the next inference takes: reads the next file if all of the last one
 * is taken; the first file gives the shapes. *end: that inference takes no more, since it is full, a file
 * follows that is a whole group, or there are no more files. After a failure the next call reads the file
 * after the one that failed, feed_file. */
convoy_status feed_read(struct feed *feed, bool *end, convoy_error *error);

/* The file that was read last. */
const char *feed_file(const struct feed *feed);

/* Adds the input that feed_read found, from feed->origin, to the next inference. CONVOY_E_MEMORY. */
convoy_status feed_take(struct feed *feed, convoy_error *error);

/* The inputs (empty tensors before) of the next inference, for which feed_take was called. The places of a
 * group that has no more rows are copies of its last one. */
void feed_next(struct feed *feed, convoy_tensor *inputs);

/* How many inferences there will be, as far as is known: files not yet read count as one input. */
size_t feed_expected(const struct feed *feed);

#endif
