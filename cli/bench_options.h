/* The options of convoy bench. */
#ifndef CLI_BENCH_OPTIONS_H
#define CLI_BENCH_OPTIONS_H

#include "commands.h"
#include "session_settings.h"

struct bench_options {
    struct common_options common;
    struct session_settings cluster;
    int64_t size;         /* side of the image if the model leaves it open */
    uint64_t duration_ns; /* of each measurement */
    uint32_t in_flight;
    uint32_t runs;     /* of which the figures of layers are medians */
    const char *svg;   /* file of the figure, or NULL */
    const char *trace; /* file of the tasks' times, or NULL */
    bool layers;       /* figures of single layers instead */
    bool csv, json;
    bool runs_given, in_flight_given, duration_given;
};

#endif
