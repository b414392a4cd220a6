/* Inputs through a model, coded over workers: what convoy run does once it knows who the workers are. */
#ifndef CLI_RUN_MODEL_H
#define CLI_RUN_MODEL_H

#include "run_options.h"

/* Prints the results as they come, and what they came to. Returns the exit status. What the options leave to
 * the plan is put in them. */
int run_model(struct run_options *options);

#endif
