/* What the examples share: their common options, a model that is ready to run, and a picture's way through
 * it. */
#ifndef VISION_H
#define VISION_H

#include "arguments.h"
#include "lines.h"

#include <convoy/convoy.h>

struct vision {
    const char *program;
    /* From the command line. */
    convoy_options options;
    convoy_image_options image;
    struct text_list faults, others; /* others: the model and the inputs */
    const char *labels_path;
    unsigned preset; /* convoy_preset */
    uint32_t size;
    bool help, check;
    const char **inputs; /* files */
    size_t input_count;
    /* Made of that. */
    convoy_model *model;
    convoy_session *session, *alone; /* alone: uncoded, for --check; else NULL */
    convoy_shape shape;              /* of the model's input, one picture */
    convoy_dtype dtype;
    struct lines labels;
    /* What became of the workers in all runs. */
    size_t coded, here; /* layers that workers computed, and that were computed here instead */
    bool lost[CONVOY_MAX_WORKERS], late[CONVOY_MAX_WORKERS];
    size_t checked, agreeing; /* pictures */
};

/* What the model says of a picture. */
struct answer {
    convoy_result *result;
    convoy_result *alone; /* of the uncoded model, with --check; else NULL */
};

/* Relative difference of two numbers up to which they are called the same: float32 sums in another order
 * differ by less. The one of convoy run --check. */
#define SAME 1e-4

/* What an example is: the line that says what it does, and its own options besides the common ones. */
struct vision_program {
    const char *name, *purpose;
    const struct argument *own;
    size_t own_count;
    convoy_preset preset; /* without --preset */
};

/* Reads the command line, loads model and labels, and makes the model ready: codes the filters and hands them
 * to the workers. With --help it only prints the usage: vision->help. Close it whatever this returns. */
convoy_status vision_open(struct vision *vision, const struct vision_program *program, int argc, char **argv,
                          convoy_error *error);

/* Runs the model on the picture in a file. Release the answer whatever this returns. */
convoy_status vision_run(struct vision *vision, const char *path, struct answer *answer, convoy_error *error);
void answer_release(struct answer *answer);

/* Counts a picture that was checked: whether what follows from both results is the same. */
void vision_count_check(struct vision *vision, bool same);

/* The end of the output: what the check has found, if there was one, and which workers were missing.
 * CONVOY_E_INTERNAL if the uncoded model has decided otherwise. */
convoy_status vision_tell(const struct vision *vision, convoy_error *error);

/* Frees everything, says what went wrong, if something did, and returns the exit status. */
int vision_close(struct vision *vision, convoy_status status, const convoy_error *error);

/* Finds an output by its name, of which *at becomes the index; NULL is the first one. */
convoy_status vision_find_output(const struct vision *vision, const char *name, size_t *at,
                                 convoy_error *error);

/* The name of a class: its line of the labels' file; without one its number, written into text. */
const char *vision_label(const struct vision *vision, size_t kind, char text[24]);

/* Height and width that the model takes. */
void vision_sides(const struct vision *vision, int64_t *height, int64_t *width);

#endif
