/* The options of convoy run. */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include "commands.h"
#include "session_settings.h"

/* How files become inputs. */
struct input_options {
    convoy_image_options image;
    uint32_t channels; /* 0: rgb, 1: bgr */
    bool channels_given;
    struct text_list named; /* NAME=FILE */
    bool batch, one;        /* what the first axis of a file is; neither: convoy_model_batched */
    bool strict;            /* a bad file ends the run */
};

/* What is shown of the results. */
struct answer_options {
    uint32_t top;
    bool top_given;
    const char *labels, *expect; /* file names, or NULL */
    struct text_list outputs;    /* [NAME=]FILE */
    bool scores;                 /* as the model gives them, not as probabilities */
    bool layers;                 /* the table of the layers */
    bool json, json_lines;
};

struct run_options {
    struct common_options common;
    struct session_settings cluster;
    struct input_options input;
    struct answer_options answers;
    uint32_t repeat, in_flight;
    const char *audit; /* file of wrong answers, or NULL */
    const char *trace; /* file of the tasks' times, or NULL */
    bool check, mpi;
};

/* The model of a command line that was read; NULL: there is none. */
const char *run_options_model(const struct run_options *options);

#endif
