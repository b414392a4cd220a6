/* What a topic of the studies is given, and what its files share. A topic is one file and one line of the
 * table in study.c. */
#ifndef STUDY_TOPIC_H
#define STUDY_TOPIC_H

#include <convoy/study.h>

#include <stdio.h>

/* One study under way. A topic writes its tables by study_columns and study_row, and figure and page as text.
 * What cannot be written is noticed when the study ends. */
struct study {
    const convoy_study_options *options;
    FILE *csv;           /* TOPIC.csv */
    FILE *samples;       /* TOPIC-samples.csv */
    FILE *figure;        /* commands of gnuplot, without terminal and output */
    FILE *page;          /* TOPIC.md, behind its head, which tells command, seed, commit and machine */
    int width, height;   /* of the figure, in pixels; may be set by the topic */
    char processor[128]; /* its name, as it is written in the tables */
};

/* The topics. Each returns CONVOY_OK, or fails with a sentence. */
convoy_status study_numerics(struct study *study, convoy_error *error); /* numerics.c */
convoy_status study_overhead(struct study *study, convoy_error *error); /* overhead.c */
convoy_status study_claims(struct study *study, convoy_error *error);   /* claims.c */

/* The names of a table's columns, separated by commas, followed by seed, commit and processor. */
void study_columns(const struct study *study, FILE *table, const char *columns);

/* One row: cells by a printf format, separated by commas; seed, commit and processor follow. Texts have
 * neither commas nor quotes. */
void study_row(const struct study *study, FILE *table, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* CONVOY_E_CANCELLED if the caller gives up: asked by the calling thread, at least every second, since the
 * program ends two seconds after a signal. study may be NULL: nobody gives up. */
convoy_status study_goes_on(const struct study *study, convoy_error *error);

/* The same, and tells progress. */
convoy_status study_step(const struct study *study, const char *what, size_t done, size_t total,
                         convoy_error *error);

/* Of numbers: the median with a 95 % confidence interval (order statistics: binomial), mean, 99 % quantile
 * and the largest. Sorts them. */
struct statistics {
    size_t count;
    double least, low, median, high, mean, p99, largest;
};
struct statistics study_statistics(double *values, size_t count);

#endif
