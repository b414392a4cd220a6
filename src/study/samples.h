/* The samples behind the figures of a study, TOPIC-samples.csv: one number a row, with what it belongs to. */
#ifndef STUDY_SAMPLES_H
#define STUDY_SAMPLES_H

#include "study/topic.h"

/* What a sample is of. Texts may be NULL, numbers 0, where they mean nothing. */
struct sample_of {
    const char *what; /* which part of the study */
    const char *family, *network, *layer;
    uint32_t workers, lost; /* n; how many of them were lost or late */
    uint32_t threshold, input_parts, filter_parts;
};

/* The names of the columns. */
void samples_begin(const struct study *study);

/* number: which of the samples of this quantity. Units are in the quantity's name. */
void samples_add(const struct study *study, const struct sample_of *of, const char *quantity, size_t number,
                 double value);

#endif
