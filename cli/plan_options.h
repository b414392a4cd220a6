/* The options of convoy plan. */
#ifndef CLI_PLAN_OPTIONS_H
#define CLI_PLAN_OPTIONS_H

#include "commands.h"
#include "session_settings.h"

struct plan_options {
    struct common_options common;
    struct session_settings cluster;
    int64_t size;        /* side of the image if the model leaves it open */
    const char *out;     /* file of a plan or profile to be written, or NULL */
    const char *svg;     /* file of the plan's figure, or NULL */
    const char *explain; /* name of a layer, or NULL */
    bool calibrate, json;
};

#endif
