/* What the files of the study of numerics share: codes of all families that give a worker the same work, how
 * the survivor sets of each are conditioned, and how far decoded layers are off. */
#ifndef STUDY_NUMERICS_H
#define STUDY_NUMERICS_H

#include "study/coded_error.h"
#include "study/study_sets.h"
#include "study/topic.h"

/* κ and ν beyond these are told as ">1e15" and ">1e13": singular values in double say no more. ν is that of
 * rows of unit length, of which the largest singular value may be √δ and the smallest is known to 1e-16 of
 * that. */
#define NUMERICS_MOST      1e15
#define NUMERICS_MOST_GAIN 1e13

/* The losses for which layers are decoded. */
enum numerics_loss {
    NUMERICS_TYPICAL,    /* the set of median κ of those that a mean is taken of */
    NUMERICS_NEIGHBOURS, /* the worst window of neighbours */
    NUMERICS_WORST,      /* the worst of all sets that were looked at */
    NUMERICS_LOSSES
};

/* One layer, decoded once. */
struct numerics_error {
    const char *network, *layer; /* static */
    uint32_t input_parts, filter_parts;
    convoy_dtype frames;
    bool unlike, scaled; /* channels of unlike size; filters equilibrated */
    double decibels;     /* of noise; 0: none */
    enum numerics_loss loss;
    struct decoded_error found;
};

/* κ or ν of all sets. */
struct numerics_figures {
    double most;            /* NUMERICS_MOST, or NUMERICS_MOST_GAIN */
    struct statistics fair; /* of the sets that a mean is taken of; larger values count as `most` */
    double worst;           /* of all sets, or INFINITY */
    size_t beyond;          /* of the fair ones so many are larger */
};

/* A family on a cluster. */
struct numerics_code {
    const struct code_family *family;
    const char *placed;          /* "plain", "spread", or "-": not on a circle */
    uint32_t workers, threshold; /* n, δ */
    bool compared;               /* any δ answers suffice, else nothing below is filled */
    bool with_layers;            /* errors are measured, too */
    uint32_t input_parts, filter_parts;
    struct placement placement;
    const struct study_sets *sets; /* borrowed */
    struct conditioning *found;    /* [sets->count] */
    struct numerics_figures condition, noise_gain;
    size_t chosen[NUMERICS_LOSSES]; /* sets */
    struct numerics_error *errors;  /* [error_count], in a fixed order */
    size_t error_count, error_room;
};

struct numerics {
    struct study *study;
    struct study_sets *sets; /* [clusters] */
    size_t clusters;
    struct numerics_code *codes; /* [count], by cluster, then by family */
    size_t count;
};

/* The frames, in the order of the tables; noise in decibels. */
enum { NUMERICS_FRAMES = 4, NUMERICS_NOISES = 5 };
extern const convoy_dtype numerics_frames[NUMERICS_FRAMES];
extern const double numerics_noises[NUMERICS_NOISES];

/* "f64", "f32", "f16", "bf16"; the loss in a word. */
const char *numerics_frames_name(convoy_dtype frames);
const char *numerics_loss_name(enum numerics_loss loss);

/* κ and ν of all sets of all codes. (numerics_conditioning.c) */
convoy_status numerics_condition(struct numerics *numerics, convoy_error *error);

/* Codes, computes and decodes the layers. (numerics_layers.c) */
convoy_status numerics_layers(struct numerics *numerics, convoy_error *error);

/* The rows of both tables. (numerics_rows.c) CONVOY_E_MEMORY. */
convoy_status numerics_rows(const struct numerics *numerics, convoy_error *error);

/* Of those errors of a code that are like `wanted`, in frames, unlike, scaled, decibels and loss, and, if it
 * names one, network: the largest of a measure at `offset` of struct decoded_error. INFINITY if one was not
 * decoded; NAN if there are none. */
double numerics_largest(const struct numerics_code *code, const struct numerics_error *wanted, size_t offset);

/* Numbers as text, which is returned: a κ or ν, ">1e15" or ">1e13" from `most` on; a mean of such, "> " if
 * some were larger than they counted; an error, "-" if it is no number. */
enum { NUMERICS_TEXT = 32 };
const char *numerics_text(char text[NUMERICS_TEXT], double value, double most, int digits);
const char *numerics_mean_text(char text[NUMERICS_TEXT], const struct numerics_figures *figures, int digits);
const char *numerics_error_text(char text[NUMERICS_TEXT], double value, int digits);

/* The page, and the figure's commands. (numerics_page.c, numerics_findings.c, numerics_figure.c) */
void numerics_page(const struct numerics *numerics);
void numerics_findings(const struct numerics *numerics);
void numerics_figure(const struct numerics *numerics);

#endif
